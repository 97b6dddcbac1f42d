"""What services answer to reads: bodies, the rows in them, and bodies kept to be read once more."""

import asyncio
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from heapq import heappop, heappush
from typing import Any, Generic, TypeVar

import msgspec

from gateway.errors import UpstreamError, UpstreamMismatch

ROUNDS = 12
"""Rounds of the event loop in which what follows an answer is asked for."""
TOGETHER = 0.001
"""Seconds within which answers count as having come together."""
NUMBERS = 4_096
"""Numbers of which one copy serves all rows."""
Place = tuple[int, int]
"""With which others an outcome came, and the how many-th of all is asking for it again."""
Row = dict[str, Any]
R = TypeVar("R")


class Answer(msgspec.Struct, Generic[R]):
    """One page as a service sends it."""

    value: list[R]
    count: int | None = msgspec.field(name="@odata.count", default=None)
    count_is_limited: bool = msgspec.field(
        name="@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded", default=False
    )
    next_link: str | None = msgspec.field(name="@odata.nextLink", default=None)


Outcome = bytes | Answer[Any] | UpstreamError
"""The body of a good answer, or what was made of it; or what went wrong."""
Decoder = msgspec.json.Decoder[Answer[Any]]
"""Makes rows of an answer's bytes, and checks what its row type declares."""


def decoder(row: Any) -> Decoder:
    """A decoder for rows of this type; numbers with decimals keep their digits."""
    return msgspec.json.Decoder(Answer[row], float_hook=_number)


# Quantities and prices repeat from row to row, and nothing in a row is as large as a Decimal.
_number = lru_cache(NUMBERS)(Decimal)

PLAIN = decoder(Row)
"""Rows as JSON has them."""


def opened(outcome: Outcome, decoder: Decoder) -> Answer[Any]:
    """The answer in a body; raises what went wrong, UpstreamMismatch for a body of another form."""
    if isinstance(outcome, UpstreamError):
        raise outcome
    if isinstance(outcome, Answer):
        return outcome
    try:
        return decoder.decode(outcome)
    except msgspec.ValidationError:
        raise UpstreamMismatch("The service's answer does not hold the rows asked for.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UpstreamMismatch("The service's answer is not JSON.") from None


class Page(msgspec.Struct, frozen=True):
    """Rows as the decoder made them. `count` is the total of the filter, where asked for."""

    rows: list[Any]
    count: int | None = None
    count_is_exact: bool = True
    complete: bool = True
    """Whether the service has no further rows for the query."""
    last: Any = None
    """The last row that the service sent, behind which further rows stand."""


class Had(msgspec.Struct):
    """An outcome of the URL that `url_of` tells, and the moment at which it came."""

    url_of: Callable[[], str]
    moment: float
    outcome: Any


class Replay:
    """
    The outcomes of one operation by URL, kept while a first way is tried and handed out once each
    on the second, so that nothing is asked twice.

    They come again as they came, together or one after the other: what arrives together is loaded
    further together, and a dataloader makes one read of it. Of those that came together, it is the
    second way that says which is the first: it asks in the order of the document.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock`: that of the operation's allowance."""
        self._clock = clock
        self._had: list[Had] = []
        self._kept: dict[str, deque[tuple[int, Outcome]]] = {}
        self._taken = 0
        self._handing_out = False
        self._turns: list[tuple[Place, asyncio.Future[None]]] = []

    @property
    def keeping(self) -> bool:
        """Whether outcomes are still being kept, and none is handed out."""
        return not self._handing_out

    def begin(self) -> None:
        """From here on outcomes are handed out, and no longer kept."""
        self._handing_out = True
        group, latest = 0, 0.0
        for had in self._had:
            group += had.moment - latest > TOGETHER
            latest = had.moment
            self._kept.setdefault(had.url_of(), deque()).append((group, had.outcome))
        self._had.clear()

    def keep(self, url_of: Callable[[], str], outcome: Outcome) -> None:
        """Keep an outcome of the URL that `url_of` tells, should it be wanted again."""
        if not self._handing_out:
            self._had.append(Had(url_of, self._clock(), outcome))

    def made(self, outcome: Outcome, answer: Answer[Any]) -> None:
        """Keep what was made of a body in its place, which would be held for nothing."""
        for had in self._had:
            if had.outcome is outcome:
                had.outcome = answer

    def has(self, url: str) -> bool:
        return bool(self._kept.get(url))

    async def take(self, url: str) -> Outcome:
        """The next outcome of `url`, which `has` said is there, when it is its turn."""
        group, outcome = self._kept[url].popleft()
        turn = asyncio.get_running_loop().create_future()
        self._taken += 1
        heappush(self._turns, ((group, self._taken), turn))
        if len(self._turns) == 1:
            self._release_after(ROUNDS)
        await turn
        return outcome

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
