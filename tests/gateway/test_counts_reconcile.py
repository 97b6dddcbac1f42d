"""Every call of every surface is counted by the gateway as Dynamics itself counts it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import pytest

from emulator.faults.actions import Fail
from tests.gateway.live.streams import FAST, following, over_socket
from tests.gateway.live.worlds import change, rows
from tests.gateway.test_calculated_prices import listed
from tests.gateway.test_metrics import CALLS, counted, outcomes
from tests.gateway.test_papers import follow, link
from tests.gateway.test_pictures import fetch, pictured
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio

FOLLOWED = "subscription { orders(first: 3) { nodes { number name } } }"
ORDER = """mutation ($input: CreateSalesOrderInput!) { createSalesOrder(input: $input) {
  status errors { code } } }"""
PRODUCT = "{ products(first: 1, filter: { state: { eq: ACTIVE } }) { nodes { id } } }"


async def streams(stack: Stack) -> None:
    """Two followers of one list, while a row of it changes."""
    async with following(stack, FOLLOWED) as one, over_socket(stack, FOLLOWED) as other:
        await one.next()
        shown = (await other.next())["data"]["orders"]["nodes"][0]
        like = {"msdyn_salesordernumber": shown["number"], "name": shown["name"]}
        (row,) = rows(stack, "salesorders", **like)
        change(stack, "salesorders", row["salesorderid"], name="counted")
        for each in (one, other):
            await each.next()


async def prices(stack: Stack) -> None:
    for quantity in ("1", "2"):
        assert await listed(stack, quantity=quantity)


async def pictures(stack: Stack) -> None:
    for each in (await pictured(stack))[:3]:
        assert (await fetch(stack, each["pictures"][0]["url"])).status_code == 200


async def papers(stack: Stack) -> None:
    for kind in ("Invoice", "SalesOrder"):
        assert (await follow(stack, await link(stack, kind))).status_code == 200


async def new_orders(stack: Stack) -> None:
    (product,) = (await stack.ask(PRODUCT)).data["products"]["nodes"]
    for number in range(3):
        line = {"product": product["id"], "quantity": "10"}
        order = {"idempotencyKey": f"to be counted {number}", "lines": [line]}
        await stack.ask(ORDER, input=order)


SURFACES: Mapping[str, Callable[[Stack], Awaitable[None]]] = {
    "live queries": streams,
    "prices of the engine": prices,
    "pictures": pictures,
    "documents": papers,
    "orders": new_orders,
}


async def still(stack: Stack) -> None:
    """Wait until nothing asks Dynamics any more."""
    log, seen = stack.emulator.state.log, -1
    while seen != len(log):
        seen = len(log)
        await asyncio.sleep(0.5)


@pytest.mark.parametrize("surface", SURFACES)
async def test_the_calls_of_each_surface_are_those_that_dynamics_counted(surface: str) -> None:
    world = emulator(pricing=True)
    roles = ("representative",)
    async with running(world, metrics=True, customer_roles=roles, **FAST) as stack:
        await still(stack)
        begun = sum(outcomes(world).values())
        for seed, status in enumerate((500, 503)):
            world.state.faults.add(Fail(status), probability=0.03, seed=seed)
        await SURFACES[surface](stack)
        await still(stack)
        found = await counted(stack, *CALLS)

    assert found == outcomes(world)
    assert sum(found.values()) > begun
