"""A privilege reaches as far as its own grant: seeing the account's orders is not changing them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from gateway.schema.vocabulary import vocabulary
from tests.gateway.orders.ordering import attempt, codes, do, new_order, placed
from tests.gateway.orders.worlds import changed, key
from tests.nightly import NIGHTLY
from tests.schema import shipped
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio

POLICY = """
[roles.onlooker.orders]
access = "account"
[roles.onlooker.contacts]
access = "account"
"""
"""Together with `buyer`: sees every order of the account, places and changes one's own alone."""
CHANGES: dict[str, dict[str, Any]] = {
    "updateSalesOrder": {"requisitionNumber": "R-9"},
    "cancelSalesOrder": {},
    "addSalesOrderLines": {"idempotencyKey": "k", "lines": [{"number": "x", "quantity": "1"}]},
    "updateSalesOrderLine": {"quantity": "9"},
    "removeSalesOrderLine": {},
}


@pytest.fixture
async def onlookers(changing_world: Starlette, tmp_path: Path) -> AsyncIterator[Stack]:
    file = tmp_path / "policy.toml"
    file.write_text(POLICY)
    roles = {"customer_roles": ("buyer", "onlooker"), "roles_claim": "none"}
    async with running(changing_world, policy=str(file), **roles) as stack:
        yield stack


@pytest.mark.parametrize("name", CHANGES)
async def test_an_order_that_is_only_to_be_seen_is_not_changed(onlookers: Stack, name: str) -> None:
    order = await placed(onlookers, as_="sam")
    line = {"line": order["lines"]["nodes"][0]["id"]} if "SalesOrderLine" in name else {}
    line = {} if name == "addSalesOrderLines" else line
    change = {"order": order["id"], "version": order["version"], **CHANGES[name], **line}
    seen = "query ($id: ID!) { order(id: $id) { version status } }"

    refused = await attempt(onlookers, name, as_="jane", **change)
    after = (await onlookers.ask(seen, as_="jane", id=order["id"])).data["order"]

    assert refused.codes == ["FORBIDDEN"]
    assert after == {"version": order["version"], "status": "ACTIVE"}


async def test_ones_own_order_is_changed(onlookers: Stack) -> None:
    order = await placed(onlookers)

    change = {"order": order["id"], "version": order["version"], "requisitionNumber": "R-9"}
    payload = await do(onlookers, "updateSalesOrder", **change)

    assert payload["status"] == "CHANGED"


async def test_nobody_orders_in_a_name_that_the_right_does_not_reach(onlookers: Stack) -> None:
    active = "contacts(first: 50, filter: { state: { eq: ACTIVE } })"
    people = f"{{ {active} {{ nodes {{ id email }} }} viewer {{ contact {{ id }} }} }}"
    found = (await onlookers.ask(people)).data
    me = found["viewer"]["contact"]["id"]
    others = [row["id"] for row in found["contacts"]["nodes"] if row["id"] != me]
    assert others

    for name in ("createSalesOrder", "previewSalesOrder"):
        sent = await new_order(onlookers)
        if name == "previewSalesOrder":
            del sent["idempotencyKey"]
        query = (
            f"mutation ($input: {name[0].upper()}{name[1:]}Input!) "
            f"{{ {name}(input: $input) {{ errors {{ code }} }} }}"
        )
        refused = await onlookers.ask(query, input={**sent, "contact": others[0]})
        allowed = await onlookers.ask(query, input={**sent, "contact": me})
        assert refused.codes == ["FORBIDDEN"], name
        assert allowed.data[name]["errors"] == []


async def colleague(stack: Stack) -> str:
    people = "{ contacts(first: 50) { nodes { id email } } }"
    rows = (await stack.ask(people, as_="rep")).data["contacts"]["nodes"]
    return next(str(row["id"]) for row in rows if row["email"].startswith("sam"))


