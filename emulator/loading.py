"""Loads exports into a store: one JSON row a line, as either service returns or accepts rows."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from emulator.ddl import comparable
from emulator.exports import ExportReader, Place, Source
from emulator.file_problems import LoadError, Problems
from emulator.metadata import TEXTS, AlternateKey, Catalog, Column, Service, Table
from emulator.odata.literals import spelled
from emulator.properties import Waiting
from emulator.references import Reference
from emulator.store import Dangling, Store
from emulator.values import Row, Stored, guid_order
from variables.spelling import suggestion


@dataclass
class Loaded:
    """The number of rows of each set that were loaded, and what had to be left out."""

    counts: dict[str, int] = field(default_factory=dict)
    skipped: Problems = field(default_factory=Problems)


def load(store: Store, folder: Path, *, lenient: bool = False) -> Loaded:
    """Load a folder of exports, all or nothing; `lenient` leaves out what does not fit."""
    with store.transaction("load"):
        return Load(store, lenient=lenient).folder(folder)


class Load:
    """One load under way: where rows came from and which lookups still wait for their target."""

    def __init__(self, store: Store, *, lenient: bool) -> None:
        self._store = store
        self._lenient = lenient
        self._problems = Problems()
        self._lines: dict[str, dict[Stored, Place]] = defaultdict(dict)
        self._waiting: list[tuple[Source, int, Stored, Waiting]] = []
        self._ids: dict[Reference, Stored] = {}

    def folder(self, folder: Path) -> Loaded:
        loaded = Loaded(skipped=self._problems)
        for source in list(self._sources(folder)):
            loaded.counts[source.table.set] = self._file(source)
        self._refuse_if_strict()
        self._bind_by_key()
        self._settle_lookups()
        self._refuse_if_strict()
        _name_contacts(self._store)
        return loaded

    def _refuse_if_strict(self) -> None:
        if len(self._problems) and not self._lenient:
            raise LoadError(self._problems)

    def _sources(self, folder: Path) -> Iterator[Source]:
        present = [service for service in Service if (folder / service).is_dir()]
        if not present:
            self._problems.add(folder, 0, "", "holds neither a folder dataverse nor one finops")
            raise LoadError(self._problems)
        for service in present:
            for path in sorted((folder / service).iterdir()):
                table = self._store.shown.find(path.stem, service)
                if path.suffix == ".jsonl" and table:
                    yield Source(path, table)
                elif path.suffix == ".jsonl":
                    advice = _did_you_mean(self._store.shown, path.stem, service)
                    self._problems.add(path, 0, "", f"no table has the set {path.stem}{advice}")
                elif path.suffix in {".json", ".csv"}:
                    self._problems.add(path, 0, "", "is not read; rows come as .jsonl, one a line")

    def _file(self, source: Source) -> int:
        """Write the rows of one file; one by one when lenient, so that none spoils another."""
        reader = ExportReader(self._store, source, self._problems, self._lines[source.table.set])
        rows = reader.rows()
        batches: Iterable[Iterable[Row]] = ([row] for row in rows) if self._lenient else [rows]
        for batch in batches:
            try:
                self._store.write(source.table, batch)
            except sqlite3.IntegrityError:
                self._duplicate(reader)
        self._waiting += [(source, *each) for each in reader.waiting]
        return reader.count

    def _duplicate(self, reader: ExportReader) -> None:
        names = [", ".join(reader.source.table.key)]
        names += [", ".join(key.columns) for key in reader.source.table.alternate_keys]
        text = f"a row with the same key is there already (keys: {'; '.join(names)})"
        self._problems.add(reader.source.path, reader.line, "duplicate", text)
        reader.count -= 1
        self._refuse_if_strict()

    def _bind_by_key(self) -> None:
        """Lookups that named their target by an alternate key find it once all files are read."""
        for source, line, key, waiting in self._waiting:
            found = self._id(waiting.reference)
            if found is None:
                self._dangling(source.path, line, waiting.column, waiting.text)
            else:
                self._set(source.table, key, waiting.column, found)

    def _id(self, target: Reference) -> Stored:
        if target not in self._ids:
            self._ids[target] = _find(self._store, target)
        return self._ids[target]

    def _settle_lookups(self) -> None:
        for dangling in list(self._store.dangling_lookups()):
            table = self._store.catalog.tables[dangling.set]
            # Exports leave out owners and other users; the emulator does not need them.
            if not table.columns[dangling.column].system:
                self._report(table, dangling)

    def _report(self, table: Table, dangling: Dangling) -> None:
        key = guid_order(dangling.key)
        place = self._lines[table.set].get(key)
        if place:
            self._dangling(*place, dangling.column, dangling.value)
            self._set(table, key, dangling.column, None)

    def _dangling(self, path: Path, line: int, column: str, value: str) -> None:
        self._problems.add(path, line, column, f"{column}: points at no row: {value}")

    def _set(self, table: Table, key: Stored, column: str, value: Stored) -> None:
        sql = f'UPDATE "{table.sql}" SET "{column}" = ? WHERE "{table.id}" = ?'  # noqa: S608
        self._store.run(sql, (value, key))


def _did_you_mean(catalog: Catalog, name: str, service: Service) -> str:
    known = (table.set for table in catalog.of(service))
    return suggestion(name, known) or "; declare it with --metadata"


def _find(store: Store, target: Reference) -> Stored:
    """The id of the row that an alternate key names."""
    table = store.shown.find(target.set, Service.DATAVERSE)
    if table is None:
        return None
    values = dict(target.key)
    key = next((k for k in table.alternate_keys if set(k.columns) == set(values)), None)
    if key is None:
        return None
    found = store.run(*_by_key(table, key, values))
    return found[0][0] if found else None


def _by_key(table: Table, key: AlternateKey, values: dict[str, str]) -> tuple[str, list[Stored]]:
    columns = [table.columns[name] for name in key.columns]
    tests = [_equals(each) for each in columns]
    sql = f'SELECT "{table.id}" FROM "{table.sql}" WHERE {" AND ".join(tests)}'  # noqa: S608
    return sql, [spelled(each, values[each.name]) for each in columns]


def _equals(column: Column) -> str:
    given = "fold(?)" if column.type in TEXTS else "?"
    return f"{comparable(column, _quoted(column.name))} = {given}"


def _quoted(name: str) -> str:
    return f'"{name}"'


def _name_contacts(store: Store) -> None:
    """Dataverse computes full names; rows made to be sent to it come without."""
    table = store.catalog.named("contact")
    store.run(
        f"UPDATE \"{table.sql}\" SET fullname = trim(ifnull(firstname, '') || ' ' ||"  # noqa: S608
        " ifnull(lastname, '')) WHERE fullname IS NULL"
    )
