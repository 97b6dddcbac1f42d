"""Several accounts, child accounts, web roles, and staff who look with a customer's eyes."""

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from starlette.applications import Starlette

from emulator.identities import DEMO_USERS
from gateway.model.tables import TABLES
from gateway.schema import ids
from gateway.schema.business.accounts import Account
from tests.stack import Answer, Stack, emulator, running

pytestmark = pytest.mark.anyio

NUMBERS = (
    "query ($account: ID) "
    "{ orders(first: 100, account: $account) { nodes { account { number } } } }"
)
REGIONAL = """
[roles.representative]
extends = "representative"
[roles.representative.orders]
access = "account_and_children"
"""


NOBODYS = [ids.encode(TABLES[name], (UUID(int=1),)) for name in ("Contact", "Account")]
"""Global ids of no contact."""


@pytest.fixture(scope="module")
def world() -> Starlette:
    """A world of its own, as these tests change who belongs where."""
    return emulator()


async def post(stack: Stack, path: str, row: dict[str, Any]) -> str:
    """Write to Dataverse past the gateway; the address of the row."""
    answer = await stack.upstream.post(
        f"/api/data/v9.2/{path}", json=row, headers=await stack.service()
    )
    answer.raise_for_status()
    return str(answer.headers.get("OData-EntityId", ""))


async def account_of(stack: Stack, number: str) -> str:
    (row, *_) = await stack.rows(f"accounts?$select=accountid&$filter=accountnumber eq '{number}'")
    return str(row["accountid"])


async def contact_of(stack: Stack, name: str) -> str:
    email = DEMO_USERS[name].email
    (row,) = await stack.rows(f"contacts?$select=contactid&$filter=emailaddress1 eq '{email}'")
    return str(row["contactid"])


async def belongs(stack: Stack, name: str, number: str) -> None:
    """Link a demo user to one more account, as the party model does."""
    row = {
        "msdyn_contactforpartynumber": f"{name}@{number}",
        "msdyn_contactid@odata.bind": f"/contacts({await contact_of(stack, name)})",
        "msdyn_associatedaccountid@odata.bind": (f"/accounts({await account_of(stack, number)})"),
    }
    await post(stack, "msdyn_contactforparties", row)


def global_id(account: str) -> str:
    return ids.encode(Account.__table__, (account,))


def numbers(answer: Answer) -> set[str]:
    return {row["account"]["number"] for row in answer.data["orders"]["nodes"]}


async def test_a_user_of_two_accounts_sees_both_or_the_one_chosen(world: Starlette) -> None:
    async with running(world, customer_roles=("representative",)) as stack:
        await belongs(stack, "sam", "DE-001")
        mine, other = await account_of(stack, "US-001"), await account_of(stack, "DE-001")
        # Both models name US-001 already; asking Dataverse twice finds it once.
        assert numbers(await stack.ask(NUMBERS, as_="sam")) == {"US-001", "DE-001"}
        for account, number in ((mine, "US-001"), (other, "DE-001")):
            chosen = global_id(account)
            assert numbers(await stack.ask(NUMBERS, as_="sam", account=chosen)) == {number}
            by_header = await stack.ask(NUMBERS, as_="sam", headers={"X-Account": chosen})
            assert numbers(by_header) == {number}


async def test_a_foreign_account_is_answered_like_one_that_does_not_exist(stack: Stack) -> None:
    foreign = global_id(await account_of(stack, "C1"))
    absent = global_id("00000000-0000-4000-8000-000000000000")

    by_argument = [await stack.ask(NUMBERS, as_="rep", account=each) for each in (foreign, absent)]
    by_header = [
        await stack.ask(NUMBERS, as_="rep", headers={"X-Account": each})
        for each in (foreign, absent)
    ]

    assert by_argument[0] == by_argument[1]
    assert by_header[0] == by_header[1]
    assert by_argument[0].codes == by_header[0].codes == ["NOT_FOUND"]
    assert by_header[0].status == 404


async def test_staff_choose_any_account(stack: Stack) -> None:
    chosen = global_id(await account_of(stack, "US-001"))
    shipped = (
        "query ($account: ID) { shipments(account: $account, first: 50) "
        "{ nodes { order { account { number } } } } }"
    )

    assert numbers(await stack.ask(NUMBERS, as_="admin", account=chosen)) == {"US-001"}
    found = (await stack.ask(shipped, as_="admin", account=chosen)).data["shipments"]["nodes"]
    assert {row["order"]["account"]["number"] for row in found} == {"US-001"}


