"""Prices that were agreed on with an account are shown to that account, by quantity."""

from decimal import Decimal
from typing import Any

import pytest
from starlette.applications import Starlette

from tests.stack import Stack, running

pytestmark = pytest.mark.anyio

AGREEMENTS = "SalesPriceAgreements"
QUERY = """query ($number: String!) { products(filter: { number: { eq: $number } }) { nodes {
    priceBreaks { quantity unitPrice { amount currency } }
} } }"""
PRODUCT = "D0001"


def agreement(record: int, quantity: int, price: str, **more: Any) -> dict[str, Any]:
    return {
        "dataAreaId": "usmf",
        "RecordId": record,
        "ItemNumber": PRODUCT,
        "CustomerAccountNumber": "US-001",
        "PriceCurrencyCode": "USD",
        "QuantityUnitySymbol": "ea",
        "FromQuantity": Decimal(quantity),
        "Price": Decimal(price),
        **more,
    }


async def breaks(stack: Stack, as_: str = "jane") -> Any:
    found = await stack.ask(QUERY, as_=as_, number=PRODUCT)
    return found.data["products"]["nodes"][0]["priceBreaks"]


async def unit_of(stack: Stack) -> str:
    query = '{ products(filter: { number: { eq: "D0001" } }) { nodes { unit } } }'
    return str((await stack.ask(query)).data["products"]["nodes"][0]["unit"])


async def test_an_account_sees_its_own_breaks_of_today_alone(writable: Stack) -> None:
    unit = {"QuantityUnitySymbol": await unit_of(writable)}
    writable.emulator.state.store.insert(
        AGREEMENTS,
        [
            agreement(1, 50, "40.5", **unit),
            agreement(2, 10, "45", **unit),
            agreement(3, 20, "1", **unit, CustomerAccountNumber="DE-001"),
            agreement(4, 20, "2", **unit, CustomerAccountNumber="", PriceCustomerGroupCode="30"),
            agreement(5, 20, "3", **unit, PriceApplicableToDate="2020-01-01T12:00:00Z"),
            agreement(6, 20, "4", **unit, PriceApplicableFromDate="2999-01-01T12:00:00Z"),
            agreement(7, 20, "5", **unit, PriceWarehouseId="11"),
            agreement(8, 20, "6", **unit, SalesPriceQuantity=Decimal(100)),
            agreement(9, 20, "7", QuantityUnitySymbol="another"),
            agreement(10, 60, "8", **unit, PriceApplicableToDate="1900-01-01T12:00:00Z"),
        ],
    )

    seen = [
        (Decimal(each["quantity"]), Decimal(each["unitPrice"]["amount"]))
        for each in await breaks(writable)
    ]

    assert seen == [
        (Decimal(10), Decimal(45)),
        (Decimal(50), Decimal("40.5")),
        (Decimal(60), Decimal(8)),
    ]
    assert await breaks(writable, "admin") is None


async def test_without_agreements_nothing_is_said(small_world: Starlette) -> None:
    async with running(small_world) as stack:
        assert await breaks(stack) == []
