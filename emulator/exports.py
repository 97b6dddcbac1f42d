"""Reads one exported file: a JSON row a line, turned into rows as the store keeps them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec

from emulator.ddl import version_column
from emulator.defaults import complete, defaults
from emulator.errors import Refusal
from emulator.file_problems import Problems
from emulator.metadata import Service, Table
from emulator.properties import Properties, Waiting
from emulator.store import Store, key_of
from emulator.values import Row, Stored, guid_order

NAMESPACE: Final = UUID("9b1c7a52-3d0e-4f6b-8c55-0f2a6e1d7b90")
UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
UTF8_MARK: Final = b"\xef\xbb\xbf"
DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)

Place = tuple[Path, int]


@dataclass(frozen=True)
class Source:
    """One file of rows and the table they belong to."""

    path: Path
    table: Table


class ExportReader:
    """Turns the lines of one file into rows to be kept, and notes what is wrong with them."""

    def __init__(
        self,
        store: Store,
        source: Source,
        problems: Problems,
        lines: dict[Stored, Place],
    ) -> None:
        self.source = source
        self.line = 0
        self.count = 0
        self.waiting: list[tuple[int, Stored, Waiting]] = []
        self._store = store
        self._problems = problems
        self._lines = lines
        self._properties = Properties(store.shown, source.table)
        self._defaults = defaults(store.whole(source.table))

    def rows(self) -> Iterator[Row]:
        for line, text in _lines(self.source.path):
            self.line = line
            given = self._decoded(text)
            row = self._row(given) if given is not None else None
            if row is not None:
                self.count += 1
                yield row

    def _decoded(self, text: str | bytes) -> dict[str, Any] | None:
        try:
            given = DECODER.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._wrong("json", f"not JSON: {error}")
            return None
        if not isinstance(given, dict):
            self._wrong("object", "a line must hold one JSON object")
            return None
        if isinstance(given.get("value"), list) and "value" not in self.source.table.columns:
            self._wrong("value", "a whole answer; put each row of its value on its own line")
            return None
        return given

    def _row(self, given: dict[str, Any]) -> Row | None:
        row: Row = dict(self._defaults)
        waiting: list[Waiting] = []
        for name, value in given.items():
            try:
                self._properties[name](row, value, waiting)
            except (ValueError, Refusal) as error:
                self._wrong(name, f"{name}: {error}")
        return self._completed(row, given, waiting)

    def _completed(self, row: Row, given: dict[str, Any], waiting: list[Waiting]) -> Row | None:
        table = self.source.table
        if table.service is Service.DATAVERSE:
            row[table.id] = row.get(table.id) or self._made_id()
            complete(table, row, self._store.now())
        elif missing := [key for key in table.key if table.columns[key].required and not row[key]]:
            self._wrong("key", f"no value for the key column {missing[0]}")
            return None
        row[version_column(table)] = self._store.next_version()
        key = key_of(table, row)[0]
        if table.service is Service.DATAVERSE:
            self._lines[key] = (self.source.path, self.line)
        self.waiting += [(self.line, key, each) for each in waiting]
        return row

    def _made_id(self) -> str:
        return guid_order(str(uuid5(NAMESPACE, f"{self.source.table.set}:{self.line}")))

    def _wrong(self, subject: str, text: str) -> None:
        self._problems.add(self.source.path, self.line, subject, text)


def _lines(path: Path) -> Iterator[tuple[int, str | bytes]]:
    """The lines that hold anything, with their numbers; PowerShell likes to write UTF-16."""
    with path.open("rb") as file:
        if file.peek(2)[:2] in UTF16:
            yield from _numbered(path.read_text("utf-16").split("\n"))
        else:
            file.seek(len(UTF8_MARK) if file.peek(3)[:3] == UTF8_MARK else 0)
            yield from _numbered(file)


def _numbered(lines: Iterable[str | bytes]) -> Iterator[tuple[int, str | bytes]]:
    return ((number, line) for number, line in enumerate(lines, 1) if line.strip())
