"""Adds to rows what `Prefer: odata.include-annotations` asks for: formatted values and lookups."""

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from emulator.metadata import Column, Service, Table, Type
from emulator.store import Store
from emulator.values import guid_order, guid_text

Json = dict[str, Any]
FORMATTED = "OData.Community.Display.V1.FormattedValue"
LOOKUP_NAME = "Microsoft.Dynamics.CRM.lookuplogicalname"
NAVIGATION = "Microsoft.Dynamics.CRM.associatednavigationproperty"
WHOLE = {Type.INT, Type.BIGINT}


class Wanted:
    """The annotations that a request asked for, names or wildcards separated by commas."""

    def __init__(self, preference: str | None) -> None:
        self.patterns = [part.strip() for part in (preference or "").split(",") if part.strip()]

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def has(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.patterns)


class Annotator:
    """Annotates the rows of one answer; the names of looked-up rows are read once a page."""

    def __init__(self, store: Store, wanted: Wanted) -> None:
        self.store = store
        self.wanted = wanted
        self.currencies: dict[str, tuple[str, int]] = {}

    def annotate(self, table: Table, rows: list[Json]) -> None:
        if not self.wanted or not rows:
            return
        for name in [name for name in rows[0] if name in table.columns]:
            self._column(table, table.columns[name], rows)

    def _column(self, table: Table, column: Column, rows: list[Json]) -> None:
        if column.type is Type.LOOKUP:
            self._lookup(column, rows)
            return
        show = self._formatter(column)
        if not show or not self.wanted.has(FORMATTED):
            return
        for row in rows:
            if (value := row[column.name]) is not None:
                row[f"{column.name}@{FORMATTED}"] = show(value, row)

    def _formatter(self, column: Column) -> Callable[[Any, Json], str] | None:
        if column.type is Type.MONEY:
            return self._money
        if column.options:
            return lambda value, _: _labels(column, value)
        return _day if column.is_day else FORMATS.get(column.type)

    def _money(self, value: float | Decimal, row: Json) -> str:
        symbol, precision = self._currency(row.get("_transactioncurrencyid_value"))
        return f"{'-' if value < 0 else ''}{symbol}{abs(value):,.{precision}f}"

    def _currency(self, key: str | None) -> tuple[str, int]:
        if key is None:
            return "$", 2
        if key not in self.currencies:
            table = self.store.catalog.named("transactioncurrency")
            row = self.store.get(table, (guid_order(key),)) or {}
            symbol, precision = row.get("currencysymbol"), row.get("currencyprecision")
            places = precision if isinstance(precision, int) else 2
            self.currencies[key] = (str(symbol or "$"), places)
        return self.currencies[key]

    def _lookup(self, column: Column, rows: list[Json]) -> None:
        keys = {row[column.name] for row in rows if row[column.name] is not None}
        names = self._names(column, keys)
        for row in rows:
            if row[column.name] in names:
                table, navigation, text = names[row[column.name]]
                notes = {FORMATTED: text, NAVIGATION: navigation, LOOKUP_NAME: table}
                for note, value in notes.items():
                    if value is not None and self.wanted.has(note):
                        row[f"{column.name}@{note}"] = value

    def _names(self, column: Column, keys: Iterable[str]) -> dict[str, tuple[str, str, str | None]]:
        """Table, navigation property and primary name of every row that is looked up."""
        found: dict[str, tuple[str, str, str | None]] = {}
        stored = [guid_order(key) for key in keys]
        for target in column.targets:
            table = self.store.shown.named(target.table)
            name = f'"{table.primary_name}"' if table.primary_name else "NULL"
            marks = ", ".join("?" * len(stored))
            sql = f'SELECT "{table.id}", {name} FROM "{table.sql}" WHERE "{table.id}" IN ({marks})'  # noqa: S608
            for key, text in self.store.run(sql, stored):
                found[guid_text(key)] = (target.table, target.navigation, text)
        return found


def logical_name(table: Table) -> str:
    return table.name if table.service is Service.DATAVERSE else table.set


def _labels(column: Column, value: object) -> str:
    if isinstance(value, bool):
        value = int(value)
    values = value.split(",") if isinstance(value, str) else [value]
    options = column.options.options if column.options else ()
    labels = {option.value: option.label for option in options}
    return "; ".join(labels.get(int(str(each)), str(each)) for each in values)


def _instant(value: str, _: Json) -> str:
    moment = datetime.fromisoformat(value)
    return f"{moment.month}/{moment.day}/{moment.year} {moment:%I:%M %p}".replace(" 0", " ", 1)


def _day(value: str, _: Json) -> str:
    moment = datetime.fromisoformat(value)
    return f"{moment.month}/{moment.day}/{moment.year}"


def _whole(value: int, _: Json) -> str:
    return f"{value:,}"


def _decimal(value: float | Decimal, _: Json) -> str:
    return f"{value:,.2f}"


def _bool(value: bool, _: Json) -> str:
    return "Yes" if value else "No"


FORMATS: dict[Type, Callable[[Any, Json], str]] = {
    Type.INT: _whole,
    Type.BIGINT: _whole,
    Type.DECIMAL: _decimal,
    Type.DOUBLE: _decimal,
    Type.BOOL: _bool,
    Type.DATE: _day,
    Type.DATETIME: _instant,
}
