"""
Live queries: a subscription is answered as the query of the same fields, and answered anew with all
of its answer whenever something changed that makes it another one.

Each answer is made by the same plan and through the same gate as that of a query, for who the
caller is at that moment.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from functools import partial
from hashlib import blake2b
from typing import Final

import msgspec

from gateway.admission import deadlines
from gateway.admission.errands import Lane
from gateway.audit.events import CONCERN_RIGHTS, refusal
from gateway.audit.recorder import Audit
from gateway.auth.on_behalf import asker_of
from gateway.auth.principal import Principal
from gateway.engine.asked_again import as_query
from gateway.engine.execution import Engine, Prepared
from gateway.engine.outcome import Answer, Refused, refused
from gateway.errors import (
    PASSING,
    CallerError,
    Overloaded,
    RateLimited,
    UpstreamError,
)
from gateway.feeds.following import Feeds
from gateway.feeds.interests import Interest, Watcher
from gateway.feeds.noting import noting
from gateway.http.answer_limit import encoded_or_refused, is_small
from gateway.http.auditing import observed
from gateway.http.receiving import Received
from gateway.http.streams import Event, EventKind, Events
from gateway.model.declarations import Table
from gateway.schema.context import Context

Identify = Callable[[Received], Awaitable[Principal]]
"""A request -> its caller at this moment."""
MakeLiveContext = Callable[[Principal, Received], Context]

QUIET: Final = 12.0
"""Seconds without an event after which a comment is sent, and the caller's rights are looked at."""
SLOT: Final = 1.0
"""Seconds between the beginnings of two answers to one watcher."""
HELD_BACK: Final = 30.0
"""Seconds for which the last answer stands while Dynamics fails, and a new one would tell that."""
LONGEST_PAUSE: Final = 16.0
"""Seconds between two attempts while Dynamics fails."""
_encode = msgspec.json.Encoder().encode


class Live:
    """The live queries of one process."""

    def __init__(
        self,
        engine: Engine,
        context: MakeLiveContext,
        feeds: Feeds,
        *,
        answer_bytes: int,
        audit: Audit,
        deadline: float,
        most: int,
        most_of_caller: int,
    ) -> None:
        """`most`, `most_of_caller`: streams that are open at once, of all and of one caller."""
        self.engine, self.context, self.feeds = engine, context, feeds
        self.answer_bytes, self.audit, self.deadline = answer_bytes, audit, deadline
        self._most, self._most_of_caller = most, most_of_caller
        self._open: set[LiveQuery] = set()
        self._of: Counter[Hashable] = Counter()
        self._stopping = False

    @property
    def number(self) -> int:
        """The number of streams that are open."""
        return len(self._open)

    def follow(
        self, request: Received, prepared: Prepared, principal: Principal, identify: Identify
    ) -> Events:
        """The events of a subscription; RateLimited or Overloaded where there are too many."""
        caller = asker_of(principal)
        if self._of[caller] >= self._most_of_caller:
            raise RateLimited(
                "You follow too much at once; end another stream first.",
                watchers=self._most_of_caller,
                retryAfter=10,
            )
        if len(self._open) >= self._most:
            raise Overloaded("Too many streams are open; try again later.", retryAfter=10)
        query = LiveQuery(self, request, as_query(prepared), principal, identify)
        if self._stopping:  # connections are still taken for a while
            query.stop()
        self._open.add(query)
        self._of[caller] += 1
        return Events(query.events(), query.end, partial(self._close, query, caller))

    def stop(self) -> None:
        """End all streams, and those that come later, as the process stops."""
        self._stopping = True
        for query in tuple(self._open):
            query.stop()

    def _close(self, query: "LiveQuery", caller: Hashable) -> None:
        self._open.discard(query)
        self._of[caller] -= 1
        if not self._of[caller]:
            del self._of[caller]
        self.feeds.leave(query.watcher)


