"""A quote is asked for once, as a draft that its customer sees without what the seller prepares."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from emulator.faults.actions import Cut, Fail
from emulator.values import guid_order, guid_text
from gateway.model.tables import TABLES
from gateway.schema import ids
from gateway.schema.business.quote_requests import QuoteRequest, QuoteRequestLine
from tests.gateway.orders.ordering import ERRORS, products
from tests.gateway.orders.test_hidden_members import policy
from tests.gateway.orders.worlds import changed, key
from tests.stack import Stack, running

pytestmark = pytest.mark.anyio

LINES = """lines(first: 50) { nodes {
  sequence quantity unit note requestedShippingDate product { id number }
} }"""
REQUEST = f"""id number createdAt message customerReference requisitionNumber requestedReceiptDate
  shipTo {{ street city country }} account {{ number }} {LINES}"""
ASK = f"""mutation ($input: RequestQuoteInput!) {{ requestQuote(input: $input) {{
  status replayed request {{ {REQUEST} }} {ERRORS}
}} }}"""
REQUESTS = f"{{ quoteRequests(first: 50) {{ nodes {{ {REQUEST} }} }} }}"


async def wanted(stack: Stack, **more: Any) -> dict[str, Any]:
    """An input with two lines."""
    first, second = await products(stack)
    lines: list[dict[str, Any]] = [
        {"number": first["number"], "quantity": "40", "note": "in boxes"},
        {"product": second["id"], "quantity": "25"},
    ]
    return {"idempotencyKey": str(uuid4()), "lines": lines, **more}


async def ask(stack: Stack, as_: str = "jane", **sent: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await stack.ask(ASK, as_=as_, input=sent)).data["requestQuote"]
    return found


async def test_what_is_asked_for_is_a_draft_that_its_customer_sees(writable: Stack) -> None:
    sent = await wanted(
        writable,
        message="For the new shop.",
        customerReference="RFQ 7",
        requestedReceiptDate="2031-02-03",
    )

    payload = await ask(writable, **sent)

    assert payload["errors"] == []
    assert (payload["status"], payload["replayed"]) == ("CREATED", False)
    request = payload["request"]
    assert request["message"] == "For the new shop."
    assert request["customerReference"] == "RFQ 7"
    assert request["requestedReceiptDate"] == "2031-02-03"
    first, second = request["lines"]["nodes"]
    assert first["product"]["number"] == sent["lines"][0]["number"]
    assert [Decimal(line["quantity"]) for line in (first, second)] == [40, 25]
    assert first["note"] == "in boxes"
    assert second["product"]["id"] == sent["lines"][1]["product"]
    listed = (await writable.ask(REQUESTS)).data["quoteRequests"]["nodes"]
    assert listed[0] == request


async def drafts(stack: Stack, request: dict[str, Any]) -> list[dict[str, Any]]:
    """The quotes in Dataverse with the key of a request."""
    return await stack.rows(f"quotes?$filter=quoteid eq {guid_text(key(request['id']))}")


async def made_since(stack: Stack, before: int) -> int:
    return len(await stack.rows("quotes?$select=quoteid")) - before


async def test_the_seller_finds_an_ordinary_draft_that_dual_write_carries(writable: Stack) -> None:
    request = (await ask(writable, **await wanted(writable)))["request"]

    (row,) = await drafts(writable, request)
    where = f"_quoteid_value eq {row['quoteid']}&$orderby=sequencenumber"
    lines = await writable.rows(f"quotedetails?$filter={where}")

    assert (row["statecode"], row["msdyn_ordertype"]) == (0, 192350000)
    assert row["name"] == "quote request"
    assert all(row[name] for name in CARRIED)
    assert [line["quantity"] for line in lines] == [40, 25]
    assert all(line["_productid_value"] and line["_uomid_value"] for line in lines)
    assert [line["priceperunit"] for line in lines] == [None, None]


CARRIED = (
    "_customerid_value",
    "_msdyn_company_value",
    "_transactioncurrencyid_value",
    "_pricelevelid_value",
    "_msdyn_associatedcontact_value",
    "shipto_country",
    "msdyn_language",
)
"""Columns of a draft that the map of headers needs."""


async def test_the_same_key_asks_once(writable: Stack) -> None:
    sent = await wanted(writable)
    before = len(await writable.rows("quotes?$select=quoteid"))

    first = await ask(writable, **sent)
    again = await ask(writable, **sent)
    otherwise = await ask(writable, **sent | {"customerReference": "another"})
    at_once = await wanted(writable)
    found = await asyncio.gather(*(ask(writable, **at_once) for _ in range(6)))

    assert [each["replayed"] for each in (first, again, otherwise)] == [False, True, True]
    assert first["request"] == again["request"] == otherwise["request"]
    assert {each["status"] for each in found} == {"CREATED"}
    assert len({each["request"]["id"] for each in found}) == 1
    assert await made_since(writable, before) == 2


async def test_keys_are_their_callers_own(writable: Stack) -> None:
    sent = await wanted(writable)

    found = [(await ask(writable, as_, **sent))["request"]["id"] for as_ in ("jane", "sam", "rep")]

    assert len(set(found)) == 3


@pytest.mark.parametrize("action", [Cut(after_commit=True), Cut(), Fail()], ids=repr)
async def test_a_lost_answer_asks_once(writable: Stack, action: Any) -> None:
    sent = await wanted(writable)
    before = len(await writable.rows("quotes?$select=quoteid"))
    writable.emulator.state.faults.add(action, method="POST", set="quotes", times=1)

    payload, again = await ask(writable, **sent), await ask(writable, **sent)

    assert payload["status"] == again["status"] == "CREATED"
    assert payload["request"] == again["request"]
    assert await made_since(writable, before) == 1


async def test_a_request_is_a_quote_once_it_was_sent(writable: Stack) -> None:
    sent = await wanted(writable)
    request = (await ask(writable, **sent))["request"]
    quote = ids.encode(TABLES["Quote"], ids.decode(request["id"])[1])
    query = "query ($quote: ID!, $request: ID!) { quote(id: $quote) { state total { amount } lines "
    query += "{ totalCount } } quoteRequest(id: $request) { number } }"
    both = {"quote": quote, "request": request["id"]}

    asked = (await writable.ask(query, **both)).data
    offered = {"statecode": 1, "statuscode": 3}
    with changed(writable, "quote", '"quoteid" = ?', key(request["id"]), values=offered):
        seen = (await writable.ask(query, **both)).data
        again = await ask(writable, **sent)

    assert asked["quote"] is None
    assert asked["quoteRequest"] is not None
    assert seen["quote"]["state"] == "ACTIVE"
    assert seen["quote"]["lines"]["totalCount"] == 2
    assert seen["quoteRequest"] is None
    assert (again["status"], again["replayed"], again["request"]) == ("CREATED", True, None)


async def test_nothing_that_a_seller_prepares_is_shown(writable: Stack) -> None:
    """No amount of a draft has a name here, and the drafts of sellers are no requests."""
    request = (await ask(writable, **await wanted(writable)))["request"]
    listed = (await writable.ask(REQUESTS, as_="admin")).data["quoteRequests"]["nodes"]
    theirs = await writable.rows("quotes?$filter=statecode eq 0 and importsequencenumber eq null")
    foreign = [ids.encode(TABLES["QuoteRequest"], (row["quoteid"],)) for row in theirs]
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    found = (await writable.ask(query, as_="admin", ids=foreign[:50])).data["nodes"]

    assert request["id"] in {each["id"] for each in listed}
    assert theirs
    assert not {each["id"] for each in listed} & set(foreign)
    assert set(map(str, found)) == {"None"}
    for table in (QuoteRequest.__table__, QuoteRequestLine.__table__):
        shown = {column for spec in table.visible.values() for column in spec.paths}
        assert not {column for column in shown if any(word in column for word in AMOUNTS)}


AMOUNTS = ("amount", "price", "tax", "discount")


async def test_requests_are_seen_as_quotes_are(writable: Stack) -> None:
    mine = (await ask(writable, "jane", **await wanted(writable)))["request"]
    one = f"query ($id: ID!) {{ quoteRequest(id: $id) {{ {REQUEST} }} }}"

    seen = {
        caller: (await writable.ask(one, as_=caller, id=mine["id"])).data["quoteRequest"]
        for caller in ("jane", "rep", "admin", "sam", "may")
    }

    assert seen["jane"] == seen["rep"] == seen["admin"] == mine
    assert seen["sam"] is seen["may"] is None


@pytest.mark.parametrize(
    "values",
    [
        {"msdyn_onholdstatus": 806380002},
        {"msdyn_creditlimitismandatory": 1, "creditlimit": 0},
    ],
)
async def test_asking_commits_nobody(writable: Stack, values: dict[str, Any]) -> None:
    """An account on hold, or past its limit, may ask; whatever is ordered is checked as ever."""
    with changed(writable, "account", "accountnumber = ?", "US-001", values=values):
        payload = await ask(writable, **await wanted(writable))

    assert (payload["errors"], payload["status"]) == ([], "CREATED")


async def test_a_product_without_a_price_can_be_asked_for(writable: Stack) -> None:
    sent = await wanted(writable)
    product = key(sent["lines"][1]["product"])
    nowhere = {"_pricelevelid_value": guid_order(str(uuid4()))}
    async with running(writable.emulator, unpriced="refuse") as strict:
        with changed(
            writable, "productpricelevel", '"_productid_value" = ?', product, values=nowhere
        ):
            payload = await ask(strict, **sent)

    assert (payload["errors"], payload["status"]) == ([], "CREATED")


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"lines": []}, "INVALID_INPUT", ["input", "lines"]),
        (
            {"lines": [{"number": "?", "quantity": "1"}]},
            "PRODUCT_NOT_FOUND",
            ["input", "lines", "0"],
        ),
        ({"message": "x" * 2001}, "INVALID_INPUT", ["input", "message"]),
        ({"message": "\x01"}, "INVALID_INPUT", ["input", "message"]),
        ({"idempotencyKey": " "}, "INVALID_INPUT", ["input", "idempotencyKey"]),
        (
            {"requestedReceiptDate": "2020-01-01"},
            "INVALID_INPUT",
            ["input", "requestedReceiptDate"],
        ),
        (
            {"shipTo": {"street": " ", "city": "Reno"}},
            "INVALID_INPUT",
            ["input", "shipTo", "street"],
        ),
    ],
    ids=str,
)
async def test_mistakes_are_told_at_their_place(
    writable: Stack, change: dict[str, Any], code: str, path: list[str]
) -> None:
    before = len(await writable.rows("quotes?$select=quoteid"))

    payload = await ask(writable, **await wanted(writable) | change)

    assert [(each["code"], each["path"]) for each in payload["errors"]] == [(code, path)]
    assert payload["status"] is payload["request"] is None
    assert await made_since(writable, before) == 0


async def test_who_may_not_order_or_see_quotes_asks_for_none(
    writable: Stack, tmp_path: Path
) -> None:
    sent = await wanted(writable)
    me = (await writable.ask("{ viewer { contact { email } } }")).data["viewer"]["contact"]
    looked = {"X-View-As": me["email"]}
    file = tmp_path / "policy.toml"
    file.write_text(WITHOUT_QUOTES)

    assert (await writable.ask(ASK, as_="admin", input=sent)).codes == ["FORBIDDEN"]
    assert (await writable.ask(ASK, as_="admin", headers=looked, input=sent)).codes == ["FORBIDDEN"]
    async with running(writable.emulator, policy=str(file)) as narrow:
        assert (await narrow.ask(ASK, input=sent)).codes == ["FORBIDDEN"]


WITHOUT_QUOTES = """
[roles.buyer.orders]
access = "own"
privileges = ["read", "create"]
"""


async def test_who_would_not_see_the_quote_asks_for_none(writable: Stack) -> None:
    """Quotes name people by the party model alone; a buyer sees those that name them."""
    query = "{ viewer { contact { id } } }"
    me = key((await writable.ask(query)).data["viewer"]["contact"]["id"])
    before, where = (
        len(await writable.rows("quotes?$select=quoteid")),
        '"_msdyn_contactid_value" = ?',
    )
    with changed(writable, "msdyn_contactforparty", where, me, values={"statecode": 1}):
        async with running(writable.emulator) as older:
            answer = await older.ask(ASK, input=await wanted(writable))

    assert answer.codes == ["FORBIDDEN"]
    assert await made_since(writable, before) == 0


async def test_what_a_role_hides_is_asked_for_all_the_same(writable: Stack, tmp_path: Path) -> None:
    hidden = ("Account.address", "Contact.account", "Product.price")
    async with running(writable.emulator, policy=policy(tmp_path, hidden)) as discreet:
        payload = await ask(discreet, **await wanted(writable))

    (row,) = await drafts(writable, payload["request"])
    assert row["shipto_city"]
