"""Microsoft's documented matrix of the customer portal: who sees which order, over GraphQL."""

from typing import Any

import pytest

from emulator.identities import DEMO_USERS
from gateway.schema.business.sales import SalesOrder
from tests.gateway.test_isolation import walk
from tests.stack import Stack

pytestmark = pytest.mark.anyio

ORDERS = SalesOrder.__table__
ORDERER = (
    "salesorders?$select=msdyn_salesordernumber,_customerid_value"
    "&$expand=msdyn_Company($select=cdm_companycode),msdyn_ContactPerson($select=emailaddress1),"
    "msdyn_associatedcontact($expand=msdyn_contactid($select=emailaddress1))"
)
Row = dict[str, Any]
Order = tuple[str, str]
"""Company and number: numbers repeat between companies."""


@pytest.fixture
async def placed(stack: Stack) -> dict[str, set[Order]]:
    """Numbers of orders by the demo user who placed them, as Dataverse itself has it."""
    found: dict[str, set[Order]] = {name: set() for name in DEMO_USERS}
    by_email = {user.email: name for name, user in DEMO_USERS.items()}
    for row in await stack.rows(ORDERER):
        if name := by_email.get(_orderer(row) or ""):
            found[name].add(
                (row["msdyn_Company"]["cdm_companycode"], row["msdyn_salesordernumber"])
            )
    return found


def _orderer(row: Row) -> str | None:
    """By the older contact model, or by the newer."""
    person = row["msdyn_ContactPerson"] or (row["msdyn_associatedcontact"] or {}).get(
        "msdyn_contactid"
    )
    return person and str(person["emailaddress1"])


async def seen(stack: Stack, caller: str) -> set[Order]:
    rows = await walk(stack, ORDERS, caller, selection="number company")
    return {(row["company"], row["number"]) for row in rows}


@pytest.mark.parametrize("caller", ["jane", "sam", "may"])
async def test_a_buyer_sees_what_the_buyer_placed_by_either_model(
    stack: Stack, placed: dict[str, set[Order]], caller: str
) -> None:
    assert placed[caller]
    assert await seen(stack, caller) == placed[caller]


async def test_a_representative_sees_all_of_the_account_and_staff_see_all(
    stack: Stack, placed: dict[str, set[Order]]
) -> None:
    rep, admin = await seen(stack, "rep"), await seen(stack, "admin")

    assert placed["jane"] | placed["sam"] <= rep
    assert rep.isdisjoint(placed["may"])
    assert rep | placed["may"] <= admin


@pytest.mark.parametrize("caller", ["jane", "rep", "admin"])
async def test_an_order_says_who_ordered_by_either_model(stack: Stack, caller: str) -> None:
    people = "contact { email } partyContact { email }"
    known = {
        (row["msdyn_Company"]["cdm_companycode"], row["msdyn_salesordernumber"]): _orderer(row)
        for row in await stack.rows(ORDERER)
    }

    rows = await walk(stack, ORDERS, caller, selection=f"number company {people}")

    told = {
        (row["company"], row["number"]): (row["contact"] or row["partyContact"] or {}).get("email")
        for row in rows
    }
    assert told == {order: known[order] for order in told}
    assert {row["contact"] is None for row in rows} == {True, False}


async def test_orders_are_found_by_the_person_of_the_newer_model(stack: Stack) -> None:
    ask = "query ($f: SalesOrderFilter) { orders(first: 100, filter: $f) { nodes { %s } } }"
    some = (await stack.ask(ask % "partyContact { id } contact { id }", as_="rep")).data
    person = next(o["partyContact"]["id"] for o in some["orders"]["nodes"] if o["partyContact"])
    of_person = "query ($id: ID!) { contact(id: $id) { partyOrders(first: 100) { nodes { id } } } }"

    named = {"partyContact": {"eq": person}}
    listed = (await stack.ask(ask % "id partyContact { id }", as_="rep", f=named)).data
    back = (await stack.ask(of_person, as_="rep", id=person)).data

    orders = listed["orders"]["nodes"]
    assert {order["partyContact"]["id"] for order in orders} == {person}
    found = {order["id"] for order in back["contact"]["partyOrders"]["nodes"]}
    assert found == {order["id"] for order in orders}


async def test_lines_shipments_and_invoices_follow_the_order(stack: Stack) -> None:
    query = (
        "{ orders(first: 20) { nodes { shipments(first: 5) { nodes { number } } } } "
        "invoices(first: 100) { nodes { order { company number } } } "
        "orderLines(first: 100) { nodes { order { company number } } } "
        "contacts { nodes { email } } }"
    )
    mine = await seen(stack, "jane")

    data = (await stack.ask(query)).data

    assert any(order["shipments"]["nodes"] for order in data["orders"]["nodes"])
    assert data["invoices"]["nodes"]
    for row in (*data["invoices"]["nodes"], *data["orderLines"]["nodes"]):
        assert (row["order"]["company"], row["order"]["number"]) in mine
    assert [row["email"] for row in data["contacts"]["nodes"]] == [DEMO_USERS["jane"].email]


async def test_shipments_are_listed_by_way_of_the_orders_that_are_seen(stack: Stack) -> None:
    query = "{ shipments(first: 0) { totalCount } }"

    some = (await stack.ask(query)).data["shipments"]["totalCount"]
    every = (await stack.ask(query, as_="rep")).data["shipments"]["totalCount"]

    assert 0 < some < every


async def test_a_filter_asks_for_the_link_of_the_row_not_for_what_may_be_seen_behind_it(
    representatives: Stack, stack: Stack
) -> None:
    """The account's parent is not Jane's to see and reads as null, but the account has one."""
    query = "query ($f: AccountFilter) { accounts(filter: $f) { nodes { number parent { id } } } }"
    (parent,) = await stack.rows("accounts?$select=accountid&$filter=accountnumber eq 'US-001'")
    (child,) = await stack.rows(
        "accounts?$select=accountid,accountnumber"
        f"&$filter=accountnumber eq 'US-002' and _parentaccountid_value eq {parent['accountid']}"
    )
    people = await stack.rows(
        "contacts?$select=emailaddress1&$filter=statecode eq 0 and emailaddress1 ne null "
        f"and _parentcustomerid_value eq {child['accountid']}"
    )
    caller = people[0]["emailaddress1"]

    every = await representatives.ask(query, as_=caller)
    without = await representatives.ask(query, as_=caller, f={"parent": {"eq": None}})

    assert every.data["accounts"]["nodes"] == [{"number": "US-002", "parent": None}]
    assert without.data["accounts"]["nodes"] == []
