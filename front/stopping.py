"""
SIGTERM -> the orderly end of a process: it is not ready any more, then takes no new connections,
then ends what is under way, all within a bound.
"""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

log = logging.getLogger(__name__)

HURRY: Final = 6.0
"""Seconds before the end from which nobody waits for a write any more."""
CUT: Final = 3.0
"""Seconds before the end at which requests that are still under way are given up."""
LEAST: Final = 1.0
"""Seconds that requests get at least when no new connections are taken any more."""
LEAST_END: Final = 10.0
"""Seconds that stopping takes at least when no new connections are taken any more."""
AGAIN: Final = 1.0
"""Seconds after which a signal is a second one. A supervisor and a terminal tell all processes of a
group, and their parent tells them too."""


def too_short(linger: float | None, within: float | None, named: str) -> str | None:
    """
    The mistake in `within`, the seconds in which a process has to end, beside `linger`, which is
    the setting `named`; None where there is none, or one of them is not known.
    """
    if linger is None or within is None or linger + LEAST_END <= within:
        return None
    least = f"must be {linger + LEAST_END:g} at least"
    return f"{least}: {LEAST_END:g} seconds more than {named}, or what is under way is cut"


class Stopping:
    """The end of one process: told or not, and how long each part of it takes."""

    def __init__(self, linger: float = 5.0, within: float = 28.0) -> None:
        """
        For `linger` seconds new connections are taken as before, so that a balancer can learn; the
        process has ended `within` seconds.
        """
        self._linger, self._within = linger, within
        self._told_at = 0.0
        self.begun = False
        """True from the moment of the signal."""
        self.then: list[Callable[[], object]] = []
        """Functions that are called at the signal, on the event loop."""

    @property
    def grace(self) -> float:
        """Seconds for what is under way when no new connections are taken any more."""
        return max(LEAST, self._within - self._linger - CUT)

    @contextmanager
    def heeding(self, hurry: Callable[[], object] = lambda: None) -> Iterator[None]:
        """
        Hear SIGTERM before the server does, which hears of it when balancers have learned.

        `hurry` is called when whoever waits for a write must be answered.
        """
        server = signal.getsignal(signal.SIGTERM)
        if not callable(server):  # there is no server that would end
            yield
            return
        loop = asyncio.get_running_loop()

        def told(number: int, frame: FrameType | None) -> None:
            if self.begun:
                self._told_again(number)
                return
            self.begun, self._told_at = True, time.monotonic()
            log.info("told to stop: not ready, no new connections in %g seconds", self._linger)
            # A handler of signals may not touch the loop otherwise.
            loop.call_soon_threadsafe(begin, number, frame)

        def begin(number: int, frame: FrameType | None) -> None:
            for each in self.then:
                each()
            loop.call_later(self._linger, server, number, frame)
            loop.call_later(max(self._within - HURRY, self._linger), hurry)

        signal.signal(signal.SIGTERM, told)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, server)

    def _told_again(self, number: int) -> None:
        """End at once, as a process does that does not heed signals."""
        if time.monotonic() - self._told_at >= AGAIN:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
