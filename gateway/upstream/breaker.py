"""
A circuit breaker: a service that mostly fails is left alone for a while, then tried by one call.

Callers are told at once instead of after all their tries, and the service is not kept down by them.
"""

import logging
from collections import deque
from random import Random

from gateway.errors import UpstreamUnavailable

log = logging.getLogger(__name__)

WINDOW = 10.0
"""Seconds of calls that are looked at."""
CALLS, SHARE = 20, 0.5
"""It opens when at least so many calls ended in the window, and this share of them failed."""
OPEN, SPREAD = 10.0, 0.2
"""Seconds for which it stays open, give or take this share, so that processes come back apart."""


class Breaker:
    """For one service in one process: closed, open, or half open while one call probes."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._ended: deque[tuple[float, bool]] = deque()
        self._failures = 0
        self._opened_until: float | None = None
        self._probing = False

    def admit(self, moment: float) -> bool:
        """
        Let a call through, which `learn` or `forget` ends; UpstreamUnavailable while it is open.

        Says whether the call is the probe.
        """
        if self._opened_until is None:
            return False
        if self._probing or moment < self._opened_until:
            raise UpstreamUnavailable("Dynamics is not reachable.")
        self._probing = True
        return True

    def learn(self, moment: float, *, failed: bool, probing: bool) -> None:
        """How a call ended."""
        if probing:
            self._probed(moment, failed=failed)
        elif self._opened_until is None:
            self._count(moment, failed=failed)

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

    def _count(self, moment: float, *, failed: bool) -> None:
        self._ended.append((moment, failed))
        self._failures += failed
        while self._ended[0][0] <= moment - WINDOW:
            self._failures -= self._ended.popleft()[1]
        if len(self._ended) >= CALLS and self._failures >= SHARE * len(self._ended):
            self._open(moment)

    def _open(self, moment: float) -> None:
        self._ended.clear()
        self._failures = 0
        seconds = OPEN * self._random.uniform(1 - SPREAD, 1 + SPREAD)
        self._opened_until = moment + seconds
        log.warning("a service mostly fails and is left alone for %.1f seconds", seconds)
