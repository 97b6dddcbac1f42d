"""Prices by the ERP's own engine: batched, remembered, one customer's, and as orders have them."""

from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from emulator.faults.actions import Fail
from emulator.faults.rules import Rule
from gateway.config.parsers import partners
from tests.emulator.trade import trading
from tests.environments import altered, drop_property, dumped
from tests.environments import written as environment
from tests.gateway.orders.test_hidden_members import policy
from tests.nightly import NIGHTLY
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio

BASKETS = 10_000 if NIGHTLY else 12
OPERATION = "GUPPricingServiceGroup/GUPPricingService/getActivePrices"
PRICE = """price(quantity: $quantity, unit: $unit) {
  basis unit unitPrice { amount currency } beforeDiscounts { amount }
  because { step name percentage unitPrice { amount } }
}"""
PRODUCTS = f"""query ($first: Int!, $quantity: Decimal, $unit: String) {{
  products(first: $first, filter: {{ state: {{ eq: ACTIVE }} }}) {{
    nodes {{ number unit {PRICE} }}
  }}
}}"""
LINES = "quantity unitPrice { amount } discount { amount } amount { amount }"
PREVIEW = f"""mutation ($input: PreviewSalesOrderInput!) {{ previewSalesOrder(input: $input) {{
  lines {{ {LINES} basis because {{ step name percentage }} }}
  total {{ amount }} basis complete mayDiffer errors {{ code message }}
}} }}"""
ORDER = f"""mutation ($input: CreateSalesOrderInput!) {{ createSalesOrder(input: $input) {{
  order {{ lines(first: 50) {{ nodes {{ sequence {LINES} }} }} }} errors {{ code message }}
}} }}"""


ADD = f"""mutation ($input: AddSalesOrderLinesInput!) {{ addSalesOrderLines(input: $input) {{
  order {{ lines(first: 50) {{ nodes {{ sequence {LINES} }} }} }} errors {{ code message }}
}} }}"""


@pytest.fixture(scope="module")
def priced_world() -> Starlette:
    """A world whose ERP has its pricing engine; tests add orders to it."""
    return emulator(pricing=True)


@pytest.fixture
async def stack(priced_world: Starlette) -> AsyncIterator[Stack]:
    async with running(priced_world, customer_roles=("representative",)) as found:
        yield found


async def listed(
    stack: Stack, first: int = 10, as_: str = "jane", **variables: Any
) -> list[dict[str, Any]]:
    answer = await stack.ask(PRODUCTS, as_=as_, first=first, **variables)
    found: list[dict[str, Any]] = answer.data["products"]["nodes"]
    return found


def asked_engine(stack: Stack) -> int:
    """The number of requests that the engine has got since the log was cleared."""
    calls = stack.emulator.state.log.calls()
    return sum(each.path == OPERATION for each in calls)


async def test_a_price_is_the_engines_and_says_why(stack: Stack) -> None:
    found = await listed(stack, quantity="30")

    assert {each["price"]["basis"] for each in found} == {"CALCULATED"}
    for price in (each["price"] for each in found):
        *steps, discount = price["because"]
        before = Decimal(price["beforeDiscounts"]["amount"])
        assert [each["step"] for each in steps] in (["BASE"], ["BASE", "AGREEMENT"])
        assert Decimal(steps[-1]["unitPrice"]["amount"]) == before
        assert (discount["step"], discount["name"]) == ("DISCOUNT", "Volume discount")
        off = before * Decimal(discount["percentage"]) / 100
        assert Decimal(price["unitPrice"]["amount"]) == before - off
    assert any(len(each["price"]["because"]) == 3 for each in found)


async def test_a_list_is_priced_by_one_request_and_remembered_for_a_minute(stack: Stack) -> None:
    stack.emulator.state.log.clear()
    first = await listed(stack, 25)
    once = asked_engine(stack)

    again = await listed(stack, 25)

    assert (once, asked_engine(stack)) == (1, 1)
    assert first == again
    assert {each["price"]["basis"] for each in first} == {"CALCULATED"}


async def test_a_list_above_25_is_not_priced_by_the_engine(stack: Stack) -> None:
    stack.emulator.state.log.clear()

    found = await listed(stack, 26, quantity="2")

    assert asked_engine(stack) == 0
    assert {each["price"]["basis"] for each in found if each["price"]} == {"ESTIMATED"}