class LiveQuery:
    """One stream: its watcher, its caller, and the answer that was sent last."""

    __slots__ = (
        "_changed",
        "_ended",
        "_failing_since",
        "_identify",
        "_live",
        "_pause",
        "_prepared",
        "_principal",
        "_request",
        "_sent",
        "_stopped",
        "watcher",
    )

    def __init__(
        self,
        live: Live,
        request: Received,
        prepared: Prepared,
        principal: Principal,
        identify: Identify,
    ) -> None:
        self._live, self._request, self._prepared = live, request, prepared
        self._principal, self._identify = principal, identify
        self._changed = asyncio.Event()
        self._ended = self._stopped = False
        self._sent = b""
        """A hash of the answer that was sent last."""
        self._failing_since: float | None = None
        self._pause = SLOT
        self.watcher = Watcher(self._changed.set)

    def end(self) -> None:
        """The client is gone."""
        self._ended = True
        self._changed.set()

    def stop(self) -> None:
        """The process stops."""
        self._stopped = True
        self._changed.set()

    @property
    def _is_over(self) -> bool:
        """True if there is nobody to answer, or nobody who answers."""
        return self._stopped or self._ended

    async def events(self) -> AsyncGenerator[Event]:
        """The answer, each further answer that differs, and what keeps the connection open."""
        clock = asyncio.get_running_loop().time
        known = True
        try:
            while not self._is_over:
                began = clock()
                self._changed.clear()
                answer = await self._answered() if known else None
                if answer is not None:
                    yield EventKind.ANSWER, answer
                async for quiet in self._quiet():
                    yield quiet
                if self._is_over:
                    break
                await asyncio.sleep(max(0.0, began + SLOT - clock()))
                known = await self._identified()
            if self._stopped:
                yield EventKind.STOPPING, b""
        except CallerError as error:
            self._request.outcome = error.code
            if isinstance(error, CONCERN_RIGHTS):
                request, seen = self._request, self._principal
                self._live.audit.record(refusal(error, request.id, seen, request.source))
            yield EventKind.ENDED, _encode(refused(error).body)

    async def _quiet(self) -> AsyncGenerator[Event]:
        """Wait for a change, the caller's own too, and say once in a while that none came."""
        while not self._changed.is_set():
            try:
                async with asyncio.timeout(QUIET):
                    await self._changed.wait()
            except TimeoutError:
                yield EventKind.QUIET, b""
                before = self._principal
                if await self._identified() and self._principal != before:
                    return

    async def _identified(self) -> bool:
        """Ask who the caller is at this moment; False, to be tried again, if nobody can tell."""
        deadlines.begin(asyncio.get_running_loop().time() + self._live.deadline)
        try:
            self._principal = await self._identify(self._request)
        except UpstreamError:
            self._try_again()
            return False
        return True

    def _try_again(self) -> None:
        asyncio.get_running_loop().call_later(self._pause, self._changed.set)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    async def _answered(self) -> bytes | None:
        """The answer of this moment, unless it is the one that was sent last."""
        noted: set[tuple[str, Interest]] = set()
        answer, context = await self._asked(noted)
        if self._is_held_back(answer):
            return None
        body = await self._encoded(answer, context)
        if isinstance(answer, Answer):
            self._live.feeds.forget(self.watcher, self.watcher.noted - noted)
        digest = blake2b(body, digest_size=16).digest()
        if digest == self._sent:
            return None
        self._sent = digest
        self._record(answer)
        return body

    async def _asked(self, noted: set[tuple[str, Interest]]) -> tuple[Answer | Refused, Context]:
        live, request = self._live, self._request
        request.begun = asyncio.get_running_loop().time()
        deadlines.begin(request.begun + live.deadline)

        def note(table: Table | str, interest: Interest) -> None:
            noted.add((table if isinstance(table, str) else table.entity, interest))
            live.feeds.note(self.watcher, table, interest)

        context = noting(live.context(self._principal, request), note, live.feeds.names)
        if self._sent:
            context.loaders.reader.allowance.errand.lane = Lane.LIVE
        try:
            return await live.engine.execute(self._prepared, context, request.id), context
        except Refused as refusal_:
            return refusal_, context

    def _is_held_back(self, answer: Answer | Refused) -> bool:
        """True if the answer tells of a failure that may pass, and is asked for again soon."""
        loop = asyncio.get_running_loop()
        if not any(error.get("extensions", {}).get("code") in PASSING for error in answer.errors):
            self._failing_since, self._pause = None, SLOT
            return False
        since = self._failing_since = self._failing_since or loop.time()
        self._try_again()
        return bool(self._sent) and loop.time() < since + HELD_BACK

    async def _encoded(self, answer: Answer | Refused, context: Context) -> bytes:
        maximum = self._live.answer_bytes
        if isinstance(answer, Refused) or is_small(self._prepared, context, maximum):
            return _encode(answer.body)
        body, _ = await encoded_or_refused(answer.body, maximum)
        return bytes(body)

    def _record(self, answer: Answer | Refused) -> None:
        """Tell the audit of what it is told of a query."""
        if isinstance(answer, Refused):
            return
        request, live = self._request, self._live
        for event in observed(answer, self._prepared, request.id, self._principal, request.source):
            live.audit.record(event)
