"""A price is that of one list, one currency and one unit, or there is none."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette

from emulator.identities import DEMO_USERS
from gateway.config import parsers
from tests.gateway.test_accounts import belongs
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio

PRICES = (
    "{ products(first: 100) { nodes { id unit price { unit unitPrice { amount currency } } } } }"
)
LIST = "_defaultpricelevelid_value"
CREATE = """mutation ($input: CreateSalesOrderInput!) { createSalesOrder(input: $input) {
  order { lines { nodes { unitPrice { amount } } } } errors { code } } }"""


@pytest.fixture
async def partnered(changing_world: Starlette) -> AsyncIterator[Stack]:
    """The demo's machine acts for two customers, who buy in different currencies."""
    partners = parsers.partners("partner=US-001@usmf,DE-001@demf")
    async with running(changing_world, partners=partners) as found:
        yield found


async def prices(stack: Stack, caller: str) -> dict[str, Any]:
    found = (await stack.ask(PRICES, as_=caller)).data["products"]["nodes"]
    return {product["id"]: product for product in found if product["price"]}


async def test_a_price_is_for_the_unit_that_the_product_is_sold_in(stack: Stack) -> None:
    for product in (await prices(stack, "jane")).values():
        assert product["unit"] == product["price"]["unit"]


async def test_callers_of_several_lists_see_no_price_of_either(partnered: Stack) -> None:
    assert await prices(partnered, "partner") == {}


@pytest.mark.parametrize(("number", "buyer"), [("US-001", "sam"), ("DE-001", "may")])
async def test_an_order_is_priced_by_the_list_of_the_account_that_buys(
    partnered: Stack, number: str, buyer: str
) -> None:
    accounts = (await partnered.ask("{ accounts { nodes { id number } } }", as_="partner")).data
    account = next(each for each in accounts["accounts"]["nodes"] if each["number"] == number)
    listed = await prices(partnered, buyer)
    product = next(iter(listed.values()))
    line = {"product": product["id"], "quantity": "1"}

    answer = await partnered.ask(
        CREATE,
        as_="partner",
        input={"idempotencyKey": str(uuid4()), "account": account["id"], "lines": [line]},
    )

    payload = answer.data["createSalesOrder"]
    assert payload["errors"] == []
    (written,) = payload["order"]["lines"]["nodes"]
    expected = Decimal(product["price"]["unitPrice"]["amount"])
    assert Decimal(written["unitPrice"]["amount"]) == expected


async def test_a_contacts_own_list_is_for_its_parent_account_alone() -> None:
    """Sam has a list of his own; what he orders for a second account is by that account's."""
    world = emulator()
    async with running(world, customer_roles=("representative",)) as stack:
        await belongs(stack, "sam", "DE-001")
        await give_list(stack, "sam")
        accounts = (await stack.ask("{ accounts { nodes { id number } } }", as_="sam")).data
        ids = {each["number"]: each["id"] for each in accounts["accounts"]["nodes"]}
        for number, like in (("US-001", "jane"), ("DE-001", "may")):
            chosen = {"X-Account": ids[number]}
            listed = await prices(stack, like)
            seen = (await stack.ask(PRICES, as_="sam", headers=chosen)).data["products"]["nodes"]
            assert {row["id"]: row for row in seen if row["price"]} == listed
            product = next(iter(listed.values()))
            sent = {
                "idempotencyKey": str(uuid4()),
                "account": ids[number],
                "lines": [{"product": product["id"], "quantity": "1"}],
            }
            payload = (await stack.ask(CREATE, as_="sam", input=sent)).data["createSalesOrder"]
            assert payload["errors"] == []
            (written,) = payload["order"]["lines"]["nodes"]
            assert written["unitPrice"] == {"amount": product["price"]["unitPrice"]["amount"]}
        assert await prices(stack, "sam") == {}, "several lists, none chosen"


async def give_list(stack: Stack, name: str) -> None:
    """A price list of the contact's own, Jane's, which is not that of the account."""
    store = stack.emulator.state.store
    contacts = store.catalog.named("contact")
    row, jane = [
        store.find(contacts, "emailaddress1 = ?", [DEMO_USERS[each].email])
        for each in (name, "jane")
    ]
    with store.transaction("load") as tx:
        tx.update(contacts, row, {LIST: jane[LIST]})
