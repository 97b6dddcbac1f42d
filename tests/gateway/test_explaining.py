"""Why is this empty? Staff are told which rule gave or refused each table, and what it cut."""

from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from emulator.identities import DEMO_USERS
from gateway.consulting import explain
from gateway.errors import NotFound
from tests.stack import Stack, settings

pytestmark = pytest.mark.anyio

QUERY = (
    "{ orders(first: 2) { nodes { number lines { nodes { quantity } } } } "
    "shipments { nodes { number } } products(first: 1) { nodes { number } } }"
)


async def explained(stack: Stack, query: str, **headers: str) -> Any:
    response = await stack.gateway.post(
        "/graphql",
        json={"query": query, "extensions": {"explain": True}},
        headers={"Authorization": f"Bearer {await stack.token('admin')}", **headers},
    )
    return response.json()


async def test_staff_are_told_what_a_customers_rules_gave_and_cut(stack: Stack) -> None:
    mine = (await stack.ask("{ orders { totalCount } }")).data["orders"]["totalCount"]
    total = len(await stack.rows("salesorders?$select=salesorderid"))

    body = await explained(stack, QUERY, **{"X-View-As": DEMO_USERS["jane"].email})

    told = {each["table"]: each for each in body["extensions"]["explain"]}
    assert told["SalesOrder"]["access"] == "own"
    assert "_msdyn_contactperson_value eq" in told["SalesOrder"]["rule"]
    assert told["SalesOrder"]["cut"] == total - mine
    assert told["SalesOrderLine"]["cut"] == 0, "lines of orders that are hers"
    assert "reached through" in told["Shipment"]["refused"]
    assert told["Shipment"]["cut"] > 0
    assert told["Product"]["rule"] == "all rows"
    assert body["data"]["shipments"] is None


async def test_for_themselves_staff_cut_nothing(stack: Stack) -> None:
    body = await explained(stack, "{ orders(first: 2) { nodes { number } } }")

    assert [each["cut"] for each in body["extensions"]["explain"]] == [0]


async def test_nobody_else_is_told(stack: Stack) -> None:
    response = await stack.gateway.post(
        "/graphql",
        json={"query": QUERY, "extensions": {"explain": True}},
        headers={"Authorization": f"Bearer {await stack.token('rep')}"},
    )

    assert response.status_code == 403
    assert set(response.json()) == {"errors"}


async def test_the_command_explains_without_a_token(small_world: Starlette) -> None:
    transport = httpx2.ASGITransport(app=small_world)

    body = await explain(settings(), DEMO_USERS["may"].email, QUERY, transport=transport)
    with pytest.raises(NotFound):
        await explain(settings(), "nobody@nowhere.example", QUERY, transport=transport)

    assert body["data"]["orders"]["nodes"]
    assert {each["table"] for each in body["extensions"]["explain"]} >= {"SalesOrder", "Shipment"}
