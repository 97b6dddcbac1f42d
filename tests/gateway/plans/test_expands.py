"""Rows that travel inside of other rows: where, and that nobody gets another's by it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from starlette.applications import Starlette

from gateway.auth.policy import SHIPPED
from gateway.auth.principal import CallerAccount, CallerContact, Kind, Principal
from gateway.client.transport import Http1Transport
from gateway.loaders.reader import Reader
from gateway.model.tables import TABLES, Link, ServiceName
from gateway.upstream.allowance import Allowance
from gateway.upstream.conditions import (
    EVERYTHING,
    NOTHING,
    AnyOf,
    Compare,
    Condition,
    In,
    both,
    narrows,
    prefixed,
)
from gateway.upstream.dialects import DATAVERSE, FINOPS
from gateway.upstream.service import Service
from tests.meddling import Change, Meddling
from tests.stack import EMULATOR, Stack, running

pytestmark = pytest.mark.anyio
ORDERS = """{ orders(first: 5) { nodes {
  number
  account { name number }
  lines(last: 2) { nodes { id quantity } pageInfo { hasPreviousPage } }
} } }"""


@asynccontextmanager
async def meddled(emulator: Starlette, change: Change) -> AsyncIterator[tuple[Stack, Meddling]]:
    upstream = Meddling(emulator, "order_details", change)
    async with running(emulator, upstream) as stack:
        yield stack, upstream


async def test_lines_and_customers_travel_inside_of_their_orders(stack: Stack) -> None:
    for caller in ("jane", "rep", "may"):
        calls = await stack.asked_upstream(ORDERS, as_=caller)

        assert [call.path for call in calls] == ["salesorders"]


async def test_they_say_what_separate_reads_say(small_world: Starlette, stack: Stack) -> None:
    async with running(small_world, expands=False) as apart:
        for caller in ("jane", "rep", "may"):
            together = await stack.ask(ORDERS, as_=caller)

            assert together.body == (await apart.ask(ORDERS, as_=caller)).body
            assert together.data["orders"]["nodes"]


@pytest.mark.parametrize(
    ("shown", "asked"),
    [
        ("nodes { description }", "_salesorderid_value,description"),
        ("nodes { id }", "_salesorderid_value,salesorderdetailid"),
        ("pageInfo { hasNextPage }", "_salesorderid_value"),
        ("pageInfo { endCursor }", "_salesorderid_value,salesorderdetailid,sequencenumber"),
        ("edges { cursor }", "_salesorderid_value,salesorderdetailid,sequencenumber"),
    ],
)
async def test_columns_of_rows_inside_are_those_shown_and_those_that_prove_whose_they_are(
    small_world: Starlette, stack: Stack, shown: str, asked: str
) -> None:
    query = f"{{ orders(first: 3) {{ nodes {{ lines(first: 1) {{ {shown} }} }} }} }}"
    (call,) = await stack.asked_upstream(query, as_="rep")

    assert f"order_details($select={asked};" in call.query
    async with running(small_world, expands=False) as apart:
        answer = await stack.ask(query, as_="rep")
        assert answer.body == (await apart.ask(query, as_="rep")).body
        assert answer.data["orders"]["nodes"]


@pytest.mark.parametrize(
    "part",
    [
        "lines(first: 2, filter: { quantity: { gt: 1 } }) { nodes { id } }",
        "lines { totalCount }",
        "lines { nodes { unit } }",
        "lines { nodes { order { number } } } account { orders { nodes { id } } }",
    ],
    ids=["filtered", "counted", "with a row inside", "with orders below"],
)
async def test_what_cannot_be_proved_the_same_is_read_apart(stack: Stack, part: str) -> None:
    calls = await stack.asked_upstream(
        f"{{ orders(first: 3) {{ nodes {{ {part} }} }} }}", as_="rep"
    )

    assert len(calls) > 1


async def test_staff_are_told_of_each_read(stack: Stack) -> None:
    calls = await stack.asked_upstream(ORDERS, as_="admin")

    assert {call.path for call in calls} == {"salesorders", "accounts", "salesorderdetails"}


async def test_a_foreign_customer_inside_of_an_order_is_not_shown(small_world: Starlette) -> None:
    def swap(orders: list[dict[str, Any]]) -> None:
        for order in orders:
            order["customerid_account"] |= {"accountid": str(UUID(int=7)), "name": "FOREIGN"}

    async with meddled(small_world, swap) as (stack, upstream):
        answer = await stack.ask(ORDERS, as_="rep")

    assert upstream.met
    assert "FOREIGN" not in str(answer.body)
    assert answer.data["orders"]["nodes"][0]["account"]["name"]


async def test_lines_of_another_order_inside_of_an_order_are_not_shown(
    small_world: Starlette,
) -> None:
    def misplace(orders: list[dict[str, Any]]) -> None:
        for order in orders:
            for line in order["order_details"]:
                line |= {"_salesorderid_value": str(UUID(int=7)), "quantity": 4711.0}

    async with meddled(small_world, misplace) as (stack, upstream):
        answer = await stack.ask(ORDERS, as_="rep")

    assert upstream.met
    assert "4711" not in str(answer.body)
    assert answer.data["orders"]["nodes"][0]["lines"]["nodes"]


MINE = Compare("account", "eq", UUID(int=1))
OURS = In("account", (UUID(int=1), UUID(int=2)))
KEY = In("id", (UUID(int=1), UUID(int=2)))


@pytest.mark.parametrize(
    ("known", "column", "follows"),
    [
        (MINE, "account", True),
        (OURS, "account", True),
        (both(OURS, Compare("contact", "eq", UUID(int=3))), "account", True),
        (In("account", (UUID(int=1), UUID(int=9))), "account", False),
        (AnyOf((MINE, Compare("contact", "eq", UUID(int=3)))), "account", False),
        (MINE, "contact", False),
        (Compare("account", "ne", UUID(int=1)), "account", False),
        (EVERYTHING, "account", False),
        (NOTHING, "account", False),
    ],
)
def test_a_rule_follows_from_another_only_where_it_lets_no_more_through(
    known: Condition, column: str, *, follows: bool
) -> None:
    assert narrows(known, column, KEY) is follows
    assert not narrows(known, column, NOTHING)
    assert not narrows(known, column, EVERYTHING)


def test_a_rule_of_a_row_is_one_of_the_rows_that_lead_there() -> None:
    rule = both(OURS, AnyOf((MINE, Compare("contact", "eq", None))))

    at = prefixed(rule, "order")

    inside = AnyOf(
        (Compare("order/account", "eq", UUID(int=1)), Compare("order/contact", "eq", None))
    )
    assert at == both(In("order/account", OURS.values), inside)


@pytest.mark.parametrize("role", ["buyer", "representative"])
def test_what_follows_from_one_rule_is_not_taken_for_what_follows_from_another(role: str) -> None:
    """Each link in each direction, asked of one caller in two orders and of one that is new."""
    ways = [
        (link, down)
        for table in TABLES.values()
        for link in table.specs.values()
        if isinstance(link, Link) and link.navigation
        for down in (False, True)
    ]
    forth, back = reader_of(role), reader_of(role)
    asked = [forth.implied(link, down=down) for link, down in ways]
    reverse = [back.implied(link, down=down) for link, down in reversed(ways)]
    fresh = [reader_of(role).implied(link, down=down) for link, down in ways]

    assert asked == fresh == reverse[::-1]
    assert [forth.implied(link, down=down) for link, down in ways] == fresh
    assert any(rule is None for rule in fresh)
    assert any(rule is not None for rule in fresh)


def reader_of(role: str) -> Reader:
    """The reader of somebody who has this role."""
    account = CallerAccount(UUID(int=1), "US-001", "usmf")
    contact = CallerContact(UUID(int=2), "Jane", None, account=account.id)
    principal = Principal(
        Kind.CUSTOMER,
        "https://issuer.example",
        "jane",
        contact=contact,
        accounts=(account,),
        rights=SHIPPED.rights([role]),
    )
    nowhere = Http1Transport()
    services: dict[ServiceName, Service] = {
        "dataverse": Service(nowhere, f"{EMULATOR}/", DATAVERSE),
        "finops": Service(nowhere, f"{EMULATOR}/", FINOPS),
    }
    return Reader(services, principal, Allowance(0, 0.0))
