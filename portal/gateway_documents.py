"""The `.graphql` files -> their texts by name. An adopter's folder replaces ours file by file."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from graphql import GraphQLError, OperationDefinitionNode, parse

from variables.environment_values import text_of

OURS: Final = Path(__file__).parent / "documents"


def load(folders: Iterable[Path]) -> Mapping[str, str]:
    """Later folders win."""
    return {path.stem: text_of(path) for path in _paths(folders)}


def mistakes(folders: Iterable[Path]) -> Iterator[str]:
    """Documents that cannot be read, or that lack an operation which our pages ask for."""
    asked = {path.stem: _operations(path.read_text()) for path in OURS.glob("*.graphql")}
    for path in _paths(folders):
        try:
            missing = asked.get(path.stem, frozenset()) - _operations(text_of(path))
        except (GraphQLError, ValueError) as error:
            yield f"documents/{path.name}: {_brief(error)}"
            continue
        yield from (f"documents/{path.name} lacks {name}" for name in sorted(missing))


def _paths(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(folder.glob("*.graphql"))


@lru_cache(maxsize=256)
def _operations(text: str) -> frozenset[str]:
    found = (each for each in parse(text).definitions if isinstance(each, OperationDefinitionNode))
    return frozenset(each.name.value for each in found if each.name)


def _brief(error: GraphQLError | ValueError) -> str:
    """The message of an error, with its line where that is known."""
    if isinstance(error, GraphQLError) and error.locations:
        return f"line {error.locations[0].line}: {error.message}"
    return str(error)
