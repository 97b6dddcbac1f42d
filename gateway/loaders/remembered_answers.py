"""
Answers of an engine of the ERP: asked for in parts, few of them at once, and remembered for a
minute; never for a list that is too long to ask for. One that is remembered costs its caller the
same, so that nobody is told what others have asked.
"""

import logging
import time
from asyncio import Semaphore, gather, timeout_at
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Final, Generic, TypeVar

from gateway.auth.expiring import Expiring
from gateway.errors import GatewayError
from gateway.loaders.collected_loads import PacedLoader
from gateway.upstream.allowance import Allowance
from gateway.upstream.service import Service

log = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
TOGETHER: Final = 25
"""Answers that one request asks for."""
KEPT: Final = 60.0
"""Seconds for which an answer is remembered."""
WEIGHT: Final = 600
"""Bytes of a remembered answer, about."""


class RememberedAnswers(Generic[K, V]):
    """The answers of one engine, for all callers of a process."""

    def __init__(
        self, at_once: int, unanswered: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """
        `at_once`: requests that a process makes at the same time, as engines are not made for many;
        `unanswered`: the words of the log for a request without an answer.
        """
        self._places = Semaphore(at_once)
        self._unanswered, self._clock = unanswered, clock
        self.kept: Expiring[K, V] = Expiring(clock, weigh=lambda answer: WEIGHT)

    async def find(
        self,
        keys: Sequence[K],
        ask: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]],
        spare: Callable[[], None],
        deadline: float,
    ) -> dict[K, V]:
        """
        The answers, as far as they are remembered or `ask` gets them before the deadline; `spare`
        pays for a part that need not be asked for.
        """
        parts = [keys[start : start + TOGETHER] for start in range(0, len(keys), TOGETHER)]
        found: dict[K, V] = {}
        for answers in await gather(*(self._part(part, ask, spare, deadline) for part in parts)):
            found |= answers
        return found

    async def _part(
        self,
        keys: Sequence[K],
        ask: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]],
        spare: Callable[[], None],
        deadline: float,
    ) -> Mapping[K, V]:
        known = {key: self.kept.get(key) for key in keys}
        found = {key: answer for key, answer in known.items() if answer is not None}
        rest = [key for key, answer in known.items() if answer is None]
        if rest:
            return {**found, **await self._asked(rest, ask, deadline)}
        try:
            spare()
        except GatewayError as error:
            log.info("%s: %s", self._unanswered, error)
            return {}
        return found

    async def _asked(
        self,
        keys: Sequence[K],
        ask: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]],
        deadline: float,
    ) -> Mapping[K, V]:
        try:
            async with timeout_at(deadline):
                await self._places.acquire()
            try:
                found = await ask(keys)
            finally:
                self._places.release()
        except (GatewayError, TimeoutError) as error:
            log.info("%s: %s", self._unanswered, error)
            return {}
        for key, answer in found.items():
            self.kept.put(key, answer, until=self._clock() + KEPT)
        return found


def spare(service: Service, allowance: Allowance, calls: int) -> None:
    """Pay for calls that need not be sent; raises as if they were."""
    allowance.spend(calls)
    for _ in range(calls):
        service.spare(allowance)


class AnswersTogether(Generic[K, V]):
    """The answers that one request needs: those for a list are asked for together."""

    def __init__(self, find: Callable[[list[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._find = find
        self._listed: PacedLoader[K, V | None] = PacedLoader(self._few)
        self._ordered: PacedLoader[K, V | None] = PacedLoader(self._all)

    async def of(self, key: K, *, listed: bool) -> V | None:
        """
        One answer; None where there is none. What is `listed` has none where it is more than is
        asked for at once; the lines of an order all have.
        """
        return await (self._listed if listed else self._ordered).load(key)

    async def _few(self, keys: list[K]) -> list[V | None]:
        return [None] * len(keys) if len(keys) > TOGETHER else await self._all(keys)

    async def _all(self, keys: list[K]) -> list[V | None]:
        found = await self._find(keys)
        return [found.get(key) for key in keys]
