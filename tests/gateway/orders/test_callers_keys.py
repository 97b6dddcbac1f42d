"""Idempotency keys are their caller's own; what was sent wrong is a typed error with its path."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from strawberry.types.base import StrawberryList, StrawberryOptional

from gateway.resolvers.mutation import Mutation
from tests.gateway.orders.ordering import codes, do, new_order, placed, sold_by_both
from tests.gateway.orders.test_accepting_quotes import offers
from tests.stack import Stack

pytestmark = pytest.mark.anyio


async def test_nobody_uses_up_the_keys_of_others(writable: Stack) -> None:
    sent = await new_order(writable)
    other = sent | {"customerReference": "another"}

    first = await do(writable, "createSalesOrder", as_="sam", **other)
    mine = await do(writable, "createSalesOrder", **sent)
    colleague = await do(writable, "createSalesOrder", as_="rep", **sent)
    again = [await do(writable, "createSalesOrder", as_=name, **sent) for name in ("jane", "rep")]

    made = [first, mine, colleague]
    assert [payload["errors"] for payload in made] == [[], [], []]
    assert len({payload["order"]["id"] for payload in made}) == 3
    assert [payload["replayed"] for payload in again] == [True, True]
    assert [p["order"]["id"] for p in again] == [p["order"]["id"] for p in (mine, colleague)]


async def test_ones_own_key_is_used_once(writable: Stack) -> None:
    sent = await new_order(writable)

    await do(writable, "createSalesOrder", **sent)
    other = await do(writable, "createSalesOrder", **sent | {"customerReference": "another"})

    assert codes(other) == ["IDEMPOTENCY_MISMATCH"]


async def test_of_many_who_send_a_shared_key_at_once_all_have_the_one_order(
    writable: Stack,
) -> None:
    sent = await new_order(writable) | {"sharedKey": True}

    payloads = await asyncio.gather(
        *(
            do(writable, "createSalesOrder", as_=name, **sent)
            for _ in range(4)
            for name in ("jane", "rep")
        )
    )
    other = await do(writable, "createSalesOrder", as_="rep", **sent | {"requisitionNumber": "7"})

    assert [payload["errors"] for payload in payloads] == [[]] * 8
    assert {payload["status"] for payload in payloads} == {"CREATED"}
    assert len({payload["order"]["id"] for payload in payloads if payload["order"]}) == 1
    assert [payload["replayed"] for payload in payloads].count(False) == 1
    assert codes(other) == ["IDEMPOTENCY_MISMATCH"]


async def test_a_shared_key_tells_of_a_colleagues_order_only_that_it_is_there(
    writable: Stack,
) -> None:
    """Jane sees her own orders alone; that credit or stock would refuse hers now says nothing."""
    sent = await new_order(writable) | {"sharedKey": True}
    theirs = await do(writable, "createSalesOrder", as_="rep", **sent)

    mine = await do(writable, "createSalesOrder", **sent)
    other = await do(writable, "createSalesOrder", **sent | {"customerReference": "another"})

    assert (theirs["status"], theirs["replayed"]) == ("CREATED", False)
    assert mine == {
        "status": "CREATED",
        "replayed": True,
        "operation": None,
        "order": None,
        "errors": [],
    }
    assert codes(other) == ["IDEMPOTENCY_MISMATCH"]


async def test_a_key_that_is_not_shared_is_ones_own_also_where_that_is_said(
    writable: Stack,
) -> None:
    """Said, left out or null: it is the same input."""
    sent = await new_order(writable)
    ways: list[dict[str, Any]] = [{}, {"sharedKey": False}, {"sharedKey": None}]

    payloads = [await do(writable, "createSalesOrder", **sent, **way) for way in ways]

    assert [payload["errors"] for payload in payloads] == [[]] * 3
    assert len({payload["order"]["id"] for payload in payloads}) == 1


async def test_a_shared_key_is_its_accounts_alone(writable: Stack) -> None:
    sent = await new_order(writable) | {"sharedKey": True, "lines": []}
    sold = await sold_by_both(writable)
    sent["lines"] = [{"itemNumber": sold[0]["itemNumber"], "quantity": "1"}]

    made = [await do(writable, "createSalesOrder", as_=name, **sent) for name in ("jane", "may")]
    alone = await do(writable, "createSalesOrder", **sent | {"sharedKey": False})

    assert [payload["errors"] for payload in made] == [[], []]
    assert [payload["replayed"] for payload in (*made, alone)] == [False] * 3
    assert len({payload["order"]["id"] for payload in (*made, alone)}) == 3


async def test_two_callers_add_lines_with_one_key(writable: Stack) -> None:
    order = await placed(writable)
    line = {"number": order["lines"]["nodes"][0]["product"]["number"], "quantity": "1"}
    sent = {"order": order["id"], "idempotencyKey": "one", "lines": [line]}

    mine = await do(writable, "addSalesOrderLines", **sent, version=order["version"])
    more = {**sent, "version": mine["order"]["version"]}
    theirs = await do(writable, "addSalesOrderLines", as_="rep", **more)

    assert (mine["errors"], theirs["errors"]) == ([], [])
    assert len(theirs["order"]["lines"]["nodes"]) == 4


def ids_of(input_: Any, *path: str) -> list[tuple[str, ...]]:
    """The places of global ids in an input."""
    found: list[tuple[str, ...]] = []
    for field in input_.__strawberry_definition__.fields:
        name, *rest = field.name.split("_")
        place = (*path, name + "".join(map(str.title, rest)))
        type_ = field.type.of_type if isinstance(field.type, StrawberryOptional) else field.type
        if isinstance(type_, StrawberryList):
            type_, place = type_.of_type, (*place, "0")
        if hasattr(type_, "__strawberry_definition__"):
            found += ids_of(type_, *place)
        elif getattr(type_, "__name__", "") == "ID":
            found.append(place)
    return found


MUTATIONS = {
    "".join(part.title() if n else part for n, part in enumerate(field.name.split("_"))): field
    for field in Mutation.__strawberry_definition__.fields  # type: ignore[attr-defined]
    if field.arguments[0].python_name == "input"
    and not field.name.endswith(("_address", "_colleague"))
}
"""The mutations of orders: those that take an input and answer with typed errors."""
PLACES = [
    (name, place) for name, field in MUTATIONS.items() for place in ids_of(field.arguments[0].type)
]


@pytest.fixture(scope="module")
async def unchanged(writable: Stack) -> dict[str, Any]:
    """An order for mutations that are refused."""
    return await placed(writable)


@pytest.mark.parametrize(("name", "place"), PLACES, ids=str)
@pytest.mark.parametrize("junk", ["junk", "", "WyJQcm9kdWN0IiwieCJd", "é\x01"])
async def test_an_id_that_is_none_is_an_error_at_its_place(
    writable: Stack, unchanged: dict[str, Any], name: str, place: tuple[str, ...], junk: str
) -> None:
    sent = await _sent(writable, name, unchanged)
    target: Any = sent
    for step in place[:-1]:
        target = target[int(step)] if step.isdigit() else target[step]
    target[place[-1]] = junk
    if place[-1] == "product":
        target.pop("number")
    query = f"""mutation ($input: {name[0].upper()}{name[1:]}Input!) {{
      junk: {name}(input: $input) {{ errors {{ code path }} }}
      good: previewSalesOrder(input: {{ lines: [] }}) {{ errors {{ code }} }}
    }}"""

    answer = await writable.ask(query, input=sent)

    (error,) = answer.data["junk"]["errors"]
    assert error["code"] in ("INVALID_INPUT", "ADDRESS_NOT_FOUND", "ORDER_NOT_FOUND")
    assert error["path"] == ["input", *place]
    assert answer.data["good"]["errors"] == [{"code": "INVALID_INPUT"}]


async def _sent(stack: Stack, name: str, order: dict[str, Any]) -> dict[str, Any]:
    first = order["lines"]["nodes"][0]
    quote, *_ = await offers(stack)
    line = {"number": first["product"]["number"], "quantity": "1"}
    at = {"order": order["id"], "version": order["version"]}
    key = {"idempotencyKey": str(uuid4())}
    known: dict[str, dict[str, Any]] = {
        "createSalesOrder": {"lines": [line], **key},
        "previewSalesOrder": {"lines": [line]},
        "reorder": {"order": order["id"], **key},
        "updateSalesOrder": {**at, "customerReference": "x"},
        "addSalesOrderLines": {**at, **key, "lines": [line]},
        "importSalesOrderLines": {**at, **key, "csv": f"number,quantity\n{line['number']},1"},
        "updateSalesOrderLine": {**at, "line": first["id"], "quantity": "1"},
        "removeSalesOrderLine": {**at, "line": first["id"]},
        "cancelSalesOrder": at,
        "requestQuote": {"lines": [line], **key},
        "acceptQuote": {"quote": quote["id"], "version": quote["version"]},
    }
    return known[name]


async def test_a_contact_that_is_not_there_is_an_error_at_its_place(writable: Stack) -> None:
    people = (await writable.ask("{ contacts(first: 50) { nodes { id } } }", as_="may")).data
    sent = await new_order(writable, contact=people["contacts"]["nodes"][0]["id"])

    payload = await do(writable, "createSalesOrder", as_="rep", **sent)

    assert codes(payload) == ["CONTACT_NOT_FOUND"]
    assert payload["errors"][0]["path"] == ["input", "contact"]