async def test_a_price_is_of_the_unit_and_quantity_that_are_asked_for(stack: Stack) -> None:
    ones, boxes = [await listed(stack, 25, unit=unit) for unit in ("ea", "box")]
    tens = await listed(stack, 25, quantity="50", unit="ea")

    for one, box, many in zip(ones, boxes, tens, strict=True):
        if one["unit"] == "ea" and "AGREEMENT" not in str(one["price"]):
            base, whole = (each["price"]["unitPrice"]["amount"] for each in (one, box))
            assert Decimal(whole) == 12 * Decimal(base)
        assert Decimal(many["price"]["unitPrice"]["amount"]) < Decimal(
            one["price"]["unitPrice"]["amount"]
        )


@pytest.mark.parametrize("quantity", ["0", "-1", "1000000001"])
async def test_a_quantity_that_is_none_is_refused(stack: Stack, quantity: str) -> None:
    answer = await stack.ask(PRODUCTS, first=1, quantity=quantity)

    assert answer.codes == ["INVALID_INPUT"]


async def test_agreements_of_one_customer_are_no_prices_of_another(stack: Stack) -> None:
    """May buys elsewhere, in another currency; nothing of Jane's was remembered for her."""
    mine, hers = [await listed(stack, 25, as_=name) for name in ("jane", "may")]

    for own, other in zip(mine, hers, strict=True):
        if own["price"] and other["price"] and own["number"] == other["number"]:
            assert own["price"]["unitPrice"] != other["price"]["unitPrice"]


async def test_what_is_remembered_for_one_customer_is_told_to_no_other(
    priced_world: Starlette,
) -> None:
    """Both buy the same from one company in one currency; Jane alone has agreements."""
    async with running(priced_world, partners=partners("partner=US-002@usmf")) as stack:
        mine = await listed(stack, 25)

        others = await listed(stack, 25, as_="partner")

    assert "AGREEMENT" in str(mine)
    assert {each["price"]["basis"] for each in others} == {"CALCULATED"}
    assert "AGREEMENT" not in str(others)


async def test_lines_of_one_product_in_two_units_have_the_prices_of_their_units(
    stack: Stack,
) -> None:
    found = await listed(stack, 25)
    number = next(
        each["number"]
        for each in found
        if each["unit"] == "ea" and "AGREEMENT" not in str(each["price"])
    )
    lines = [{"number": number, "quantity": "4", "unit": unit} for unit in ("ea", "box")]

    seen = (await stack.ask(PREVIEW, input={"lines": lines})).data["previewSalesOrder"]

    one, box = (exact(line["unitPrice"]) for line in seen["lines"])
    assert box == 12 * one


async def test_lines_that_are_added_to_an_order_have_the_prices_of_their_preview(
    stack: Stack,
) -> None:
    line = {"number": (await sold(stack))[0]["number"], "quantity": "30"}
    made = ORDER.replace("order {", "order { id version", 1)

    seen = (await mutated(stack, PREVIEW, [line], False))["previewSalesOrder"]
    order = (await mutated(stack, made, [line], True))["createSalesOrder"]["order"]
    given = {"order": order["id"], "version": order["version"], "idempotencyKey": str(uuid4())}
    added = (await stack.ask(ADD, input={"lines": [line], **given})).data["addSalesOrderLines"]

    assert (added["errors"], seen["basis"]) == ([], "CALCULATED")
    nodes = added["order"]["lines"]["nodes"]
    assert list(map(figures, nodes)) == [figures(each) for each in seen["lines"] * 2]


@pytest.mark.parametrize("hidden", ["Product.price", "PriceListItem.price"])
async def test_a_role_that_hides_prices_hides_those_of_the_engine(
    priced_world: Starlette, tmp_path: Path, hidden: str
) -> None:
    asked = "mutation ($input: PreviewSalesOrderInput!) { previewSalesOrder(input: $input) {"
    async with running(priced_world, policy=policy(tmp_path, (hidden,))) as stack:
        products = "{ products(first: 3) { nodes { number price { unitPrice { amount } } } } }"
        product = await stack.ask(products)
        plain = (await stack.ask("{ products(first: 3) { nodes { number } } }")).data["products"]
        lines = [{"number": plain["nodes"][0]["number"], "quantity": "30"}]
        told = [
            await stack.ask(f"{asked} lines {{ {member} }} }} }}", input={"lines": lines})
            for member in ("unitPrice { amount }", "discount { amount }", "because { name }")
        ]

    assert set(product.codes) == {"FORBIDDEN"}
    assert [set(each.codes) for each in told] == [{"FORBIDDEN"}] * 3


async def test_callers_of_several_accounts_have_no_engines_price_of_either(
    priced_world: Starlette,
) -> None:
    both = partners("partner=US-001@usmf,US-002@usmf")
    async with running(priced_world, partners=both) as stack:
        stack.emulator.state.log.clear()

        found = await listed(stack, 10, as_="partner")

        assert asked_engine(stack) == 0
        assert "CALCULATED" not in str(found)


