"""The emulated pricing engine answers the documented request as the documentation shows it."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from emulator.scm.price_engine import Offer
from tests.stack import EMULATOR, Stack, emulator, running

pytestmark = pytest.mark.anyio

SERVICE = "/api/services/GUPPricingServiceGroup/GUPPricingService"
REQUEST: dict[str, Any] = {
    "request": {
        "dataAreaId": "usmf",
        "activeDate": "2025-11-06T14:25:26.847-08:00",
        "priceLookupContext": {
            "HeaderContext": {
                "CustomerAccount": "004009",
                "ChannelId": 5637145360,
                "InventorySiteId": "CENTRAL",
                "InventoryLocationId": "DC-CENTRAL",
                "SalesOrderProperties": [{"Name": "order type", "Value": "3"}],
            },
            "LineContexts": [
                {
                    "ProductRecordId": 22565421974,
                    "UnitOfMeasureSymbol": "ea",
                    "Quantity": 3,
                    "SalesLineProperties": [{"Name": "aw Material", "Value": "brass"}],
                }
            ],
        },
        "calculateSimpleDiscountOnly": True,
        "includeVariantPriceRange": False,
    }
}
"""The request that the documentation shows, but for its company, which this world has not."""
RESULT: dict[str, Any] = {
    "$id": "3",
    "ProductId": 22565421967,
    "ListingId": 0,
    "BasePrice": 7.99,
    "TradeAgreementPrice": 30.0,
    "AdjustedPrice": 30.0,
    "MaxVariantPrice": 0.0,
    "MinVariantPrice": 0.0,
    "CustomerContextualPrice": 22.5,
    "DiscountAmount": 7.5,
    "CurrencyCode": "USD",
    "ItemId": "0005",
    "InventoryDimensionId": "AllBlank",
    "UnitOfMeasure": "Ea",
    "ProductLookupId": 0,
    "ChannelId": 0,
    "CatalogId": 0,
    "SalesAgreementPrice": 0.0,
    "PriceSourceTypeValue": 2,
    "DeliveryMode": "",
    "Quantity": 1.0,
    "SalesLineProperties": None,
    "AttainablePriceLines": [
        {
            "$id": "4",
            "RecordId": 0,
            "Value": 7.99,
            "PriceMethod": 1,
            "OriginId": "0005",
            "PriceChangedByExtensions": False,
            "SaleLineNumber": 0.0,
            "ExtensionProperties": [],
        },
        {
            "$id": "5",
            "CanApplyPriceAdjustments": False,
            "PricePreventDiscount": False,
            "PricingPriorityNumber": 998,
            "RecordId": 68719503366,
            "Value": 30.0,
            "PriceMethod": 1,
            "OriginId": "68719503366",
            "PriceChangedByExtensions": False,
            "SaleLineNumber": 0.0,
            "ExtensionProperties": [],
        },
    ],
    "DiscountLines": [
        {
            "$id": "6",
            "SaleLineNumber": 1.0,
            "OfferId": "ST100201",
            "OfferName": "Grand Opening",
            "OfferDescription": "",
            "Amount": 0.0,
            "DiscountCost": 0.0,
            "EffectiveAmount": 7.5,
            "EffectivePercentage": 25.0,
            "LineNumber": 1.0,
            "RecordId": 0,
            "SavedEffectiveAmount": None,
            "Percentage": 25.0,
            "DealPrice": 0.0,
            "DiscountLineTypeValue": 2,
            "ManualDiscountTypeValue": 0,
            "CustomerDiscountTypeValue": 0,
            "PeriodicDiscountTypeValue": 2,
            "DiscountApplicationGroup": "0005",
            "ConcurrencyModeValue": 4,
            "IsCompoundable": True,
            "DiscountCode": "",
            "PricingPriorityNumber": 1994,
            "PricingAttributeCombinationPriority": 1.0,
            "IsDiscountCodeRequired": False,
            "ThresholdAmountRequired": 0.0,
            "BundleId": 0,
            "ValidFrom": "1900-01-01T08:00:00+00:00",
            "ValidTo": "2154-12-31T08:00:00+00:00",
            "ExtensionProperties": [],
        }
    ],
}
"""The result that the documentation shows, without the time of its calculation."""
OPENING = Offer("ST100201", "Grand Opening", Decimal(25), frozenset({"0005"}), priority=1994)


@pytest.fixture(scope="module")
def documented() -> Any:
    """A world with the two products of the documentation, its agreement and its discount."""
    world = emulator(pricing=True)
    store = world.state.store
    for number, record, price in (("0005", 22565421967, "7.99"), ("0012", 22565421974, "4")):
        product = {"dataAreaId": "usmf", "ProductNumber": number, "ItemNumber": number}
        sold = {"SalesUnitSymbol": "ea", "SalesPrice": Decimal(price), "ProductName": number}
        store.run(
            'DELETE FROM "finops.ProductCategoryAssignments" WHERE "ProductRecId" = ?', [record]
        )
        store.insert("CDSReleasedDistinctProducts", [product | sold])
        store.insert(
            "ProductCategoryAssignments",
            [
                {
                    "ProductNumber": number,
                    "ProductCategoryName": "Documented",
                    "ProductCategoryHierarchyName": "Pricing",
                    "ProductRecId": record,
                }
            ],
        )
    agreement = {"dataAreaId": "usmf", "RecordId": 68719503366, "ItemNumber": "0005"}
    price_ = {"Price": Decimal(30), "PriceCurrencyCode": "USD"}
    store.insert("SalesPriceAgreements", [agreement | price_])
    world.state.prices.engine.offers = (OPENING,)
    return world


@pytest.fixture
async def stack(documented: Any) -> AsyncIterator[Stack]:
    async with running(documented) as found:
        yield found


async def asked(stack: Stack, method: str, path: str, body: Any = None) -> httpx2.Response:
    headers = await stack.service()
    return await stack.upstream.request(method, f"{EMULATOR}{path}", json=body, headers=headers)


async def test_the_documented_request_is_answered(stack: Stack) -> None:
    answer = await asked(stack, "POST", f"{SERVICE}/getActivePrices", REQUEST)

    assert answer.status_code == 200
    (result,) = answer.json()["ItemResults"]
    assert result["ProductId"] == 22565421974
    assert (result["Quantity"], result["UnitOfMeasure"]) == (3, "ea")


async def test_the_documented_answer_is_given(stack: Stack) -> None:
    line = {"ProductRecordId": 22565421967, "UnitOfMeasureSymbol": "Ea"}
    request = {"dataAreaId": "usmf", "priceLookupContext": {"LineContexts": [line]}}

    answer = (await asked(stack, "POST", f"{SERVICE}/getActivePrices", {"request": request})).json()

    (result,) = answer["ItemResults"]
    del result["ValidFrom"]
    assert result == RESULT
    blank = {"InventorySiteId": "", "InventoryLocationId": "", "LoyaltyCardId": ""}
    assert answer["Transaction"] == {"$id": "2", **blank}
    assert (answer["$id"], answer["FreeItemLines"]) == ("1", None)


@pytest.mark.parametrize(
    "request_",
    [
        {"dataAreaId": "usmf"},
        {"priceLookupContext": {"LineContexts": [{"ProductRecordId": 1}]}},
        {
            "dataAreaId": "usmf",
            "productIds": [1],
            "priceLookupContext": {"LineContexts": [{"ProductRecordId": 1}]},
        },
        {"DataAreaId": "usmf", "productIds": [1]},
    ],
    ids=["no product", "no company", "both kinds of products", "another case"],
)
async def test_what_the_documentation_forbids_is_refused(stack: Stack, request_: Any) -> None:
    path = f"{SERVICE}/getActivePrices"

    assert (await asked(stack, "POST", path, {"request": request_})).status_code == 400


async def test_the_service_is_listed_where_it_is(stack: Stack) -> None:
    listed = (await asked(stack, "GET", SERVICE)).json()

    assert listed == {"Operations": [{"Name": "getActivePrices"}]}


async def test_without_an_engine_there_is_no_such_service(stack: Stack) -> None:
    async with running(emulator(world=None)) as plain:
        for method, path in (("GET", SERVICE), ("POST", f"{SERVICE}/getActivePrices")):
            assert (await asked(plain, method, path, REQUEST)).status_code == 404
