"""The counts of the gateway, read as Prometheus reads them."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from emulator.faults.actions import Fail
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio

CALLS = ("gateway_upstream_calls", "service", "outcome")
ORDERS = "{ orders(first: 2) { nodes { number } } }"


@pytest.fixture
async def counting(small_world: Starlette) -> AsyncIterator[Stack]:
    async with running(small_world, metrics=True) as found:
        yield found


async def counted(stack: Stack, name: str, *labels: str) -> dict[tuple[str | None, ...], float]:
    """The numbers of one metric, by the values of its labels."""
    text = (await stack.gateway.get("/metrics")).text
    return {
        tuple(map(sample.labels.get, labels)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == f"{name}_total"
    }


async def test_nothing_is_shown_unless_it_is_switched_on(stack: Stack) -> None:
    assert (await stack.gateway.get("/metrics")).status_code == 404


async def test_operations_are_counted_by_the_way_they_went(counting: Stack) -> None:
    for query in (
        ORDERS,
        ORDERS,
        "{ __schema { queryType { name } } }",
        '{ order(id: "x") { id } }',
    ):
        await counting.ask(query)

    assert await counted(counting, "gateway_operations", "way", "reason") == {
        ("compiled", ""): 2,
        ("core", "the field __schema"): 1,
        ("fallback", "InvalidInput"): 1,
    }


async def test_requests_that_are_not_executed_are_counted_once_by_their_code(
    counting: Stack,
) -> None:
    known = {"Authorization": f"Bearer {await counting.token('jane')}"}
    await counting.gateway.post("/graphql", json={"query": ORDERS})
    await counting.gateway.put("/graphql", headers=known)
    await counting.ask("{ orders { wrong worse } }")
    await counting.ask("{ viewer { kind } " + "a: __typename " * 11 + "}")
    await counting.ask("query($n: Int!) { orders(first: $n) { nodes { id } } }", n="many")
    await counting.ask(ORDERS, headers={"X-View-As": "somebody@else.example"})
    await counting.gateway.post("/graphql", json={"documentId": "x"}, headers=known)

    assert await counted(counting, "gateway_refusals", "code") == {
        ("UNAUTHENTICATED",): 1,
        ("BAD_REQUEST",): 3,
        ("LIMIT_EXCEEDED",): 1,
        ("FORBIDDEN",): 1,
        ("UNKNOWN_DOCUMENT",): 1,
    }


async def test_calls_to_dynamics_are_counted_by_service_and_outcome() -> None:
    world = emulator()
    async with running(world, metrics=True) as stack:
        await stack.ask(ORDERS)
        await stack.ask("{ shipments(first: 1) { nodes { number } } }", as_="rep")
        asked = Counter(each.service for each in world.state.log)
        before = await counted(stack, *CALLS)
        world.state.faults.add(Fail(), set="salesorders", times=1)
        await stack.ask(ORDERS)
        after = await counted(stack, *CALLS)

    assert before == {(service, "200"): number for service, number in asked.items()}
    assert after == before | {
        ("dataverse", "503"): 1,
        ("dataverse", "200"): before["dataverse", "200"] + 1,
    }


async def test_prometheus_gets_the_format_that_it_asks_for(counting: Stack) -> None:
    plain = await counting.gateway.get("/metrics")
    modern = await counting.gateway.get(
        "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
    )

    assert plain.headers["content-type"].startswith("text/plain; version=")
    assert "process_resident_memory_bytes" in plain.text
    assert modern.headers["content-type"].startswith("application/openmetrics-text")
    assert modern.text.endswith("# EOF\n")
