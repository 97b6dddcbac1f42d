"""Two customers, and every way in which one could meet the other's rows. Loops over all tables."""

from collections.abc import Iterable
from typing import Any

import pytest
from graphql import GraphQLObjectType, GraphQLSchema, get_named_type, is_leaf_type

from gateway.model.tables import TABLES, Table
from tests.nightly import NIGHTLY
from tests.schema import shipped
from tests.stack import Stack, onward

pytestmark = pytest.mark.anyio


@pytest.fixture
def stack(representatives: Stack) -> Stack:
    """Lists of some length: those of an account, not of one buyer."""
    return representatives


SCHEMA: GraphQLSchema = shipped()
OWNED = [t for t in TABLES.values() if t.root and t.rule.by_account]
NAMES = [table.name for table in OWNED]
each_table = pytest.mark.parametrize("table", OWNED, ids=NAMES)
PAGE = 100
BUYER = "jane" if NIGHTLY else "alice.yildiz.1@contosoretaillosangeles.example"
"""A buyer of an account with 86 orders and 417 lines; at night, of one with 359 and 1,826."""
Rows = list[dict[str, Any]]


def leaves(table: Table) -> str:
    """A selection of every field of a table that has no rows behind it."""
    return _leaves(SCHEMA.type_map[table.name])


def _leaves(type_: Any) -> str:
    assert isinstance(type_, GraphQLObjectType)
    found = []
    for name, field in type_.fields.items():
        inner = get_named_type(field.type)
        if is_leaf_type(inner):
            found.append(name)
        elif inner.name in ("Money", "Address"):
            found.append(f"{name} {{ {_leaves(inner)} }}")
    return " ".join(found)


async def walk(
    stack: Stack, table: Table, caller: str, arguments: str = "", selection: str = ""
) -> Rows:
    """All rows of a root list, page by page."""
    assert table.root
    rows: Rows = []
    fields, after = selection or leaves(table), None
    while True:
        query = (
            f"query ($after: String) {{ {table.root[1]}(first: {PAGE}, after: $after {arguments})"
            f"{{ nodes {{ {fields} }} pageInfo {{ hasNextPage endCursor }} }} }}"
        )
        page = (await stack.ask(query, as_=caller, after=after)).data[table.root[1]]
        rows += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return rows
        after = onward(page["pageInfo"], after)


async def first_of(stack: Stack, table: Table, caller: str) -> dict[str, Any]:
    """The first row of a root list, with all of its fields."""
    assert table.root
    query = f"{{ {table.root[1]}(first: 1) {{ nodes {{ {leaves(table)} }} }} }}"
    nodes: Rows = (await stack.ask(query, as_=caller)).data[table.root[1]]["nodes"]
    return nodes[0]


async def walked_ids(stack: Stack, table: Table, caller: str) -> set[str]:
    """The ids of all rows of a root list."""
    return ids(await walk(stack, table, caller, selection="id"))


def ids(rows: Iterable[dict[str, Any]]) -> set[str]:
    return {row["id"] for row in rows}


@each_table
async def test_lists_are_disjoint(stack: Stack, table: Table) -> None:
    jane, may = [await walked_ids(stack, table, caller) for caller in ("jane", "may")]

    assert jane
    assert may
    assert jane.isdisjoint(may)


@each_table
async def test_the_other_ones_ids_lead_nowhere(stack: Stack, table: Table) -> None:
    assert table.root
    theirs = sorted(await walked_ids(stack, table, "may"))[:PAGE]
    one = f"query ($id: ID!) {{ node(id: $id) {{ id }} one: {table.root[0]}(id: $id) {{ id }} }}"

    many = await stack.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=theirs)
    single = await stack.ask(one, id=theirs[0])

    assert many.data["nodes"] == [None] * len(theirs)
    assert single.data == {"node": None, "one": None}


@each_table
async def test_absent_and_foreign_are_answered_alike(stack: Stack, table: Table) -> None:
    theirs = sorted(await walked_ids(stack, table, "may"))[0]
    mine = sorted(await walked_ids(stack, table, "jane"))[0]
    absent = mine[:-2] + ("AA" if mine[-2:] != "AA" else "BB")
    query = "query ($id: ID!) { node(id: $id) { id } }"

    assert (await stack.ask(query, id=theirs)).body == {"data": {"node": None}}
    assert (await stack.ask(query, id=absent)).body.get("data") in (None, {"node": None})


@each_table
async def test_counts_count_ones_own(stack: Stack, table: Table) -> None:
    assert table.root
    mine = await walked_ids(stack, table, "jane")

    answer = await stack.ask(f"{{ {table.root[1]} {{ totalCount totalCountIsLowerBound }} }}")

    counted = answer.data[table.root[1]]
    assert counted == {"totalCount": len(mine), "totalCountIsLowerBound": False}


@each_table
async def test_every_order_lists_ones_own(stack: Stack, table: Table) -> None:
    mine = await walked_ids(stack, table, BUYER)

    for field in (spec.name.upper() for spec in table.sortable.values()):
        for direction in ("ASC", "DESC"):
            order = f", orderBy: {{field: {field}, direction: {direction}}}"
            walked = [row["id"] for row in await walk(stack, table, BUYER, order, "id")]
            assert len(walked) == len(mine), f"{field} {direction} loses or repeats rows"
            assert set(walked) == mine


@each_table
async def test_no_filter_finds_the_other_ones_rows(stack: Stack, table: Table) -> None:
    assert table.root
    theirs = await first_of(stack, table, "may")
    mine = await walked_ids(stack, table, "jane")
    names = [name for name, spec in table.filterable.items() if spec.scalar]

    for name in names:
        value = theirs[name]
        for wanted in (value["amount"] if isinstance(value, dict) else value, None):
            query = (
                f"query ($filter: {table.name}Filter) {{ {table.root[1]}(first: {PAGE}, "
                f"filter: $filter) {{ nodes {{ id }} totalCount }} }}"
            )
            sent = {"or": [{name: {"eq": wanted}}, {"not": {name: {"eq": wanted}}}]}
            answer = await stack.ask(query, filter=sent)
            if answer.codes == ["INVALID_INPUT"]:
                continue
            found = answer.data[table.root[1]]
            assert ids(found["nodes"]) <= mine
            assert found["totalCount"] <= len(mine)


@each_table
async def test_a_cursor_of_the_other_one_pages_ones_own_rows(stack: Stack, table: Table) -> None:
    assert table.root
    query = (
        f"query ($after: String) {{ {table.root[1]}(first: 3, after: $after) "
        f"{{ nodes {{ id }} pageInfo {{ endCursor }} }} }}"
    )
    theirs = (await stack.ask(query, as_="may")).data[table.root[1]]["pageInfo"]["endCursor"]

    answer = await stack.ask(query, after=theirs)

    assert ids(answer.data[table.root[1]]["nodes"]) <= await walked_ids(stack, table, "jane")


async def test_no_token_is_refused_before_anything_is_read(stack: Stack) -> None:
    response = await stack.gateway.post("/graphql", content=b"{ not even json")

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
