"""
Circuit breakers: what mostly fails is left alone for a while, then tried by one call.

Callers are told at once instead of after all their tries, and the service is not kept down by them.
A service that cannot be reached is left alone as a whole, one that fails by table and kind of call.
"""

import logging
from collections import deque
from collections.abc import Hashable
from random import Random
from typing import Literal

from gateway.errors import LeftAlone

log = logging.getLogger(__name__)

Sort = tuple[Literal["reads", "writes"], str]
"""The kind of a call and its table."""

WINDOW = 10.0
"""Seconds of calls that count."""
CALLS, SHARE = 20, 0.5
"""The least number of calls in the window, and the share of failures among them, that open it."""
CALLERS = 3
"""The least number of callers whose slow calls open it: a single one may ask for slow things."""
OPEN, SPREAD = 3.0, 0.2
"""Seconds for which it stays open, give or take this share, so that processes come back apart."""
FEEDS: Sort = ("reads", "feeds")
"""The calls of feeds, which come one at a time and for many watchers."""
OPEN_FOR = {FEEDS: 2.0}
"""Seconds for which breakers of some sorts stay open instead."""


class Breaker:
    """For one sort of call in one process: closed, open, or half open while one call probes."""

    def __init__(self, random: Random, name: str = "a service", seconds: float = OPEN) -> None:
        self._random = random
        self._name = name
        self._seconds = seconds
        self._ended: deque[tuple[float, bool, Hashable]] = deque()
        """The ends of calls: the time, whether it failed, and who is to blame if it was too slow.
        """
        self._failures = 0
        self._opened_until: float | None = None
        self._probing = False

    @property
    def quiet(self) -> bool:
        """True if nothing failed lately."""
        return not self._failures and self._opened_until is None

    @property
    def is_open(self) -> bool:
        """True if no calls are let through, but for one that probes."""
        return self._opened_until is not None

    def check(self, moment: float) -> None:
        """LeftAlone where `admit` would let nobody through."""
        if self._opened_until is not None and (self._probing or moment < self._opened_until):
            raise LeftAlone("Dynamics is not reachable.")

    def admit(self, moment: float) -> bool:
        """
        Let a call through, which `learn` or `forget` ends; LeftAlone while it is open.

        Says whether the call is the probe.
        """
        if self._opened_until is None:
            return False
        self.check(moment)
        self._probing = True
        return True

    def learn(
        self, moment: float, *, failed: bool, probing: bool, slow_for: Hashable = None
    ) -> None:
        """
        Learn the end of a call; `slow_for`: the caller, where all that speaks against it is time.
        """
        if probing:
            self._probed(moment, failed=failed)
        elif self._opened_until is None and (failed or self._failures):
            self._count(moment, failed, slow_for)

    def forget(self, *, probing: bool) -> None:
        """A call was given up, which says nothing; if it was the probe, the next one is."""
        if probing:
            self._probing = False

    def _probed(self, moment: float, *, failed: bool) -> None:
        self._probing = False
        if failed:
            self._open(moment)
        else:
            self._opened_until = None

    def _count(self, moment: float, failed: bool, slow_for: Hashable) -> None:
        self._ended.append((moment, failed, slow_for))
        self._failures += failed
        while self._ended[0][0] <= moment - WINDOW:
            self._failures -= self._ended.popleft()[1]
        if not self._failures:
            self._ended.clear()
        # A success is no reason to open it, however many failures there were before.
        enough = len(self._ended) >= CALLS and self._failures >= SHARE * len(self._ended)
        if failed and enough and self._is_everybodys():
            self._open(moment)

    def _is_everybodys(self) -> bool:
        """True if the failures concern more than the slow queries of a few callers."""
        blamed = [slow_for for _, failed, slow_for in self._ended if failed]
        callers = {each for each in blamed if each is not None}
        return len(callers) >= CALLERS or blamed.count(None) >= SHARE * len(self._ended)

    def _open(self, moment: float) -> None:
        self._ended.clear()
        self._failures = 0
        seconds = self._seconds * self._random.uniform(1 - SPREAD, 1 + SPREAD)
        self._opened_until = moment + seconds
        log.warning("%s mostly fails: left alone for %.1f seconds", self._name, seconds)


class Breakers:
    """All breakers of one service."""

    def __init__(self, random: Random, name: str = "the service") -> None:
        self._random, self._name = random, name
        self._reach = Breaker(random, name)
        """For the whole service: whether it can be reached."""
        self._kinds: dict[Sort, Breaker] = {}
        self.quiet = True
        """True if nothing failed lately, so that none of them need be asked."""

    def check(self, sort: Sort, moment: float) -> None:
        """LeftAlone where `admit` would let nobody through."""
        if not self.quiet:
            self._reach.check(moment)
            self._of(sort).check(moment)

    def admit(self, sort: Sort, moment: float) -> tuple[Breaker, ...]:
        """
        Let a call through, which `learn` or `forget` ends; LeftAlone where one of them
        is open. Says for which of them the call is the probe.
        """
        if self.quiet:
            return ()
        self.check(sort, moment)
        both = self._reach, self._of(sort)
        return tuple([each for each in both if each.admit(moment)])

    def learn(
        self,
        sort: Sort,
        moment: float,
        probed: tuple[Breaker, ...],
        *,
        failed: bool,
        reached: bool = True,
        slow_for: Hashable = None,
    ) -> None:
        """Learn the end of a call; `reached`: whether it came as far as the service."""
        if self.quiet and not failed:
            return
        reach, kind = self._reach, self._of(sort)
        reach.learn(moment, failed=not reached, probing=reach in probed)
        if reached:
            kind.learn(moment, failed=failed, probing=kind in probed, slow_for=slow_for)
        else:
            kind.forget(probing=kind in probed)
        self.quiet = reach.quiet and all(each.quiet for each in self._kinds.values())

    def forget(self, probed: tuple[Breaker, ...]) -> None:
        """A call was given up, which says nothing."""
        for each in probed:
            each.forget(probing=True)

    @property
    def is_unreachable(self) -> bool:
        """True if the service is left alone as a whole."""
        return self._reach.is_open

    @property
    def left_alone(self) -> list[str]:
        """The kinds of calls that are left alone for now."""
        return sorted(" of ".join(sort) for sort, each in self._kinds.items() if each.is_open)

    def _of(self, sort: Sort) -> Breaker:
        if sort not in self._kinds:
            name = f"{self._name} ({' of '.join(sort)})"
            self._kinds[sort] = Breaker(self._random, name, OPEN_FOR.get(sort, OPEN))
        return self._kinds[sort]
