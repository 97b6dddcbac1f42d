"""
Prices by the ERP's engine: asked for in batches, remembered for a minute for each customer,
product, unit and quantity, and never for a list that is too long to ask for.
"""

import logging
import time
from asyncio import Semaphore, gather, timeout_at
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Final

from gateway.auth.expiring import Expiring
from gateway.errors import GatewayError
from gateway.loaders.batching import PacedLoader
from gateway.upstream.active_prices import TOGETHER, ActivePrice, ActivePrices, PriceLine, Prices
from gateway.upstream.allowance import Allowance

log = logging.getLogger(__name__)

KEPT: Final = 60.0
"""Seconds for which a price is remembered."""
AT_ONCE: Final = 4
"""Requests to the engine that a process makes at once: it is not made for many."""
WEIGHT: Final = 600
"""Bytes of a remembered price, about."""
Customer = tuple[str, str]
"""The code of the legal entity that sells, and the number of the account that buys."""
Remembered = tuple[Customer, PriceLine]


class Pricing:
    """The prices of a process."""

    def __init__(self, engine: ActivePrices, clock: Callable[[], float] = time.monotonic) -> None:
        self.engine = engine
        self._clock = clock
        self._places = Semaphore(AT_ONCE)
        self.remembered: Expiring[Remembered, ActivePrice] = Expiring(
            clock, weigh=lambda price: WEIGHT
        )

    @property
    def is_there(self) -> bool:
        """True if the environment has an engine."""
        return bool(self.engine.is_there)

    async def prices(
        self, customer: Customer, lines: Sequence[PriceLine], allowance: Allowance
    ) -> Prices:
        """The prices of lines, as far as the engine knows and answers them."""
        known = {line: self.remembered.get(_place(customer, line)) for line in lines}
        found = {line: price for line, price in known.items() if price is not None}
        rest = [line for line, price in known.items() if price is None]
        parts = [rest[start : start + TOGETHER] for start in range(0, len(rest), TOGETHER)]
        for fresh in await gather(*(self._asked(customer, part, allowance) for part in parts)):
            found |= fresh
        return found

    async def _asked(
        self, customer: Customer, lines: Sequence[PriceLine], allowance: Allowance
    ) -> Prices:
        try:
            async with timeout_at(allowance.deadline):
                await self._places.acquire()
            try:
                found = await self.engine.prices(*customer, lines, allowance)
            finally:
                self._places.release()
        except (GatewayError, TimeoutError) as error:
            log.info("the pricing engine was not asked or did not answer: %s", error)
            return {}
        for line, price in found.items():
            self.remembered.put(_place(customer, line), price, until=self._clock() + KEPT)
        return found


def _place(customer: Customer, line: PriceLine) -> Remembered:
    return customer, line


class RequestPrices:
    """The prices that one request asks for: those of a list together."""

    def __init__(self, pricing: Pricing, allowance: Allowance) -> None:
        self._pricing, self._allowance = pricing, allowance
        self._loaders: dict[Hashable, PacedLoader[PriceLine, ActivePrice | None]] = {}

    @property
    def is_there(self) -> bool:
        return self._pricing.is_there

    async def of(self, customer: Customer, line: PriceLine, *, listed: bool) -> ActivePrice | None:
        """
        The price of a line; None where the engine has none. Products that are `listed` have none
        where they are more than the engine is asked for at once; the lines of an order all have.
        """
        key = customer, listed
        if key not in self._loaders:
            load = partial(self._together, customer, listed=listed)
            self._loaders[key] = PacedLoader(load)
        return await self._loaders[key].load(line)

    async def _together(
        self, customer: Customer, lines: list[PriceLine], *, listed: bool
    ) -> list[ActivePrice | None]:
        if listed and len(lines) > TOGETHER:
            return [None] * len(lines)
        found = await self._pricing.prices(customer, lines, self._allowance)
        return [found.get(line) for line in lines]
