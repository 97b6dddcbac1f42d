"""
The journal: which rows of Dataverse changed in the last seven days, and what proved their row rules
before and after, so that a caller can be told later what it missed.

It reads delta links as the feeds of live queries do, but for whoever comes back, not for whoever
watches, and keeps what it has read in a file.
"""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from typing import Any, Final
from uuid import uuid4

from gateway.errors import Overloaded, UpstreamError, UpstreamRefused
from gateway.model.declarations import Table
from gateway.model.proofs import FeedColumns, feed_columns, row_id
from gateway.telling.journal_file import PAUSED, FollowedTable, JournalFile, SeenRow
from gateway.upstream.delta_pages import DeltaPage, Told, first_page, page_at, pages_at
from gateway.upstream.service import Service

log = logging.getLogger(__name__)

KEPT: Final = 7 * 86_400.0
"""Seconds for which changes are remembered; Dataverse's delta links last as long."""
BEAT: Final = 60.0
"""Seconds between two reads when nobody asks."""
SHORTEST: Final = 0.25
"""Seconds between two of them at least."""
YOUNG: Final = 1.0
"""Seconds for which a read is as good as another one, however many ask."""
LEASE: Final = 30.0
"""Seconds after which another process reads, where one has ended in the middle."""
AGAIN: Final = 0.05
"""Seconds between two looks at another process that reads."""
TOGETHER: Final = 50
"""Delta links that one request asks for."""
PAUSE: Final = 0.01
"""Seconds that a table which is read as a whole leaves to others after each page."""
OLD: Final = 6 * 86_400.0
"""Seconds after which a delta link is not used any more."""
RETRY: Final = 600.0
"""Seconds after which a table that was never tracked is tried again."""
SOON: Final = 30.0
"""The same for one that was, and whose changes somebody waits for."""
READER: Final = "reader"
"""The role of the process that reads Dataverse."""
VERSION: Final = "versionnumber"
"""The column by which every row of Dataverse counts its changes."""
DELETED: Final = "deleted"


