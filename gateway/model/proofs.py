"""
The tables of an app -> the columns that the feed of each table reads: its key, and what proves row
rules, those of the rows below it too. Names are logical, as in `gateway.model.tables`.
"""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from gateway.model.declarations import Table
from gateway.upstream.names import Names, lookup_value

RowId = bytes
"""The GUID of a row, as its 16 bytes."""


class FeedColumns(Struct, frozen=True):
    """The columns that one feed reads."""

    entity: str
    key: str
    proof: tuple[str, ...] = ()
    """The columns that prove row rules; lookups that lead to rows that do are among them."""
    steps: Mapping[str, str] = {}
    """The tables that the lookups in `proof` lead to, by lookup."""


def feed_columns(tables: Iterable[Table], names: Names) -> dict[str, FeedColumns]:
    """The columns of each feed over Dataverse that row rules need, by table."""
    keys: dict[str, str] = {}
    proofs: dict[str, set[str]] = {}
    steps: dict[str, dict[str, str]] = {}
    for table in tables:
        if not table.has_feed:
            continue
        keys[table.entity] = next(iter(table.key))
        proofs.setdefault(table.entity, set())
        for path in table.rule.columns:
            for entity, column, step in _along(names, table.entity, path):
                proofs.setdefault(entity, set()).add(column)
                steps.setdefault(entity, {}).update(step)
    return {
        entity: FeedColumns(
            entity,
            keys.get(entity, key_of(entity)),
            tuple(sorted(found)),
            steps.get(entity, {}),
        )
        for entity, found in proofs.items()
    }


def key_of(entity: str) -> str:
    """The key of a table that nobody declares: Dataverse names it after the table."""
    return f"{entity}id"


def entities_along(names: Names, entity: str, path: str) -> Iterator[str]:
    """The tables that a path leads through, as far as they are known."""
    for lookup in path.split("/")[:-1]:
        step = names.step(entity, lookup)
        if step is None or not step.entity:
            return
        entity = step.entity
        yield entity


def _along(names: Names, entity: str, path: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Each table on the way, with the column of it that the way needs, and where that leads."""
    head, slash, rest = path.partition("/")
    while slash:
        step = names.step(entity, head)
        if step is None or not step.entity:
            return  # without it no row is proved, and every change concerns everybody
        yield entity, lookup_value(head), {head: step.entity}
        entity = step.entity
        head, slash, rest = rest.partition("/")
    yield entity, head, {}


def row_id(guid: str) -> RowId:
    """A GUID in 16 bytes; ValueError for any other text."""
    return bytes.fromhex(guid.strip("{}").replace("-", ""))
