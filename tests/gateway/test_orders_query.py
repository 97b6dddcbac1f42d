"""A customer's orders and all that hangs on them, through the whole stack."""

from typing import Any
from urllib.parse import parse_qs

import pytest
from starlette.applications import Starlette

from tests.stack import Stack, running

pytestmark = pytest.mark.anyio

EVERYTHING = """
query ($first: Int!) {
  orders(first: $first, filter: { status: { in: [DELIVERED, INVOICED] } }) {
    nodes {
      id number status placedAt total { amount currency } account { name } contact { name }
      lines(first: 20) { nodes { sequence quantity unit unitPrice { amount } product { name } } }
      shipments(first: 5) {
        nodes { number deliveredOn tracking(first: 5) { nodes { number url } } }
      }
    }
  }
}
"""


async def test_an_order_leads_to_everything_about_it(stack: Stack) -> None:
    answer = await stack.ask(EVERYTHING, first=20)

    orders = answer.data["orders"]["nodes"]
    assert orders
    assert all(order["account"]["name"] for order in orders)
    assert all(order["lines"]["nodes"] for order in orders)
    assert all(order["shipments"]["nodes"] for order in orders)


async def test_a_hundred_orders_cost_a_call_for_each_link(stack: Stack) -> None:
    hundred = await stack.asked_upstream(EVERYTHING, as_="admin", first=100)

    assert len({call.path for call in hundred}) == len(hundred) == 7


async def test_a_customers_accounts_come_inside_of_the_orders(stack: Stack) -> None:
    one = await stack.asked_upstream(EVERYTHING, first=1)
    twenty = await stack.asked_upstream(EVERYTHING, first=20)

    assert sorted(call.path for call in twenty) == sorted(call.path for call in one)
    assert len({call.path for call in one}) == len(one) == 5, (
        "one call for each other link; products come inside of lines"
    )


async def test_a_page_per_parent_is_no_call_per_parent(stack: Stack) -> None:
    query = "{ orders(first: 50) { nodes { lines(first: 2) { totalCount nodes { sequence } } } } }"

    calls = await stack.asked_upstream(query)
    answer = await stack.ask(query)

    assert len(calls) <= 3
    for order in answer.data["orders"]["nodes"]:
        sequences = [line["sequence"] for line in order["lines"]["nodes"]]
        assert sequences == sorted(sequences)
        assert len(sequences) == min(2, order["lines"]["totalCount"])


async def test_only_the_columns_asked_for_are_selected(stack: Stack) -> None:
    (call,) = await stack.asked_upstream(
        "{ orders(first: 1) { nodes { number total { amount } } } }", as_="rep"
    )

    asked = parse_qs(call.query)
    assert set(asked["$select"][0].split(",")) == {
        "_customerid_value",
        "createdon",
        "msdyn_salesordernumber",
        "salesorderid",
        "totalamount",
    }
    assert "$expand" not in asked


async def delivered(stack: Stack) -> list[dict[str, Any]]:
    answer = await stack.ask(
        "{ orders(first: 100) { nodes { status lines(first: 20) "
        "{ nodes { quantity deliveredQuantity remainingQuantity } } } } }"
    )
    return list(answer.data["orders"]["nodes"])


async def test_delivered_and_remaining_agree_with_the_status(stack: Stack) -> None:
    for order in await delivered(stack):
        for line in order["lines"]["nodes"]:
            sent, left = float(line["deliveredQuantity"]), float(line["remainingQuantity"])
            assert sent + left == float(line["quantity"])
            if order["status"] in ("DELIVERED", "INVOICED"):
                assert left == 0
            if order["status"] in ("ACTIVE", "CONFIRMED", "PICKED"):
                assert sent == 0


@pytest.mark.parametrize("settings_", [{}, {"compiled_plans": False}], ids=["compiled", "core"])
async def test_a_group_of_which_nothing_is_asked_is_there_or_null_as_ever(
    small_world: Starlette, settings_: dict[str, Any]
) -> None:
    """By the name of its type alone, or by parts that a variable leaves out."""
    nodes = "total { __typename } shipTo { __typename ... @include(if: $all) { city } }"
    query = f"query ($all: Boolean!) {{ orders(first: 5) {{ nodes {{ {nodes} }} }} }}"

    async with running(small_world, **settings_) as stack:
        without = (await stack.ask(query, all=False)).data["orders"]["nodes"]
        with_city = (await stack.ask(query, all=True)).data["orders"]["nodes"]

    assert {order["shipTo"]["__typename"] for order in without} == {"Address"}
    assert all(order["shipTo"]["city"] for order in with_city)
