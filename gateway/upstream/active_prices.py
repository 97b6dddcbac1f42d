"""
Prices by the ERP's own engine: the documented custom service `getActivePrices`.

A price is of one customer, product, unit and quantity. The service is there from version 10.0.47 on
where unified pricing management is switched on.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final
from urllib.parse import urljoin

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gateway.admission.errands import Lane
from gateway.client.exchange import Request
from gateway.errors import UpstreamError, UpstreamMismatch
from gateway.upstream.allowance import Allowance
from gateway.upstream.failures import raise_for
from gateway.upstream.sender import now
from gateway.upstream.service import Service

SERVICE: Final = "/api/services/GUPPricingServiceGroup/GUPPricingService"
OPERATION: Final = "getActivePrices"
PATIENCE: Final = 4.0
"""Seconds until a page goes on without the engine."""
LOOK: Final = 3.0
"""Seconds that it may take to find out if there is an engine."""
HEADERS: Final = {"Accept": "application/json", "Content-Type": "application/json"}


class PriceLine(Struct, frozen=True):
    """A product by its record number, and how much of it in which unit."""

    record: int
    unit: str | None
    quantity: Decimal


class DiscountLine(Struct, frozen=True, rename="pascal"):
    """A discount that is in a price."""

    offer_name: str = ""
    effective_percentage: Decimal = Decimal(0)


class ActivePrice(Struct, frozen=True, rename="pascal"):
    """The price of one unit, and the amounts that led to it; 0 stands for none."""

    product_id: int
    customer_contextual_price: Decimal
    base_price: Decimal = Decimal(0)
    trade_agreement_price: Decimal = Decimal(0)
    adjusted_price: Decimal = Decimal(0)
    sales_agreement_price: Decimal = Decimal(0)
    currency_code: str = ""
    unit_of_measure: str = ""
    quantity: Decimal = Decimal(1)
    discount_lines: list[DiscountLine] | None = None


class CalculatedPrices(Struct, rename="pascal"):
    """The answer of the operation."""

    item_results: list[ActivePrice] | None = None


_decoder = msgspec.json.Decoder(CalculatedPrices)
_encoder = msgspec.json.Encoder(decimal_format="number")
Prices = dict[PriceLine, ActivePrice]


class ActivePrices:
    """The engine of one environment, for all callers of a process."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.is_there: bool | None = None
        """True or False once the environment has said it."""

    async def look(self) -> None:
        """Find out if there is an engine; until somebody says so there is none."""
        try:
            listed = await self.service.read(SERVICE, Allowance(1, now() + LOOK))
        except UpstreamError as error:
            if error.code == "UPSTREAM_REFUSED":
                self.is_there = False
            return
        names = [each.get("Name") for each in listed.get("Operations", ())]
        self.is_there = OPERATION in names

    async def prices(
        self, company: str, account: str, lines: Sequence[PriceLine], allowance: Allowance
    ) -> Prices:
        """The prices for a customer, as far as the engine knows them; UpstreamError."""
        allowance.spend()
        allowance.paid += 1
        service, errand = self.service, replace(allowance.errand, lane=Lane.PRICES, sent=0)
        url = urljoin(service.root, f"{SERVICE}/{OPERATION}")
        try:
            sent = await service.sender.send(
                service.transport,
                Request("POST", url, _body(company, account, lines), HEADERS),
                min(allowance.deadline, now() + PATIENCE),
                PATIENCE,
                allowance.clock,
                errand,
                ("reads", OPERATION),
            )
        finally:
            allowance.errand.sent += errand.sent
        reply = sent.response
        raise_for(reply.status, reply.headers, reply.body)
        allowance.receive(reply.body)
        try:
            found = _decoder.decode(reply.body).item_results or ()
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise UpstreamMismatch("The pricing engine's answer cannot be read.") from None
        return dict(_matched(lines, found))


def _body(company: str, account: str, lines: Iterable[PriceLine]) -> bytes:
    """The parameters of the operation; discounts of whole carts are left to the order itself."""
    header = {"CustomerAccount": account}
    context = {"HeaderContext": header, "LineContexts": [*map(_line, lines)]}
    request = {
        "dataAreaId": company,
        "priceLookupContext": context,
        "calculateSimpleDiscountOnly": True,
        "includeVariantPriceRange": False,
    }
    return _encoder.encode({"request": request})


def _line(line: PriceLine) -> dict[str, object]:
    unit = {} if line.unit is None else {"UnitOfMeasureSymbol": line.unit}
    return {"ProductRecordId": line.record, **unit, "Quantity": line.quantity}


def _matched(
    lines: Iterable[PriceLine], found: Iterable[ActivePrice]
) -> Iterable[tuple[PriceLine, ActivePrice]]:
    """Each line with its own result; what was not asked for is left out."""
    by_key = {
        (each.product_id, each.quantity, each.unit_of_measure.casefold()): each for each in found
    }
    for line in lines:
        units = [line.unit.casefold()] if line.unit else {key[2] for key in by_key}
        for unit in units:
            if price := by_key.get((line.record, line.quantity, unit)):
                yield line, price
