"""Walking lists in both directions meets every row once; bad paging arguments get typed errors."""

from typing import Any

import pytest

from gateway.engine.execution import GraphQLRequest
from gateway.engine.limits import DEFAULT_SIZE
from tests.stack import Stack, onward

pytestmark = pytest.mark.anyio


@pytest.fixture
def stack(representatives: Stack) -> Stack:
    """Lists of some length: those of an account, not of one buyer."""
    return representatives


BACKWARD = """
query ($before: String, $order: [SalesOrderOrder!]) {
  orders(last: 30, before: $before, orderBy: $order) {
    edges { cursor node { id } } pageInfo { hasPreviousPage startCursor } totalCount
  }
}
"""
FORWARD = """
query ($after: String, $order: [SalesOrderOrder!]) {
  orders(first: 30, after: $after, orderBy: $order) {
    edges { cursor node { id } } pageInfo { hasNextPage endCursor } totalCount
  }
}
"""
ORDERS = [
    [],
    [{"field": "STATUS"}, {"field": "PLACED_AT", "direction": "DESC"}],
    [{"field": "CONFIRMED_SHIPPING_DATE", "direction": "DESC"}],
    [{"field": "REQUISITION_NUMBER"}],
    [{"field": "TOTAL", "direction": "DESC"}, {"field": "NUMBER"}],
]


async def forward(stack: Stack, order: list[dict[str, str]]) -> list[dict[str, Any]]:
    edges: list[dict[str, Any]] = []
    after = None
    while True:
        page = (await stack.ask(FORWARD, after=after, order=order)).data["orders"]
        edges += page["edges"]
        if not page["pageInfo"]["hasNextPage"]:
            assert len(edges) == page["totalCount"]
            return edges
        after = onward(page["pageInfo"], after)


async def backward(stack: Stack, order: list[dict[str, str]]) -> list[dict[str, Any]]:
    edges: list[dict[str, Any]] = []
    before = None
    while True:
        page = (await stack.ask(BACKWARD, before=before, order=order)).data["orders"]
        edges = page["edges"] + edges
        if not page["pageInfo"]["hasPreviousPage"]:
            return edges
        before = page["pageInfo"]["startCursor"]


@pytest.mark.parametrize("order", ORDERS, ids=str)
async def test_both_directions_meet_every_row_once(
    stack: Stack, order: list[dict[str, str]]
) -> None:
    there, back = await forward(stack, order), await backward(stack, order)

    assert there == back
    assert len({edge["node"]["id"] for edge in there}) == len(there) > 60


async def test_a_page_of_children_goes_on_where_its_cursor_says(stack: Stack) -> None:
    query = """
    query ($after: String) {
      accounts { nodes { orders(first: 7, after: $after) {
        nodes { id } pageInfo { endCursor hasNextPage } totalCount } } }
    }"""
    met: list[str] = []
    after = None
    while True:
        (account,) = (await stack.ask(query, after=after)).data["accounts"]["nodes"]
        met += [node["id"] for node in account["orders"]["nodes"]]
        if not account["orders"]["pageInfo"]["hasNextPage"]:
            break
        after = onward(account["orders"]["pageInfo"], after)

    assert met == [edge["node"]["id"] for edge in await forward(stack, [])]
    assert account["orders"]["totalCount"] == len(met)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("first: -1", "INVALID_INPUT"),
        ("first: 101", "INVALID_INPUT"),
        ("last: -1", "INVALID_INPUT"),
        ("first: 2, last: 2", "INVALID_INPUT"),
        ('first: 2, before: "x"', "INVALID_INPUT"),
        ('last: 2, after: "x"', "INVALID_INPUT"),
        ('after: "x"', "INVALID_CURSOR"),
        ('after: ""', "INVALID_CURSOR"),
    ],
)
async def test_bad_paging_is_told_apart(stack: Stack, arguments: str, code: str) -> None:
    answer = await stack.ask(f"{{ orders({arguments}) {{ nodes {{ id }} }} }}")

    assert answer.codes == [code]


@pytest.mark.parametrize("size", ["first: 0", "last: 0"])
async def test_a_page_of_no_rows_counts(stack: Stack, size: str) -> None:
    below = f"({size}) {{ totalCount nodes {{ id }} pageInfo {{ hasNextPage endCursor }} }}"
    query = (
        f"{{ orders{below} accounts {{ nodes {{ orders{below} }} }} "
        "all: orders { totalCount } none: orders(first: 0) { nodes { id } } }"
    )

    found = (await stack.ask(query)).data

    (account,) = found["accounts"]["nodes"]
    assert found["orders"]["totalCount"] == found["all"]["totalCount"] > 0
    assert found["orders"]["nodes"] == found["none"]["nodes"] == []
    assert found["orders"]["pageInfo"]["endCursor"] is None
    assert account["orders"] == found["orders"]


async def test_the_default_page_has_25_rows(stack: Stack) -> None:
    query = "{ orders { nodes { id } } }"
    assert stack.app

    answer = await stack.ask(query)
    counted = stack.app.state.engine.prepare(GraphQLRequest(query)).operation.fanout.rows

    assert len(answer.data["orders"]["nodes"]) == counted == DEFAULT_SIZE == 25
