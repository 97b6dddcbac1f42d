"""
Mutations, refusals and looks of staff as a customer -> one line each, none of which can be altered
or left out unnoticed.

A mutation has two: one before it writes, at which it is settled whether it can be audited at all,
and one with its outcome. Nothing that happens to the audit later changes what its caller is told.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Final

from gateway.audit.chain import ChainKey, Line, bounded
from gateway.audit.events import INTENDED, Event
from gateway.audit.folding import WINDOW, Folding
from gateway.audit.otlp import Otlp
from gateway.audit.sinks import NOWHERE, FileSink, Output, Sink
from gateway.config.settings import SettingsError
from gateway.errors import WritesRefused

log = logging.getLogger(__name__)

OUTPUT: Final = "-"
"""The value of the file setting for standard output."""
COLLECTORS: Final = ("http://", "https://")
"""With what the address of a collector begins."""
OWED: Final = 1_000
"""Lines that are kept while the audit cannot take them; the oldest give way."""
RETRY_AFTER: Final = 1.0
"""Seconds after a failure in which only a mutation that begins tries the audit again."""

TRIES: Final = 10
"""The number of tries for the lines that are owed when the process ends."""


class Audit:
    """Writes lines to one sink, by default to none."""

    def __init__(
        self,
        sink: Sink = NOWHERE,
        *,
        required: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`required`: refuse what cannot be audited before it is done."""
        self._sink, self._required, self._clock = sink, required, clock
        self._folding = Folding(clock)
        self._owed: deque[Line] = deque(maxlen=OWED)
        self._lost = 0
        self._failed = float("-inf")

    def start(self) -> None:
        """Check the existing file and repair its end, as a serving process does."""
        try:
            self._sink.start()
        except OSError as error:
            self._failing(error)

    def begin(self, event: Event) -> None:
        """Note that a mutation is about to begin; WritesRefused where that is not possible."""
        try:
            self._append([_line(replace(event, outcome=INTENDED))])
        except OSError as error:
            self._failing(error)
            if self._required:
                raise WritesRefused(
                    "No mutation is accepted at the moment; report the reason to the operator.",
                    reason="the audit cannot be written",
                ) from None

    def record(self, event: Event) -> None:
        """Note what has happened. Never raises: what cannot be written now is so later."""
        lines = [_line(each) for each in self._folding.ended()]
        if event.event != "denial" or self._folding.admits(event):
            lines.append(_line(event))
        self._owe(lines)
        if self._clock() - self._failed >= RETRY_AFTER:
            self._settle()

    def flush(self) -> None:
        """Write the counted denials and the delayed lines, as far as possible."""
        self._owe(_line(each) for each in self._folding.rest())
        self._settle()

    async def flushing(self) -> None:
        """Flush in time for ever, also where nothing more happens."""
        while True:
            await asyncio.sleep(WINDOW)
            self.flush()

    def close(self) -> None:
        for _ in range(TRIES):
            self.flush()
            if not self._owed:
                break
        self._sink.close()

    def _settle(self) -> None:
        try:
            if self._owed:
                self._append([])
        except OSError as error:
            self._failing(error)

    def _append(self, lines: Iterable[Line]) -> None:
        """Write the delayed lines and then `lines`; OSError if that fails."""
        while self._owed:
            self._sink.append(self._owed[0])
            self._owed.popleft()
        for line in lines:
            self._sink.append(line)
        if self._failed > float("-inf"):
            log.warning("the audit is written again; %d lines were lost", self._lost)
        self._failed, self._lost = float("-inf"), 0

    def _owe(self, lines: Iterable[Line]) -> None:
        for line in lines:
            self._lost += len(self._owed) == OWED
            self._owed.append(line)

    def _failing(self, error: OSError) -> None:
        if self._failed == float("-inf"):
            log.error("the audit cannot be written: %s", error.strerror or error)
        self._failed = self._clock()


NO_AUDIT = Audit()


def opened(name: str | None, key: bytes, *, required: bool = True) -> Audit:
    """
    The audit of a file, of standard output, of a collector, or none; SettingsError where it cannot
    be had.
    """
    try:
        if name is None:
            return Audit()
        return Audit(_sink(name, ChainKey(key)), required=required)
    except OSError as error:
        problem = f"{name} cannot be written to: {error.strerror or error}"
        raise SettingsError([f"GATEWAY_AUDIT_FILE: {problem}"]) from None


def _sink(name: str, key: ChainKey) -> Sink:
    if name == OUTPUT:
        return Output(key)
    return Otlp(name, key) if name.startswith(COLLECTORS) else FileSink(name, key)


def _line(event: Event) -> Line:
    return bounded({"at": datetime.now(UTC).isoformat(), **asdict(event)})
