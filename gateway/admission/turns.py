"""
The waiting calls and their order: by lane, within a lane by account, within an account by caller,
in proportion to their weights and independent of the number of waiting calls, callers and accounts.

Lanes, the accounts in a lane and the callers of an account have turns by virtual times. Whoever had
a turn is due again one step later; who had none of late is due at once. The calls of an operation
that has begun come before those that begin one, as half an answer is of no use to anybody, but not
before others who have had far fewer turns.
"""

import asyncio
from collections.abc import Container, Hashable
from heapq import heappop, heappush

import msgspec

from gateway.admission.errands import WEIGHTS, Errand, Lane
from gateway.admission.user_ledger import Ledger

AHEAD = 10.0
"""Turns that begun operations may have more than others and still come before them."""

Queued = tuple[Hashable, bool]
"""An account or a caller, and true for its calls of operations that have begun."""


class Waiting(msgspec.Struct, eq=False):
    """A call that waits; `turn` is done when it may go, fails when it is refused."""

    errand: Errand
    lane: Lane
    turn: asyncio.Future[Ledger]
    begun: bool = False
    """True if its operation had begun when it was lined up."""


class Rota:
    """Accounts or callers that have turns, each as often as every other one."""

    __slots__ = ("_due", "_heap", "_lined_up", "_now", "_number")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Queued]] = []
        """All that is lined up, once each, by a time at which it is not due before."""
        self._lined_up: set[Queued] = set()
        self._due: dict[Hashable, float] = {}
        """The time at which somebody is due again, where that is later than now."""
        self._now = 0.0
        self._number = 0

    def join(self, queued: Queued) -> None:
        """Line it up, if it is not."""
        if queued not in self._lined_up:
            self._lined_up.add(queued)
            self._number += 1
            at = max(self._now, self._due.get(queued[0], 0.0)) - _head_start(queued)
            heappush(self._heap, (at, self._number, queued))

    def next(self, waiting: Container[Queued]) -> Hashable:
        """The one whose turn it is of those that wait, which are all lined up; one does wait."""
        while True:
            at, number, queued = self._heap[0]
            due = self._due.get(queued[0], 0.0) - _head_start(queued)
            if queued in waiting and due <= at:
                self._now = max(self._now, at)
                return queued[0]
            heappop(self._heap)
            if queued in waiting:
                heappush(self._heap, (due, number, queued))
            else:
                self._lined_up.remove(queued)

    def had_turn(self, one: Hashable) -> None:
        """It had one, in its turn or before."""
        self._due[one] = max(self._now, self._due.get(one, 0.0)) + 1
        if len(self._due) > 2 * len(self._lined_up) + 100:
            self._due = {each: due for each, due in self._due.items() if due > self._now}

    def owed(self, one: Hashable) -> float:
        """The rounds until it is due, besides the one in which everybody has a turn."""
        return max(0.0, self._due.get(one, 0.0) - self._now - 1)


class AccountQueue:
    """The waiting calls of one account, by caller."""

    __slots__ = ("_calls", "_rota", "callers")

    def __init__(self) -> None:
        self._calls: dict[Queued, dict[Waiting, None]] = {}
        self._rota = Rota()
        self.callers: dict[Hashable, int] = {}
        """The number of calls of each that wait."""

    def put(self, waiting: Waiting) -> None:
        caller = waiting.errand.caller
        queued = caller, waiting.begun
        self._calls.setdefault(queued, {})[waiting] = None
        self._rota.join(queued)
        self.callers[caller] = self.callers.get(caller, 0) + 1

    def first(self) -> Waiting:
        """The next call; there is one."""
        caller = self._rota.next(self._calls)
        calls = self._calls.get((caller, True)) or self._calls[caller, False]
        return next(iter(calls))

    def had_turn(self, caller: Hashable) -> None:
        """A call of this caller had its turn."""
        self._rota.had_turn(caller)

    def remove(self, waiting: Waiting) -> bool:
        """True if it was there."""
        caller = waiting.errand.caller
        queued = caller, waiting.begun
        calls = self._calls.get(queued, {})
        if waiting not in calls:
            return False
        del calls[waiting]
        if not calls:
            del self._calls[queued]
        self.callers[caller] -= 1
        if not self.callers[caller]:
            del self.callers[caller]
        return True

    def turns(self, caller: Hashable) -> float:
        """The turns of each colleague, about, before another call of this caller has its own."""
        return self.callers.get(caller, 0) + self._rota.owed(caller)