async def test_without_the_engine_prices_are_of_the_list_and_it_is_said(
    priced_world: Starlette, small_world: Starlette
) -> None:
    missing = "{ viewer { capabilities { missing } } }"
    for world, lacks in ((priced_world, False), (small_world, True)):
        async with running(world) as stack:
            told = (await stack.ask(missing)).data["viewer"]["capabilities"]["missing"]
            assert ("Price.because" in told) is lacks
            bases = {each["price"]["basis"] for each in await listed(stack)}
            assert bases == {"ESTIMATED" if lacks else "CALCULATED"}


async def test_while_the_engine_is_down_prices_are_of_the_list(stack: Stack) -> None:
    stack.emulator.state.faults.add_rule(Rule(action=Fail(status=503), path=OPERATION))
    try:
        found = await listed(stack, quantity="7")
    finally:
        stack.emulator.state.faults.clear()

    assert {each["price"]["basis"] for each in found} == {"ESTIMATED"}


async def test_without_record_numbers_there_are_no_engines_prices(
    priced_world: Starlette, tmp_path: Any
) -> None:
    """As in the one real environment whose metadata is known: the column is not public there."""
    async with trading() as trade:
        dump = altered(
            await dumped(trade.http), drop_property("ProductCategoryAssignments", "ProductRecId")
        )
    world = emulator(pricing=True, environment=environment(tmp_path, dump))
    async with running(world) as stack:
        found = await listed(stack)

    assert {each["price"]["basis"] for each in found} == {"ESTIMATED"}


class Shop:
    """
    A gateway over an ERP with its pricing engine, on a thread of its own.

    Not a dataclass: hypothesis writes those out with all that they hold.
    """

    def __init__(self, portal: BlockingPortal, stack: Stack) -> None:
        self.portal, self.stack = portal, stack
        found = portal.call(sold, stack)
        self.offers = [(each["number"], int(each["decimals"] or 0)) for each in found]


async def sold(stack: Stack) -> list[dict[str, Any]]:
    query = """{ products(first: 60, filter: { state: { eq: ACTIVE } }) {
      nodes { number decimals orderQuantities { minimum } } } }"""
    nodes = (await stack.ask(query)).data["products"]["nodes"]
    return [each for each in nodes if each["orderQuantities"] is None]


@pytest.fixture(scope="module")
def shop(priced_world: Starlette) -> Iterator[Shop]:
    with start_blocking_portal() as portal:
        opened = running(priced_world, deadline=60.0, read_timeout=60.0)
        with portal.wrap_async_context_manager(opened) as stack:
            yield Shop(portal, stack)


QUANTITIES = st.decimals("0.01", "300", allow_nan=False, allow_infinity=False, places=2)
WANTED = st.lists(st.tuples(st.integers(0), QUANTITIES), min_size=1, max_size=6)


@settings(
    max_examples=BASKETS,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(wanted=WANTED)
def test_confirmed_lines_are_what_their_preview_said(
    shop: Shop, wanted: list[tuple[int, Decimal]]
) -> None:
    lines = [
        {"number": number, "quantity": str(round(quantity, decimals) or 1)}
        for number, decimals, quantity in (
            (*shop.offers[place % len(shop.offers)], quantity) for place, quantity in wanted
        )
    ]

    seen = shop.portal.call(mutated, shop.stack, PREVIEW, lines, False)["previewSalesOrder"]
    made = shop.portal.call(mutated, shop.stack, ORDER, lines, True)["createSalesOrder"]

    assert (seen["errors"], made["errors"]) == ([], [])
    assert (seen["basis"], seen["complete"]) == ("CALCULATED", True)
    assert seen["mayDiffer"] == ["TAX", "CHARGES", "DISCOUNTS"]
    written = sorted(made["order"]["lines"]["nodes"], key=lambda line: line["sequence"])
    assert list(map(figures, seen["lines"])) == list(map(figures, written))
    assert exact(seen["total"]) == sum((exact(line["amount"]) for line in written), Decimal())


async def mutated(
    stack: Stack, document: str, lines: list[dict[str, Any]], keyed: bool
) -> dict[str, Any]:
    key = {"idempotencyKey": str(uuid4())} if keyed else {}
    return (await stack.ask(document, input={"lines": lines, **key})).data


def figures(line: dict[str, Any]) -> tuple[Decimal, ...]:
    return (Decimal(line["quantity"]), *(exact(line[name]) for name in FIGURES))


FIGURES = ("unitPrice", "amount")


def exact(money: dict[str, Any] | None) -> Decimal:
    return Decimal(money["amount"]) if money else Decimal()
