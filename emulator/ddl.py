"""Turns a catalog into SQL tables and indexes; a file of an older catalog gains what it lacks."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from zlib import crc32

from emulator.defaults import usual
from emulator.metadata import TEXTS, Catalog, Column, Service, Table, Type
from emulator.values import Stored, fold

SQL_TYPES = {
    Type.INT: "INTEGER",
    Type.BIGINT: "INTEGER",
    Type.DECIMAL: "INTEGER",
    Type.MONEY: "INTEGER",
    Type.BOOL: "INTEGER",
    Type.CHOICE: "INTEGER",
    Type.DOUBLE: "REAL",
}
# The emulator's data can be made again; speed is worth more than surviving a power cut.
PRAGMAS = ("journal_mode = MEMORY", "synchronous = OFF", "cache_size = -65536", "temp_store = 2")


DELETED = 'CREATE TABLE IF NOT EXISTS "@deleted" (set_name TEXT, key TEXT, version INTEGER)'


def connect(path: str) -> sqlite3.Connection:
    """A database whose texts can be compared as SQL Server compares them."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.create_function("fold", 1, fold, deterministic=True)
    return connection


def create(connection: sqlite3.Connection, catalog: Catalog) -> None:
    """Add the tables, columns and indexes of the catalog that a database lacks."""
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    whole = _mark(catalog)
    if connection.execute("PRAGMA user_version").fetchone() == (whole,):
        return
    present = _present(connection)
    statements = [DELETED]
    for table in catalog:
        statements += _table(table, present.get(table.sql, set()))
        statements += indexes(table)
    if present:
        for statement in statements:
            # A key that the rows do not meet has no index, as a failed one has not either.
            with suppress(sqlite3.IntegrityError):
                connection.execute(statement)
    else:
        _made(tuple(statements)).backup(connection)
    connection.execute(f"PRAGMA user_version = {whole}")


@lru_cache(maxsize=8)
def _mark(catalog: Catalog) -> int:
    """A number for the tables that a database has, as SQLite keeps one with each database."""
    statements = (statement for table in catalog for statement in _whole(table))
    return crc32("\n".join(statements).encode()) >> 1


def _whole(table: Table) -> Iterator[str]:
    yield from _table(table, set())
    yield from indexes(table)


@lru_cache(maxsize=8)
def _made(statements: tuple[str, ...]) -> sqlite3.Connection:
    """An empty database, made once for all who want one like it."""
    connection = connect(":memory:")
    _run(connection, statements)
    return connection


def _run(connection: sqlite3.Connection, statements: Iterable[str]) -> None:
    connection.execute("BEGIN")
    for statement in statements:
        connection.execute(statement)
    connection.execute("COMMIT")


def version_column(table: Table) -> str:
    """The column in which a table keeps the row version that its ETag shows."""
    return "versionnumber" if table.service is Service.DATAVERSE else "@version"


def comparable(column: Column, sql: str) -> str:
    """The form of a column in which it is compared and indexed."""
    return f"fold({sql})" if column.type in TEXTS else sql


def _typed_columns(table: Table) -> Iterator[tuple[str, str]]:
    given = usual(table) if table.service is Service.FINOPS else {}
    for column in table.columns.values():
        kind = SQL_TYPES.get(column.type, "TEXT")
        value = given.get(column.name)
        yield column.name, kind if value is None else f"{kind} DEFAULT {_literal(value)}"
    if table.service is Service.FINOPS:
        yield "@version", "INTEGER"


def _literal(value: Stored) -> str:
    if isinstance(value, int | float):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


def _present(connection: sqlite3.Connection) -> dict[str, set[str]]:
    rows = connection.execute(
        "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c"
        " WHERE t.type = 'table'"
    )
    present: dict[str, set[str]] = {}
    for table, column in rows:
        # SQLite does not tell names apart by their case.
        present.setdefault(table, set()).add(column.lower())
    return present


def _table(table: Table, present: set[str]) -> Iterator[str]:
    columns = [(name, f'"{name}" {kind}') for name, kind in _typed_columns(table)]
    if not present:
        yield f'CREATE TABLE "{table.sql}" ({", ".join(sql for _, sql in columns)})'
        return
    for name, sql in columns:
        if name.lower() not in present:
            yield f'ALTER TABLE "{table.sql}" ADD COLUMN {sql}'


def indexes(table: Table) -> Iterator[str]:
    yield _index(table, "key", table.key, unique=True)
    for key in table.alternate_keys:
        if key.is_active:
            yield _index(table, key.name, key.columns, unique=True)
    for names in table.unique:
        yield _index(table, "_".join(names), names, unique=True)
    for column in table.lookups():
        if column.targets and not column.system:
            yield _index(table, column.name, (column.name,)) + f' WHERE "{column.name}" IS NOT NULL'
    for names in table.indexes:
        yield _index(table, "_".join(names), names)


def _index(table: Table, name: str, names: tuple[str, ...], *, unique: bool = False) -> str:
    columns = ", ".join(comparable(table.columns[each], f'"{each}"') for each in names)
    kind = "UNIQUE INDEX" if unique else "INDEX"
    return f'CREATE {kind} IF NOT EXISTS "{table.sql}/{name}" ON "{table.sql}" ({columns})'