class TurnQueue:
    """One lane."""

    __slots__ = ("_accounts", "_rota", "_waiting", "length", "served", "weight")

    def __init__(self, weight: int) -> None:
        self.weight = weight
        self.served = 0.0
        """Turns that it had for its weight, on the clock of all lanes."""
        self._clear()

    def _clear(self) -> None:
        self.length = 0
        self._accounts: dict[Hashable, AccountQueue] = {}
        self._waiting: dict[Queued, int] = {}
        """The number of calls that wait."""
        self._rota = Rota()

    def put(self, waiting: Waiting) -> None:
        account = waiting.errand.account
        queued = account, waiting.begun
        if account not in self._accounts:
            self._accounts[account] = AccountQueue()
        self._accounts[account].put(waiting)
        self._waiting[queued] = self._waiting.get(queued, 0) + 1
        self._rota.join(queued)
        self.length += 1

    def pop(self) -> Waiting | None:
        """Remove and return the next call; None if all were given up."""
        while self.length:
            account = self._rota.next(self._waiting)
            waiting = self._accounts[account].first()
            if waiting.turn.done():
                self.left(waiting)
                continue
            self.had_turn(waiting.errand)
            self.left(waiting)
            return waiting
        return None

    def had_turn(self, errand: Errand) -> None:
        """One of the caller's calls had its turn."""
        self._rota.had_turn(errand.account)
        if errand.account in self._accounts:
            self._accounts[errand.account].had_turn(errand.caller)

    def left(self, waiting: Waiting) -> None:
        """It waits no more, with or without a turn; without effect if it has not for a while."""
        account = waiting.errand.account
        callers = self._accounts.get(account)
        if callers is None or not callers.remove(waiting):
            return
        if not callers.callers:
            del self._accounts[account]
        queued = account, waiting.begun
        self._waiting[queued] -= 1
        if not self._waiting[queued]:
            del self._waiting[queued]
        self.length -= 1
        if not self.length:
            self._clear()

    def ahead(self, errand: Errand) -> float:
        """The number of calls that have their turn before another one of this caller, about."""
        account = self._accounts.get(errand.account)
        turns = 1.0
        if account is not None:
            turns = account.turns(errand.caller) + 1
            turns *= len(account.callers.keys() | {errand.caller})
        turns += self._rota.owed(errand.account)
        accounts = len(self._accounts) + (account is None)
        return min(self.length, turns * accounts - 1)

    def waits_for_itself(self, errand: Errand) -> bool:
        """True if the caller would have its turn sooner, had it not asked for more than others."""
        account = self._accounts.get(errand.account)
        own = account.turns(errand.caller) if account is not None else 0.0
        return own > 0 or self._rota.owed(errand.account) > 0


class Turns:
    """All lanes."""

    __slots__ = ("_beginning", "_lines", "_now", "length")

    def __init__(self) -> None:
        self._lines = {lane: TurnQueue(weight) for lane, weight in WEIGHTS.items()}
        self._beginning: dict[Errand, dict[Waiting, None]] = {}
        """The waiting calls of operations that have not begun."""
        self._now = 0.0
        self.length = 0

    def put(self, waiting: Waiting) -> None:
        line = self._lines[waiting.lane]
        waiting.begun = waiting.errand.sent > 0
        if not waiting.begun:
            self._beginning.setdefault(waiting.errand, {})[waiting] = None
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
                self._forget(found)
                return found

    def left(self, waiting: Waiting, *, counts: bool = False) -> None:
        """It waits no more, and had no turn; `counts`: it counts as if it had had one."""
        line = self._lines[waiting.lane]
        before = line.length
        if counts:
            line.had_turn(waiting.errand)
        line.left(waiting)
        self.length -= before - line.length
        self._forget(waiting)

    def has_begun(self, errand: Errand) -> None:
        """The first call of an operation was sent: those that wait are to finish it."""
        for each in tuple(self._beginning.get(errand, ())):
            self.left(each)
            self.put(each)

    def _forget(self, waiting: Waiting) -> None:
        calls = self._beginning.get(waiting.errand, {})
        calls.pop(waiting, None)
        if not calls:
            self._beginning.pop(waiting.errand, None)

    def ahead(self, errand: Errand) -> float:
        """As `TurnQueue.ahead`, with the turns of other lanes."""
        line = self._lines[errand.lane]
        others = sum(each.weight for each in self._lines.values() if each.length and each != line)
        elsewhere = self.length - line.length
        ahead = line.ahead(errand)
        return ahead + min(elsewhere, (ahead + 1) * others / line.weight)

    def waits_for_itself(self, errand: Errand) -> bool:
        """As `TurnQueue.waits_for_itself`."""
        return self._lines[errand.lane].waits_for_itself(errand)

    def _open(self, *, firm: bool) -> list[TurnQueue]:
        if not firm:
            return list(self._lines.values())
        return [self._lines[Lane.WRITES], self._lines[Lane.IDENTITY]]


def _served(line: TurnQueue) -> float:
    return line.served


def _head_start(queued: Queued) -> float:
    return AHEAD if queued[1] else 0.0
