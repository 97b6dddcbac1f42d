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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import UTC, datetime
from threading import Lock
from typing import Final

from gateway.audit.chain import ChainKey, Line, bounded
from gateway.audit.events import INTENDED, Event
from gateway.audit.folding import Folding
from gateway.audit.otlp import Otlp
from gateway.audit.sinks import NOWHERE, PROMPT, START, Busy, FileSink, Output, Sink
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

PATIENCE: Final = 3.0
"""Seconds that a mutation waits for its line, by default, and that nobody waits for the rest."""
GRACE: Final = 0.5
"""Seconds behind which a write that takes no end counts as one that failed."""
SLOW: Final = 0.25
"""Seconds from which a write is slow: for a while nobody's request waits for further ones."""
TRIES: Final = 10
"""The number of tries for the lines that are owed when the process ends."""


class Intent:
    """
    The line of a mutation that is about to begin, between the thread that writes it and the one
    that waits for it. Whichever comes last sees to the end of a mutation that is not made.
    """

    def __init__(self, event: Event) -> None:
        self._event, self._lock = event, Lock()
        self._is_written = self._is_refused = self.is_given_up = False

    def begun(self) -> Line:
        return _line(replace(self._event, outcome=INTENDED))

    def written(self) -> list[Line]:
        """It is written; the lines that must follow."""
        with self._lock:
            self._is_written = True
            return self._end()

    def given_up(self, *, refused: bool) -> list[Line]:
        """Nobody waits for it any more; the lines that must follow."""
        with self._lock:
            self.is_given_up, self._is_refused = True, refused
            return self._end()

    def _end(self) -> list[Line]:
        if not (self._is_written and self._is_refused):
            return []
        return [_line(replace(self._event, outcome=WritesRefused.code))]


class Audit:
    """
    Writes lines to one sink, by default to none.

    A mutation waits for its line, and nobody else does: a thread writes it. What only tells of
    something is written at once where that is quick, and otherwise by that thread a while later.
    """

    def __init__(
        self,
        sink: Sink = NOWHERE,
        *,
        required: bool = True,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        `required`: refuse what cannot be audited before it is done. `patience`: seconds that a
        mutation waits until its line is written.
        """
        self._sink, self._required, self._clock = sink, required, clock
        self._patience = patience
        self._folding = Folding(clock)
        self._owed: deque[Line] = deque(maxlen=OWED)
        self._lost = 0
        self._failed = self._slow = float("-inf")
        self._writing = Lock()
        self._thread = ThreadPoolExecutor(1, "audit")

    def start(self) -> None:
        """Check the existing file and repair its end, as a serving process does."""
        try:
            self._sink.start()
        except OSError as error:
            self._failing(error)

    async def begin(self, event: Event) -> None:
        """Note that a mutation is about to begin; WritesRefused where that is not possible."""
        if self._sink is NOWHERE:
            return
        intent = Intent(event)
        try:
            async with asyncio.timeout(self._patience + GRACE):
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._thread, self._write_down, intent)
        except asyncio.CancelledError:
            self._owe(intent.given_up(refused=True))
            raise
        except OSError as error:  # TimeoutError is one
            self._owe(intent.given_up(refused=self._required))
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
        now = self._clock()
        if now - self._failed >= RETRY_AFTER and now - self._slow >= RETRY_AFTER:
            self._settle(PROMPT, wait=0)

    def flush(self) -> None:
        """Write the counted denials and the delayed lines, as far as possible."""
        self._owe(_line(each) for each in self._folding.rest())
        self._settle(START, wait=START)

    async def flushing(self) -> None:
        """Write for ever what is due, also where nothing more happens."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(RETRY_AFTER)
            self._owe(_line(each) for each in self._folding.ended())
            if self._owed:
                await loop.run_in_executor(self._thread, self._settle, PATIENCE, PATIENCE)

    def close(self) -> None:
        for _ in range(TRIES):
            self.flush()
            if not self._owed:
                break
        self._thread.shutdown(wait=False)
        self._sink.close()

    def _write_down(self, intent: Intent) -> None:
        """Write the line of a mutation for which somebody waits; OSError where that fails."""
        with self._writing:
            if intent.is_given_up:
                return
            self._append([intent.begun()], self._patience)
        self._owe(intent.written())

    def _settle(self, patience: float, wait: float) -> None:
        """Write the lines that are owed, unless others are written for longer than `wait`."""
        if not self._owed or not self._writing.acquire(timeout=wait):
            return
        try:
            self._append([], patience)
        except Busy:
            self._slow = self._clock()
        except OSError as error:
            self._failing(error)
        finally:
            self._writing.release()

    def _append(self, lines: Iterable[Line], patience: float) -> None:
        """Write the delayed lines and then `lines`; OSError if that fails."""
        began = time.monotonic()

        def left() -> float:
            return max(began + patience - time.monotonic(), 0)

        while self._owed:
            line = self._owed[0]
            self._sink.append(line, left())
            if self._owed[0] is line:  # otherwise it gave way meanwhile
                self._owed.popleft()
        for line in lines:
            self._sink.append(line, left())
        if self._failed > float("-inf"):
            log.warning("the audit is written again; %d lines were lost", self._lost)
        self._failed, self._lost = float("-inf"), 0
        if time.monotonic() - began > SLOW:
            self._slow = self._clock()

    def _owe(self, lines: Iterable[Line]) -> None:
        for line in lines:
            self._lost += len(self._owed) == OWED
            self._owed.append(line)

    def _failing(self, error: OSError) -> None:
        if self._failed == float("-inf"):
            reason = error.strerror or str(error) or "it takes too long"
            log.error("the audit cannot be written: %s", reason)
        self._failed = self._clock()


NO_AUDIT = Audit()


def opened(
    name: str | None, key: bytes, *, required: bool = True, patience: float = PATIENCE
) -> Audit:
    """
    The audit of a file, of standard output, of a collector, or none; SettingsError where it cannot
    be had.
    """
    try:
        if name is None:
            return Audit()
        return Audit(_sink(name, ChainKey(key)), required=required, patience=patience)
    except OSError as error:
        problem = f"{name} cannot be written to: {error.strerror or error}"
        raise SettingsError([f"GATEWAY_AUDIT_FILE: {problem}"]) from None


def _sink(name: str, key: ChainKey) -> Sink:
    if name == OUTPUT:
        return Output(key)
    return Otlp(name, key) if name.startswith(COLLECTORS) else FileSink(name, key)


def _line(event: Event) -> Line:
    return bounded({"at": datetime.now(UTC).isoformat(), **asdict(event)})
