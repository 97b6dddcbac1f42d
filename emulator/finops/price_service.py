"""The custom service `getActivePrices`: a documented price request -> its documented answer.

Names, their case and the shape of request and answer are documented (D), the list of a service's
operations is seen in a public client (M); what is refused and how is unverified (U).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any, Final

import msgspec

from emulator.errors import BadPayload, Refusal
from emulator.exchange import Answer, Ask
from emulator.finops.service import error
from emulator.scm.price_engine import CalculatedPrice, Offer, PriceEngine

GROUP: Final = "GUPPricingServiceGroup"
SERVICE: Final = f"{GROUP}/GUPPricingService"
OPERATION: Final = f"{SERVICE}/getActivePrices"
FROM, UNTIL = "1900-01-01T08:00:00+00:00", "2154-12-31T08:00:00+00:00"
Json = dict[str, Any]


class LineContext(msgspec.Struct, rename="pascal"):
    """A product to price."""

    product_record_id: int
    unit_of_measure_symbol: str | None = None
    inventory_site_id: str | None = None
    inventory_location_id: str | None = None
    delivery_mode: str | None = None
    quantity: Decimal = Decimal(1)
    sales_line_properties: list[Json] | None = None


class HeaderContext(msgspec.Struct, rename="pascal"):
    """The customer and the place that all lines have in common."""

    customer_account: str = ""
    channel_id: int = 0
    inventory_site_id: str | None = None
    inventory_location_id: str | None = None
    affiliation_loyalty_tier_lines: list[Json] | None = None
    sales_order_properties: list[Json] | None = None


class LookupContext(msgspec.Struct, rename="pascal"):
    """Header and lines."""

    header_context: HeaderContext | None = None
    line_contexts: list[LineContext] = []


class PriceRequest(msgspec.Struct, rename="camel"):
    """The request; a member whose name is spelled in another case is not seen."""

    data_area_id: str = ""
    active_date: datetime | None = None
    product_ids: list[int] = []
    price_lookup_context: LookupContext | None = None
    calculate_simple_discount_only: bool = True
    include_variant_price_range: bool = False


class Wrapped(msgspec.Struct):
    """The single object that wraps all parameters."""

    request: PriceRequest


class PriceService:
    """Answers requests below `/api/services`; without an engine there is no such service."""

    def __init__(self, engine: PriceEngine | None) -> None:
        self.engine = engine

    def answer(self, ask: Ask, made: Mapping[str, str] | None = None) -> Answer:
        try:
            return self._answer(ask)
        except Refusal as refusal:
            return error(refusal)

    def _answer(self, ask: Ask) -> Answer:
        listed: Mapping[str, Json] = {
            GROUP: {"Services": [{"Name": "GUPPricingService"}]},
            SERVICE: {"Operations": [{"Name": "getActivePrices"}]},
        }
        if self.engine is not None and ask.method == "GET" and ask.path in listed:
            return Answer(200, listed[ask.path])
        if self.engine is None or ask.method != "POST" or ask.path != OPERATION:
            raise Refusal("No service of this name is deployed.", status=404)
        try:
            wanted = msgspec.json.decode(ask.body, type=Wrapped).request
        except msgspec.MsgspecError as wrong:
            raise BadPayload(f"An error has occurred. {wrong}") from wrong
        return Answer(200, shown(wanted, list(self._priced(self.engine, wanted))))

    def _priced(self, engine: PriceEngine, wanted: PriceRequest) -> Iterator[CalculatedPrice]:
        context = wanted.price_lookup_context or LookupContext()
        header = context.header_context or HeaderContext()
        lines = context.line_contexts
        if not (wanted.data_area_id or header.channel_id):
            raise BadPayload("Either dataAreaId or ChannelId must be provided.")
        if bool(lines) == bool(wanted.product_ids):
            raise BadPayload("Provide either productIds or LineContexts.")
        for line in lines or [LineContext(record) for record in wanted.product_ids]:
            product = engine.of_record(wanted.data_area_id, line.product_record_id)
            if product is not None:
                yield engine.price(
                    product,
                    header.customer_account,
                    line.quantity,
                    unit=line.unit_of_measure_symbol,
                    record=line.product_record_id,
                )


def shown(wanted: PriceRequest, prices: list[CalculatedPrice]) -> Json:
    """The answer, in which each object has a number of its own."""
    numbers = map(str, count(1))
    header = wanted.price_lookup_context and wanted.price_lookup_context.header_context
    return {
        "$id": next(numbers),
        "Transaction": {
            "$id": next(numbers),
            "InventorySiteId": (header and header.inventory_site_id) or "",
            "InventoryLocationId": (header and header.inventory_location_id) or "",
            "LoyaltyCardId": "",
        },
        "ItemResults": [_item(each, wanted, numbers) for each in prices],
        "FreeItemLines": None,
    }


def _item(price: CalculatedPrice, wanted: PriceRequest, numbers: Iterator[str]) -> Json:
    own, agreed = next(numbers), price.agreement
    item = str(price.product["ItemNumber"])
    day = wanted.active_date
    return {
        "$id": own,
        "ProductId": price.record,
        "ListingId": 0,
        "BasePrice": price.base,
        "TradeAgreementPrice": agreed or Decimal(0),
        "AdjustedPrice": price.adjusted,
        "MaxVariantPrice": Decimal(0),
        "MinVariantPrice": Decimal(0),
        "CustomerContextualPrice": price.net,
        "DiscountAmount": price.discount,
        "CurrencyCode": price.currency,
        "ItemId": item,
        "InventoryDimensionId": "AllBlank",
        "UnitOfMeasure": price.unit,
        "ValidFrom": day.isoformat() if day else FROM,
        "ProductLookupId": 0,
        "ChannelId": 0,
        "CatalogId": 0,
        "SalesAgreementPrice": Decimal(0),
        "PriceSourceTypeValue": 1 if agreed is None else 2,
        "DeliveryMode": "",
        "Quantity": price.quantity,
        "SalesLineProperties": None,
        "AttainablePriceLines": [
            _attainable(next(numbers), price.base, item),
            *([_agreed(next(numbers), price)] if agreed is not None else []),
        ],
        "DiscountLines": [_discount(next(numbers), price, each, item) for each in price.offers],
    }


def _attainable(number: str, value: Decimal, origin: str) -> Json:
    return {
        "$id": number,
        "RecordId": 0,
        "Value": value,
        "PriceMethod": 1,
        "OriginId": origin,
        "PriceChangedByExtensions": False,
        "SaleLineNumber": Decimal(0),
        "ExtensionProperties": [],
    }


def _agreed(number: str, price: CalculatedPrice) -> Json:
    record = price.agreement_record
    line = _attainable(number, price.adjusted, str(record))
    own = {"CanApplyPriceAdjustments": False, "PricePreventDiscount": False}
    return {"$id": number, **own, "PricingPriorityNumber": 998} | line | {"RecordId": record}


def _discount(number: str, price: CalculatedPrice, offer: Offer, item: str) -> Json:
    return {
        "$id": number,
        "SaleLineNumber": Decimal(1),
        "OfferId": offer.id,
        "OfferName": offer.name,
        "OfferDescription": "",
        "Amount": Decimal(0),
        "DiscountCost": Decimal(0),
        "EffectiveAmount": price.adjusted * offer.percentage / 100,
        "EffectivePercentage": offer.percentage,
        "LineNumber": Decimal(1),
        "RecordId": 0,
        "SavedEffectiveAmount": None,
        "Percentage": offer.percentage,
        "DealPrice": Decimal(0),
        "DiscountLineTypeValue": 2,
        "ManualDiscountTypeValue": 0,
        "CustomerDiscountTypeValue": 0,
        "PeriodicDiscountTypeValue": 2,
        "DiscountApplicationGroup": item,
        "ConcurrencyModeValue": 4,
        "IsCompoundable": True,
        "DiscountCode": "",
        "PricingPriorityNumber": offer.priority,
        "PricingAttributeCombinationPriority": Decimal(1),
        "IsDiscountCodeRequired": False,
        "ThresholdAmountRequired": Decimal(0),
        "BundleId": 0,
        "ValidFrom": FROM,
        "ValidTo": UNTIL,
        "ExtensionProperties": [],
    }
