"""Keeps the rows of both services in one SQLite database and makes every change in a transaction.

A change passes `Transaction`, which numbers it and tells the listeners; one that raises undoes all.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID, uuid4

from emulator.days import kept_day
from emulator.ddl import comparable, connect, create, version_column
from emulator.defaults import complete, defaults, usual
from emulator.errors import Duplicate, InvalidValue
from emulator.metadata import TEXTS, Catalog, Column, Service, Table
from emulator.values import Row, Stored, fold, guid_text, scaled, stored

Key = tuple[Stored, ...]
USUAL_PRECISION = 2
"""Decimals of prices in an organization that sets no others."""


OUTSIDE = "A value lies outside the valid range of its column."


class UnknownColumn(ValueError):
    """A row to be loaded has a property that its table does not declare."""


@dataclass(frozen=True, slots=True)
class Change:
    """One row before and after; `origin` says who wrote, so that a sync does not answer itself."""

    kind: Literal["create", "update", "delete"]
    table: Table
    key: Key
    before: Row | None
    after: Row | None
    origin: str


@dataclass(frozen=True, slots=True)
class Dangling:
    """A lookup that points at no row."""

    set: str
    key: str
    column: str
    value: str


Listener = Callable[["Transaction", Change], None]


@dataclass
class Transaction:
    """Changes that stand or fall together; listeners hear each one while it can still be undone."""

    store: "Store"
    origin: str
    changes: list[Change] = field(default_factory=list)

    def insert(self, table: Table, row: Row) -> Row:
        if table is not (whole := self.store.whole(table)):
            table, row = whole, defaults(whole) | row
        row[version_column(table)] = self.store.next_version()
        row |= self.store.prices(table, row)
        try:
            self.store.write(table, [row])
        except sqlite3.IntegrityError as error:
            raise _duplicate(table, str(error)) from error
        self._tell("create", table, key_of(table, row), None, row)
        return row

    def update(self, table: Table, before: Row, values: Row) -> Row:
        table = self.store.whole(table)
        key = key_of(table, before)
        values = {**values, version_column(table): self.store.next_version()}
        values |= self.store.prices(table, values)
        assignments = ", ".join(f'"{name}" = ?' for name in values)
        where, found = where_key(table, key)
        sql = f'UPDATE "{table.sql}" SET {assignments} WHERE {where}'  # noqa: S608
        try:
            self.store.run(sql, (*values.values(), *found))
        except sqlite3.IntegrityError as error:
            raise _duplicate(table, str(error)) from error
        after = {**before, **values}
        self._tell("update", table, key, before, after)
        return after

    def delete(self, table: Table, before: Row) -> None:
        table = self.store.whole(table)
        key = key_of(table, before)
        where, found = where_key(table, key)
        self.store.run(f'DELETE FROM "{table.sql}" WHERE {where}', found)  # noqa: S608
        gone = (table.home, str(key[0]), self.store.next_version())
        self.store.run('INSERT INTO "@deleted" VALUES (?, ?, ?)', gone)
        self._tell("delete", table, key, before, None)

    def _tell(self, kind: Literal["create", "update", "delete"], table: Table, key: Key,
              before: Row | None, after: Row | None) -> None:  # fmt: skip
        change = Change(kind, table, key, before, after, self.origin)
        self.changes.append(change)
        for listener in self.store.listeners:
            listener(self, change)


class Store:
    """The rows of all tables of a catalog, in memory or in a file that outlives the process.

    `shown` is what the services speak of it: all of it, or what an environment has. `version`: that
    of the newest row of the file, where it is known.
    """

    def __init__(
        self,
        catalog: Catalog,
        path: str = ":memory:",
        shown: Catalog | None = None,
        version: int | None = None,
    ) -> None:
        self.catalog = catalog
        self.shown = shown or catalog
        self.denied: frozenset[str] = frozenset()
        """Privileges that the application user lacks."""
        self.listeners: list[Listener] = []
        self.before_commit: list[Callable[[Transaction], None]] = []
        self.fillers: list[Callable[[Table, Row], Row]] = []
        self.after_commit: list[Callable[[list[Change]], None]] = []
        self.draw: Callable[[], UUID] = uuid4
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.connection = connect(path)
        self._open: Transaction | None = None
        create(self.connection, catalog)
        self._version = self._last_version() if version is None else version

    def whole(self, table: Table) -> Table:
        """The table as it is kept, with what an environment does not show of it."""
        return self.catalog.tables.get(table.home, table)

    def run(self, sql: str, values: Iterable[Stored] = ()) -> list[tuple[Any, ...]]:
        try:
            return self.connection.execute(sql, tuple(values)).fetchall()
        except OverflowError as error:
            raise InvalidValue(OUTSIDE) from error

    def now(self) -> str:
        return f"{self.clock().astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

    @property
    def version(self) -> int:
        """The number of the newest change, as Dataverse's row versions count over all tables."""
        return self._version

    def next_version(self) -> int:
        self._version += 1
        return self._version

    @contextmanager
    def transaction(self, origin: str = "") -> Iterator[Transaction]:
        """All changes made inside hold together; one inside another joins it as a savepoint."""
        outer = self._open
        inner = Transaction(self, origin or (outer.origin if outer else "client"))
        self.connection.execute("SAVEPOINT change")
        self._open = inner
        try:
            yield inner
            if outer is None:
                self._prepare(inner)
        except BaseException:
            self.connection.execute("ROLLBACK TO change")
            self.connection.execute("RELEASE change")
            raise
        else:
            self.connection.execute("RELEASE change")
        finally:
            self._open = outer
        self._finish(outer, inner)

    def _prepare(self, whole: Transaction) -> None:
        """The last word of those who listen, while everything can still be undone."""
        for told in self.before_commit:
            told(whole)

    def filled(self, table: Table, row: Row) -> Row:
        """A new row with what a service numbers by itself."""
        for fill in self.fillers:
            row = fill(table, row)
        return row

    def _finish(self, outer: Transaction | None, inner: Transaction) -> None:
        if outer is not None:
            outer.changes += inner.changes
            return
        for told in self.after_commit:
            told(inner.changes)

    def prices(self, table: Table, row: Row) -> Row:
        """The prices of a row that is written, with the decimals that the organization sets."""
        found: Row = {}
        for column in table.columns.values():
            kept = row.get(column.name)
            if column.pricing and isinstance(kept, int):
                spare = max(column.scale - self._price_decimals(), 0)
                found[column.name] = scaled(Decimal(kept).scaleb(-spare), 0) * 10**spare
        return found

    def _price_decimals(self) -> int:
        organization = self.catalog.by_name["organization"].sql
        rows = self.run(f'SELECT "pricingdecimalprecision" FROM "{organization}"')  # noqa: S608
        return next((places for (places,) in rows if places is not None), USUAL_PRECISION)

    def get(self, table: Table, key: Key) -> Row | None:
        """The whole row of a primary key, in kept form."""
        return self.find(table, *where_key(table, key))

    def find(self, table: Table, where: str, values: Iterable[Stored]) -> Row | None:
        found = self.select(table, where, values)
        return found[0] if found else None

    def select(self, table: Table, where: str, values: Iterable[Stored] = ()) -> list[Row]:
        """Whole rows in kept form; `where` is SQL of ours, never a caller's."""
        sql = f'SELECT * FROM "{table.sql}" WHERE {where}'  # noqa: S608
        cursor = self.connection.execute(sql, tuple(values))
        names = [each[0] for each in cursor.description]
        return [dict(zip(names, values, strict=True)) for values in cursor]

    def write(self, table: Table, rows: Iterable[Row]) -> None:
        """Insert rows in stored form; missing columns get the defaults of a new row."""
        written = list(rows)
        names = list(dict.fromkeys(name for row in written for name in row))
        if not written:
            return
        quoted = ", ".join(f'"{name}"' for name in names)
        marks = ", ".join("?" * len(names))
        sql = f'INSERT INTO "{table.sql}" ({quoted}) VALUES ({marks})'  # noqa: S608
        else_ = usual(table)
        values = ([row.get(name, else_.get(name)) for name in names] for row in written)
        try:
            self.connection.executemany(sql, values)
        except OverflowError as error:
            raise InvalidValue(OUTSIDE) from error

    def insert(self, set_name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Load rows as the Web API writes them, past all rules but those of types and keys."""
        table = self.catalog.tables[set_name]
        with self.transaction("load"):
            try:
                self.write(table, [self._given(table, row) for row in rows])
            except sqlite3.IntegrityError as error:
                raise _duplicate(table, str(error)) from error

    def kept(self, table: Table, given: Mapping[str, Any]) -> Row:
        """A row as the services write it, complete and in kept form."""
        return defaults(table) | self._given(table, given)

    def _given(self, table: Table, given: Mapping[str, Any]) -> Row:
        """The values given for a new row, and those that the services work out from them."""
        row: Row = {} if table.service is Service.FINOPS else defaults(table)
        for name, value in given.items():
            if "@" in name:
                continue
            column = table.columns.get(name) or table.respelled(name)
            if column is None:
                raise UnknownColumn(f"{table.set} has no column {name}")
            row[column.name] = (
                kept_day(column, value) if type(value) is date else stored(column, value)
            )
        if table.service is Service.DATAVERSE:
            complete(table, row, self.now())
        row[version_column(table)] = self.next_version()
        return row

    def dangling_lookups(self) -> Iterator[Dangling]:
        """After a load: every lookup that points at no row of the tables it may point at."""
        for table in self.catalog.of(Service.DATAVERSE):
            for column in table.lookups():
                yield from self._dangling(table, column)

    def _dangling(self, table: Table, column: Column) -> Iterator[Dangling]:
        if not column.targets or column.elsewhere:
            return
        others = [self.catalog.named(target.table) for target in column.targets]
        missing = " AND ".join(
            f'"{column.name}" NOT IN (SELECT "{other.id}" FROM "{other.sql}")'  # noqa: S608
            for other in others
        )
        sql = f'SELECT "{table.id}", "{column.name}" FROM "{table.sql}"'  # noqa: S608
        for key, value in self.run(f'{sql} WHERE "{column.name}" IS NOT NULL AND {missing}'):
            yield Dangling(table.set, guid_text(key), column.name, guid_text(value))

    def save(self, path: str) -> None:
        """Write everything into a file that `restore` or `Store(catalog, path)` can read."""
        with closing(sqlite3.connect(path)) as file:
            self.connection.backup(file)

    def restore(self, path: str) -> None:
        """Replace everything by what `save` wrote."""
        with closing(sqlite3.connect(path)) as file:
            file.backup(self.connection)
        create(self.connection, self.catalog)
        self._version = self._last_version()

    def _last_version(self) -> int:
        newest = [
            self.run(f'SELECT max("{version_column(table)}") FROM "{table.sql}"')[0][0]  # noqa: S608
            for table in self.catalog
        ]
        return max((each for each in newest if each is not None), default=100000)


def key_of(table: Table, row: Row) -> Key:
    return tuple(row[name] for name in table.key)


def where_key(table: Table, key: Key) -> tuple[str, list[Stored]]:
    """SQL that finds a row by its primary key, with the values it needs."""
    columns = [table.columns[name] for name in table.key]
    sql = " AND ".join(f"{comparable(c, _quoted(c))} = ?" for c in columns)
    return sql, [fold(str(v)) if c.type in TEXTS else v for c, v in zip(columns, key, strict=True)]


def _quoted(column: Column) -> str:
    return f'"{column.name}"'


def _duplicate(table: Table, reason: str) -> Duplicate:
    """The error for a duplicate of a key; SQLite tells the key only by its unique index's name."""
    for key in table.alternate_keys:
        if f"{table.sql}/{key.name}" in reason or all(name in reason for name in key.columns):
            return Duplicate(
                "A record that has the attribute values"
                f" {', '.join(key.columns)} already exists. The entity key {key.name} requires"
                " that this set of attributes contains unique values.",
                code="0x80060892",
            )
    return Duplicate("Cannot insert duplicate key.")