async def test_nobody_orders_in_the_name_of_somebody_who_is_gone(writable: Stack) -> None:
    sam, sent = await colleague(writable), await new_order(writable)
    gone = {"statecode": 1}

    with changed(writable, "contact", "contactid = ?", key(sam), values=gone):
        payload = await do(writable, "createSalesOrder", as_="rep", **sent, contact=sam)

    assert codes(payload) == ["CONTACT_NOT_FOUND"]
    assert payload["errors"][0]["path"] == ["input", "contact"]


async def test_who_may_for_the_whole_account_may_in_a_colleagues_name(writable: Stack) -> None:
    sam = await colleague(writable)

    payload = await do(
        writable, "createSalesOrder", as_="rep", **await new_order(writable), contact=sam
    )

    assert payload["errors"] == []


shipped()
READ_BY_MUTATIONS = (
    "SalesOrder.account",
    "SalesOrder.name",
    "SalesOrder.shipTo",
    "SalesOrder.total",
    "SalesOrderLine.sequence",
    "SalesOrderLine.status",
    "Contact.account",
)
"""Members that mutations stand on; the nightly run tries all that can be hidden."""
WORDS = vocabulary()
ALL = sorted(member for words in WORDS.values() for member in words.hideable)


@pytest.fixture(scope="module")
def limited_world() -> Starlette:
    """All accounts have a credit limit, so that what was ordered before is added up."""
    world = emulator()
    store = world.state.store
    table = store.catalog.named("account")
    for row in store.select(table, "1 = 1"):
        with store.transaction("load") as tx:
            tx.update(table, row, {"msdyn_creditlimitismandatory": True, "creditlimit": "9" * 11})
    return world


@pytest.mark.parametrize("member", ALL if NIGHTLY else READ_BY_MUTATIONS)
async def test_a_hidden_column_refuses_a_mutation_or_does_not_matter(
    limited_world: Starlette, tmp_path: Path, member: str
) -> None:
    permission = next(name for name, words in WORDS.items() if member in words.hideable)
    privileges = '["read", "create", "update"]' if permission == "orders" else '["read"]'
    file = tmp_path / "policy.toml"
    file.write_text(
        f'[roles.limited]\nextends = "representative"\n[roles.limited.{permission}]\n'
        f'access = "account"\nprivileges = {privileges}\nhide = ["{member}"]'
    )
    async with running(limited_world, customer_roles=("representative",)) as stack:
        order, sent = await placed(stack), await new_order(stack)
        me = (await stack.ask("{ viewer { contact { id } } }")).data["viewer"]["contact"]["id"]
    named = {"order": order["id"], "version": order["version"]}
    line = {**named, "line": order["lines"]["nodes"][0]["id"]}
    tries: dict[str, dict[str, Any]] = {
        "createSalesOrder": {**sent, "idempotencyKey": f"hidden {member}", "contact": me},
        "reorder": {"order": order["id"], "idempotencyKey": f"hidden {member}"},
        "addSalesOrderLines": {**named, "idempotencyKey": member, "lines": sent["lines"][:1]},
        "updateSalesOrderLine": {**line, "quantity": "9"},
        "updateSalesOrder": {**named, "requisitionNumber": "R-9"},
    }

    roles = {"customer_roles": ("limited",), "roles_claim": "none"}
    async with running(limited_world, policy=str(file), **roles) as stack:
        for name, change in tries.items():
            query = (
                f"mutation ($input: {name[0].upper()}{name[1:]}Input!) "
                f"{{ {name}(input: $input) {{ errors {{ code }} }} }}"
            )
            answer = await stack.ask(query, input=change)
            mistakes = ((answer.body.get("data") or {}).get(name) or {"errors": []})["errors"]
            assert set(answer.codes) <= {"FORBIDDEN"}, name
            # An earlier one may have moved the version.
            assert {each["code"] for each in mistakes} <= {"VERSION_CONFLICT"}, name
