"""Number sequences: the next order, lot, slip, invoice or record number after those in use."""

from emulator.store import Store
from emulator.world.seed import FIRST_RECORD

DATAVERSE_ORDERS = "C-"
FINOPS_ORDERS = "SO-"
"""Each side numbers its own orders; the prefixes keep them apart."""
Place = tuple[str, str]
"""The entity set and the column that hold the numbers of a sequence."""


class Numbers:
    """Continues the sequences of a store; a number that was not used after all leaves a gap."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._last: dict[tuple[str, ...], int] = {}

    def next(self, prefix: str, width: int, *places: Place, area: str = "") -> str:
        """The number after the highest in any of `places`, in one company if `area` is given."""
        key = (prefix, area, *(name for place in places for name in place))
        if key not in self._last:
            self._last[key] = max(self._highest(prefix, *place, area) for place in places)
        self._last[key] += 1
        return f"{prefix}{self._last[key]:0{width}d}"

    def record(self, *places: Place) -> int:
        """The next of the whole numbers by which the ERP tells records apart."""
        key = ("record", *(name for place in places for name in place))
        if key not in self._last:
            self._last[key] = max(self._newest(*place) for place in places)
        self._last[key] += 1
        return self._last[key]

    def _newest(self, entity_set: str, column: str) -> int:
        table = self._store.catalog.tables[entity_set]
        found = self._store.run(f'SELECT max("{column}") FROM "{table.sql}"')  # noqa: S608
        return int(found[0][0] or FIRST_RECORD)

    def _highest(self, prefix: str, entity_set: str, column: str, area: str) -> int:
        table = self._store.catalog.tables[entity_set]
        sql = f'SELECT "{column}" FROM "{table.sql}" WHERE "{column}" GLOB ?'  # noqa: S608
        values = [f"{prefix}[0-9]*"]
        if area:
            sql, values = f'{sql} AND fold("dataAreaId") = ?', [*values, area.lower()]
        found = (str(text)[len(prefix) :] for (text,) in self._store.run(sql, values))
        return max((int(digits) for digits in found if digits.isdigit()), default=0)
