"""Reads of an operation, kept to be handed out again where it is completed in another way."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from heapq import heappop, heappush
from math import inf
from operator import attrgetter
from typing import Any

import msgspec

from gateway.errors import UpstreamError
from gateway.upstream.pages import Envelope, ReadOutcome

ROUNDS = 12
"""Rounds of the event loop in which what follows an answer is asked for."""
TOGETHER = 0.001
"""Seconds within which answers count as having come together."""
ReplayPlace = tuple[int, int]
"""With which others an outcome came, and the how many-th of all is asking for it again."""


class GivenUp(Exception):
    """The read would serve a way of answering the operation that is given up by now."""


trying: ContextVar[bool] = ContextVar("trying", default=False)
"""True while the code that runs belongs to the first way of its operation."""


class Had(msgspec.Struct, eq=False):
    """A read, and its outcome if it has one yet."""

    url: str
    clock: Callable[[], float]
    outcome: Any = None
    """The result, or the exception that ended it otherwise."""
    moment: float = inf
    url_of: Callable[[], str] | None = None
    """Gives the URL under which the result is replayed, if it differs from the one sent."""
    waiter: asyncio.Future[None] | None = None
    """The second attempt's wait for the result, while there is none yet."""

    def come(self, outcome: ReadOutcome, url_of: Callable[[], str]) -> None:
        """It has an outcome, which `url_of` names."""
        self.moment, self.url_of = self.clock(), url_of
        self._end(outcome)

    def fail(self, error: BaseException) -> None:
        """It came to nothing, not even to an error of the service."""
        self._end(error)

    def _end(self, outcome: Any) -> None:
        self.outcome = outcome
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)


class Replay:
    """
    The reads of one operation by URL, kept while a first way is tried and handed out once each on
    the second, so that nothing is asked twice: not even what is under way when the first is given
    up, which nobody waits for.

    They come again as they came, together or one after the other: what arrives together is loaded
    further together, and a dataloader makes one read of it. Of those that came together, it is the
    second way that says which is the first: it asks in the order of the document.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock`: that of the operation's allowance."""
        self._clock = clock
        self._had: list[Had] = []
        self._kept: dict[str, deque[tuple[int, ReadOutcome]]] = {}
        self._coming: dict[str, deque[Had]] = {}
        self._taken = 0
        self._turns: list[tuple[ReplayPlace, asyncio.Future[None]]] = []
        self.keeping = True
        """True if outcomes are still being kept, and none is handed out."""

    def begin(self) -> None:
        """From here on outcomes are handed out, and no longer kept."""
        self.keeping = False
        group, latest = 0, 0.0
        for had in sorted(self._had, key=attrgetter("moment")):
            if had.url_of is not None:
                group += had.moment - latest > TOGETHER
                latest = had.moment
                self._kept.setdefault(had.url_of(), deque()).append((group, had.outcome))
            elif had.outcome is None:
                self._coming.setdefault(had.url, deque()).append(had)
        self._had.clear()

    def sent(self, url: str) -> Had:
        """Keep a read of `url`, should it be wanted again."""
        had = Had(url, self._clock)
        self._had.append(had)
        return had

    def made(self, outcome: ReadOutcome, answer: Envelope[Any]) -> None:
        """Replace a body by the rows decoded from it, to free its memory."""
        for had in self._had:
            if had.outcome is outcome:
                had.outcome = answer

    def has(self, url: str) -> bool:
        return bool(self._kept.get(url) or self._coming.get(url))

    async def take(self, url: str) -> ReadOutcome:
        """Return the next recorded result of `url` when it is its turn; `has` must be true."""
        if not self._kept.get(url):
            return await self._awaited(self._coming[url].popleft())
        group, outcome = self._kept[url].popleft()
        turn = asyncio.get_running_loop().create_future()
        self._taken += 1
        heappush(self._turns, ((group, self._taken), turn))
        if len(self._turns) == 1:
            self._release_after(ROUNDS)
        await turn
        return outcome

    async def _awaited(self, had: Had) -> ReadOutcome:
        if had.outcome is None:
            had.waiter = asyncio.get_running_loop().create_future()
            await had.waiter
        if isinstance(had.outcome, BaseException) and not isinstance(had.outcome, UpstreamError):
            raise had.outcome
        found: ReadOutcome = had.outcome
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
