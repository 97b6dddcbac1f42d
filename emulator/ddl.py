"""Turns a catalog into SQL tables and indexes; a file of an older catalog gains what it lacks."""

import sqlite3
from collections.abc import Iterator

from emulator.metadata import TEXTS, Catalog, Column, Service, Table, Type

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


def create(connection: sqlite3.Connection, catalog: Catalog) -> None:
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN")
    connection.execute(
        'CREATE TABLE IF NOT EXISTS "@deleted" (set_name TEXT, key TEXT, version INTEGER)'
    )
    present = _present(connection)
    for table in catalog:
        _create_table(connection, table, present.get(table.sql, set()))
        for index in _indexes(table):
            connection.execute(index)
    connection.execute("COMMIT")


def version_column(table: Table) -> str:
    """Where a table keeps the row version that its ETag shows."""
    return "versionnumber" if table.service is Service.DATAVERSE else "@version"


def sql_columns(table: Table) -> list[str]:
    """All columns that SQLite keeps of a table: the declared ones and those behind the scenes."""
    return [name for name, _ in _typed_columns(table)]


def comparable(column: Column, sql: str) -> str:
    """The form of a column in which it is compared and indexed."""
    return f"fold({sql})" if column.type in TEXTS else sql


def _typed_columns(table: Table) -> Iterator[tuple[str, str]]:
    for column in table.columns.values():
        yield column.name, SQL_TYPES.get(column.type, "TEXT")
    if table.service is Service.FINOPS:
        yield "@version", "INTEGER"


def _present(connection: sqlite3.Connection) -> dict[str, set[str]]:
    rows = connection.execute(
        "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c"
        " WHERE t.type = 'table'"
    )
    present: dict[str, set[str]] = {}
    for table, column in rows:
        present.setdefault(table, set()).add(column)
    return present


def _create_table(connection: sqlite3.Connection, table: Table, present: set[str]) -> None:
    columns = [(name, f'"{name}" {kind}') for name, kind in _typed_columns(table)]
    if not present:
        connection.execute(f'CREATE TABLE "{table.sql}" ({", ".join(sql for _, sql in columns)})')
        return
    for name, sql in columns:
        if name not in present:
            connection.execute(f'ALTER TABLE "{table.sql}" ADD COLUMN {sql}')


def _indexes(table: Table) -> Iterator[str]:
    yield _index(table, "key", table.key, unique=True)
    for key in table.alternate_keys:
        yield _index(table, key.name, key.columns, unique=True)
    for column in table.lookups():
        if not column.system:
            yield _index(table, column.name, (column.name,)) + f' WHERE "{column.name}" IS NOT NULL'
    for names in table.indexes:
        yield _index(table, "_".join(names), names)


def _index(table: Table, name: str, names: tuple[str, ...], *, unique: bool = False) -> str:
    columns = ", ".join(comparable(table.columns[each], f'"{each}"') for each in names)
    kind = "UNIQUE INDEX" if unique else "INDEX"
    return f'CREATE {kind} IF NOT EXISTS "{table.sql}/{name}" ON "{table.sql}" ({columns})'
