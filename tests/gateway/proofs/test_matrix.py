"""Every role against every root field and every connection, generated from the schema."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    is_required_input_field,
)
from starlette.applications import Starlette
from strawberry.utils.str_converters import to_camel_case

from gateway.auth.policy import SHIPPED
from gateway.auth.principal import Access
from gateway.config import parsers
from gateway.model.members.back import backs_of
from gateway.model.tables import TABLES, Link, Table
from gateway.schema import ids
from tests.gateway.proofs.requests import SCHEMA
from tests.stack import Stack, running

pytestmark = pytest.mark.anyio

CALLERS = {
    "jane": "buyer",
    "rep": "representative",
    "admin": "administrator",
    "partner": "partner",
    "nobody": "",
}
"""The callers, and the one role that each holds."""
OPEN = {"viewer", "changes", "node", "nodes", "operation"}
OWED = "statement"
"""The root field over the transactions of an account."""
"""Root fields for everybody with a token; the rows behind them have rules of their own."""
OWN_ROOTS = {
    "categories": ("catalog", "categories { name }"),
    "categoryParts": ("catalog", f'categoryParts(category: "{UUID(int=7)}")'),
    "boughtBefore": ("orders", "boughtBefore(first: 1) { times }"),
}
"""Root fields that are no table's own list: their permission, and a query."""
PRIVILEGES = {
    "createSalesOrder": "create",
    "reorder": "create",
    "acceptQuote": "create",
    "requestQuote": "create",
    "updateSalesOrder": "update",
    "cancelSalesOrder": "update",
    "addSalesOrderLines": "update",
    "importSalesOrderLines": "update",
    "updateSalesOrderLine": "update",
    "removeSalesOrderLine": "update",
}
"""The permission of each mutation under `orders`. One that is missing here fails this test."""
PREVIEWS = {"previewSalesOrder": "create"}
ELSEWHERE = {
    "updateOwnContact",
    "createAccountAddress",
    "updateAccountAddress",
    "removeAccountAddress",
    "inviteColleague",
    "removeColleague",
    "restoreColleague",
}
"""
The mutations that are not of orders; `test_own_contact`, `test_own_addresses` and `test_colleagues`
ask for them as each caller.
"""
QUERIES = SCHEMA.query_type.fields if SCHEMA.query_type else {}
MUTATIONS = SCHEMA.mutation_type.fields if SCHEMA.mutation_type else {}
ROOTS = {name: table for table in TABLES.values() if table.root for name in table.root}


@pytest.fixture(scope="module")
async def strict(small_world: Starlette) -> AsyncIterator[Stack]:
    """Roles come from the token alone, so that `nobody`, whose token names none, has none."""
    partners = (("partner", "US-001@usmf"),)
    async with running(small_world, **settings_of(partners)) as stack:
        yield stack


def settings_of(partners: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    listed = "; ".join(f"{client}={accounts}" for client, accounts in partners)
    return {"customer_roles": (), "partners": parsers.partners(listed)}


def expected(caller: str, table: Table, *, linked: bool) -> bool:
    """True if the shipped policy lets the caller read the table at all."""
    access = SHIPPED.rights([CALLERS[caller]]).reach.get((table.needs, "read"))
    if access is None:
        return False
    by_parent = [spec for spec in table.specs.values() if isinstance(spec, Link) and spec.back]
    alone = access is not Access.PARENT or len(by_parent) == 1
    return linked or (alone and not table.rule.linked_only)


async def ask(stack: Stack, caller: str, query: str) -> list[str]:
    if caller != "nobody":
        return (await stack.ask(query, as_=caller)).codes
    async with running(stack.emulator, customer_roles=(), roles_claim="none") as roleless:
        return (await roleless.ask(query, as_="may")).codes


def test_every_root_field_is_accounted_for() -> None:
    assert set(QUERIES) == OPEN | {OWED} | set(OWN_ROOTS) | set(ROOTS)
    assert set(MUTATIONS) == set(PRIVILEGES) | set(PREVIEWS) | ELSEWHERE


@pytest.mark.parametrize("caller", CALLERS)
async def test_each_root_field_is_for_who_may_read_its_table(strict: Stack, caller: str) -> None:
    for table in TABLES.values():
        if table.root:
            codes = await ask(strict, caller, f"{{ {table.root[1]}(first: 1) {{ totalCount }} }}")
            allowed = expected(caller, table, linked=False)
            assert codes == ([] if allowed else ["FORBIDDEN"]), table.root[1]


@pytest.mark.parametrize("caller", CALLERS)
async def test_the_other_root_fields_are_for_who_may_read_their_rows(
    strict: Stack, caller: str
) -> None:
    for name, (needs, query) in OWN_ROOTS.items():
        codes = await ask(strict, caller, f"{{ {query} }}")
        allowed = (needs, "read") in SHIPPED.rights([CALLERS[caller]]).reach
        assert codes == ([] if allowed else ["FORBIDDEN"]), name


@pytest.mark.parametrize("caller", CALLERS)
async def test_each_connection_is_for_who_may_read_its_table(strict: Stack, caller: str) -> None:
    for parent in TABLES.values():
        for name, back in backs_of(parent).items():
            if not parent.root or not expected(caller, parent, linked=False):
                continue
            connection = to_camel_case(name)
            query = (
                f"{{ {parent.root[1]}(first: 1) {{ nodes {{ {connection} {{ totalCount }} }} }} }}"
            )
            codes = await ask(strict, caller, query)
            allowed = expected(caller, back.child, linked=True)
            assert set(codes) == (set() if allowed else {"FORBIDDEN"}), (parent.name, name)


@pytest.mark.parametrize("caller", CALLERS)
async def test_a_statement_is_for_who_may_read_what_is_owed(strict: Stack, caller: str) -> None:
    account = ids.encode(TABLES["Account"], (UUID(int=1),))
    days = 'from: "2026-01-01", to: "2026-12-31"'

    codes = await ask(strict, caller, f'{{ {OWED}(account: "{account}", {days}) {{ currency }} }}')

    allowed = expected(caller, TABLES["Transaction"], linked=False)
    assert codes == ([] if allowed else ["FORBIDDEN"])


@pytest.mark.parametrize("caller", CALLERS)
async def test_each_mutation_is_for_who_holds_its_privilege(strict: Stack, caller: str) -> None:
    rights = SHIPPED.rights([CALLERS[caller]])
    for name, privilege in (PRIVILEGES | PREVIEWS).items():
        codes = await ask(
            strict, caller, f"mutation {{ {name}{arguments(name)} {{ __typename }} }}"
        )
        may = ("orders", privilege) in rights.reach
        assert ("FORBIDDEN" not in codes) == may, (name, codes)


def arguments(mutation: str) -> str:
    inside = ", ".join(
        f"{name}: {sample(argument.type)}" for name, argument in MUTATIONS[mutation].args.items()
    )
    return f"({inside})"


def sample(type_: Any) -> str:
    """Some value of an input type, as GraphQL writes it."""
    match type_:
        case GraphQLNonNull():
            return sample(type_.of_type)
        case GraphQLList():
            return f"[{sample(type_.of_type)}]"
        case GraphQLEnumType():
            return str(next(iter(type_.values)))
        case GraphQLInputObjectType():
            inside = [
                f"{name}: {sample(field.type)}"
                for name, field in type_.fields.items()
                if is_required_input_field(field)
            ]
            return f"{{ {', '.join(inside)} }}"
    return SCALARS.get(str(type_), '"x"')


SCALARS = {"Int": "1", "Decimal": '"1"', "Boolean": "true", "Date": '"2026-01-01"'}
