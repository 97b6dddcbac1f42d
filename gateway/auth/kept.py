"""
Look-ups of callers: fresh for a minute, made anew by one for all who ask, renewed many at a time
ahead of that, and good for longer while Dataverse cannot be asked. Replicas may share them.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from functools import partial
from math import inf
from typing import Any, Generic, TypeVar

import msgspec

from gateway.admission.deadlines import due
from gateway.admission.flights import Once
from gateway.auth.customers import REMEMBER
from gateway.auth.expiring import Expiring
from gateway.auth.shared_outcomes import SharedOutcomes
from gateway.ceiling import bytes_of
from gateway.errors import (
    NotAsked,
    NotAvailableHere,
    UpstreamError,
    UpstreamThrottled,
    UpstreamTimeout,
    UpstreamUnavailable,
)

log = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

UNKNOWN = (NotAsked, UpstreamThrottled, UpstreamTimeout, UpstreamUnavailable)
"""Errors that say nothing of the caller: Dataverse could not be asked."""
PATIENCE = 2.0
"""Seconds to wait for a renewal while an older outcome is known."""
EVERY, DUE = 15.0, 30.0
"""Seconds between two rounds of renewing, and the age from which an outcome is renewed."""
LATELY = 600.0
"""Seconds after its last use for which an outcome is renewed."""
MANY, MOST = 100, 2_000
"""The number of look-ups renewed by one call, and in one round."""
AGAIN = 5.0
"""Seconds for which Dataverse counts as not to be asked once it did not answer."""


class Outcome(msgspec.Struct, Generic[V]):
    """A look-up: its result, the time of its question, and the time somebody last wanted it."""

    value: V
    asked: float
    wanted: float


class Kept(Generic[K, V]):
    """A cache of the outcomes of one kind of lookup, by its key."""

    def __init__(
        self,
        look_up: Callable[[K], Coroutine[Any, Any, V]],
        outage: Callable[[], float],
        clock: Callable[[], float],
        shared: SharedOutcomes[K, V] | None = None,
    ) -> None:
        """
        `outage`: seconds for which an outcome is good while Dataverse cannot be asked. `shared`:
        the outcomes that other replicas have told.
        """
        self._look_up = look_up
        self._outage = outage
        self._clock = clock
        self._shared = shared
        self.outcomes: Expiring[K, Outcome[V]] = Expiring(
            clock, weigh=lambda outcome: bytes_of(outcome.value)
        )
        self._once: Once[K, V] = Once()
        self._cut_off_until = -inf

    def fresh(self, key: K) -> V | None:
        """The outcome, where it is no older than `REMEMBER`."""
        kept = self.outcomes.get(key)
        if kept is None:
            return None
        now = kept.wanted = self._clock()
        return kept.value if now < kept.asked + REMEMBER else None

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
        kept = self.outcomes.get(key)
        if kept is None or self._clock() >= kept.asked + self._outage():
            return None
        return kept.value

    async def _news(self, key: K, until: float) -> V:
        try:
            async with asyncio.timeout_at(until if until < inf else None):
                return await self._once.done(key, partial(self._asked, key))
        except TimeoutError:
            raise UpstreamTimeout("The lookup of your contact took too long; try again.") from None

    async def _asked(self, key: K) -> V:
        told = await self._told([key], self._lasts)
        if key in told and told[key].asked > self._clock() - REMEMBER:
            return self._keep(key, told[key].asked, told[key].value)
        moment = self._clock()
        try:
            value = await self._look_up(key)
        except UNKNOWN:
            if key not in told:
                raise
            return self._keep(key, told[key].asked, told[key].value)
        self._tell({key: value}, moment)
        return self._keep(key, moment, value)

    @property
    def _lasts(self) -> float:
        """Seconds for which an outcome may be of use."""
        return max(REMEMBER, self._outage())

    async def _told(self, keys: Sequence[K], most: float) -> dict[K, Outcome[V]]:
        """The outcomes of these keys that others know, asked for within `most` seconds."""
        found = await self._shared.found(keys) if self._shared is not None and keys else {}
        now = self._clock()
        return {
            key: Outcome(value, now - age, now) for key, (value, age) in found.items() if age < most
        }

    def _tell(self, outcomes: Mapping[K, V], asked: float) -> None:
        if self._shared is not None and outcomes:
            self._shared.tell(outcomes, age=self._clock() - asked, lasts=self._lasts)

    def _keep(self, key: K, asked: float, value: V) -> V:
        kept = self.outcomes.get(key)
        if kept is not None and kept.value == value:
            value = kept.value  # what was made of it stands as well
        wanted = self._clock() if kept is None else kept.wanted
        self.outcomes.put(key, Outcome(value, asked, wanted), until=asked + self._lasts)
        return value

    async def keep_fresh(
        self, look_up: Callable[[Sequence[K]], Coroutine[Any, Any, Mapping[K, V]]]
    ) -> None:
        """Renew for ever whom somebody wanted of late; `look_up` asks for many, may omit some."""
        while True:
            await asyncio.sleep(EVERY)
            await self.renew(look_up)

    def _is_due(self, key: K, now: float) -> bool:
        kept = self.outcomes.get(key)
        return kept is not None and kept.asked <= now - DUE

    async def renew(
        self, look_up: Callable[[Sequence[K]], Coroutine[Any, Any, Mapping[K, V]]]
    ) -> None:
        """Renew those who would soon have to be looked up one by one."""
        now = self._clock()
        due = [
            key
            for key, kept in self.outcomes.items()
            if kept.wanted > now - LATELY and kept.asked <= now - DUE / 2
        ]
        if not any(self._is_due(key, now) for key in due):
            return  # those who are younger go along with them later
        due = await self._unrenewed(due)
        for begin in range(0, min(len(due), MOST), MANY):
            asked = self._clock()
            try:
                found = await look_up(due[begin : begin + MANY])
            except (UpstreamError, NotAvailableHere) as error:
                log.info("callers are not renewed for now: %s", error.code)
                return
            for key, value in found.items():
                self._keep(key, asked, value)
            self._tell(found, asked)

    async def _unrenewed(self, due: list[K]) -> list[K]:
        """Those of whom no other replica has told of late; what others have told is taken."""
        told: dict[K, Outcome[V]] = {}
        for begin in range(0, len(due), MANY):
            told |= await self._told(due[begin : begin + MANY], DUE / 2)
        for key, outcome in told.items():
            self._keep(key, outcome.asked, outcome.value)
        return [key for key in due if key not in told]