class Journal:
    """The journal of one process, over a file that processes of one machine share."""

    def __init__(self, service: Service, tables: Iterable[Table], file: JournalFile) -> None:
        self._service, self._tables, self.file = service, tuple(tables), file
        self._me = uuid4().hex
        self._lock = asyncio.Lock()
        self._wanted = asyncio.Event()
        self._columns: Mapping[str, FeedColumns] = {}
        self._version = -1

    @property
    def columns(self) -> Mapping[str, FeedColumns]:
        """The columns that are read of each followed table, by its name."""
        names = self._service.names
        if names.version != self._version:
            self._columns, self._version = feed_columns(self._tables, names), names.version
        return self._columns

    async def run(self) -> None:
        """
        Read all tables once in a while, and those as a whole that need it, until it is cancelled;
        then the file is closed.
        """
        with closing(self.file):
            await self._go_on()

    async def _go_on(self) -> None:
        while True:
            try:
                await self._beat()
            except UpstreamError as error:
                log.info("the journal is not continued for now: %s", error.code)
            except Exception:  # a defect of ours, which must not end it
                log.exception("the journal could not be continued")
            await asyncio.sleep(SHORTEST)
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT):
                    await self._wanted.wait()
            self._wanted.clear()

    async def _beat(self) -> None:
        async with self._lock:
            if not await self._hold():
                return
            try:
                known = await asyncio.to_thread(self.file.followed)
                for entity, columns in self.columns.items():
                    if self._needs_sweep(known.get(entity), columns):
                        await self._swept(columns)
                known = await asyncio.to_thread(self.file.followed)
                ours = [each for each in known.values() if each.entity in self.columns]
                await self._follow([each for each in ours if _is_followed(each)])
                await asyncio.to_thread(self.file.forget, time.time() - KEPT - BEAT)
            finally:
                await self._release()

    async def look(self, entities: Sequence[str], deadline: float) -> Sequence[str]:
        """
        Read what changed until now; those of the tables that the environment tracks. Overloaded
        where they are still being read as a whole.
        """
        clock, asked = asyncio.get_running_loop().time, time.time()
        while True:
            known = await asyncio.to_thread(self.file.followed)
            found = [each for name in entities if (each := known.get(name)) and each.read_at]
            ready = len(found) == len(entities) and all(each.link for each in found)
            tracked = [each for each in found if each.is_told]
            if ready and all(each.read_at >= asked - YOUNG for each in tracked):
                return [each.entity for each in tracked]
            if not ready:
                self._wanted.set()
            elif await self._followed_by_us(tracked):
                continue
            if clock() + AGAIN > deadline:
                raise Overloaded("Changes are being gathered; try again later.", retryAfter=5)
            await asyncio.sleep(AGAIN)

    async def _followed_by_us(self, tables: Sequence[FollowedTable]) -> bool:
        if self._lock.locked():
            return False
        async with self._lock:
            if not await self._hold():
                return False
            try:
                known = await asyncio.to_thread(self.file.followed)
                await self._follow([known[each.entity] for each in tables])
            finally:
                await self._release()
        return True

    async def _release(self) -> None:
        with suppress(sqlite3.Error, Overloaded):  # the lease ends by itself
            await asyncio.to_thread(self.file.release, READER, self._me)

    async def _hold(self) -> bool:
        moment = time.time()
        return await asyncio.to_thread(self.file.hold, READER, self._me, moment, moment + LEASE)

    def _needs_sweep(self, known: FollowedTable | None, columns: FeedColumns) -> bool:
        if known is None or not known.link or known.columns != _text(columns):
            return True
        return known.read_at < time.time() - _good_for(known)

    async def _follow(self, tables: Sequence[FollowedTable]) -> None:
        """Read what changed since the last time; raises where Dataverse could not be asked."""
        for start in range(0, len(tables), TOGETHER):
            some = tables[start : start + TOGETHER]
            asked = time.time()
            links = [each.link for each in some]
            for table, told in zip(some, await pages_at(self._service, links), strict=True):
                await self._take(table.entity, told, asked, None)

    async def _swept(self, columns: FeedColumns) -> None:
        """Read a table as a whole, if it can be read; the others do not wait for it."""
        try:
            await self._sweep(columns)
        except UpstreamError as error:
            log.info("%s is not in the journal for now: %s", columns.entity, error.code)

    async def _sweep(self, columns: FeedColumns) -> None:
        """Read a table as a whole. What differs from what is known of it has changed."""
        service, entity, asked = self._service, columns.entity, time.time()
        sweep = await asyncio.to_thread(self.file.begin, entity, _text(columns))
        key, proof = self._spelled(columns)
        select = dict.fromkeys([key, VERSION, *filter(None, proof.values())])
        told = await first_page(service, service.names.collection(entity), list(select))
        await self._take(entity, told, asked, sweep)

    async def _take(self, entity: str, told: Told, asked: float, sweep: int | None) -> None:
        """Take a page and those behind it."""
        while isinstance(told, DeltaPage):
            rows = self._seen(entity, told.value)
            await asyncio.to_thread(self.file.take, entity, rows, asked, sweep)
            # A read that was under way before may have seen what was before.
            self._service.sender.flights.forget()
            if told.next_link is None:
                break
            await asyncio.sleep(PAUSE)
            await self._hold()
            told = await page_at(self._service, told.next_link)
        if isinstance(told, DeltaPage) and told.delta_link:
            await asyncio.to_thread(self.file.go_on, entity, told.delta_link, asked, sweep)
        elif isinstance(told, UpstreamRefused):
            await self._refused(entity, asked, sweep)
        elif isinstance(told, UpstreamError):
            raise told

    async def _refused(self, entity: str, asked: float, sweep: int | None) -> None:
        if sweep is None:
            log.info("the journal of %s is compared with the whole table", entity)
            await asyncio.to_thread(self.file.lose, entity)
            self._wanted.set()
            return
        log.warning("%s is not in the journal: is change tracking enabled?", entity)
        await asyncio.to_thread(self.file.refuse, entity, asked)

    def _seen(self, entity: str, rows: Iterable[Mapping[str, Any]]) -> list[SeenRow]:
        key, spelled = self._spelled(self.columns[entity])
        found = []
        for row in rows:
            gone = row.get("reason") == DELETED
            text, version = row.get("id" if gone else key), row.get(VERSION)
            if not isinstance(text, str):
                continue
            proof = {name: row.get(wire) if wire else None for name, wire in spelled.items()}
            number = version if isinstance(version, int) else 0
            found.append(SeenRow(row_id(text), number, None if gone else proof))
        return found

    def _spelled(self, columns: FeedColumns) -> tuple[str, dict[str, str | None]]:
        """The key and the columns that prove, in the environment's names."""
        names, entity = self._service.names, columns.entity
        key = names.path(entity, columns.key) or columns.key
        return key, {each: names.path(entity, each) for each in columns.proof}


def _text(columns: FeedColumns) -> str:
    return " ".join((columns.key, *columns.proof))


def _good_for(table: FollowedTable) -> float:
    """Seconds after which a table is read as a whole again."""
    if table.is_told:
        return OLD
    return SOON if table.link == PAUSED else RETRY


def _is_followed(table: FollowedTable) -> bool:
    return bool(table.link) and table.is_told
