"""The texts of a row that its columns cannot hold, found before it is written."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from gateway.upstream.names import Names, NestedRows


class TooLong(Struct, frozen=True):
    """A text that a column cannot hold."""

    entity: str
    column: str
    length: int
    """The length of the column, in the units of UTF-16 in which Dynamics counts."""


def too_long(names: Names, entity: str, row: Mapping[str, Any]) -> Iterator[TooLong]:
    """The texts that are too long for their columns, in a row and in the rows made with it."""
    known = names.entities.get(entity)
    lengths = known.lengths if known else {}
    for name, value in row.items():
        if isinstance(value, NestedRows) and (step := names.step(entity, name)) is not None:
            for each in value.rows:
                yield from too_long(names, step.entity, each)
        elif isinstance(value, str) and name in lengths:
            units = len(value.encode("utf-16-le", "surrogatepass")) // 2
            if units > lengths[name]:
                yield TooLong(entity, name, lengths[name])
