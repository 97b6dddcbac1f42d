"""
The journal -> the changes that one caller may know of: rows that they see, and rows that they saw
and see no more. What is seen is decided by the row rules as they are, and confirmed by the gate.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from gateway.errors import CursorExpired, InvalidCursor, InvalidInput, NotAvailableHere
from gateway.loaders.asks import Ask
from gateway.loaders.keys import Keys
from gateway.loaders.reader import Reader
from gateway.model.declarations import Node, Table
from gateway.model.proofs import FeedColumns
from gateway.telling import journal as journals
from gateway.telling.change_cursors import ChangeCursor, ChangeCursors, rule_digest
from gateway.telling.journal import Journal
from gateway.telling.journal_file import JournalEntry, JournalFile, JournalProof
from gateway.upstream.conditions import Condition, Guid

AT_ONCE: Final = 1_000
"""Entries of the journal that are read together."""
MOST: Final = 50_000
"""Entries that one answer looks at: about a third of a second of a thread."""
TURNS: Final = 2
"""Answers that look at entries at once; others wait."""


class RowTold(Struct, frozen=True):
    """A row that changed, as a caller may know it."""

    table: Table
    key: UUID
    version: int
    removed: bool
    """True if the caller saw it and sees it no more."""
    group: str
    """The row that it belongs to, as a line to its order, or itself: what must stay in order."""


class RowsSince(Struct, frozen=True):
    """Some changes in their order, and the place behind them."""

    rows: list[RowTold]
    place: int
    more: bool


class ChangesTold(Struct, frozen=True):
    """Some changes in their order, and the cursor behind them."""

    rows: list[RowTold]
    cursor: str
    more: bool


class Unprovable(Exception):
    """A row rule cannot be decided, as a row that it needs is not known."""


class JournalRow:
    """A row of the journal, which row rules are asked about."""

    __slots__ = ("_columns", "_file", "_follow", "_proof")

    def __init__(
        self,
        file: JournalFile,
        follow: Mapping[str, FeedColumns],
        columns: FeedColumns,
        proof: JournalProof,
    ) -> None:
        """`follow`: the columns of all tables, for rules that lead through parents."""
        self._file, self._follow, self._columns, self._proof = file, follow, columns, proof

    def get(self, name: str) -> Any:
        """The value of a column, or the row that a lookup leads to."""
        if name in self._proof:
            return self._proof[name]
        entity, lookup = self._columns.steps.get(name), f"_{name}_value"
        columns = self._follow.get(entity or "")
        if columns is None or lookup not in self._proof:
            raise Unprovable
        key = self._proof[lookup]
        if key is None:
            return None
        proof = self._file.proof(columns.entity, UUID(key).bytes)
        if proof is None:
            raise Unprovable
        return JournalRow(self._file, self._follow, columns, proof)


class _Folded(Struct):
    """All changes of one row."""

    table: Table
    key: UUID
    version: int
    was: bool | None
    """True if the caller saw it before; None where nobody can tell."""
    now: bool | None
    group: str


class ChangeTelling:
    """Tells callers what changed."""

    def __init__(self, journal: Journal, key: bytes) -> None:
        self.journal, self._cursors = journal, ChangeCursors(key, lambda: journal.file.name)
        self._turns = asyncio.Semaphore(TURNS)

    async def told(
        self,
        reader: Reader,
        after: str | None,
        names: Sequence[str] | None,
        tables: Iterable[Table],
        first: int,
    ) -> ChangesTold:
        """
        The changes since a cursor, at most `first` rows; without a cursor none, and the cursor of
        now. `tables` are those that there are, `names` those that are asked for.
        """
        cursor = None if after is None else self._cursors.read(after, reader.principal)
        asked = list(cursor.rules) if cursor and names is None else names
        rules = await self.rules(reader, asked, tables)
        digests = {table.name: rule_digest(rule) for table, rule in rules.items()}
        if cursor:
            _check(cursor, digests)
        caller = reader.principal
        moment, end = time.time(), await asyncio.to_thread(self.journal.file.end)
        if cursor is None:
            return ChangesTold([], self._cursors.written(end, moment, caller, digests), more=False)
        # Another replica may have told of more than has come to this one.
        end = max(end, int(cursor.place))
        found = await self.since(reader, rules, int(cursor.place), end, first)
        at = cursor.at if found.more else moment
        made = self._cursors.written(found.place, at, caller, digests)
        return ChangesTold(found.rows, made, found.more)

    async def since(
        self, reader: Reader, rules: Mapping[Table, Condition], begin: int, end: int, first: int
    ) -> RowsSince:
        """The changes behind the place `begin`, up to `end`, at most `first` rows."""
        file, found = self.journal.file, _Page(rules, first)
        entries = _entries(file, rules, begin, end)
        async with self._turns:
            place = await asyncio.to_thread(found.fill, entries, file, self.journal.columns, begin)
        rows = await self._confirmed(reader, found.rows)
        return RowsSince(rows, place if found.more else end, found.more)

    async def rules(
        self, reader: Reader, names: Sequence[str] | None, tables: Iterable[Table]
    ) -> dict[Table, Condition]:
        """The tables to tell of, read until now, each with the caller's row rule."""
        known = [each for each in tables if is_told(each)]
        if names is None:
            wanted = [each for each in known if reader.sees(each, from_rows=False)]
        else:
            wanted = [_named(name, known) for name in dict.fromkeys(names)]
        rules = {table: reader.rule(table) for table in wanted}
        entities = sorted({table.entity for table in wanted})
        behind = [each for each in self._parents(entities) if each not in entities]
        tracked = await self.journal.look([*entities, *behind], reader.allowance.deadline)
        missing = [each.name for each in rules if each.entity not in tracked]
        if names is not None and missing:
            raise NotAvailableHere(f"The changes of {missing[0]} are not tracked here.")
        return {table: rule for table, rule in rules.items() if table.entity in tracked}

    def _parents(self, entities: Iterable[str]) -> set[str]:
        """The tables whose rows prove the rules of these."""
        found, left, columns = set[str](), list(entities), self.journal.columns
        while left:
            for entity in columns[left.pop()].steps.values():
                if entity not in found and entity in columns:
                    found.add(entity)
                    left.append(entity)
        return found

    async def _confirmed(self, reader: Reader, rows: Sequence[_Folded]) -> list[RowTold]:
        """The rows as they may be told: the gate has the last word on those that are seen."""
        seen: set[tuple[str, UUID]] = set()
        for table in {each.table for each in rows}:
            wanted = [each.key for each in rows if each.table is table and each.now is not False]
            if wanted:
                seen |= {(table.name, key) for key in await _seen(reader, table, wanted)}
        found = []
        for each in rows:
            visible = (each.table.name, each.key) in seen
            if visible or (each.was and not each.now):
                found.append(
                    RowTold(
                        each.table, each.key, each.version, removed=not visible, group=each.group
                    )
                )
        return found


