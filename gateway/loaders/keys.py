"""The keys by which rows are asked for."""

from gateway.upstream.conditions import keyed
from gateway.upstream.row_keys import Key


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

    def halves(self) -> tuple["Keys", "Keys"]:
        middle = len(self.values) // 2
        return self.having(self.values[:middle]), self.having(self.values[middle:])
