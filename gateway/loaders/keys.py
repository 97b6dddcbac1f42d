"""The keys by which rows are asked for."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gateway.model.tables import Link
from gateway.upstream.conditions import Guid, keyed
from gateway.upstream.row_keys import Key, folded, plain


class Keys:
    """Selects the rows whose `columns` have one of the given values."""

    __slots__ = ("columns", "condition", "from_rows", "values")

    def __init__(
        self, columns: tuple[str, ...], values: tuple[Key, ...], from_rows: bool = True
    ) -> None:
        """`from_rows`: whether they were read from rows that passed the gate, not sent to us."""
        self.columns = columns
        self.values = values
        self.from_rows = from_rows
        self.condition = keyed(columns, values)

    def having(self, values: tuple[Key, ...]) -> "Keys":
        """The same with these values."""
        return Keys(self.columns, values, self.from_rows)

    def by(self, columns: tuple[str, ...]) -> "Keys":
        """The same values in other columns."""
        return Keys(columns, self.values, self.from_rows)

    def halves(self) -> tuple["Keys", "Keys"]:
        middle = len(self.values) // 2
        return self.having(self.values[:middle]), self.having(self.values[middle:])


def link_keys(link: Link, raw: Iterable[tuple[Any, ...]]) -> dict[tuple[Any, ...], Key]:
    """The keys in columns of rows, typed; without those of which any part is empty."""
    part = Guid if link.by_guid else plain
    return {
        each: tuple(map(part, each))
        for each in dict.fromkeys(raw)
        if None not in each and "" not in each
    }


def places_of(link: Link, keys: Sequence[Key]) -> Mapping[Key, Any]:
    """The places of rows by their keys; a GUID that was read has one spelling already."""
    return {key: key if link.by_guid else folded(key) for key in keys}
