"""Decides how each property of a loaded row is read: column, bind, annotation or mistake."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

from emulator.days import kept_day
from emulator.metadata import GUIDS, Catalog, Column, Navigation, Table, Type
from emulator.references import Reference, guid, reference
from emulator.values import STORE, Row, guid_order
from variables.spelling import suggestion

BIND: Final = "odata.bind"
BARE: Final = len("2031-04-30")


@dataclass(frozen=True)
class Waiting:
    """A lookup bound by an alternate key, which can only be found when everything is loaded."""

    column: str
    reference: Reference
    text: str


Read = Callable[[Row, object, list[Waiting]], None]
"""A function that puts a property's value into a row; it raises ValueError with the mistake."""


class Properties(dict[str, Read]):
    """Readers for the properties of one table's rows, decided once per name."""

    def __init__(self, catalog: Catalog, table: Table) -> None:
        super().__init__()
        self._catalog = catalog
        self._table = table

    def __missing__(self, name: str) -> Read:
        self[name] = read = self._decide(name)
        return read

    def _decide(self, name: str) -> Read:
        bare, at, annotation = name.partition("@")
        if annotation == BIND:
            return self._bound(bare)
        if at:
            return _ignored
        if column := self._table.columns.get(name):
            return _column(column)
        if navigation := self._table.navigations.get(name):
            return _collection if navigation.many else self._expanded(navigation)
        return _refused(f"no such column{self._advice(name)}")

    def _advice(self, name: str) -> str:
        if lookup := self._table.columns.get(f"_{name}_value"):
            return f"; a lookup is written {lookup.name} or {name}@{BIND}"
        return suggestion(name, self._table.columns) or "; declare it with --metadata"

    def _bound(self, name: str) -> Read:
        column = self._lookup(name)
        if column is None:
            return _refused("no such navigation property")
        targets = {self._catalog.named(each.table).set for each in column.targets}

        def read(row: Row, value: object, waiting: list[Waiting]) -> None:
            row[column.name] = None
            if value is None:
                return
            if not isinstance(value, str):
                raise ValueError("a bind is one URL")
            target = reference(value)
            if target.set not in targets:
                raise ValueError(f"takes {' or '.join(sorted(targets))}, not {target.set}")
            if target.id is None:
                waiting.append(Waiting(column.name, target, value))
            else:
                row[column.name] = guid_order(target.id)

        return read

    def _lookup(self, name: str) -> Column | None:
        """The lookup behind a navigation property; nobody documents the case of their names."""
        folded = name.lower()
        for each in self._table.navigations.values():
            if not each.many and each.lookup and each.name.lower() == folded:
                return self._table.columns[each.lookup]
        return self._table.columns.get(f"_{folded}_value")

    def _expanded(self, navigation: Navigation) -> Read:
        """A reader of rows from `$expand` of a lookup, which keeps the key alone."""
        target = self._catalog.tables[navigation.target]

        def read(row: Row, value: object, waiting: list[Waiting]) -> None:
            if value is not None and not isinstance(value, dict):
                raise ValueError(f"no such column{self._advice(navigation.name)}")
            if navigation.lookup and value and value.get(target.id):
                row[navigation.lookup] = guid_order(guid(value[target.id]))

        return read


def _ignored(row: Row, value: object, waiting: list[Waiting]) -> None:
    """A reader that does nothing: annotations repeat what the columns say."""


def _collection(row: Row, value: object, waiting: list[Waiting]) -> None:
    if value:
        raise ValueError("rows inside of a row are not loaded; give them a file of their own")


def _refused(text: str) -> Read:
    def read(row: Row, value: object, waiting: list[Waiting]) -> None:
        raise ValueError(text)

    return read


def _column(column: Column) -> Read:
    if column.type in GUIDS:
        return _identifier(column)
    return _day(column) if column.is_day else _value(column)


def _identifier(column: Column) -> Read:
    def read(row: Row, value: object, waiting: list[Waiting]) -> None:
        row[column.name] = None if value is None else guid_order(guid(value))

    return read


def _value(column: Column) -> Read:
    name, convert = column.name, STORE[column.type]

    def read(row: Row, value: object, waiting: list[Waiting]) -> None:
        row[name] = None if value is None else convert(column, value)

    return read


def _day(column: Column) -> Read:
    """A day may come in another form than its column keeps, for exports are older than both."""
    read_value = _value(column)

    def read(row: Row, value: object, waiting: list[Waiting]) -> None:
        is_bare = isinstance(value, str) and len(value) == BARE
        if column.type is Type.DATE and isinstance(value, str):
            value = value[:BARE]
        elif is_bare:
            value = kept_day(column, date.fromisoformat(str(value)))
        read_value(row, value, waiting)

    return read
