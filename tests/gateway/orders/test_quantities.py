"""Quantities that the seller does not sell: each its own error, in every mutation with lines."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from tests.gateway.orders.ordering import (
    PREVIEW,
    codes,
    do,
    new_order,
    placed,
    preview,
    products,
    sold_by_both,
)
from tests.gateway.orders.worlds import OF_ITEM
from tests.stack import Stack

pytestmark = pytest.mark.anyio

SETTINGS = "msdyn_productdefaultordersetting"
LIMITS = {
    "msdyn_minimumsalesorderquantity": 100_000_000,
    "msdyn_maximumsalesorderquantity": 50_000_000_000,
    "msdyn_salesquantitymultiples": 50_000_000,
}
"""At least 100, at most 50,000, in packs of 50: as the store keeps six decimals."""
WRONG = [
    ("50", "QUANTITY_BELOW_MINIMUM", {"minimum": 100}),
    ("50050", "QUANTITY_ABOVE_MAXIMUM", {"maximum": 50_000}),
    ("101", "QUANTITY_NOT_MULTIPLE", {"multiple": 50}),
]
QUANTITIES = """query ($id: ID!) {
  product(id: $id) { orderQuantities { minimum maximum multiple } }
}"""


@asynccontextmanager
async def selling(
    stack: Stack, product: dict[str, Any], settings: dict[str, int], company: str = "USMF"
) -> AsyncIterator[None]:
    """A time in which a company sells a product in certain quantities alone."""
    store = stack.emulator.state.store
    table = store.catalog.named(SETTINGS)
    seller = store.find(store.catalog.named("cdm_company"), "cdm_companycode = ?", [company])
    where = f'{OF_ITEM} AND "_msdyn_company_value" = ?'
    row = store.find(table, where, [product["itemNumber"], seller["cdm_companyid"]])
    with store.transaction("load") as tx:
        changed = tx.update(table, row, settings)
    yield
    with store.transaction("load") as tx:
        tx.update(table, changed, {name: row[name] for name in settings})


def lines(product: dict[str, Any], quantity: str, **more: str) -> list[dict[str, str]]:
    return [{"product": product["id"], "quantity": quantity, **more}]


@pytest.mark.parametrize(("quantity", "code", "details"), WRONG)
async def test_each_limit_has_its_own_error_with_its_figure(
    writable: Stack, quantity: str, code: str, details: dict[str, int]
) -> None:
    (product,) = await products(writable, 1)
    sent = await new_order(writable, lines=lines(product, quantity))

    async with selling(writable, product, LIMITS):
        payload = await do(writable, "createSalesOrder", **sent)
        seen = await preview(writable, lines=sent["lines"])

    (error,) = payload["errors"]
    assert codes(payload) == [code]
    assert error["path"] == ["input", "lines", "0", "quantity"]
    assert {name: Decimal(error[name]) for name in details} == details
    assert seen["errors"] == payload["errors"]


@pytest.mark.parametrize("quantity", ["100", "150", "50000"])
async def test_what_is_sold_can_be_ordered(writable: Stack, quantity: str) -> None:
    (product,) = await products(writable, 1)
    sent = await new_order(writable, lines=lines(product, quantity))

    async with selling(writable, product, LIMITS):
        payload = await do(writable, "createSalesOrder", **sent)

    assert payload["errors"] == []


@pytest.mark.parametrize(("quantity", "code", "details"), WRONG)
async def test_changes_of_lines_keep_the_limits_too(
    writable: Stack, quantity: str, code: str, details: dict[str, int]
) -> None:
    order = await placed(writable)
    line = order["lines"]["nodes"][0]
    (product,) = await products(writable, 1)
    at = {"order": order["id"], "version": order["version"]}
    csv = f"number,quantity\n{product['number']},{quantity}"

    async with selling(writable, product, LIMITS):
        added = await do(
            writable,
            "addSalesOrderLines",
            **at,
            idempotencyKey="add",
            lines=lines(product, quantity),
        )
        imported = await do(writable, "importSalesOrderLines", **at, idempotencyKey="i", csv=csv)
        changed = await do(
            writable, "updateSalesOrderLine", **at, line=line["id"], quantity=quantity
        )

    assert codes(added) == codes(imported) == codes(changed) == [code]
    assert added["errors"][0]["path"] == ["input", "lines", "0", "quantity"]
    assert imported["errors"][0]["path"] == ["input", "csv", "1", "quantity"]
    assert changed["errors"][0]["path"] == ["input", "quantity"]


async def test_a_reorder_reports_a_line_that_is_not_sold_so_any_more(writable: Stack) -> None:
    old = await placed(writable)
    (product,) = await products(writable, 1)

    async with selling(writable, product, LIMITS):
        payload = await do(writable, "reorder", order=old["id"], idempotencyKey=str(uuid4()))

    assert codes(payload) == ["QUANTITY_BELOW_MINIMUM"]
    assert payload["errors"][0]["path"] == ["input", "order", "lines", "0"]


async def test_an_item_that_is_stopped_is_not_sold(writable: Stack) -> None:
    (product,) = await products(writable, 1)
    sent = await new_order(writable, lines=lines(product, "1"))

    async with selling(writable, product, {"msdyn_issalesprocessingstopped": 1}):
        payload = await do(writable, "createSalesOrder", **sent)

    assert codes(payload) == ["PRODUCT_NOT_SELLABLE"]


async def test_what_another_company_has_set_does_not_count(writable: Stack) -> None:
    product, *_ = await sold_by_both(writable)
    sent = await new_order(writable, lines=lines(product, "1"))

    async with selling(writable, product, LIMITS, "DEMF"):
        payload = await do(writable, "createSalesOrder", **sent)

    assert payload["errors"] == []


async def test_limits_are_those_of_the_products_own_unit(writable: Stack) -> None:
    (product,) = await products(writable, 1)
    store = writable.emulator.state.store
    other = store.find(store.catalog.named("uom"), "msdyn_symbol <> ?", [product["unit"]])
    sent = await new_order(writable, lines=lines(product, "3", unit=other["msdyn_symbol"]))

    async with selling(writable, product, LIMITS):
        payload = await do(writable, "createSalesOrder", **sent)

    assert payload["errors"] == []


async def test_callers_can_ask_for_the_limits_beforehand(writable: Stack) -> None:
    (product,) = await products(writable, 1)

    free = (await writable.ask(QUANTITIES, id=product["id"])).data["product"]
    async with selling(writable, product, LIMITS):
        limited = (await writable.ask(QUANTITIES, id=product["id"])).data["product"]
        foreign = (await writable.ask(QUANTITIES, as_="may", id=product["id"])).data["product"]

    assert (free, foreign) == ({"orderQuantities": None}, None)
    found = {name: Decimal(value) for name, value in limited["orderQuantities"].items()}
    assert found == {"minimum": 100, "maximum": 50_000, "multiple": 50}


@pytest.mark.parametrize("sent", ["1_0", "\uff11\uff12", "\u0663", "3,5", "1e", "0x10", "", True])
async def test_only_plain_digits_are_a_quantity(stack: Stack, sent: object) -> None:
    line = {"number": "D0023", "quantity": sent}

    answer = await stack.ask(PREVIEW, input={"lines": [line]})

    assert answer.codes == ["BAD_REQUEST"]


@pytest.mark.parametrize("sent", ["1E+2", "100", 1e2, 100, "+100", "10e1", " 100 "])
async def test_a_quantity_is_told_without_an_exponent(stack: Stack, sent: object) -> None:
    (product,) = await products(stack, 1)

    payload = await preview(stack, lines=[{"number": product["number"], "quantity": sent}])

    (line,) = payload["lines"]
    assert line["quantity"] in ("100", "100.0")
