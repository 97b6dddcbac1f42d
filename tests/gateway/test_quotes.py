"""Customers see the quotes that were sent to them, and no draft of one."""

from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from gateway.model.tables import TABLES
from gateway.schema.ids import encode
from tests.gateway.live.worlds import rows
from tests.stack import Stack

pytestmark = pytest.mark.anyio

DRAFT, ACTIVE = 0, 1
ALL = "{ quotes(first: 100) { nodes { id number state account { number } contact { name } } } }"
LINES = "{ quotes(first: 5) { nodes { number lines { nodes { quote { number } } } } } }"
WHOLE = """query ($id: ID!) { quote(id: $id) {
  number name state createdAt validUntil total { amount currency } account { name }
  lines(first: 50) { nodes {
    quantity unit unitPrice { amount } discount { amount } amount { amount } product { number }
  } }
} }"""


async def seen(stack: Stack, caller: str) -> list[dict[str, Any]]:
    return list((await stack.ask(ALL, as_=caller)).data["quotes"]["nodes"])


def accounts(stack: Stack) -> dict[str, str]:
    return {row["accountid"]: row["accountnumber"] for row in rows(stack, "accounts")}


async def test_a_customer_sees_each_quote_of_the_account_but_the_drafts(stack: Stack) -> None:
    numbers = accounts(stack)
    theirs = [row for row in rows(stack, "quotes") if numbers[row["_customerid_value"]] == "US-001"]
    drafts = [row for row in theirs if row["statecode"] == DRAFT]

    found = await seen(stack, "rep")

    assert drafts
    assert len(found) == len(theirs) - len(drafts) > 5
    assert {each["state"] for each in found} == {"ACTIVE", "WON", "CLOSED"}
    assert {each["account"]["number"] for each in found} == {"US-001"}


async def test_a_buyer_sees_the_quotes_that_name_the_buyer(stack: Stack) -> None:
    mine, ours = await seen(stack, "jane"), await seen(stack, "rep")

    assert 0 < len(mine) < len(ours)
    assert {each["contact"]["name"] for each in mine} == {"Jane Doe"}
    assert {each["id"] for each in mine} < {each["id"] for each in ours}


async def test_staff_see_drafts_too(stack: Stack) -> None:
    found = (await stack.ask("{ quotes(first: 0) { totalCount } }", as_="admin")).data
    drafts = "{ quotes(first: 1, filter: { state: { eq: DRAFT } }) { totalCount } }"

    every = Counter(row["statecode"] for row in rows(stack, "quotes"))
    assert found["quotes"]["totalCount"] == every.total()
    assert (await stack.ask(drafts, as_="admin")).data["quotes"]["totalCount"] == every[DRAFT]
    assert (await stack.ask(drafts, as_="rep")).data["quotes"]["totalCount"] == 0


async def test_drafts_and_their_lines_cannot_be_read_by_their_ids(stack: Stack) -> None:
    drafts = {row["quoteid"] for row in rows(stack, "quotes") if row["statecode"] == DRAFT}
    lines = [row for row in rows(stack, "quotedetails") if row["_quoteid_value"] in drafts]
    ids = [encode(TABLES["Quote"], (UUID(key),)) for key in sorted(drafts)]
    ids += [encode(TABLES["QuoteLine"], (UUID(row["quotedetailid"]),)) for row in lines]
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"

    for caller in ("jane", "rep"):
        found = (await stack.ask(query, as_=caller, ids=ids[:100])).data["nodes"]
        assert set(map(str, found)) == {"None"}


async def test_lines_are_those_of_the_quotes_that_are_seen(stack: Stack) -> None:
    numbers = {each["number"] for each in await seen(stack, "rep")}

    below = (await stack.ask(LINES, as_="rep")).data["quotes"]["nodes"]
    alone = "{ quoteLines(first: 100) { nodes { quote { number } } } }"
    listed = (await stack.ask(alone, as_="rep")).data["quoteLines"]["nodes"]

    assert all(quote["lines"]["nodes"] for quote in below)
    for quote in below:
        assert {line["quote"]["number"] for line in quote["lines"]["nodes"]} == {quote["number"]}
    assert {line["quote"]["number"] for line in listed} <= numbers


async def test_the_products_of_a_quote_take_no_call_of_their_own(stack: Stack) -> None:
    quote = (await seen(stack, "rep"))[0]["id"]

    calls = await stack.asked_upstream(WHOLE, as_="rep", id=quote)

    assert sorted(call.path for call in calls) == ["accounts", "quotedetails", "quotes"]
