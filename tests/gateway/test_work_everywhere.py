"""The bound on the work of an answer holds on each way to ask, before anything is sent."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.extensions import forgotten
from tests.gateway.live.serving import listening
from tests.gateway.live.test_sockets import talking
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio

EXAMPLES = Path(__file__).parents[2] / "examples"
ACCOUNTS = " ".join(f"a{number}: account {{ name number }}" for number in range(25))
PRODUCTS = " ".join(f"a{number}: product {{ name number }}" for number in range(25))
LINES = f"lines(first: 98) {{ nodes {{ {PRODUCTS} }} }}"
ORDERS = f"orders(first: 100) {{ nodes {{ {LINES} }} }}"
QUERY = f"{{ {ORDERS} }}"
SUBSCRIPTION = f"subscription {QUERY}"
JSON, EVENTS, TEXT = "application/json", "text/event-stream", "application/jsonl"
WAYS = {
    "a list": (QUERY, JSON),
    "a mutation": (
        "mutation ($input: CreateSalesOrderInput!) { createSalesOrder(input: $input) { order { "
        + f"account {{ {ORDERS} }} }} }} }}",
        JSON,
    ),
    "a subscription": (SUBSCRIPTION, EVENTS),
    "an export": (
        "query ($after: String) { orders(first: 100, after: $after) { edges { cursor node { "
        + LINES
        + " } } pageInfo { hasNextPage endCursor } } }",
        TEXT,
    ),
    "changes": (
        "query ($after: String) { changes(after: $after, first: 100) { nodes { row { "
        + f"... on SalesOrder {{ {LINES} }} }} }} cursor hasMore }} }}",
        JSON,
    ),
    "a table of an extension": (
        "{ machines(first: 100) { nodes { account { machines(first: 98) { nodes { "
        + ACCOUNTS
        + " } } } } } }",
        JSON,
    ),
}


@pytest.fixture(scope="module")
def undone() -> Iterator[None]:
    """Take the example out of the process again."""
    with forgotten("examples.acme"):
        yield


@pytest.fixture(scope="module")
async def extended(undone: None) -> AsyncIterator[Stack]:
    """A gateway with a table of an extension, which listens."""
    world = emulator(metadata=(EXAMPLES / "acme.toml",))
    async with (
        running(world, extensions=("examples.acme",)) as found,
        listening(found.app) as port,
    ):
        world.state.port = port
        await found.ask("{ viewer { kind } }")
        yield found


@pytest.mark.parametrize("way", WAYS)
async def test_aliases_do_not_lead_round_it(extended: Stack, way: str) -> None:
    query, accept = WAYS[way]
    headers = {"Authorization": f"Bearer {await extended.token('jane')}", "Accept": accept}

    extended.emulator.state.log.clear()
    answer = await extended.gateway.post("/graphql", json={"query": query}, headers=headers)

    assert '"extensions":{"code":"LIMIT_EXCEEDED","limit":"work",' in answer.text
    assert list(extended.emulator.state.log) == []


async def test_nor_do_they_on_a_socket(extended: Stack) -> None:
    extended.emulator.state.log.clear()
    async with talking(extended) as talk:
        await talk.begin(await extended.token("jane"))
        await talk.ask("live", SUBSCRIPTION)
        told = await talk.hear()

    assert (told["type"], told["id"]) == ("error", "live")
    assert told["payload"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert list(extended.emulator.state.log) == []
