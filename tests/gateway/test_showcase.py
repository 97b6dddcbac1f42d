"""The showcase is a company that one believes, as of today."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from starlette.applications import Starlette

from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio

TODAY = datetime.now(UTC).date()
OPEN = "ACTIVE, CONFIRMED, PICKED, PARTIALLY_DELIVERED"


@pytest.fixture(scope="module")
def cafes() -> Starlette:
    return emulator(world="showcase")


@pytest.fixture
async def stack(cafes: Starlette) -> AsyncIterator[Stack]:
    async with running(cafes, customer_roles=("representative",)) as found:
        yield found


async def everything(stack: Stack, query: str, as_: str) -> list[dict[str, Any]]:
    """All rows of a list, whose query has a place for the page."""
    rows: list[dict[str, Any]] = []
    after = None
    while True:
        document = f"query ($after: String) {{ rows: {query} }}"
        page = (await stack.ask(document, as_=as_, after=after)).data["rows"]
        rows += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return rows
        after = page["pageInfo"]["endCursor"]


def listed(name: str, fields: str, condition: str = "") -> str:
    page = "pageInfo { hasNextPage endCursor }"
    return f"{name}(first: 100, after: $after{condition}) {{ nodes {{ {fields} }} {page} }}"


async def test_sixty_products_of_one_trade_have_texts_and_sane_prices(stack: Stack) -> None:
    fields = "name description itemNumber price { unitPrice { amount } } availability { available }"
    found = await everything(stack, listed("products", fields), "rep")

    prices = [Decimal(each["price"]["unitPrice"]["amount"]) for each in found]
    assert len({each["itemNumber"] for each in found}) == 60
    assert all(each["description"] for each in found)
    assert Decimal(5) < min(prices)
    assert max(prices) < 10_000
    gone = [each for each in found if not Decimal(each["availability"]["available"])]
    assert 3 <= len(gone) <= 10


async def test_orders_are_of_late_and_a_few_of_them_late(stack: Stack) -> None:
    fields = "placedAt status requestedReceiptDate confirmedReceiptDate total { amount }"
    found = await everything(stack, listed("orders", fields), "rep")

    placed = [datetime.fromisoformat(each["placedAt"]).date() for each in found]
    under_way = [each for each in found if each["status"] in OPEN.split(", ")]
    late = [each for each in under_way if each["confirmedReceiptDate"] and _day(each) < TODAY]
    assert TODAY - timedelta(days=1) <= max(placed) <= TODAY
    assert 8 <= len(under_way) <= 40
    assert 2 <= len(late) <= 12
    assert {each["status"] for each in found} >= {*OPEN.split(", "), "INVOICED", "DELIVERED"}
    assert max(Decimal(each["total"]["amount"]) for each in found) < 40_000


def _day(order: dict[str, Any]) -> date:
    return date.fromisoformat(order["confirmedReceiptDate"])


async def test_something_is_owed_and_a_little_of_it_overdue(stack: Stack) -> None:
    query = "{ accounts { nodes { balance { open { amount } overdue { amount } } } } }"
    (account,) = (await stack.ask(query, as_="rep")).data["accounts"]["nodes"]

    (balance,) = account["balance"]
    owed, overdue = (Decimal(balance[name]["amount"]) for name in ("open", "overdue"))
    assert 0 < overdue < owed < 40_000


async def test_sam_buys_for_two_accounts_of_which_one_is_on_hold(stack: Stack) -> None:
    query = "{ accounts { nodes { id name holdStatus } } }"

    sam = (await stack.ask(query, as_="sam")).data["accounts"]["nodes"]
    jane = (await stack.ask(query, as_="jane")).data["accounts"]["nodes"]
    (held,) = [each for each in sam if each["id"] != jane[0]["id"]]
    waiting = await stack.ask(
        "query ($id: ID!) { orders(account: $id) { totalCount } }", as_="sam", id=held["id"]
    )

    assert len(jane) == 1
    assert len(sam) == 2
    assert held["holdStatus"] != "NO"
    assert waiting.data["orders"]["totalCount"] > 0