class _Page:
    """Folds entries into one page of rows."""

    def __init__(self, rules: Mapping[Table, Condition], first: int) -> None:
        self._by_entity: dict[str, list[tuple[Table, Condition]]] = {}
        for table, rule in rules.items():
            self._by_entity.setdefault(table.entity, []).append((table, rule))
        self._first = first
        self._rows: dict[tuple[str, UUID], _Folded] = {}
        self.more = False

    @property
    def rows(self) -> list[_Folded]:
        return list(self._rows.values())

    def fill(
        self,
        entries: Iterator[JournalEntry],
        file: JournalFile,
        follow: Mapping[str, FeedColumns],
        place: int,
    ) -> int:
        """Take entries behind `place` until it is enough; the place of the last one taken."""
        for number, entry in enumerate(entries):
            if number == MOST:
                self.more = True
                break
            key, columns = UUID(bytes=entry.row), follow[entry.entity]
            concerned, group = [], _group(entry, columns)
            for table, rule in self._by_entity[entry.entity]:
                was, now = (
                    proof is not None and _holds(rule, JournalRow(file, follow, columns, proof))
                    for proof in (entry.before, entry.after)
                )
                if was is not False or now is not False:
                    concerned.append(_Folded(table, key, entry.version, was, now, group))
            new = [each for each in concerned if (each.table.name, key) not in self._rows]
            if self._rows and len(self._rows) + len(new) > self._first:
                self.more = True
                break
            for each in concerned:
                known = self._rows.pop((each.table.name, key), None)
                # The newest change decides on the place among the others.
                self._rows[each.table.name, key] = (
                    each
                    if known is None
                    else _Folded(each.table, key, each.version, known.was, each.now, group)
                )
            place = entry.place
        return place


def _group(entry: JournalEntry, columns: FeedColumns) -> str:
    """The row that proves the rule of a row, where that is another one."""
    proof = entry.after or entry.before or {}
    for step, entity in sorted(columns.steps.items()):
        if key := proof.get(f"_{step}_value"):
            return f"{entity} {UUID(key)}"
    return f"{entry.entity} {UUID(bytes=entry.row)}"


def is_told(table: Table) -> bool:
    """True for tables whose changes are told: those of Dataverse with ids, that somebody sees."""
    return table.has_feed and issubclass(table.cls, Node) and not table.rule.linked_only


def _entries(
    file: JournalFile, rules: Mapping[Table, Condition], after: int, until: int
) -> Iterator[JournalEntry]:
    entities = sorted({table.entity for table in rules})
    while found := file.entries(entities, after, until, AT_ONCE):
        yield from found
        after = found[-1].place


def _holds(rule: Condition, row: JournalRow) -> bool | None:
    """True if the rule lets a row be seen; None where nobody can tell."""
    try:
        return rule.holds(row)  # type: ignore[arg-type]  # it has `get`
    except Unprovable:
        return None


async def _seen(reader: Reader, table: Table, wanted: Sequence[UUID]) -> list[UUID]:
    """Those of the rows that the gate lets through at this moment."""
    column = table.key_column
    keys = Keys((column,), tuple((Guid(str(each)),) for each in wanted), from_rows=False)
    pages = await reader.keyed([(Ask(table, frozenset({column})), keys)])
    return [UUID(str(row[column])) for page in pages for row in page.rows]


def _named(name: str, known: Sequence[Table]) -> Table:
    found = next((each for each in known if each.name == name), None)
    if found is None:
        names = ", ".join(sorted(each.name for each in known))
        raise InvalidInput(f"Changes are told of these tables: {names}.", argument="tables")
    return found


def _check(cursor: ChangeCursor, digests: Mapping[str, str]) -> None:
    if cursor.rules.keys() != digests.keys():
        raise InvalidCursor("This is a cursor of other tables.")
    if cursor.rules != digests:
        raise CursorExpired("Your rights are others than those of this cursor; begin anew.")
    if cursor.at < time.time() - journals.KEPT:
        raise CursorExpired("The cursor is older than seven days; begin anew.")
