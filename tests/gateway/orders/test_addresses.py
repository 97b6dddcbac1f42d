"""The address an order goes to: one of the account named by its id, or one that is typed in."""

from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette

from gateway.config.parsers import partners
from gateway.schema import ids
from gateway.schema.business.accounts import AccountAddress
from tests.gateway.orders.ordering import codes, do, new_order, placed, preview
from tests.gateway.orders.worlds import changed, key
from tests.stack import Stack, running

pytestmark = pytest.mark.anyio

ADDRESSES = """{ accounts { nodes { id number addresses { totalCount nodes {
  id number purpose address { name street streetNumber postalCode city state country }
} } } } }"""
TYPED = {"street": "Main Street", "city": "Springfield", "country": "united states"}


async def addresses(stack: Stack, *, as_: str = "jane") -> dict[str, list[dict[str, Any]]]:
    """The addresses of all accounts that a caller sees, by the numbers of the accounts."""
    accounts = (await stack.ask(ADDRESSES, as_=as_)).data["accounts"]["nodes"]
    return {each["number"]: each["addresses"]["nodes"] for each in accounts}


def unknown() -> str:
    return ids.encode(AccountAddress.__table__, (uuid4(),))


async def test_an_account_has_its_own_addresses_and_no_others(writable: Stack) -> None:
    mine, theirs = await addresses(writable), await addresses(writable, as_="may")

    assert list(mine) == ["US-001"]
    assert [each["number"] for each in mine["US-001"]] == [1, 2, 3]
    assert [each["purpose"] for each in mine["US-001"]] == ["PRIMARY", "SHIP_TO", "SHIP_TO"]
    assert {each["id"] for each in mine["US-001"]}.isdisjoint(
        each["id"] for found in theirs.values() for each in found
    )


async def test_an_address_is_found_again_by_whose_it_is_alone(writable: Stack) -> None:
    (found, *_) = (await addresses(writable))["US-001"]
    query = "query ($id: ID!) { node(id: $id) { ... on AccountAddress { number } } }"

    assert (await writable.ask(query, id=found["id"])).data["node"] == {"number": 1}
    assert (await writable.ask(query, as_="may", id=found["id"])).data["node"] is None


async def test_an_order_goes_to_the_address_that_it_names(writable: Stack) -> None:
    _, wanted, _ = (await addresses(writable))["US-001"]

    order = await placed(writable, shipToAddress=wanted["id"])

    for part in ("city", "street", "streetNumber", "country"):
        assert order["shipTo"][part] == wanted["address"][part]


async def test_an_order_is_sent_elsewhere_by_an_id_once(writable: Stack) -> None:
    order = await placed(writable, shipTo=TYPED)
    _, _, wanted = (await addresses(writable))["US-001"]
    sent = {
        "order": order["id"],
        "version": order["version"],
        "shipToAddress": wanted["id"],
        "requisitionNumber": "R-1",
    }

    payload = await do(writable, "updateSalesOrder", **sent)
    again = await do(writable, "updateSalesOrder", **sent)

    assert payload["errors"] == []
    assert payload["order"]["shipTo"]["city"] == wanted["address"]["city"]
    assert again == payload | {"replayed": True}


async def test_an_address_without_a_country_leaves_the_country_of_the_order(
    writable: Stack,
) -> None:
    order = await placed(writable, shipTo=TYPED | {"country": "GERMANY"})
    _, wanted, _ = (await addresses(writable))["US-001"]
    sent = {"order": order["id"], "version": order["version"], "shipToAddress": wanted["id"]}

    where = '"customeraddressid" = ?'
    with changed(writable, "customeraddress", where, key(wanted["id"]), values={"country": None}):
        payload = await do(writable, "updateSalesOrder", **sent)

    ship_to = payload["order"]["shipTo"]
    assert (ship_to["city"], ship_to["country"]) == (wanted["address"]["city"], "GERMANY")


@pytest.mark.parametrize("whose", ["may", None])
async def test_a_foreign_address_and_none_at_all_are_the_same(
    writable: Stack, whose: str | None
) -> None:
    order = await placed(writable)
    theirs = await addresses(writable, as_="may")
    named = next(iter(theirs.values()))[0]["id"] if whose else unknown()
    sent = await new_order(writable, shipToAddress=named)
    change = {"order": order["id"], "version": order["version"], "shipToAddress": named}
    writable.emulator.state.log.clear()

    created = await do(writable, "createSalesOrder", **sent)
    changed = await do(writable, "updateSalesOrder", **change)
    seen = await preview(writable, lines=sent["lines"], shipToAddress=named)

    assert codes(created) == codes(changed) == ["ADDRESS_NOT_FOUND"]
    assert [error["code"] for error in seen["errors"]] == ["ADDRESS_NOT_FOUND"]
    assert created["errors"][0]["path"] == ["input", "shipToAddress"]
    assert {call.method for call in writable.emulator.state.log.calls()} == {"GET"}


async def test_an_order_of_one_account_does_not_go_to_another_by_id(
    changing_world: Starlette,
) -> None:
    both = partners("partner=US-001@usmf,US-002@usmf")
    async with running(changing_world, partners=both) as stack:
        found = (await stack.ask(ADDRESSES, as_="partner")).data["accounts"]["nodes"]
        first, second = sorted(found, key=lambda account: str(account["number"]))
        theirs = second["addresses"]["nodes"][0]["id"]
        sent = await new_order(stack, account=first["id"], shipToAddress=theirs)
        refused = await do(stack, "createSalesOrder", as_="partner", **sent)
        taken = await do(
            stack, "createSalesOrder", as_="partner", **sent | {"account": second["id"]}
        )

    assert codes(refused) == ["ADDRESS_NOT_FOUND"]
    assert taken["errors"] == []


async def test_an_address_is_named_or_written_but_not_both(writable: Stack) -> None:
    (found, *_) = (await addresses(writable))["US-001"]
    sent = await new_order(writable, shipTo=TYPED, shipToAddress=found["id"])

    payload = await do(writable, "createSalesOrder", **sent)

    assert codes(payload) == ["INVALID_INPUT"]
    assert payload["errors"][0]["path"] == ["input", "shipToAddress"]


@pytest.mark.parametrize("mutation", ["createSalesOrder", "updateSalesOrder"])
async def test_what_is_too_long_for_an_address_is_named(writable: Stack, mutation: str) -> None:
    long = TYPED | {"city": "x" * 81, "postalCode": "1" * 21}
    sent: dict[str, Any] = await new_order(writable, shipTo=long)
    if mutation == "updateSalesOrder":
        order = await placed(writable)
        sent = {"order": order["id"], "version": order["version"], "shipTo": long}

    payload = await do(writable, mutation, **sent)

    assert codes(payload) == ["INVALID_INPUT", "INVALID_INPUT"]
    assert [error["path"] for error in payload["errors"]] == [
        ["input", "shipTo", "postalCode"],
        ["input", "shipTo", "city"],
    ]


async def test_an_address_of_a_foreign_order_says_nothing_of_the_order(writable: Stack) -> None:
    order = await placed(writable)
    theirs = next(iter((await addresses(writable, as_="may")).values()))[0]["id"]

    payload = await do(
        writable,
        "updateSalesOrder",
        as_="may",
        order=order["id"],
        version=order["version"],
        shipToAddress=theirs,
    )

    assert codes(payload) == ["ORDER_NOT_FOUND"]
