"""
What was looked up of callers: fresh for a minute, looked up anew by one for all who ask, and good
for longer while Dataverse cannot be asked.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Hashable
from functools import partial
from math import inf
from typing import Any, Generic, TypeVar

from gateway.admission.deadlines import due
from gateway.admission.flights import Once
from gateway.auth.customers import REMEMBER
from gateway.auth.expiring import Expiring
from gateway.errors import NotAsked, UpstreamThrottled, UpstreamTimeout, UpstreamUnavailable

log = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

UNKNOWN = (NotAsked, UpstreamThrottled, UpstreamTimeout, UpstreamUnavailable)
"""Errors that say nothing of the caller: Dataverse could not be asked."""
PATIENCE = 2.0
"""Seconds to wait for news of what is known already."""
AGAIN = 5.0
"""Seconds for which Dataverse counts as not to be asked once it did not answer."""


class Kept(Generic[K, V]):
    """Outcomes of one kind of look-up, by what was looked up."""

    def __init__(
        self,
        look_up: Callable[[K], Coroutine[Any, Any, V]],
        outage: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        """`outage`: seconds for which an outcome is good while Dataverse cannot be asked."""
        self._look_up = look_up
        self._outage = outage
        self._clock = clock
        self._outcomes: Expiring[K, tuple[float, V]] = Expiring(clock)
        """When it was asked for, and what came of it."""
        self._once: Once[K, V] = Once()
        self._cut_off_until = -inf

    def fresh(self, key: K) -> V | None:
        """The outcome, where it is no older than `REMEMBER`."""
        kept = self._outcomes.get(key)
        return kept[1] if kept is not None and self._clock() < kept[0] + REMEMBER else None

    async def of(self, key: K) -> V:
        """The outcome; raises what the look-up raises where there is none that is good."""
        found = self.fresh(key)
        if found is not None:
            return found
        older = self._older(key)
        if older is None:
            return await self._news(key, due(inf))
        if self._clock() < self._cut_off_until:
            return older
        try:
            return await self._news(key, due(asyncio.get_running_loop().time() + PATIENCE))
        except UNKNOWN as error:
            self._cut_off_until = self._clock() + AGAIN
            log.warning("callers are as they were known before: %s", error.code)
            return older

    def _older(self, key: K) -> V | None:
        """The outcome, where it is good while Dataverse cannot be asked."""
        kept = self._outcomes.get(key)
        return kept[1] if kept is not None and self._clock() < kept[0] + self._outage() else None

    async def _news(self, key: K, until: float) -> V:
        try:
            async with asyncio.timeout_at(until if until < inf else None):
                return await self._once.done(key, partial(self._asked, key))
        except TimeoutError:
            raise UpstreamTimeout("It could not be found out in time who you are.") from None

    async def _asked(self, key: K) -> V:
        moment = self._clock()
        outcome = await self._look_up(key)
        self._outcomes.put(key, (moment, outcome), until=moment + max(REMEMBER, self._outage()))
        return outcome
