"""Makes the rows of a generated world fit an environment: its lengths, choices, dates and types."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal

from emulator.days import day_of, kept_day
from emulator.ddl import create
from emulator.metadata import EXACTS, TEXTS, Catalog, Column, Table, Type
from emulator.store import Store
from emulator.values import Stored, scaled

DATES = (Type.DATE, Type.DATETIME)
COUNTED = (Type.CHOICE, Type.CHOICES)


def fit(store: Store, made_by: Catalog) -> None:
    """Change what was made by another catalog into what the store's own allows."""
    for table in store.catalog:
        known = made_by.tables.get(table.home)
        if known is None or known.columns == table.columns:
            continue
        for name, column in table.columns.items():
            if (before := known.columns.get(name)) and before != column:
                _fit(store.connection, table, before, column)
    _keep_apart(store, made_by)


def _fit(connection: sqlite3.Connection, table: Table, before: Column, column: Column) -> None:
    change = next(_changes(before, column), None)
    if change is None:
        return
    connection.create_function("fitted", 1, change)
    connection.execute(
        f'UPDATE "{table.sql}" SET "{column.name}" = fitted("{column.name}")'  # noqa: S608
        f' WHERE "{column.name}" IS NOT NULL'
    )


def _changes(before: Column, column: Column) -> Iterator[Callable[[Stored], Stored]]:
    """Yield the changes to a kept value; nothing where it may stay."""
    if before.type in DATES and column.type in DATES:
        if (before.type, before.behaviour) != (column.type, column.behaviour):
            yield lambda value: _moved(before, column, str(value))
    elif before.type in TEXTS and column.type in TEXTS:
        if column.length > 0 and (before.length == 0 or column.length < before.length):
            yield lambda value: str(value)[: column.length]
    elif before.type in EXACTS and column.type in EXACTS:
        if before.scale != column.scale:
            yield lambda value: scaled(Decimal(int(value or 0)).scaleb(-before.scale), column.scale)
    elif before.type in COUNTED and column.type in COUNTED:
        allowed = {each.value for each in column.options.options} if column.options else None
        if allowed is not None and before.options != column.options:
            yield lambda value: value if value in allowed else None
    elif before.type is not column.type:
        yield lambda _: None


def _moved(before: Column, column: Column, value: str) -> Stored:
    """A day stays the same day in another form; a moment that becomes a day is that of UTC."""
    if column.type is Type.DATETIME and not before.is_day:
        return value
    day = day_of(before, value) if before.is_day else date.fromisoformat(value[:10])
    return kept_day(column, day)


def _keep_apart(store: Store, made_by: Catalog) -> None:
    """Indexes by the environment's own keys; one that the data does not meet stays away."""
    for table in store.catalog:
        known = made_by.tables.get(table.home)
        if known is None or known.alternate_keys == table.alternate_keys:
            continue
        for key in known.alternate_keys:
            store.connection.execute(f'DROP INDEX IF EXISTS "{table.sql}/{key.name}"')
    create(store.connection, store.catalog)
