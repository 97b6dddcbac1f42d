"""The emulator's clock: real time, or a time that stands still until it is advanced."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def wall() -> datetime:
    return datetime.now(UTC)


class Clock:
    """The clock of the emulated services; a virtual one never makes anybody wait."""

    def __init__(self, source: Callable[[], datetime] = wall, *, virtual: bool = False) -> None:
        self._source = source
        self._ahead = timedelta()
        self.virtual = virtual

    def now(self) -> datetime:
        return self._source() + self._ahead

    def advance(self, **by: float) -> None:
        """Move on, in the words of `timedelta`: `advance(days=1, minutes=5)`."""
        self._ahead += timedelta(**by)

    def stand_still(self, at: datetime | None = None) -> None:
        """From now on time passes by `advance` and by virtual latency alone."""
        moment = at or self.now()
        self._source, self._ahead, self.virtual = (lambda: moment), timedelta(), True

    async def sleep(self, seconds: float) -> None:
        if self.virtual:
            self.advance(seconds=seconds)
        else:
            await asyncio.sleep(seconds)
