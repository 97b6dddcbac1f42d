"""A quote becomes one order of its lines at its prices, whoever accepts it and however often."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from emulator.faults.actions import Cut, Fail
from emulator.values import guid_text
from tests.gateway.orders.ordering import ERRORS
from tests.gateway.orders.test_hidden_members import policy
from tests.gateway.orders.worlds import changed, key
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio

ACTIVE, WON = 1, 2
ALL_QUOTES = """
[roles.buyer]
extends = "buyer"

[roles.buyer.quotes]
access = "account"
"""
LINES = """lines(first: 50) { nodes {
  sequence quantity unit unitPrice { amount } discount { amount } amount { amount } product { id }
} }"""
QUOTES = f"""{{ quotes(first: 50, filter: {{ state: {{ eq: ACTIVE }} }}) {{ nodes {{
  id number version validUntil account {{ number }} {LINES}
}} }} }}"""
ACCEPT = f"""mutation ($input: AcceptQuoteInput!) {{ acceptQuote(input: $input) {{
  status replayed operation {ERRORS}
  order {{ id number quoteNumber customerReference shipTo {{ city }} account {{ number }} {LINES} }}
}} }}"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    async with running(emulator()) as found:
        yield found


async def offers(stack: Stack, as_: str = "jane") -> list[dict[str, Any]]:
    """Those that are still valid."""
    today = datetime.now(UTC).date().isoformat()
    nodes = (await stack.ask(QUOTES, as_=as_)).data["quotes"]["nodes"]
    found = [each for each in nodes if each["validUntil"] > today]
    assert found
    return found


async def accept(
    stack: Stack, quote: dict[str, Any], as_: str = "jane", **more: Any
) -> dict[str, Any]:
    sent = {"quote": quote["id"], "version": quote["version"], **more}
    found: dict[str, Any] = (await stack.ask(ACCEPT, as_=as_, input=sent)).data["acceptQuote"]
    return found


def quote_is(stack: Stack, quote: dict[str, Any], **values: Any) -> AbstractContextManager[None]:
    return changed(stack, "quote", '"quoteid" = ?', key(quote["id"]), values=values)


async def state_of(stack: Stack, quote: dict[str, Any]) -> tuple[int, int]:
    where = f"quoteid eq {guid_text(key(quote['id']))}"
    (row,) = await stack.rows(f"quotes?$select=statecode,statuscode&$filter={where}")
    return row["statecode"], row["statuscode"]


async def orders_of(stack: Stack, quote: dict[str, Any]) -> list[dict[str, Any]]:
    where = f"_quoteid_value eq {guid_text(key(quote['id']))}"
    return await stack.rows(f"salesorders?$filter={where}")


