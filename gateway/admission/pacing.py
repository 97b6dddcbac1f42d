"""
Turns at the processor: who computes for long does so in slices, and others go on between them.

What is to be loaded waits until all has been computed that leads to it, so that slices make no more
calls of it.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import thread_time
from typing import Final

SLICE: Final = 0.005
"""Seconds of the processor's time for which an operation computes at a time."""
MANY: Final = 500
"""
Rows above which others go on between two steps that look at each of them. `rows[MANY:]` asks for
that without a call, on the way of each read.
"""
ROUNDS: Final = 6
"""Rounds of the event loop in which what was computed comes to ask for what it leads to."""


class Pace:
    """The slices of one operation."""

    def __init__(self) -> None:
        self._ends: float | None = None
        """The end of the slice; None before its first step in a round of the event loop."""
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._serving = False
        self._idle = 0
        """Rounds since the last turn."""
        self._held = 0
        self._loads: list[asyncio.Future[None]] = []
        """Those who wait until nobody has anything to compute."""

    def is_over(self) -> bool:
        """True if the operation has computed for a slice in this round of the event loop."""
        if self._ends is None:
            self._ends = thread_time() + SLICE
            asyncio.get_running_loop().call_soon(self._next_round)
            return False
        return thread_time() > self._ends

    async def turn(self) -> None:
        """Wait for a turn to compute: one part of the operation has it in each round."""
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        self._waiting.append(turn)
        if not self._serving:
            self._serving = True
            loop.call_soon(self._serve)
        await turn

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Let loads wait for what is done meanwhile."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            self._release()

    async def settled(self) -> None:
        """Wait until all that leads to a load has been computed."""
        while self.is_busy:
            wait = asyncio.get_running_loop().create_future()
            self._loads.append(wait)
            await wait

    @property
    def is_busy(self) -> bool:
        """True if there is something left to compute that may lead to a load."""
        return self._serving or self._held > 0

    def _next_round(self) -> None:
        self._ends = None

    def _serve(self) -> None:
        """Give the next turn; without one, wait for what the last ones come to ask for."""
        self._idle += 1
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # it was not given up
                turn.set_result(None)
                self._idle = 0
                break
        if self._idle < ROUNDS:
            asyncio.get_running_loop().call_soon(self._serve)
            return
        self._serving, self._idle = False, 0
        self._release()

    def _release(self) -> None:
        if not self.is_busy:
            loads, self._loads = self._loads, []
            for each in loads:
                if not each.done():
                    each.set_result(None)


async def breathe(rows: int) -> None:
    """Let others go on after a step that has looked at so many rows, if they are many."""
    if rows > MANY:
        await asyncio.sleep(0)


pace: ContextVar[Pace | None] = ContextVar("pace", default=None)
"""The pace of the operation that runs, where it has one."""
