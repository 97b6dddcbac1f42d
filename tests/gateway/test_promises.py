"""The ERP says on which day a quantity can be had, where the map for that runs."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from emulator.faults.actions import Fail
from emulator.faults.rules import Rule
from tests.gateway.orders.test_hidden_members import policy
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio

REQUESTS = "msdyn_inventoryonhandrequests"
PROMISE = "promise(quantity: $quantity) { quantity on quantities { on quantity } }"
PRODUCTS = f"""query ($first: Int!, $quantity: Decimal) {{
  products(first: $first, filter: {{ state: {{ eq: ACTIVE }} }}) {{
    nodes {{ number stock(first: 50) {{ nodes {{ available }} }} {PROMISE} }}
  }}
}}"""
PREVIEW = """mutation ($input: PreviewSalesOrderInput!) { previewSalesOrder(input: $input) {
  lines { quantity promise { on quantity } } fullDelivery errors { code message }
} }"""
WEEK = timedelta(days=7)


@pytest.fixture(scope="module")
def promising_world() -> Starlette:
    return emulator(promising=True)


@pytest.fixture
async def stack(promising_world: Starlette) -> AsyncIterator[Stack]:
    async with running(promising_world) as found:
        yield found


async def listed(stack: Stack, first: int, quantity: str) -> list[dict[str, Any]]:
    answer = await stack.ask(PRODUCTS, first=first, quantity=quantity)
    found: list[dict[str, Any]] = answer.data["products"]["nodes"]
    return found


def today(stack: Stack) -> date:
    found: date = stack.emulator.state.store.clock().date()
    return found


def written(stack: Stack) -> int:
    """The number of questions that were written to Dataverse since the log was cleared."""
    calls = stack.emulator.state.log.calls()
    return sum(each.method == "POST" and each.path == REQUESTS for each in calls)


async def test_a_quantity_in_stock_is_promised_for_today_and_more_for_later(stack: Stack) -> None:
    days = set()
    for quantity in ("1", "1500"):
        for product in await listed(stack, 20, quantity):
            promise = product["promise"]
            most = {each["on"]: Decimal(each["quantity"]) for each in promise["quantities"]}
            enough = [day for day in sorted(most) if most[day] >= Decimal(quantity)]
            assert promise["on"] == (enough[0] if enough else None)
            stock = [Decimal(each["available"]) for each in product["stock"]["nodes"]]
            assert not stock or most[today(stack).isoformat()] in stock
            days.add(promise["on"])

    assert {today(stack).isoformat(), None} < days
    assert days <= {today(stack).isoformat(), (today(stack) + WEEK).isoformat(), None}


async def test_a_list_is_asked_about_by_one_write_and_remembered_for_a_minute(
    stack: Stack,
) -> None:
    stack.emulator.state.log.clear()
    first = await listed(stack, 25, "3")
    once = sum(any(part.path == REQUESTS for part in e.parts) for e in stack.emulator.state.log)

    again = await listed(stack, 25, "3")

    assert (once, written(stack)) == (1, 25)
    assert first == again


async def test_a_list_above_25_is_not_asked_about(stack: Stack) -> None:
    stack.emulator.state.log.clear()

    found = await listed(stack, 26, "4")

    assert written(stack) == 0
    assert {each["promise"] and 1 for each in found} == {None}


async def test_a_preview_tells_the_day_of_each_line_and_of_the_whole(stack: Stack) -> None:
    query = """{ products(first: 40, filter: { state: { eq: ACTIVE } }) {
      nodes { number orderQuantities { minimum } } } }"""
    nodes = (await stack.ask(query)).data["products"]["nodes"]
    numbers = [each["number"] for each in nodes if each["orderQuantities"] is None][:30]
    lines = [{"number": number, "quantity": "2"} for number in numbers]

    seen = (await stack.ask(PREVIEW, input={"lines": lines})).data["previewSalesOrder"]

    assert seen["errors"] == []
    days = [line["promise"]["on"] for line in seen["lines"]]
    assert len(days) == 30
    assert seen["fullDelivery"] == (max(days) if None not in days else None)


async def test_where_the_map_does_not_run_nothing_is_promised_and_it_is_said(
    promising_world: Starlette, small_world: Starlette
) -> None:
    missing = "{ viewer { capabilities { missing } } }"
    for world, lacks in ((promising_world, False), (small_world, True)):
        async with running(world) as stack:
            told = (await stack.ask(missing)).data["viewer"]["capabilities"]["missing"]
            assert ("Product.promise" in told) is lacks
            found = await listed(stack, 3, "1")
            assert [each["promise"] is None for each in found] == [lacks] * 3


async def test_a_role_that_hides_promises_hides_them_in_previews_too(
    promising_world: Starlette, tmp_path: Path
) -> None:
    asked = "mutation ($input: PreviewSalesOrderInput!) { previewSalesOrder(input: $input) {"
    async with running(promising_world, policy=policy(tmp_path, ("Product.promise",))) as stack:
        products = "{ products(first: 3) { nodes { number promise { on } } } }"
        product = await stack.ask(products)
        plain = (await stack.ask("{ products(first: 3) { nodes { number } } }")).data["products"]
        lines = [{"number": plain["nodes"][0]["number"], "quantity": "30"}]
        told = [
            await stack.ask(f"{asked} {member} }} }}", input={"lines": lines})
            for member in ("lines { promise { on } }", "fullDelivery")
        ]

    assert set(product.codes) == {"FORBIDDEN"}
    assert [set(each.codes) for each in told] == [{"FORBIDDEN"}] * 2


@pytest.mark.parametrize("hidden", ["WarehouseStock.available", "Product.availability"])
async def test_a_role_that_hides_stock_is_told_a_day_and_no_quantity(
    promising_world: Starlette, tmp_path: Path, hidden: str
) -> None:
    asked = "promise(quantity: 2) { on quantities { quantity } }"
    query = (
        f"{{ products(first: 3, filter: {{ state: {{ eq: ACTIVE }} }}) {{ nodes {{ {asked} }} }} }}"
    )
    told = []
    for hides in ((), (hidden,)):
        async with running(promising_world, policy=policy(tmp_path, hides)) as stack:
            nodes = (await stack.ask(query)).data["products"]["nodes"]
            told.append([each["promise"] for each in nodes])

    shown, withheld = told
    assert all(each["quantities"] for each in shown)
    assert withheld == [each | {"quantities": []} for each in shown]


@pytest.mark.parametrize("status", [403, 503])
async def test_where_questions_are_refused_nothing_is_promised(
    promising_world: Starlette, status: int
) -> None:
    async with running(promising_world) as stack:
        stack.emulator.state.faults.add_rule(Rule(action=Fail(status=status), set=REQUESTS))
        try:
            found = await listed(stack, 3, "6")
        finally:
            stack.emulator.state.faults.clear()

    assert [each["promise"] for each in found] == [None] * 3
