"""Data that a service should not send spoils the row that it stands in, and no other."""

from typing import Any

import pytest
from starlette.applications import Starlette

from tests.meddling import Meddling
from tests.stack import Answer, running

pytestmark = pytest.mark.anyio
BROKEN: list[Any] = ["text", "", 7, 0.5, True, [], ["text"], [{}], {"value": {}}]
"""Values that may stand for a row or a key; a row without its columns is none either."""
LINES = "{ orderLines(first: 9) { nodes { id product { number } } } }"


async def asked(
    world: Starlette, column: str, value: Any, *, compiled: bool
) -> tuple[list[Any], Answer]:
    """The lines as they are, and the answer where a column of the first of them is another."""
    upstream = Meddling(world, "/salesorderdetails?", lambda rows: rows[0].update({column: value}))
    # A product that travels inside of its line is not looked for by the line's key.
    async with running(world, compiled_plans=compiled, expands=False) as whole:
        wanted = (await whole.ask(LINES)).data["orderLines"]["nodes"]
    async with running(world, upstream, compiled_plans=compiled, expands=False) as stack:
        return wanted, await stack.ask(LINES)


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "core"])
@pytest.mark.parametrize("broken", BROKEN, ids=str)
async def test_a_row_that_cannot_be_proved_the_callers_is_left_out(
    small_world: Starlette, broken: Any, compiled: bool
) -> None:
    wanted, answer = await asked(small_world, "salesorderid", broken, compiled=compiled)

    found = answer.data["orderLines"]["nodes"]
    assert wanted[0] not in found
    assert found[:7] == wanted[1:8]


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "core"])
@pytest.mark.parametrize("broken", [each for each in BROKEN if each != ""], ids=str)
async def test_a_key_that_is_none_leaves_the_links_of_other_rows_alone(
    small_world: Starlette, broken: Any, compiled: bool
) -> None:
    wanted, answer = await asked(small_world, "_productid_value", broken, compiled=compiled)

    assert answer.body["data"]["orderLines"]["nodes"] == [
        wanted[0] | {"product": None},
        *wanted[1:],
    ]
    (error,) = answer.body["errors"]
    assert error["path"] == ["orderLines", "nodes", 0, "product"]
    assert error["extensions"]["code"] == "UPSTREAM_MISMATCH"
