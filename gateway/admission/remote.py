"""Calls to a place outside of the process, such as Redis, that goes on without it."""

import asyncio
import logging
from collections.abc import Coroutine
from math import inf
from typing import Any, Final

log = logging.getLogger(__name__)

AGAIN: Final = 5.0
"""Seconds for which such a place is left alone once it did not answer."""


class Remote:
    """A place that may be away: then nobody waits for it for a while."""

    def __init__(self, without: str, *, again: float | None = None) -> None:
        """
        `without`: the words of the log for how things go on; `again`: seconds until the place is
        called again, if not `AGAIN`.
        """
        self._without, self._again = without, again
        self._away_until = -inf

    @property
    def is_there(self) -> bool:
        return asyncio.get_running_loop().time() >= self._away_until

    async def outcome(self, calling: Coroutine[Any, Any, Any], patience: float) -> Any:
        """The outcome of a call; None where it fails, takes longer, or the place is away."""
        if not self.is_there:
            calling.close()
            return None
        try:
            async with asyncio.timeout(patience):
                return await calling
        except Exception as error:  # noqa: BLE001 - a place of others, where anything can be wrong
            log.info("%s: %s", self._without, type(error).__name__)
            again = AGAIN if self._again is None else self._again
            self._away_until = asyncio.get_running_loop().time() + again
            return None
