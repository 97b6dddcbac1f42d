"""
Callers who see shipments with their orders alone can list them, and read each again by the id they
got; and whoever got an id from anywhere can read it again.
"""

from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from gateway.config import parsers
from gateway.model.tables import TABLES, Node
from tests.gateway.test_isolation import walk
from tests.stack import Stack, onward, running

pytestmark = pytest.mark.anyio
SHIPMENT = TABLES["Shipment"]
BELOW = """query ($after: String) {
  orders(first: 100, after: $after) {
    nodes { shipments(first: 50) { nodes { id number } } } pageInfo { hasNextPage endCursor }
  }
}"""
EVERYWHERE = """{
  orders(first: 9) { nodes {
    id account { id parent { id } } contact { id }
    lines(first: 5) { nodes { id product { id } } }
    invoices(first: 5) {
      nodes { id order { id } account { id } lines(first: 5) { nodes { id product { id } } } }
    }
    shipments(first: 5) { nodes { id order { id } lines(first: 5) { nodes { product { id } } } } }
  } }
  accounts(first: 9) { nodes {
    id contacts { nodes { id } } addresses { nodes { id } } children { nodes { id } }
    postedInvoices(first: 5) { nodes { id } } transactions(first: 5) { nodes { id } }
    returns(first: 5) {
      nodes { id account { id } replacement { id } lines(first: 5) { nodes { product { id } } } }
    }
  } }
  shipments { nodes { id } }
  invoices { nodes { id } }
  postedInvoices { nodes { id } }
  transactions { nodes { id } }
  products { nodes { id } }
  quotes { nodes { id account { id } contact { id } lines { nodes { id product { id } } } } }
  customerItems { nodes { id account { id } product { id } } }
  contacts { nodes { id } }
}"""


async def below_orders(stack: Stack, caller: str) -> list[dict[str, Any]]:
    """The shipments of all orders that the caller sees."""
    found: list[dict[str, Any]] = []
    after = None
    while True:
        page = (await stack.ask(BELOW, as_=caller, after=after)).data["orders"]
        found += [each for order in page["nodes"] for each in order["shipments"]["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = onward(page["pageInfo"], after)


def ids_in(value: Any) -> set[str]:
    match value:
        case dict():
            own = {value["id"]} if "id" in value else set()
            return own.union(*map(ids_in, value.values()))
        case list():
            return set().union(*map(ids_in, value))
    return set()


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "core"])
async def test_a_buyer_lists_the_shipments_of_the_orders_that_are_the_buyers(
    small_world: Starlette, compiled: bool
) -> None:
    async with running(small_world, compiled_plans=compiled) as stack:
        wanted = {each["id"] for each in await below_orders(stack, "jane")}
        others = {each["id"] for each in await below_orders(stack, "sam")} - wanted
        assert wanted
        assert others

        rows = await walk(stack, SHIPMENT, "jane", selection="id number deliveredOn")

    days = [row["deliveredOn"] for row in rows]
    assert {row["id"] for row in rows} == wanted
    assert len(rows) == len(wanted)
    assert days == sorted(days, reverse=True)


async def test_a_list_through_orders_is_paged_filtered_and_counted(stack: Stack) -> None:
    query = """query ($after: String, $before: String, $first: Int, $last: Int, $number: String) {
      shipments(
        first: $first, last: $last, after: $after, before: $before, orderBy: { field: NUMBER }
      ) {
        nodes { id number }
        totalCount
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
      one: shipments(filter: { number: { eq: $number } }) { nodes { id } totalCount }
      others: shipments(filter: { not: { number: { eq: $number } } }) { totalCount }
      none: shipments(first: 0) { totalCount }
    }"""
    wanted = sorted(await below_orders(stack, "jane"), key=lambda each: each["number"])
    met: list[dict[str, Any]] = []
    after = None
    while True:
        found = (await stack.ask(query, first=7, after=after, number=wanted[0]["number"])).data
        page = found["shipments"]
        met += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = onward(page["pageInfo"], after)
    back: list[dict[str, Any]] = []
    before = None
    while True:
        page = (await stack.ask(query, last=7, before=before, number="")).data["shipments"]
        back = page["nodes"] + back
        if not page["pageInfo"]["hasPreviousPage"]:
            break
        before = page["pageInfo"]["startCursor"]

    assert met == back == wanted
    assert page["totalCount"] == found["none"]["totalCount"] == len(wanted)
    assert found["one"] == {"nodes": [{"id": wanted[0]["id"]}], "totalCount": 1}
    assert found["others"]["totalCount"] == len(wanted) - 1


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "core"])
@pytest.mark.parametrize("caller", ["jane", "rep", "admin", "partner"])
async def test_every_id_that_is_handed_out_can_be_read_again(
    small_world: Starlette, caller: str, compiled: bool
) -> None:
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    partners = parsers.partners("partner=US-001@usmf")
    async with running(small_world, compiled_plans=compiled, partners=partners) as stack:
        handed = sorted(ids_in((await stack.ask(EVERYWHERE, as_=caller)).body["data"]))
        assert len(handed) > 20

        for at in range(0, len(handed), 100):
            some = handed[at : at + 100]
            found = (await stack.ask(query, as_=caller, ids=some)).data["nodes"]
            assert found == [{"id": each} for each in some]


async def test_the_shipment_of_a_colleagues_order_does_not_exist(stack: Stack) -> None:
    mine = {each["id"] for each in await below_orders(stack, "jane")}
    theirs = [each["id"] for each in await below_orders(stack, "sam") if each["id"] not in mine]
    query = "query ($id: ID!) { shipment(id: $id) { id } node(id: $id) { id } }"

    for id_ in theirs[:5]:
        assert (await stack.ask(query, id=id_)).data == {"shipment": None, "node": None}


async def test_every_type_with_an_id_is_asked_for_here() -> None:
    nodes = {table.name for table in TABLES.values() if issubclass(table.cls, Node)}

    assert nodes <= {
        "Account", "AccountAddress", "Contact", "CustomerItem", "Invoice", "InvoiceLine",
        "PostedInvoice", "Product", "Quote", "QuoteLine", "QuoteRequest", "QuoteRequestLine",
        "ReturnOrder", "SalesOrder", "SalesOrderLine", "Shipment", "Transaction",
    }  # fmt: skip


async def test_invoices_that_are_seen_with_orders_can_be_read_by_their_ids(
    small_world: Starlette, tmp_path: Path
) -> None:
    """Two links lead to an invoice: it is there where one of them does, and is not listed."""
    policy = tmp_path / "policy.toml"
    policy.write_text(
        '[roles.buyer]\nextends = "buyer"\n[roles.buyer.invoices]\naccess = "parent"\n'
    )
    query = "{ orders(first: 50) { nodes { invoices { nodes { id } } } } }"
    async with running(small_world, policy=str(policy)) as stack:
        handed = sorted(ids_in((await stack.ask(query)).data))
        assert handed

        found = await stack.ask("query ($i: [ID!]!) { nodes(ids: $i) { id } }", i=handed[:100])
        one = await stack.ask("query ($i: ID!) { invoice(id: $i) { id } }", i=handed[0])
        listed = await stack.ask("{ invoices { nodes { id } } }")

    assert found.data["nodes"] == [{"id": each} for each in handed[:100]]
    assert one.data["invoice"] == {"id": handed[0]}
    assert listed.codes == ["FORBIDDEN"]
