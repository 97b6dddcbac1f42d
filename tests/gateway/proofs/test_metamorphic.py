"""Truths about any data: fewer rights see fewer rows of the same content, accounts add up."""

from typing import Any

import pytest
from starlette.applications import Starlette

from gateway.auth.policy import SHIPPED
from gateway.auth.principal import Access
from gateway.model.tables import TABLES, Table
from tests.gateway.test_accounts import account_of, belongs, global_id
from tests.gateway.test_isolation import OWNED, walk
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio

ACCOUNTS = ("US-001", "DE-001")
BUYER = SHIPPED.rights(["buyer"]).reach
LISTED = [table for table in OWNED if BUYER.get((table.needs, "read")) not in (None, Access.PARENT)]
NAMELESS = {"PostedInvoice"}
"""Tables whose rows name no contact, so that none of them is a buyer's own."""
by_table = pytest.mark.parametrize("table", OWNED, ids=[table.name for table in OWNED])


@pytest.fixture(scope="module")
def world() -> Starlette:
    """A world of its own, in which Sam belongs to two accounts."""
    return emulator()


@pytest.fixture(scope="module")
async def several(world: Starlette) -> Any:
    async with running(world, customer_roles=("representative",)) as stack:
        if len(await walk(stack, TABLES["Account"], "sam")) < len(ACCOUNTS):
            await belongs(stack, "sam", ACCOUNTS[1])
    async with running(world, customer_roles=("representative",)) as stack:
        yield stack


async def rows(stack: Stack, table: Table, caller: str, arguments: str = "") -> dict[str, Any]:
    found = await walk(stack, table, caller, arguments)
    assert len({row["id"] for row in found}) == len(found)
    return {row["id"]: row for row in found}


@by_table
async def test_a_caller_of_several_accounts_sees_what_each_of_them_shows(
    several: Stack, table: Table
) -> None:
    parts = [
        await rows(several, table, "sam", f', account: "{global_id(id_)}"')
        for id_ in [await account_of(several, number) for number in ACCOUNTS]
    ]
    every = await rows(several, table, "sam")

    assert all(parts)
    assert parts[0] | parts[1] == every
    shared = parts[0].keys() & parts[1].keys()
    assert len(shared) == (table.name == "Contact"), "oneself, whichever account is chosen"


@pytest.mark.parametrize("table", LISTED, ids=[table.name for table in LISTED])
async def test_a_buyer_sees_some_of_the_representatives_rows_and_the_same_in_them(
    stack: Stack, table: Table
) -> None:
    mine, theirs = await rows(stack, table, "jane"), await rows(stack, table, "rep")

    assert bool(mine) == (table.name not in NAMELESS)
    assert {key: theirs.get(key) for key in mine} == mine


@by_table
async def test_the_header_and_the_argument_choose_alike(several: Stack, table: Table) -> None:
    assert table.root
    chosen = global_id(await account_of(several, ACCOUNTS[1]))
    query = (
        f"query ($account: ID) {{ {table.root[1]}(first: 100, account: $account) "
        "{ totalCount nodes { id } } }"
    )

    by_argument = await several.ask(query, as_="sam", account=chosen)
    by_header = await several.ask(query, as_="sam", headers={"X-Account": chosen})

    assert by_argument.data == by_header.data
