"""Staff are told why it is empty: which rule gave or refused each table, and what it cut."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.types import Message, Receive, Scope, Send

from emulator.identities import DEMO_USERS
from gateway.commands.operator import explain
from gateway.errors import NotFound
from tests.stack import Stack, running, settings

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
    assert told["Shipment"]["refused"] is None
    assert told["Shipment"]["access"] == "parent"
    assert "cdm_companycode eq 'usmf'" in told["Product"]["rule"]


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


SUPPORT = """
[roles.administrator]
kind = "staff"
[roles.administrator.view-as]
access = "all"
[roles.administrator.explain]
access = "all"
[roles.administrator.account]
access = "all"
[roles.administrator.orders]
access = "all"
hide = ["SalesOrder.total"]
"""
"""Instead of the shipped administrator: sees no invoices, and of orders no totals."""


async def test_rows_are_counted_with_the_staff_callers_own_rights(
    small_world: Starlette, tmp_path: Path
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(SUPPORT)
    look = {"X-View-As": DEMO_USERS["jane"].email}
    query = (
        "{ by: orders(filter: { total: { gt: 1 } }) { totalCount } "
        "all: orders { totalCount } invoices { totalCount } }"
    )
    async with running(small_world, policy=str(file)) as stack:
        body = await explained(stack, query, **look)

    by_total, every, invoices = body["extensions"]["explain"]
    assert every["cut"] > 0
    assert by_total["cut"] is None, "how many orders have a large total is hidden from them"
    assert invoices["cut"] is None, "they may read none"
    assert "errors" not in body, "the customer's own answer is whole"


async def test_an_answer_outlives_an_explanation_that_costs_too_much(
    small_world: Starlette,
) -> None:
    async with running(small_world, upstream_calls=3) as stack:
        query = "{ a: orders { totalCount } b: invoices { totalCount } c: products { totalCount } }"
        body = await explained(stack, query)

    assert body["data"]["a"]["totalCount"] > 0
    assert [each["cut"] for each in body["extensions"]["explain"]] == [0, None, None]


async def test_a_count_that_dynamics_gave_up_is_a_lower_bound_or_none(
    stack: Stack, small_world: Starlette
) -> None:
    look = {"X-View-As": DEMO_USERS["jane"].email}
    mine = (await stack.ask("{ orders { totalCount } }")).data["orders"]["totalCount"]

    for limit, told in ((mine + 2, (2, True)), (mine - 1, (None, False))):
        async with running(counting_to(small_world, limit)) as short:
            (found,) = (await explained(short, "{ orders { totalCount } }", **look))["extensions"][
                "explain"
            ]
            assert (found["cut"], found["cutIsLowerBound"]) == told


def counting_to(app: Starlette, limit: int) -> Starlette:
    """The emulator as a Dataverse that stops counting at so many rows, as it does at 5,000."""

    async def capped(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.body" and b'"@odata.count"' in message["body"]:
                body = json.loads(message["body"])
                if body["@odata.count"] > limit:
                    body["@odata.count"] = limit
                    body["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] = True
                message = {**message, "body": json.dumps(body).encode()}
            elif message["type"] == "http.response.start":
                kept = [pair for pair in message["headers"] if pair[0] != b"content-length"]
                message = {**message, "headers": kept}
            await send(message)

        await app(scope, receive, sending)

    return capped  # type: ignore[return-value]
