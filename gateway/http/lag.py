"""The time by which a process is behind with its work, measured by a task that does none."""

import asyncio
from typing import Final

EVERY: Final = 0.5
"""Seconds between two measurements."""
TOO_MUCH: Final = 1.0
"""Seconds from which a process is overloaded."""


class Lag:
    """The latest measurements of one process."""

    seconds = 0.0
    """Seconds by which the loop was late; a long delay fades within a few measurements."""

    @property
    def is_too_much(self) -> bool:
        """True if whoever asks this process would wait for its turn too long."""
        return self.seconds >= TOO_MUCH

    async def measure(self) -> None:
        """Measure until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await asyncio.sleep(EVERY)
            self.seconds = max(loop.time() - began - EVERY, self.seconds / 2)
