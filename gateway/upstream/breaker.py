"""
A circuit breaker: a service that mostly fails is left alone for a while, then tried by one call.

Callers are told at once instead of after all their tries, and the service is not kept down by them.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from gateway.errors import UpstreamUnavailable

log = logging.getLogger(__name__)

WINDOW = 10.0
"""Seconds of calls that are looked at."""
CALLS, SHARE = 20, 0.5
"""It opens when at least so many calls ended in the window, and this share of them failed."""
OPEN, SPREAD = 10.0, 0.2
"""Seconds for which it stays open, give or take this share, so that processes come back apart."""


@dataclass
class Call:
    """A call under way; whoever makes it says how it ended, or nothing where it was given up."""

    failed: bool | None = None


class Breaker:
    """For one service in one process: closed, open, or half open while one call probes."""

    def __init__(self, random: Random, clock: Callable[[], float]) -> None:
        self._random, self._clock = random, clock
        self._ended: deque[tuple[float, bool]] = deque()
        self._failures = 0
        self._opened_until: float | None = None
        self._probing = False

    @contextmanager
    def call(self) -> Iterator[Call]:
        """Let a call through and learn from it; UpstreamUnavailable while it is open."""
        probing = self._admit()
        call = Call()
        try:
            yield call
        finally:
            self._probing = self._probing and not probing
            if call.failed is not None:
                self._learn(failed=call.failed, probing=probing)

    def _admit(self) -> bool:
        """Whether the call is the probe."""
        if self._opened_until is None:
            return False
        if self._probing or self._clock() < self._opened_until:
            raise UpstreamUnavailable("Dynamics is not reachable.")
        self._probing = True
        return True

    def _learn(self, *, failed: bool, probing: bool) -> None:
        if probing and failed:
            self._open()
        elif probing:
            self._opened_until = None
        elif self._opened_until is None:
            self._count(failed=failed)

    def _count(self, *, failed: bool) -> None:
        moment = self._clock()
        self._ended.append((moment, failed))
        self._failures += failed
        while self._ended[0][0] <= moment - WINDOW:
            self._failures -= self._ended.popleft()[1]
        if len(self._ended) >= CALLS and self._failures >= SHARE * len(self._ended):
            self._open()

    def _open(self) -> None:
        self._ended.clear()
        self._failures = 0
        seconds = OPEN * self._random.uniform(1 - SPREAD, 1 + SPREAD)
        self._opened_until = self._clock() + seconds
        log.warning("a service mostly fails and is left alone for %.1f seconds", seconds)
