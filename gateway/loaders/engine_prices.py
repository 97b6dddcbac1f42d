"""
Prices by the ERP's engine, remembered for each customer, product, unit and quantity: see
`remembered_answers`.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from gateway.loaders.remembered_answers import AnswersTogether, RememberedAnswers, spare
from gateway.upstream.active_prices import ActivePrice, ActivePrices, PriceLine, Prices
from gateway.upstream.allowance import Allowance

AT_ONCE: Final = 4
UNANSWERED: Final = "the pricing engine was not asked or did not answer"
Customer = tuple[str, str]
"""The code of the legal entity that sells, and the number of the account that buys."""
Remembered = tuple[Customer, PriceLine]


class Pricing:
    """The prices of a process."""

    def __init__(self, engine: ActivePrices, clock: Callable[[], float] = time.monotonic) -> None:
        self.engine = engine
        self.answers: RememberedAnswers[Remembered, ActivePrice] = RememberedAnswers(
            AT_ONCE, UNANSWERED, clock
        )

    @property
    def is_there(self) -> bool:
        """True if the environment has an engine."""
        return bool(self.engine.is_there)

    async def prices(
        self, customer: Customer, lines: Sequence[PriceLine], allowance: Allowance
    ) -> Prices:
        """The prices of lines, as far as the engine knows and answers them."""

        async def ask(places: Sequence[Remembered]) -> Mapping[Remembered, ActivePrice]:
            asked = [line for _, line in places]
            found = await self.engine.prices(*customer, asked, allowance)
            return {_place(customer, line): price for line, price in found.items()}

        places = [_place(customer, line) for line in lines]
        pay = partial(spare, self.engine.service, allowance, 1)
        found = await self.answers.find(places, ask, pay, allowance.deadline)
        return {line: price for (_, line), price in found.items()}


def _place(customer: Customer, line: PriceLine) -> Remembered:
    return customer, line


class RequestPrices:
    """The prices that one request asks for."""

    def __init__(self, pricing: Pricing, allowance: Allowance) -> None:
        self._pricing, self._allowance = pricing, allowance
        self._customers: dict[Customer, AnswersTogether[PriceLine, ActivePrice]] = {}

    @property
    def is_there(self) -> bool:
        return self._pricing.is_there

    async def of(self, customer: Customer, line: PriceLine, *, listed: bool) -> ActivePrice | None:
        """The price of a line, as with `AnswersTogether.of`."""
        if customer not in self._customers:
            find = partial(self._pricing.prices, customer, allowance=self._allowance)
            self._customers[customer] = AnswersTogether(find)
        return await self._customers[customer].of(line, listed=listed)