async def test_child_accounts_are_covered_where_policy_says_so(
    small_world: Starlette, tmp_path: Path
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(REGIONAL)
    async with running(small_world, policy=str(file), customer_roles=()) as stack:
        child = global_id(await account_of(stack, "US-002"))
        query = "{ orders { totalCount } accounts { nodes { number } } }"
        wide = (await stack.ask(query, as_="rep")).data
        chosen = await stack.ask(NUMBERS, as_="rep", account=child)
        confined = await stack.ask(
            "{ orders { totalCount } invoices { totalCount } }",
            as_="rep",
            headers={"X-Account": child},
        )
    async with running(small_world, customer_roles=()) as stack:
        narrow = (await stack.ask(query, as_="rep")).data

    assert narrow["orders"]["totalCount"] < wide["orders"]["totalCount"]
    assert wide["accounts"] == narrow["accounts"], "the permission 'account' stays as it was"
    assert len(chosen.data["orders"]["nodes"]) == confined.data["orders"]["totalCount"] > 0
    assert confined.data["invoices"]["totalCount"] == 0, "invoices do not reach child accounts"


async def test_web_roles_of_either_power_pages_are_roles(world: Starlette) -> None:
    only_web_roles = {"customer_roles": (), "roles_claim": "none"}
    seen = "{ viewer { roles } orders { totalCount } }"
    async with running(world, web_roles=("adx", "mspp"), **only_web_roles) as stack:
        assert (await stack.ask(seen, as_="jane")).data["viewer"]["roles"] == ["buyer"]
        assert (await stack.ask(seen, as_="rep")).data["viewer"]["roles"] == ["representative"]
        await promote(stack, "jane", "Customer representative")
    async with running(world, web_roles=("adx", "mspp"), **only_web_roles) as stack:
        roles = (await stack.ask(seen, as_="jane")).data["viewer"]["roles"]
        assert roles == ["buyer", "representative"]
    async with running(world, **only_web_roles) as stack:
        assert (await stack.ask(seen, as_="jane")).codes == ["FORBIDDEN"]


async def promote(stack: Stack, name: str, role: str) -> None:
    """Give a web role of the newer Power Pages, whose roles are views of components."""
    key = str(uuid4())
    await post(stack, "mspp_webroles", {"mspp_name": role, "mspp_webroleid": key})
    component = {"name": role, "powerpagecomponentid": key}
    at = await post(stack, "powerpagecomponents", component)
    contact = await contact_of(stack, name)
    relation = f"contacts({contact})/powerpagecomponent_mspp_webrole_contact/$ref"
    await post(stack, relation, {"@odata.id": at})


async def test_a_buyer_without_a_role_sees_nothing(world: Starlette) -> None:
    """May of Microsoft's matrix: a contact of a customer, to whom nobody gave a role."""
    async with running(world, customer_roles=(), roles_claim="none") as stack:
        tables = ("orders", "orderLines", "invoices", "accounts", "contacts", "products")
        for table in tables:
            answer = await stack.ask(f"{{ {table} {{ totalCount }} }}", as_="may")
            assert answer.codes == ["FORBIDDEN"]
            assert answer.body["data"] == {table: None}


async def test_staff_see_what_the_customer_sees_and_change_nothing(stack: Stack) -> None:
    query = (
        "{ orders(first: 100) { nodes { id total { amount } } totalCount } "
        "contacts { nodes { id } } }"
    )
    mine = await stack.ask(query, as_="jane")
    contact = await contact_of(stack, "jane")
    create = (
        'mutation { createSalesOrder(input: { idempotencyKey: "x", lines: [] }) '
        "{ order { number } } }"
    )

    shown = (await stack.ask("{ viewer { contact { id } } }", as_="jane")).data["viewer"]

    for name in (DEMO_USERS["jane"].email, contact, shown["contact"]["id"]):
        seen = await stack.ask(query, as_="admin", headers={"X-View-As": name})
        assert seen.body == mine.body
    refused = await stack.ask(create, as_="admin", headers={"X-View-As": contact})
    assert refused.codes == ["FORBIDDEN"]


@pytest.mark.parametrize("caller", ["jane", "rep"])
async def test_nobody_else_may_look_as_somebody(stack: Stack, caller: str) -> None:
    answers = [
        await stack.ask("{ viewer { kind } }", as_=caller, headers={"X-View-As": name})
        for name in (DEMO_USERS["may"].email, "nobody@nowhere.example", "")
    ]

    assert [answer.codes for answer in answers] == [["FORBIDDEN"]] * 3
    assert {answer.status for answer in answers} == {403}


async def test_a_customer_that_is_not_there_cannot_be_looked_as(stack: Stack) -> None:
    for name in (
        "nobody@nowhere.example",
        "00000000-0000-4000-8000-000000000000",
        "*",
        "",
        *NOBODYS,
    ):
        answer = await stack.ask("{ viewer { kind } }", as_="admin", headers={"X-View-As": name})
        assert (answer.status, answer.codes) == (404, ["NOT_FOUND"]), name
