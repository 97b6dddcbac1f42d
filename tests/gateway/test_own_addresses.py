"""The address book: delivery addresses that those who may keep, change and remove."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from emulator.faults.actions import AnyAction, Cut, Fail
from emulator.faults.rules import Faults
from gateway.config import parsers
from tests.gateway.granting import audit as audit
from tests.gateway.granting import faults as faults
from tests.gateway.granting import stack as stack
from tests.gateway.granting import world as world
from tests.gateway.live.worlds import rows
from tests.gateway.orders.ordering import placed
from tests.gateway.orders.test_addresses import addresses
from tests.gateway.orders.worlds import changed, key
from tests.stack import Answer, Stack, running

pytestmark = pytest.mark.anyio

GRANTED = """
[roles.buyer]
extends = "buyer"
[roles.buyer.account]
access = "account"
privileges = ["read", "create", "update", "delete"]
"""
FIELDS = "id purpose isEditable address { name street streetNumber postalCode city state country }"
KEEP = f"""mutation ($input: CreateAccountAddressInput!) {{
  createAccountAddress(input: $input) {{ {FIELDS} }}
}}"""
CHANGE = f"""mutation ($input: UpdateAccountAddressInput!) {{
  updateAccountAddress(input: $input) {{ {FIELDS} }}
}}"""
REMOVE = f"""mutation ($input: RemoveAccountAddressInput!) {{
  removeAccountAddress(input: $input) {{ {FIELDS} }}
}}"""
DOCK = {
    "name": "Dock 4",
    "street": "Pier Road",
    "streetNumber": "12b",
    "postalCode": "98052",
    "city": "Redmond",
    "state": "WA",
    "country": "united states",
}


async def keep(stack: Stack, token: str, *, as_: str = "jane", **sent: Any) -> Answer:
    given = {"address": DOCK, "idempotencyKey": token, **sent}
    return await stack.ask(KEEP, as_=as_, input=given)


async def kept(stack: Stack, token: str, **sent: Any) -> dict[str, Any]:
    answer = await keep(stack, token, **sent)
    found: dict[str, Any] = answer.data["createAccountAddress"]
    return found


async def change(stack: Stack, id_: str, *, as_: str = "jane", **parts: Any) -> Answer:
    return await stack.ask(CHANGE, as_=as_, input={"id": id_, "address": {**DOCK, **parts}})


async def remove(stack: Stack, id_: str, *, as_: str = "jane") -> Answer:
    return await stack.ask(REMOVE, as_=as_, input={"id": id_})


async def listed(stack: Stack, *, as_: str = "jane") -> list[str]:
    (found,) = (await addresses(stack, as_=as_)).values()
    return [each["id"] for each in found]


async def test_an_address_is_kept_and_orders_go_there(stack: Stack) -> None:
    made = await kept(stack, "dock")

    assert made == {"id": made["id"], "purpose": "SHIP_TO", "isEditable": True, "address": DOCK}
    assert made["id"] in await listed(stack)
    assert made["id"] not in await listed(stack, as_="may")
    (row,) = rows(stack, "customeraddresses", customeraddressid=key(made["id"]))
    assert (row["addressnumber"], row["objecttypecode"]) == (4, "account")
    order = await placed(stack, shipToAddress=made["id"])
    assert order["shipTo"].items() <= DOCK.items()
    assert order["shipTo"]["street"] == "Pier Road"
    await remove(stack, made["id"])


async def test_the_same_key_and_address_are_kept_once(stack: Stack) -> None:
    before = len(await listed(stack))

    several = await asyncio.gather(*(kept(stack, "once") for _ in range(5)))
    again = await kept(stack, "once")
    other = await kept(stack, "twice")

    assert {each["id"] for each in [*several, again]} == {again["id"]}
    assert other["id"] != again["id"]
    assert len(await listed(stack)) == before + 2
    for each in (again, other):
        await remove(stack, each["id"])


@pytest.mark.parametrize(
    ("action", "times"),
    [(Cut(), 2), (Cut(after_commit=True), 1), (Cut(after_commit=True), 9), (Fail(), 2)],
)
async def test_an_address_is_kept_once_whatever_becomes_of_the_answers(
    stack: Stack, faults: Faults, action: AnyAction, times: int
) -> None:
    before = len(await listed(stack))
    token = f"{type(action).__name__}-{action == Cut()}-{times}"
    faults.add(action, times=times, method="POST", set="customeraddresses")

    await keep(stack, token)
    faults.clear()
    made = await kept(stack, token)

    assert len(await listed(stack)) == before + 1
    await remove(stack, made["id"])


async def test_an_address_is_changed_and_orders_keep_theirs(stack: Stack) -> None:
    made = await kept(stack, "moved")
    order = await placed(stack, shipToAddress=made["id"])

    answer = await change(stack, made["id"], street="Quay Street", streetNumber=None)

    new = {**DOCK, "street": "Quay Street", "streetNumber": None}
    assert answer.data["updateAccountAddress"] == {**made, "address": new}
    asked = "query ($id: ID!) { order(id: $id) { shipTo { street } } }"
    assert (await stack.ask(asked, id=order["id"])).data["order"]["shipTo"] == {
        "street": "Pier Road"
    }
    await remove(stack, made["id"])


async def test_an_address_is_removed_for_good(stack: Stack) -> None:
    made = await kept(stack, "gone")

    removed = await remove(stack, made["id"])
    again = await remove(stack, made["id"])

    assert removed.data["removeAccountAddress"] == made
    assert again.codes == ["NOT_FOUND"]
    assert made["id"] not in await listed(stack)
    assert rows(stack, "customeraddresses", customeraddressid=key(made["id"])) == []


@pytest.mark.parametrize("after_commit", [False, True])
async def test_a_removal_is_repeated_until_it_is_known(
    stack: Stack, faults: Faults, *, after_commit: bool
) -> None:
    made = await kept(stack, f"repeated {after_commit}")
    faults.add(Cut(after_commit=after_commit), times=1, method="DELETE", set="customeraddresses")

    first = await remove(stack, made["id"])
    faults.clear()
    again = await remove(stack, made["id"])

    assert first.codes in ([], ["UPSTREAM_TIMEOUT"])
    assert again.codes in ([], ["NOT_FOUND"])
    assert made["id"] not in await listed(stack)


async def test_nobody_touches_the_addresses_of_others(stack: Stack) -> None:
    made, before = await kept(stack, "mine"), await listed(stack)
    accounts = "{ accounts { nodes { id } } }"
    (account,) = (await stack.ask(accounts)).data["accounts"]["nodes"]

    answers = [
        await change(stack, made["id"], as_="may", street="Elsewhere"),
        await remove(stack, made["id"], as_="may"),
        await keep(stack, "theirs", as_="may", account=account["id"]),
    ]

    assert [answer.codes for answer in answers] == [["NOT_FOUND"]] * 3
    assert await listed(stack) == before
    (row,) = rows(stack, "customeraddresses", customeraddressid=key(made["id"]))
    assert row["line1"] == "Pier Road"
    await remove(stack, made["id"])


async def test_the_addresses_of_the_seller_stay_as_they_are(stack: Stack) -> None:
    """The main one, one that is not for deliveries, and one that the account's row has as well."""
    (found,) = (await addresses(stack)).values()
    main, second, third = found[:3]
    account = rows(stack, "accounts", accountnumber="US-001")[0]["accountid"]
    with (
        changed(
            stack, "customeraddress", '"customeraddressid" = ?', key(second["id"]),
            values={"addresstypecode": 1},
        ),
        changed(
            stack, "account", '"accountid" = ?', account,
            values={"address2_addressid": key(third["id"])},
        ),
    ):  # fmt: skip
        answers = [
            await ask(stack, each["id"])
            for each in (main, second, third)
            for ask in (change, remove)
        ]

    assert [answer.codes for answer in answers] == [["INVALID_INPUT"]] * 6
    assert (await addresses(stack))["US-001"][:3] == found[:3]