def said(lines: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Lines in all that a customer agrees to."""
    return sorted(
        (
            line["product"]["id"],
            line["unit"],
            *(
                Decimal(value or 0)
                for value in (
                    line["quantity"],
                    line["unitPrice"]["amount"],
                    (line["discount"] or {}).get("amount"),
                )
            ),
        )
        for line in lines
    )


async def test_a_quote_becomes_an_order_of_its_lines_at_its_prices(stack: Stack) -> None:
    for quote in (await offers(stack))[:5]:
        payload = await accept(stack, quote, customerReference="PO 7")

        assert payload["errors"] == []
        assert (payload["status"], payload["replayed"]) == ("CREATED", False)
        order = payload["order"]
        assert said(order["lines"]["nodes"]) == said(quote["lines"]["nodes"])
        assert order["quoteNumber"] == quote["number"]
        assert order["customerReference"] == "PO 7"
        assert order["account"] == quote["account"]
        assert await state_of(stack, quote) == (WON, 4)
        (row,) = await orders_of(stack, quote)
        lines = await stack.rows(
            f"salesorderdetails?$filter=_salesorderid_value eq {row['salesorderid']}"
        )
        assert all(line["_quotedetailid_value"] for line in lines)


async def test_the_erp_has_the_order_with_the_number_of_the_quote_and_its_prices(
    stack: Stack,
) -> None:
    """At prices that are those of no list: the ERP keeps what it was sent."""
    quote = (await offers(stack))[0]
    lines = changed(stack, "quotedetail", '"_quoteid_value" = ?', key(quote["id"]), values=CHEAP)
    with lines:
        quote = (await offers(stack))[0]
        order = (await accept(stack, quote))["order"]

    headers = await stack.service()
    path = f"/data/SalesOrderLines?$filter=SalesOrderNumber eq '{order['number']}'"
    found = (await stack.upstream.get(path, headers=headers)).json()["value"]
    assert {line["SalesPrice"] for line in found} == {1.25}
    assert len(found) == len(quote["lines"]["nodes"])
    path = f"/data/CDSSalesOrderHeaders?$filter=SalesOrderNumber eq '{order['number']}'"
    (header,) = (await stack.upstream.get(path, headers=headers)).json()["value"]
    assert header["QuotationNumber"] == quote["number"]


CHEAP = {"priceperunit": 12_500, "manualdiscountamount": 0}


async def test_accepted_again_it_gives_back_the_same_order(stack: Stack) -> None:
    quote = (await offers(stack))[0]

    first, second = await accept(stack, quote), await accept(stack, quote, customerReference="x")

    assert second["order"] == first["order"]
    assert (second["status"], second["replayed"]) == ("CREATED", True)
    assert len(await orders_of(stack, quote)) == 1


async def test_of_many_who_accept_at_once_all_have_the_one_order(stack: Stack) -> None:
    quote = (await offers(stack))[0]

    found = await asyncio.gather(*(accept(stack, quote) for _ in range(6)))

    assert {payload["status"] for payload in found} == {"CREATED"}
    assert len({payload["order"]["id"] for payload in found}) == 1
    assert len(await orders_of(stack, quote)) == 1


async def test_of_two_who_see_a_quote_one_alone_can_accept_it(stack: Stack, tmp_path: Path) -> None:
    """Sam has accepted it; Jane sees the quote, but not the order."""
    file = tmp_path / "policy.toml"
    file.write_text(ALL_QUOTES)
    async with running(stack.emulator, policy=str(file)) as wide:
        quote = (await offers(wide, "sam"))[0]
        first = await accept(wide, quote, "sam")
        again = await accept(wide, quote, "sam")
        other = await accept(wide, quote, "jane")

    assert (first["status"], again["replayed"]) == ("CREATED", True)
    assert [error["code"] for error in other["errors"]] == ["QUOTE_NOT_OPEN"]
    assert other["order"] is None
    assert len(await orders_of(stack, quote)) == 1


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"statecode": 0, "statuscode": 1}, "QUOTE_NOT_FOUND"),
        ({"statecode": 2, "statuscode": 4}, "QUOTE_NOT_OPEN"),
        ({"statecode": 3, "statuscode": 5}, "QUOTE_NOT_OPEN"),
        ({"discountamount": 50_000}, "INVALID_INPUT"),
        ({"discountpercentage": 500}, "INVALID_INPUT"),
        ({"msdyn_salesquotationexpirydate": "2020-01-01"}, "QUOTE_NOT_OPEN"),
    ],
)
async def test_only_an_open_quote_can_be_accepted(
    stack: Stack, values: dict[str, Any], code: str
) -> None:
    quote = (await offers(stack))[0]
    with quote_is(stack, quote, **values):
        payload = await accept(stack, quote)

    assert [error["code"] for error in payload["errors"]] == [code]
    assert payload["status"] is None
    assert await orders_of(stack, quote) == []


async def test_nobody_accepts_what_they_have_not_seen(stack: Stack) -> None:
    quote = (await offers(stack))[0]

    payload = await accept(stack, quote | {"version": "1"})

    assert [error["code"] for error in payload["errors"]] == ["QUOTE_CHANGED"]
    assert await state_of(stack, quote) == (ACTIVE, 3)
    assert await orders_of(stack, quote) == []


async def test_a_quote_to_others_is_as_if_it_were_not(stack: Stack) -> None:
    quote = (await offers(stack))[0]

    for stranger in ("may", "sam"):
        payload = await accept(stack, quote, stranger)
        assert [error["code"] for error in payload["errors"]] == ["QUOTE_NOT_FOUND"], stranger
    staff = await stack.ask(ACCEPT, as_="admin", input={"quote": quote["id"], "version": "1"})

    assert staff.codes == ["FORBIDDEN"]
    assert await orders_of(stack, quote) == []


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"msdyn_onholdstatus": 806380002}, "ACCOUNT_ON_HOLD"),
        ({"msdyn_creditlimitismandatory": 1, "creditlimit": 0}, "CREDIT_LIMIT_EXCEEDED"),
    ],
)
async def test_an_account_that_may_not_order_accepts_nothing(
    stack: Stack, values: dict[str, Any], code: str
) -> None:
    quote = (await offers(stack))[0]
    with changed(stack, "account", "accountnumber = ?", "US-001", values=values):
        payload = await accept(stack, quote)

    assert [error["code"] for error in payload["errors"]] == [code]
    assert await state_of(stack, quote) == (ACTIVE, 3)


async def test_a_line_that_cannot_be_ordered_refuses_the_whole_quote(stack: Stack) -> None:
    quote = (await offers(stack))[0]
    where = '"_quoteid_value" = ?'
    with changed(stack, "quotedetail", where, key(quote["id"]), values={"_productid_value": None}):
        payload = await accept(stack, (await offers(stack))[0])

    assert [error["code"] for error in payload["errors"]] == ["INVALID_INPUT"]
    assert await orders_of(stack, quote) == []


@pytest.mark.parametrize("action", [Cut(after_commit=True), Cut(), Fail()], ids=repr)
async def test_a_lost_answer_orders_once_and_wins_the_quote_with_it(
    stack: Stack, action: Any
) -> None:
    quote = (await offers(stack))[0]
    stack.emulator.state.faults.add(action, method="POST", set="salesorders", times=1)

    payload = await accept(stack, quote)
    again = await accept(stack, quote)

    assert payload["status"] == again["status"] == "CREATED"
    assert len(await orders_of(stack, quote)) == 1
    assert await state_of(stack, quote) == (WON, 4)


async def test_order_and_quote_stand_or_fall_together(stack: Stack) -> None:
    """The ERP refuses the order, so that the quote stays open."""
    quote = (await offers(stack))[0]
    product = key(quote["lines"]["nodes"][0]["product"]["id"])
    with changed(stack, "product", '"productid" = ?', product, values={"msdyn_productnumber": "?"}):
        payload = await accept(stack, quote)

    assert [error["code"] for error in payload["errors"]] == ["ORDER_REFUSED"]
    assert await state_of(stack, quote) == (ACTIVE, 3)
    assert await orders_of(stack, quote) == []


async def test_what_a_role_hides_changes_no_order(stack: Stack, tmp_path: Path) -> None:
    quote = (await offers(stack))[0]
    hidden = ("SalesOrderLine.unitPrice", "SalesOrder.shipTo", "Account.address", "Contact.account")
    async with running(stack.emulator, policy=policy(tmp_path, hidden)) as discreet:
        query = ACCEPT.replace("shipTo { city }", "").replace("unitPrice { amount }", "")
        sent = {"quote": quote["id"], "version": quote["version"]}
        payload = (await discreet.ask(query, input=sent)).data["acceptQuote"]

    assert payload["errors"] == []
    (row,) = await orders_of(stack, quote)
    assert row["shipto_city"]
    lines = (await stack.ask(f"{{ orders(first: 1) {{ nodes {{ {LINES} }} }} }}")).data
    assert said(lines["orders"]["nodes"][0]["lines"]["nodes"]) == said(quote["lines"]["nodes"])
