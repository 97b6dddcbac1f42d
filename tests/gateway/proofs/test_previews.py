"""An order is what its preview said, line by line, for whatever basket in whatever currency."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import uuid4

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from tests.gateway.orders.worlds import changed, list_too
from tests.nightly import NIGHTLY
from tests.stack import Stack, emulator, running

DECIMALS = {"USD": 2, "EUR": 3, "JPY": 0, "GBP": 4}
"""Of the currencies that are bought in, as this organization has set them."""
COLUMNS = """
[salesorder.columns]
"money 4" = "totalamount totaltax freightamount"

[salesorderdetail.columns]
"money 4" = "extendedamount tax"
"""
BASKETS = 2_500 if NIGHTLY else 5
"""For each currency."""
AT_MOST = 6
"""Lines of a basket."""
LINES = (
    "lines(first: 50) { nodes { sequence quantity unit unitPrice { amount } amount { amount } } }"
)
ORDER = f"""mutation ($input: CreateSalesOrderInput!) {{ createSalesOrder(input: $input) {{
  order {{ total {{ amount currency }} tax {{ amount }} freight {{ amount }} {LINES} }}
  errors {{ code path message }}
}} }}"""
PREVIEW = """mutation ($input: PreviewSalesOrderInput!) { previewSalesOrder(input: $input) {
  lines { quantity unitPrice { amount } amount { amount } }
  total { amount currency } complete mayDiffer errors { code path message }
} }"""


@dataclass(frozen=True)
class Offer:
    """A product in a unit that it has a price for."""

    number: str
    unit: str
    decimals: int
    price: Any
    """The row of the price list."""


class Shop:
    """
    A gateway where Jane buys in one currency, on a thread of its own.

    Not a dataclass: hypothesis writes those out with all that they hold.
    """

    def __init__(self, portal: BlockingPortal, stack: Stack, currency: str) -> None:
        self.portal, self.stack, self.currency = portal, stack, currency
        self.offers = offers(stack, currency)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Starlette:
    """An organization whose prices and amounts have as many decimals as the platform keeps."""
    path = tmp_path_factory.mktemp("world") / "fine.toml"
    path.write_text(COLUMNS)
    world = emulator(metadata=(path,))
    store = world.state.store
    organizations = store.catalog.named("organization")
    (organization,) = store.select(organizations, "1 = 1")
    currencies = store.catalog.named("transactioncurrency")
    with store.transaction("load") as tx:
        tx.update(organizations, organization, {"pricingdecimalprecision": 4})
        for code, places in DECIMALS.items():
            currency = store.find(currencies, "isocurrencycode = ?", [code])
            tx.update(currencies, currency, {"currencyprecision": places})
    return world


@pytest.fixture(scope="module", params=DECIMALS)
def shop(world: Starlette, request: pytest.FixtureRequest) -> Iterator[Shop]:
    currency: str = request.param
    with start_blocking_portal() as portal:
        opened = open_shop(world, currency)
        with portal.wrap_async_context_manager(opened) as stack:
            yield Shop(portal, stack, currency)


@asynccontextmanager
async def open_shop(world: Starlette, currency: str) -> AsyncIterator[Stack]:
    store = world.state.store
    money = store.find(
        store.catalog.named("transactioncurrency"), "isocurrencycode = ?", [currency]
    )
    prices = store.find(store.catalog.named("pricelevel"), "name = ?", [f"{currency} Standard"])
    values = {
        "_transactioncurrencyid_value": money["transactioncurrencyid"],
        "_defaultpricelevelid_value": prices["pricelevelid"],
    }
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(running(world, deadline=60.0, read_timeout=60.0))
        for table, where, who in (
            ("account", "accountnumber = ?", "US-001"),
            ("contact", "fullname = ?", "Jane Doe"),
        ):
            stack.enter_context(changed(gateway, table, where, who, values=values))
        yield gateway


def offers(stack: Stack, currency: str) -> list[Offer]:
    """Products with 0 to 5 decimals that are sold in any quantity, in each of their units."""
    store = stack.emulator.state.store
    named = store.catalog.named
    seller = store.find(named("cdm_company"), "cdm_companycode = ?", ["USMF"])
    where = '"statecode" = 0 AND "_msdyn_companyid_value" = ? ORDER BY "msdyn_productnumber"'
    products = store.select(named("product"), where, [seller["cdm_companyid"]])[:60]
    for settings_ in store.select(named("msdyn_productdefaultordersetting"), "1 = 1", []):
        with store.transaction("load") as tx:
            tx.update(named("msdyn_productdefaultordersetting"), settings_, ANY_QUANTITY)
    found = []
    for place, product in enumerate(products):
        with store.transaction("load") as tx:
            tx.update(named("product"), product, {"quantitydecimal": place % 6})
        for price in list_too(stack, f"{currency} Standard", product["productid"]):
            unit = store.get(named("uom"), (price["_uomid_value"],))["msdyn_symbol"]
            found.append(Offer(product["msdyn_productnumber"], unit, place % 6, price))
    assert {offer.unit for offer in found} >= {"ea", "box"}
    return found


ANY_QUANTITY = {
    "msdyn_minimumsalesorderquantity": 0,
    "msdyn_maximumsalesorderquantity": 0,
    "msdyn_salesquantitymultiples": 0,
    "msdyn_issalesprocessingstopped": 0,
}
QUANTITIES = st.decimals("0.00001", "9999", allow_nan=False, allow_infinity=False, places=5)
PRICES = st.integers(1, 99_999_9999)
"""As the store keeps them: with four decimals, in every currency."""
WANTED = st.lists(st.tuples(st.integers(0), QUANTITIES, PRICES), min_size=1, max_size=AT_MOST)


@settings(
    max_examples=BASKETS,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(wanted=WANTED)
def test_an_order_is_what_its_preview_said(
    shop: Shop, wanted: list[tuple[int, Decimal, int]]
) -> None:
    lines = [
        {"number": offer.number, "unit": offer.unit, "quantity": str(fitting(quantity, offer))}
        for offer, quantity in priced(shop, wanted)
    ]

    seen = shop.portal.call(asked, shop.stack, PREVIEW, {"lines": lines})["previewSalesOrder"]
    key = {"idempotencyKey": str(uuid4())}
    made = shop.portal.call(asked, shop.stack, ORDER, {"lines": lines, **key})["createSalesOrder"]

    assert (seen["errors"], made["errors"]) == ([], [])
    order = made["order"]
    written = sorted(order["lines"]["nodes"], key=lambda line: line["sequence"])
    assert list(map(figures, seen["lines"])) == list(map(figures, written))
    rest = sum((exact(order[name]) for name in ("tax", "freight")), Decimal())
    assert exact(seen["total"]) == exact(order["total"]) - rest
    assert seen["total"]["currency"] == order["total"]["currency"] == shop.currency
    assert seen["complete"]
    assert seen["mayDiffer"] == ["TAX", "CHARGES", "DISCOUNTS"]
    for line in seen["lines"]:
        amount = Decimal(line["quantity"]) * exact(line["unitPrice"])
        places = Decimal(1).scaleb(-DECIMALS[shop.currency])
        assert exact(line["amount"]) == amount.quantize(places, ROUND_HALF_UP)


def priced(shop: Shop, wanted: list[tuple[int, Decimal, int]]) -> Iterator[tuple[Offer, Decimal]]:
    """Yield the offers that are wanted, each at the price that was drawn for it."""
    store = shop.stack.emulator.state.store
    table = store.catalog.named("productpricelevel")
    for place, quantity, price in wanted:
        offer = shop.offers[place % len(shop.offers)]
        row = store.get(table, (offer.price["productpricelevelid"],))
        with store.transaction("load") as tx:
            tx.update(table, row, {"amount": price})
        yield offer, quantity


def fitting(quantity: Decimal, offer: Offer) -> Decimal:
    """As fine as the product may be, and more than nothing."""
    return round(quantity, offer.decimals) or Decimal(1)


def figures(line: dict[str, Any]) -> tuple[Decimal, Decimal, Decimal]:
    return Decimal(line["quantity"]), exact(line["unitPrice"]), exact(line["amount"])


def exact(money: dict[str, Any] | None) -> Decimal:
    return Decimal(money["amount"]) if money else Decimal()


async def asked(stack: Stack, query: str, sent: dict[str, Any]) -> dict[str, Any]:
    return (await stack.ask(query, input=sent)).data
