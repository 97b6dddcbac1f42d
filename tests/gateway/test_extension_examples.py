"""
Each name of `gateway.extension` has an example in a docstring, and every example runs.

An example is the indented block after a line `Example:`. It is a module that has imported all names
of `gateway.extension` and the tables of examples/acme.py. A comment in it that holds an operation
is sent as jane; a code in front of the operation is the error that it must answer with.
"""

import inspect
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from textwrap import dedent

import pytest

from gateway import extension
from gateway.model.declarations import Row
from tests.extensions import forgotten, written
from tests.gateway.test_extensions import EXAMPLES, with_machines
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio

PRELUDE = """import os
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from examples.acme import Machine, Visit
from gateway.extension import *

"""
METADATA = (EXAMPLES / "acme.toml", Path(__file__).parent / "extension_examples.toml")
EXAMPLE = re.compile(r"^Example:\n\n((?: {4}.*\n?|\n)+)", re.MULTILINE)
OPERATION = re.compile(
    r"^# ([A-Z_]* ?)((?:query|mutation)?[({].*(?:\n#   .*)*(?:\n# })?)", re.MULTILINE
)
IDS = {
    "machine": "{ machines { nodes { id } } }",
    "visit": "{ visits { nodes { id } } }",
    "order": "{ orders(first: 1) { nodes { id } } }",
}
"""The query for an id by the variable of an example that takes it."""
NAMES = {name: getattr(extension, name) for name in extension.__all__}


def is_documented_by_itself(name: str) -> bool:
    """True for a class or function of ours; a table's own docstring is its text in the schema."""
    thing = NAMES[name]
    ours = getattr(thing, "__module__", "").startswith("gateway.")
    if isinstance(thing, type):
        return ours and not (issubclass(thing, Row) and hasattr(thing, "__table__"))
    return ours and inspect.isfunction(thing)


def examples_of(name: str) -> list[str]:
    """The examples in the docstring of a name, or in that of the module for the other names."""
    thing = NAMES[name] if is_documented_by_itself(name) else extension
    return [dedent(each) for each in EXAMPLE.findall(f"{inspect.getdoc(thing)}\n")]


EVERY = {each: f"acme_{name}" for name in NAMES for each in examples_of(name)}
"""Each example once, and the module that it becomes."""


@pytest.mark.parametrize("name", NAMES)
def test_each_name_has_an_example_that_uses_it(name: str) -> None:
    assert any(re.search(rf"\b{name}\b", example) for example in examples_of(name))


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The examples as modules of one extension."""
    with ExitStack() as stack:
        stack.enter_context(forgotten("examples.acme"))
        yield [
            stack.enter_context(
                written(tmp_path_factory.mktemp("examples"), PRELUDE + text, f"{name}_{place}")
            )
            for place, (text, name) in enumerate(EVERY.items())
        ]


@pytest.fixture
async def stack(modules: list[str]) -> AsyncIterator[Stack]:
    environment = with_machines(emulator(metadata=METADATA))
    async with running(environment, extensions=("examples.acme", *modules)) as found:
        yield found


async def test_the_examples_run(stack: Stack) -> None:
    operations = [each for text in EVERY for each in OPERATION.findall(text)]
    assert len(operations) > 20

    for code, commented in operations:
        operation = re.sub(r"\n# ", "\n", commented)
        variables = {
            name: (await stack.ask(query)).data.popitem()[1]["nodes"][0]["id"]
            for name, query in IDS.items()
            if f"${name}" in operation
        }
        answer = await stack.ask(operation, **variables)

        assert answer.codes == ([code.strip()] if code else []), (operation, answer.body)
