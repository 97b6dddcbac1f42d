"""The way that an operation is answered; giving a plan up asks nothing twice."""

from typing import Any

import pytest
from starlette.applications import Starlette

from tests.stack import Stack, running

ORDERS = "{ orders(first: 5) { nodes { number account { name } lines { nodes { quantity } } } } }"
pytestmark = pytest.mark.anyio
PLANNED = {
    "list": ORDERS,
    "several roots that reach the same rows": (
        "{ orders(first: 2) { nodes { account { name } } } "
        "invoices(first: 2) { nodes { account { name number } } } }"
    ),
    "aliases with other arguments": (
        "{ orders(first: 2) { nodes { a: lines(first: 1) { nodes { id } } "
        "b: lines(last: 1) { totalCount edges { cursor node { product { name } } } } } } }"
    ),
    "names that Python has a meaning for": (
        "{ orders(first: 2) { class: nodes { __init__: number None: id a1: status a0: name "
        "__class__: total { __slots__: amount } __typename } } }"
    ),
    "fragments, merged selections and directives": (
        "query ($no: Boolean = false) { orders(first: 2) { ...F nodes { number } } } "
        "fragment F on SalesOrderConnection { nodes { id ... on Node { __typename } "
        "name @include(if: $no) total { amount } } pageInfo { endCursor } }"
    ),
    "computed": "{ products(first: 3) { nodes { name availability { available } } } }",
    "viewer": "{ viewer { kind roles contact { name account { name } } } }",
}
UNPLANNED = {
    "introspection": "{ __schema { queryType { name } } }",
    "what became of a mutation": '{ operation(id: "x") { status } }',
    "a variable that is none": "query ($n: Int!) { orders(first: $n) { nodes { id } } }",
}


def ways(stack: Stack) -> dict[tuple[str, str], int]:
    assert stack.app is not None
    return dict(stack.app.state.engine.ways)


@pytest.mark.parametrize("name", PLANNED)
async def test_queries_over_tables_are_answered_by_plans(stack: Stack, name: str) -> None:
    before = ways(stack).get(("compiled", ""), 0)

    answer = await stack.ask(PLANNED[name], as_="rep")

    assert answer.data
    assert ways(stack)["compiled", ""] == before + 1


async def test_an_answer_names_its_members_as_asked_whatever_python_calls_so(
    stack: Stack, small_world: Starlette
) -> None:
    query = PLANNED["names that Python has a meaning for"]

    answer = await stack.ask(query, as_="rep")

    (first, _) = answer.data["orders"]["class"]
    names = ["__init__", "None", "a1", "a0", "__class__", "__typename"]
    assert list(first) == names
    async with running(small_world, compiled_plans=False) as core:
        assert answer.body == (await core.ask(query, as_="rep")).body


@pytest.mark.parametrize("name", UNPLANNED)
async def test_what_no_plan_is_made_for_runs_on_graphql_core(stack: Stack, name: str) -> None:
    before = sum(n for (way, _), n in ways(stack).items() if way == "core")

    await stack.ask(UNPLANNED[name], as_="rep")

    assert sum(n for (way, _), n in ways(stack).items() if way == "core") == before + 1


async def test_nodes_of_several_types_are_planned(stack: Stack) -> None:
    found = (await stack.ask("{ orders(first: 2) { nodes { id account { id } } } }")).data
    nodes = found["orders"]["nodes"]
    ids = [each for order in nodes for each in (order["id"], order["account"]["id"])]
    shown = "id ... on SalesOrder { number } ... on Account { name }"
    query = f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ {shown} }} }}"
    before = ways(stack)["compiled", ""]

    answer = await stack.ask(query, ids=ids)

    assert [row["id"] for row in answer.data["nodes"]] == ids
    assert ways(stack)["compiled", ""] == before + 1


async def test_a_refused_branch_is_completed_without_asking_again(stack: Stack) -> None:
    query = '{ orders(first: 3) { nodes { number } } invoice(id: "junk") { number } }'
    await stack.ask("{ viewer { kind } }", as_="jane")
    stack.emulator.state.log.clear()

    answer = await stack.ask(query, as_="jane")

    asked: list[Any] = stack.emulator.state.log.calls()
    assert answer.codes == ["INVALID_INPUT"]
    assert answer.body["data"]["orders"]["nodes"]
    assert [entry.path for entry in asked] == ["salesorders"]


async def test_without_plans_everything_runs_on_graphql_core(small_world: Starlette) -> None:
    async with running(small_world, compiled_plans=False) as stack:
        answer = await stack.ask(ORDERS, as_="rep")

        assert answer.data
        assert {way for way, _ in ways(stack)} == {"core"}