@pytest.mark.parametrize(
    ("parts", "argument"),
    [
        ({"street": " "}, "street"),
        ({"city": ""}, "city"),
        ({"country": None}, "country"),
        ({"country": " "}, "country"),
        ({"street": "x" * 300}, "street"),
        ({"name": "a\u0000b"}, "name"),
    ],
)
async def test_a_mistake_in_an_address_is_named(
    stack: Stack, parts: dict[str, Any], argument: str
) -> None:
    before = await listed(stack)
    (_, _, third) = before[:3]

    answers = [
        await keep(stack, "wrong", address={**DOCK, **parts}),
        await change(stack, third, **parts),
    ]

    for answer in answers:
        assert answer.codes == ["INVALID_INPUT"]
        assert answer.body["errors"][0]["extensions"]["argument"] == argument
    assert await listed(stack) == before
    assert (await keep(stack, " ")).codes == ["INVALID_INPUT"]


def told(audit: Path) -> list[dict[str, Any]]:
    """The lines of the audit about mutations that were answered."""
    assert "Pier Road" not in audit.read_text()
    lines = map(json.loads, audit.read_text().splitlines())
    return [line for line in lines if line["event"] == "mutation" and line["outcome"] != "intended"]


@pytest.mark.parametrize("junk", ["junk", "", "WyJQcm9kdWN0IiwieCJd", "é\x01"])
async def test_an_id_that_is_none_is_an_error_that_says_so(stack: Stack, junk: str) -> None:
    answers = [
        await keep(stack, "junk", account=junk),
        await change(stack, junk),
        await remove(stack, junk),
    ]

    for answer in answers:
        assert set(answer.codes) <= {"INVALID_INPUT", "NOT_FOUND"}
        assert answer.codes


