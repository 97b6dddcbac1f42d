"""The ERP's calculations, prices and dates, which not every environment has: for one process."""

from asyncio import gather

from gateway.ceiling import Ceiling
from gateway.loaders.engine_prices import Pricing, RequestPrices
from gateway.loaders.erp_availability import Promises, RequestPromises
from gateway.upstream.active_prices import ActivePrices
from gateway.upstream.allowance import Allowance
from gateway.upstream.service import Service


class Calculations:
    """The engines of one environment."""

    def __init__(self, dataverse: Service, finops: Service) -> None:
        self._engine = ActivePrices(finops)
        self.pricing = Pricing(self._engine)
        self.promises = Promises(dataverse)

    def keep_below(self, ceiling: Ceiling) -> None:
        """Let remembered answers share the ceiling of all that is kept."""
        ceiling.add("prices", 1, self.pricing.answers.kept, self.promises.answers.kept)

    async def look(self) -> None:
        """Find out which engines there are, as far as that is not known."""
        unknown = [each for each in (self._engine, self.promises) if each.is_there is None]
        await gather(*(each.look() for each in unknown))


class RequestCalculations:
    """The prices and promises that one request asks the ERP for."""

    def __init__(self, shared: Calculations, allowance: Allowance) -> None:
        self.prices = RequestPrices(shared.pricing, allowance)
        self.promises = RequestPromises(shared.promises, allowance)
