"""
The waiting calls and their order: by lane, within a lane by account, within an account by caller,
in proportion to their weights and independent of the number of waiting calls.

Every lane keeps a virtual time. After a call, a caller is due again one step later; the step grows
with the number of waiting colleagues of the account. A caller with few calls is due at once.
"""

import asyncio
from collections.abc import Hashable
from heapq import heappop, heappush

import msgspec

from gateway.admission.errands import WEIGHTS, Errand, Lane
from gateway.admission.user_ledger import Ledger


class Waiting(msgspec.Struct, eq=False):
    """A call that waits; `turn` is done when it may go, fails when it is refused."""

    errand: Errand
    lane: Lane
    turn: asyncio.Future[Ledger]


class TurnQueue:
    """One lane."""

    __slots__ = ("_due", "_heap", "_now", "_number", "_waiting", "length", "served", "weight")

    def __init__(self, weight: int) -> None:
        self.weight = weight
        self.served = 0.0
        """Turns that it had for its weight, on the clock of all lanes."""
        self.length = 0
        self._heap: list[tuple[float, int, Waiting]] = []
        self._now = 0.0
        self._number = 0
        self._due: dict[Hashable, float] = {}
        """The time at which a caller is due again."""
        self._waiting: dict[Hashable, dict[Hashable, int]] = {}
        """The number of calls that wait, by account and caller."""

    def put(self, waiting: Waiting) -> None:
        errand = waiting.errand
        callers = self._waiting.setdefault(errand.account, {})
        callers[errand.caller] = callers.get(errand.caller, 0) + 1
        due = max(self._now, self._due.get(errand.caller, 0.0))
        self._due[errand.caller] = due + len(callers)
        self.length += 1
        self._number += 1
        # What was begun is finished before more is begun: half an answer is of no use to anybody.
        heappush(self._heap, (self._now - 1 if errand.sent else due, self._number, waiting))

    def pop(self) -> Waiting | None:
        """Remove and return the next call."""
        while self._heap:
            due, _, waiting = heappop(self._heap)
            if not waiting.turn.done():
                self._now = max(self._now, due)
                self.left(waiting)
                return waiting
        return None

    def left(self, waiting: Waiting) -> None:
        """It waits no more, with or without a turn."""
        errand = waiting.errand
        callers = self._waiting[errand.account]
        callers[errand.caller] -= 1
        if not callers[errand.caller]:
            del callers[errand.caller]
        if not callers:
            del self._waiting[errand.account]
        self.length -= 1
        if not self.length:
            self._due.clear()
            self._heap.clear()

    def ahead(self, errand: Errand) -> int:
        """The number of calls that have their turn before another one of this caller, about."""
        callers = self._waiting.get(errand.account, {})
        own = callers.get(errand.caller, 0)
        colleagues = len(callers) + (errand.caller not in callers)
        accounts = len(self._waiting) + (errand.account not in self._waiting)
        return min(self.length, (own + 1) * colleagues * accounts - 1)

    def waiting(self, errand: Errand) -> int:
        """The number of calls of this caller that wait."""
        return self._waiting.get(errand.account, {}).get(errand.caller, 0)


class Turns:
    """All lanes."""

    __slots__ = ("_lines", "_now", "length")

    def __init__(self) -> None:
        self._lines = {lane: TurnQueue(weight) for lane, weight in WEIGHTS.items()}
        self._now = 0.0
        self.length = 0

    def put(self, waiting: Waiting) -> None:
        line = self._lines[waiting.lane]
        if not line.length:
            line.served = max(line.served, self._now)
        line.put(waiting)
        self.length += 1

    def pop(self, *, firm: bool = False) -> Waiting | None:
        """
        Take the call whose turn it is, if any waits; `firm`: only of writes and of look-ups of
        callers.
        """
        while True:
            lines = [line for line in self._open(firm=firm) if line.length]
            if not lines:
                return None
            line = min(lines, key=_served)
            self._now = line.served
            line.served += 1 / line.weight
            before = line.length
            found = line.pop()
            self.length -= before - line.length
            if found is not None:
                return found

    def left(self, waiting: Waiting) -> None:
        """It waits no more, and had no turn."""
        self._lines[waiting.lane].left(waiting)
        self.length -= 1

    def ahead(self, errand: Errand) -> float:
        """As `Line.ahead`, with the turns of other lanes."""
        line = self._lines[errand.lane]
        others = sum(each.weight for each in self._lines.values() if each.length and each != line)
        elsewhere = self.length - line.length
        ahead = line.ahead(errand)
        return ahead + min(elsewhere, (ahead + 1) * others / line.weight)

    def waiting(self, errand: Errand) -> int:
        """The number of calls of this caller that wait in its lane."""
        return self._lines[errand.lane].waiting(errand)

    def _open(self, *, firm: bool) -> list[TurnQueue]:
        if not firm:
            return list(self._lines.values())
        return [self._lines[Lane.WRITES], self._lines[Lane.IDENTITY]]


def _served(line: TurnQueue) -> float:
    return line.served