@pytest.mark.parametrize("part", [*DOCK, "account", "idempotencyKey", "id"])
async def test_a_text_of_any_length_is_a_typed_error(stack: Stack, part: str) -> None:
    endless, before = "x" * 100_000, await listed(stack)
    if part == "id":
        answers = [await change(stack, endless), await remove(stack, endless)]
    elif part in DOCK:
        address = {**DOCK, part: endless}
        answers = [
            await keep(stack, "endless", address=address),
            await change(stack, before[2], **{part: endless}),
        ]
    else:
        answers = [await keep(stack, **{"token": "endless", part: endless})]

    for answer in answers:
        assert answer.codes in (["INVALID_INPUT"], ["NOT_FOUND"]), answer.body
    assert await listed(stack) == before


async def test_each_try_is_audited(stack: Stack, audit: Path) -> None:
    made = await kept(stack, "audited")
    await change(stack, made["id"], as_="may")
    await remove(stack, made["id"])

    lines = [(line["what"], line["outcome"], made["id"] in str(line)) for line in told(audit)]
    assert lines[-3:] == [
        ("createAccountAddress", "done", True),
        ("updateAccountAddress", "NOT_FOUND", True),
        ("removeAccountAddress", "done", True),
    ]


@pytest.mark.parametrize("caller", ["jane", "rep", "admin", "partner"])
async def test_nobody_may_who_was_not_granted_it(world: Starlette, caller: str) -> None:
    """No shipped role may, and nobody is told that an address is not there."""
    partners = parsers.partners("partner=US-001@usmf")
    async with running(world, customer_roles=(), partners=partners) as strict:
        answers = [
            await keep(strict, "no", as_=caller),
            await change(strict, "x", as_=caller),
            await remove(strict, "x", as_=caller),
        ]

    assert [answer.codes for answer in answers] == [["FORBIDDEN"]] * 3


async def test_staff_who_look_as_a_customer_keep_nothing(stack: Stack) -> None:
    headers = {"X-View-As": "jane.doe@contoso-retail.example"}
    given = {"address": DOCK, "idempotencyKey": "looking"}

    answer = await stack.ask(KEEP, as_="admin", headers=headers, input=given)

    assert answer.codes == ["FORBIDDEN"]
