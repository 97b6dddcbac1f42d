"""
The reads of one operation, recorded while its plan is tried, and replayed where graphql-core
completes it instead.

A recording and a replaying service have the interface of the service that they stand before, so
that nobody who reads through them knows of a tape.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from heapq import heappop, heappush
from math import inf
from operator import attrgetter
from typing import Any, TypeVar

import msgspec
from msgspec.structs import astuple, replace

from gateway.errors import UpstreamError
from gateway.upstream.allowance import Allowance
from gateway.upstream.pages import Decoder, Envelope, ReadOutcome
from gateway.upstream.service import Call, Service

K = TypeVar("K")
ROUNDS = 12
"""Rounds of the event loop in which what follows an answer is asked for."""
TOGETHER = 0.001
"""Seconds within which answers count as having come together."""
ReplayPlace = tuple[int, int]
"""The group of reads that were answered together, and the number of the replay in it."""


class Abandoned(Exception):
    """A read through a recording that has ended: its attempt was given up."""


class RecordedRead(msgspec.Struct, eq=False):
    """A read and, once it is finished, its outcome."""

    url: str
    outcome: Any = None
    """The result, or the exception that ended it otherwise."""
    moment: float = inf
    """The time of the result."""
    url_of: Callable[[], str] | None = None
    """Gives the URL under which the result is replayed, which may differ from the one sent."""
    waiter: asyncio.Future[None] | None = None
    """The replay's wait for the result, while there is none yet."""

    def finish(self, outcome: Any) -> None:
        """Store the result, or what ended the read without one: it was cancelled, or never sent."""
        self.outcome = outcome
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)


class Tape:
    """
    The reads of one operation by URL. Each is replayed once, so that no request is sent twice: also
    one that is still under way when the recording ends.

    Reads that were answered within `TOGETHER` are released together, so that data loaders batch
    what follows as they would have done. Among these, the replay decides on the order: it asks in
    that of the document.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.recorded: list[RecordedRead] = []
        self._finished: dict[str, deque[tuple[int, ReadOutcome]]] = {}
        self._pending: dict[str, deque[RecordedRead]] = {}
        self._taken = 0
        self._turns: list[tuple[ReplayPlace, asyncio.Future[None]]] = []
        self.is_over = False
        """True once the recording has ended."""

    def recording(self, services: Mapping[K, Service]) -> dict[K, Service]:
        """The services with their reads recorded; once the recording has ended they refuse them."""
        return {
            name: Recording(*astuple(each), tape=self, plain=each)
            for name, each in services.items()
        }

    def replaying(self, services: Mapping[K, Service]) -> dict[K, Service]:
        """The services with the recorded reads replayed; they send those that are not recorded."""
        return {name: Replaying(*astuple(each), tape=self) for name, each in services.items()}

    def end(self) -> None:
        """End the recording; from here on its reads are replayed."""
        self.is_over = True
        group, latest = 0, 0.0
        for read in sorted(self.recorded, key=attrgetter("moment")):
            if read.url_of is not None:
                group += read.moment - latest > TOGETHER
                latest = read.moment
                self._finished.setdefault(read.url_of(), deque()).append((group, read.outcome))
            elif read.outcome is None:
                self._pending.setdefault(read.url, deque()).append(read)
        self.recorded.clear()

    def has(self, url: str) -> bool:
        return bool(self._finished.get(url) or self._pending.get(url))

    async def take(self, url: str) -> ReadOutcome:
        """Return the next recorded result of `url` when it is its turn; `has` must be true."""
        if not self._finished.get(url):
            return await self._awaited(self._pending[url].popleft())
        group, outcome = self._finished[url].popleft()
        turn = asyncio.get_running_loop().create_future()
        self._taken += 1
        heappush(self._turns, ((group, self._taken), turn))
        if len(self._turns) == 1:
            self._release_after(ROUNDS)
        await turn
        return outcome

    async def _awaited(self, read: RecordedRead) -> ReadOutcome:
        if read.outcome is None:
            read.waiter = asyncio.get_running_loop().create_future()
            await read.waiter
        if isinstance(read.outcome, BaseException) and not isinstance(read.outcome, UpstreamError):
            raise read.outcome
        found: ReadOutcome = read.outcome
        return found

    def _release_after(self, rounds: int) -> None:
        if rounds:
            asyncio.get_running_loop().call_soon(self._release_after, rounds - 1)
            return
        (group, _), _ = self._turns[0]
        while self._turns and self._turns[0][0][0] == group:
            _, turn = heappop(self._turns)
            if not turn.done():
                turn.set_result(None)
        if self._turns:
            self._release_after(ROUNDS)


class Recording(Service, frozen=True, kw_only=True):
    """A service whose reads are recorded; see `Tape.recording`."""

    tape: Tape
    plain: Service
    """The same without the tape. Reads on the tape refer to this one: the rows of each request
    would wait for the collector if they referred to the tape."""

    async def ask(
        self, calls: Sequence[Call], allowance: Allowance, *, spared: int = 0
    ) -> list[ReadOutcome]:
        tape = self.tape
        if tape.is_over:
            raise Abandoned
        reads = [RecordedRead(call.url) for call in calls]
        tape.recorded.extend(reads)
        try:
            outcomes = await super().ask(calls, allowance, spared=spared)
        except BaseException as error:
            for read in reads:
                read.finish(error)
            raise
        for read, call, outcome in zip(reads, calls, outcomes, strict=True):
            read.moment = tape.clock()
            read.url_of = partial(_replayed_as, self.plain, call, good=outcome.__class__ is bytes)
            read.finish(outcome)
        if tape.is_over:
            raise Abandoned
        return outcomes

    async def open(
        self, outcome: ReadOutcome, allowance: Allowance, decoder: Decoder
    ) -> Envelope[Any]:
        answer = await super().open(outcome, allowance, decoder)
        for read in self.tape.recorded:
            if read.outcome is outcome:
                read.outcome = answer  # Frees the memory of the body.
        return answer


class Replaying(Service, frozen=True, kw_only=True):
    """A service that answers reads from a tape; see `Tape.replaying`."""

    tape: Tape

    async def ask(
        self, calls: Sequence[Call], allowance: Allowance, *, spared: int = 0
    ) -> list[ReadOutcome]:
        tape = self.tape
        if not all(tape.has(call.url) for call in calls):
            return await super().ask(calls, allowance, spared=spared)
        allowance.spend(len(calls) + spared)
        return [await tape.take(call.url) for call in calls]


def _replayed_as(service: Service, call: Call, *, good: bool) -> str:
    """Its URL; that without rows inside of rows, which a good answer serves as well."""
    if not call.query.expands or not good:
        return call.url
    return service.call(replace(call.query, expands=())).url
