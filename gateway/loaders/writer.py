"""
The only way to write rows: what a mutation built from rows that the reader loaded.

A write goes on when its caller is gone, within a limit; only the answer is lost then.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from msgspec import Struct
from strawberry.utils.str_converters import to_camel_case

from gateway.auth.principal import Principal
from gateway.errors import InvalidInput, UpstreamError, UpstreamRefused
from gateway.loaders.kept_rows import NOTHING_KEPT, KeptRows
from gateway.loaders.seals import Seal
from gateway.loaders.write_safety import WriteSafety
from gateway.model.tables import TABLES
from gateway.upstream.allowance import Allowance
from gateway.upstream.conditions import Compare, Raw
from gateway.upstream.lengths import too_long
from gateway.upstream.names import Names
from gateway.upstream.odata import ODataQuery
from gateway.upstream.row_writes import Write
from gateway.upstream.sender import now
from gateway.upstream.service import Service

log = logging.getLogger(__name__)

ORDERS = "orders"
"""The permission that the writes of orders need."""
READ_BACK = 3.0
"""Seconds that a caller's deadline leaves for reading what was written."""
DUPLICATES = frozenset({"0x80040237", "0x80060892"})
"""Dataverse's codes for a row whose primary or alternate key exists."""
STALE = "0x80060882"
"""Dataverse's code for a row that has another version than `If-Match` says."""
MISSING = "0x80040217"
"""Dataverse's code for a row that does not exist."""
TELLING = DUPLICATES | {STALE, MISSING}
"""Refusals after which reading tells what became of an earlier try of the same write."""


class Unsettled(Exception):
    """Nobody can say yet whether a write was made; after `until` (epoch) nothing is sent for it."""

    def __init__(self, until: float) -> None:
        super().__init__("the outcome of a write is unknown")
        self.until = until


@dataclass
class Writes:
    """The writes under way in this process; they outlive the requests that asked for them."""

    seal: Seal
    """For what callers carry back to ask what became of a write."""
    patience: float = 25.0
    """Seconds after which the caller of a mutation is answered, whatever is known by then."""
    limit: float = 125.0
    """Seconds that a write may take in all: dual-write's transactions end after 120."""
    clock: Callable[[], float] = time.time
    """Seconds since the epoch, the same in all processes."""
    _running: set[asyncio.Task[None]] = field(default_factory=set)
    _hurried: asyncio.Event = field(default_factory=asyncio.Event)

    async def finish(self, write: Coroutine[Any, Any, None], seconds: float) -> None:
        """Wait so long for `write`; where that does not do it goes on without us: Unsettled."""
        until = self.clock() + self.limit
        task = asyncio.create_task(write)
        self._running.add(task)
        task.add_done_callback(self._forget)
        hurried = asyncio.create_task(self._hurried.wait())
        try:
            either = {task, hurried}
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hurried.cancel()
        if not task.done():
            raise Unsettled(until)
        task.result()

    def hurry(self) -> None:
        """Let nobody wait for a write any more: the process ends shortly."""
        self._hurried.set()

    async def drain(self, seconds: float) -> None:
        """Wait for running writes to finish, at most for the given time."""
        if self._running:
            log.info("waiting for %d writes", len(self._running))
            await asyncio.wait(self._running, timeout=seconds)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        # Whoever waited has the outcome; without anybody an error would be reported as lost.
        if not task.cancelled():
            task.exception()


class Writer(Struct, frozen=True):
    """Writes to Dataverse for one principal."""

    dataverse: Service
    principal: Principal
    allowance: Allowance
    """For the reads that a write needs; the write has its own."""
    writes: Writes
    write_safety: WriteSafety
    kept: KeptRows = NOTHING_KEPT
    """The rows of reference data that may have to be read anew after a write."""

    @property
    def names(self) -> Names:
        """The names of the environment, and the lengths of its columns."""
        return self.dataverse.names

    async def begin(self, privilege: str) -> bool:
        """
        Return True if orders carry key and fingerprint; from here on a mutation has its longer
        deadline.

        Raises Forbidden without the privilege, WritesRefused where writes are not safe here.
        """
        self.principal.access(ORDERS, privilege)
        self.allowance.extend(self.writes.patience)
        return await self.write_safety.marked()

    async def write(self, privilege: str, changes: Sequence[Write], *, needs: str = ORDERS) -> None:
        """
        Make all `changes`, or none.

        Raises Forbidden without the privilege of the permission `needs`, InvalidInput for a text
        that is too long for this environment, Unsettled where the outcome is unknown, and
        UpstreamError where nothing was written; that is not so of an UpstreamRefused that is
        `doubtful`: its reason is in TELLING, and reading tells.
        """
        self.principal.access(needs, privilege)
        self._fits(changes)
        allowance = Allowance(1, now() + self.writes.limit, errand=self.allowance.errand)
        wait = max(self.allowance.remaining - READ_BACK, 1.0)
        try:
            await self.writes.finish(self._written(changes, allowance), wait)
        except UpstreamError as error:
            if not error.doubtful or _is_telling(error):
                raise
            raise Unsettled(self.writes.clock()) from None

    async def _written(self, changes: Sequence[Write], allowance: Allowance) -> None:
        try:
            await self.dataverse.write(changes, allowance)
        finally:
            for change in changes:
                self.kept.forget(change.entity, allowance.clock())

    def _fits(self, changes: Sequence[Write]) -> None:
        """Refuse what Dynamics would refuse without saying which member of the input it was."""
        for change in changes:
            for found in too_long(self.dataverse.names, change.entity, change.row or {}):
                member = _member(found.entity, found.column)
                said = f"{member} holds at most {found.length} characters in this environment."
                raise InvalidInput(said, argument=member)

    async def exists(self, entity: str, column: str, key: UUID) -> bool:
        """
        True if a row exists, even if the caller may not see it. Only for ids derived for this
        caller, so that it reveals only the caller's own writes.
        """
        query = ODataQuery(entity, (column,), Compare(column, "eq", key), top=1)
        return bool((await self.dataverse.fetch(query, self.allowance)).rows)

    async def facts(self, query: ODataQuery) -> list[Raw]:
        """
        Rows read without a row rule, for checks that must not depend on the caller; they are never
        shown. Only for accounts and orders that the caller may order for, and for the people behind
        an address that the caller invites.
        """
        return list((await self.dataverse.fetch(query, self.allowance)).rows)


def _is_telling(error: UpstreamError) -> bool:
    return isinstance(error, UpstreamRefused) and error.details["reason"] in TELLING


def _member(entity: str, column: str) -> str:
    """The callers' name of a column; its own where they do not see it."""
    names = (
        to_camel_case(spec.name)
        for table in TABLES.values()
        if table.entity == entity
        for spec in table.visible.values()
        if column in spec.paths
    )
    return next(names, column)
