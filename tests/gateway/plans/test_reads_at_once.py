"""Reads that need not wait for each other are made at once; nobody gets another's row by it."""

from typing import Any
from uuid import UUID

import pytest
from starlette.applications import Starlette

from tests.meddling import Change, Meddling
from tests.stack import Stack, running

pytestmark = pytest.mark.anyio

ORDER = """query ($id: ID!) { order(id: $id) {
  number
  lines(first: 5) { nodes { id quantity unit product { number name unit } } totalCount }
} }"""
SENT = """query ($shipments: Int!, $parcels: Int!) {
  orders(first: 6, filter: { status: { in: [INVOICED, DELIVERED] } }) { nodes {
    number
    shipments(first: $shipments) { nodes {
      number
      tracking(first: $parcels) { nodes { number url } totalCount }
      lines(first: 2) { nodes { lineNumber quantity } pageInfo { hasNextPage } }
    } }
  } }
}"""
FEW = {"shipments": 2, "parcels": 2}
FOREIGN = str(UUID(int=7))


async def some_order(stack: Stack, as_: str = "rep") -> str:
    found = await stack.ask("{ orders(first: 1) { nodes { id } } }", as_=as_)
    order: str = found.data["orders"]["nodes"][0]["id"]
    return order


async def both_ways(
    world: Starlette, query: str, asked: str, change: Change, **variables: Any
) -> tuple[Any, Any]:
    """The answers to `query`: with reads at once and changed rows, and with each read apart."""
    upstream = Meddling(world, asked, change)
    async with running(world, upstream) as stack, running(world, expands=False) as apart:
        answer = await stack.ask(query, as_="rep", **variables)
        usual = await apart.ask(query, as_="rep", **variables)
    assert upstream.met
    assert usual.codes == []
    return answer.body, usual.body


def nothing_changed(rows: list[dict[str, Any]]) -> None:
    """Leave the rows as they are."""


async def test_the_lines_of_an_order_are_asked_for_along_with_it_by_their_own_row_rule(
    stack: Stack,
) -> None:
    order = await some_order(stack)

    calls = await stack.asked_upstream(ORDER, as_="rep", id=order)

    assert [call.path for call in calls] == ["salesorders", "salesorderdetails"]
    assert all("_customerid_value" in call.query.partition("$filter")[2] for call in calls)


async def test_reads_at_once_say_what_reads_one_after_the_other_say(
    small_world: Starlette, stack: Stack
) -> None:
    order = await some_order(stack)

    one, usual = await both_ways(small_world, ORDER, "salesorders", nothing_changed, id=order)
    sent, usually_sent = await both_ways(small_world, SENT, "Tracking", nothing_changed, **FEW)

    assert one == usual
    assert sent == usually_sent
    assert "lineNumber" in str(sent)


async def test_somebody_elses_order_has_no_lines_to_show(stack: Stack) -> None:
    order = await some_order(stack, "may")

    answer = await stack.ask(ORDER, as_="rep", id=order)

    assert answer.body["data"] == {"order": None}


async def test_lines_that_a_service_sends_of_another_customer_are_not_shown(
    small_world: Starlette, stack: Stack
) -> None:
    def steal(lines: list[dict[str, Any]]) -> None:
        for line in lines:
            line["salesorderid"] = line["salesorderid"] | {"_customerid_value": FOREIGN}
            line["quantity"] = 4711.0

    order = await some_order(stack)
    answer, usual = await both_ways(small_world, ORDER, "/salesorderdetails?", steal, id=order)

    assert usual["data"]["order"]["lines"]["nodes"]
    assert "4711" not in str(answer)


async def test_a_product_that_may_not_be_seen_is_none_beside_its_line(
    small_world: Starlette, stack: Stack
) -> None:
    def draft(lines: list[dict[str, Any]]) -> None:
        for line in lines:
            line["productid"] |= {"statecode": 2, "name": "SECRET"}

    order = await some_order(stack)
    answer, usual = await both_ways(small_world, ORDER, "/salesorderdetails?", draft, id=order)

    products = [line["product"] for line in answer["data"]["order"]["lines"]["nodes"]]
    assert all(line["product"] for line in usual["data"]["order"]["lines"]["nodes"])
    assert set(products) == {None}
    assert "SECRET" not in str(answer)


async def test_parcels_of_shipments_that_are_not_shown_are_not_shown_either(
    small_world: Starlette,
) -> None:
    def misplace(parcels: list[dict[str, Any]]) -> None:
        for parcel in parcels:
            parcel |= {"PackingSlipNumber": "OTHER", "TrackingNumber": "FOREIGN"}

    answer, usual = await both_ways(small_world, SENT, "PackingSlipTracking", misplace, **FEW)

    shown = [s for o in answer["data"]["orders"]["nodes"] for s in o["shipments"]["nodes"]]
    assert "FOREIGN" not in str(answer)
    assert len(shown) == len(
        [s for o in usual["data"]["orders"]["nodes"] for s in o["shipments"]["nodes"]]
    )
    assert all(shipment["tracking"]["nodes"] == [] for shipment in shown)


async def test_rows_that_are_too_many_to_be_read_along_are_read_after_their_parents(
    small_world: Starlette,
) -> None:
    seen: list[int] = []

    def repeat(parcels: list[dict[str, Any]]) -> None:
        seen.append(len(parcels))
        if len(seen) == 1:
            parcels *= 200

    answer, usual = await both_ways(small_world, SENT, "PackingSlipTracking", repeat, **FEW)

    assert len(seen) == 2
    assert answer == usual


@pytest.mark.parametrize("wrong", [{"first": -1}, {"first": 5, "last": 5}, {"after": "x"}])
async def test_arguments_that_are_wrong_below_are_refused_as_usual(
    small_world: Starlette, stack: Stack, wrong: dict[str, Any]
) -> None:
    given = ", ".join(f"{name}: {_spelled(value)}" for name, value in wrong.items())
    query = (
        f"query ($id: ID!) {{ order(id: $id) {{ number lines({given}) {{ nodes {{ id }} }} }} }}"
    )
    order = await some_order(stack)

    answer = await stack.ask(query, as_="rep", id=order)

    async with running(small_world, expands=False) as apart:
        usual = await apart.ask(query, as_="rep", id=order)
    assert answer.body == usual.body
    assert answer.codes


def _spelled(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
