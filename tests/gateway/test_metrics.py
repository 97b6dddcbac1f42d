"""The counts of the gateway, read as Prometheus reads them."""

import asyncio
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import httpx2
import pytest
from prometheus_client.core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from emulator.faults.actions import Fail
from tests.gateway.test_command_line import GATEWAY, MINIMUM
from tests.ports import free_port
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio

CALLS = ("gateway_upstream_calls", "service", "outcome")
SERVICES = {"metadata": "finops"}
"""The service that answers what the emulator's log tells apart."""
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


def outcomes(world: Starlette) -> Counter[tuple[str | None, ...]]:
    """The requests that the emulator counted, by service and status."""
    return Counter(
        (SERVICES.get(each.service, each.service), str(each.status)) for each in world.state.log
    )


async def test_calls_to_dynamics_are_counted_by_service_and_outcome() -> None:
    world = emulator()
    async with running(world, metrics=True) as stack:
        await stack.ask(ORDERS)
        await stack.ask("{ shipments(first: 1) { nodes { number } } }", as_="rep")
        asked = outcomes(world)
        before = await counted(stack, *CALLS)
        world.state.faults.add(Fail(), set="salesorders", times=1)
        await stack.ask(ORDERS)
        after = await counted(stack, *CALLS)

    assert before == asked
    assert after == before | {
        ("dataverse", "503"): 1,
        ("dataverse", "200"): before["dataverse", "200"] + 1,
    }


async def test_the_calls_of_a_load_with_faults_are_those_that_dynamics_counted() -> None:
    world = emulator()
    documents = [
        f"{{ orders(first: {n}) {{ nodes {{ number total {{ amount }} }} }} }}"
        for n in range(1, 40)
    ]
    documents += [f"{{ shipments(first: {n}) {{ nodes {{ number }} }} }}" for n in range(1, 20)]
    async with running(world, metrics=True) as stack:
        for number, status in enumerate((500, 502, 503, 504)):
            world.state.faults.add(Fail(status), probability=0.05, seed=number)
        for who in ("jane", "rep", "may"):
            await asyncio.gather(*(stack.ask(each, as_=who) for each in documents))
        found = await counted(stack, *CALLS)
    asked = outcomes(world)

    assert found == asked
    assert asked.total() > 100
    assert len(asked) > 4


async def test_prometheus_gets_the_format_that_it_asks_for(counting: Stack) -> None:
    plain = await counting.gateway.get("/metrics")
    modern = await counting.gateway.get(
        "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
    )

    assert plain.headers["content-type"].startswith("text/plain; version=")
    assert "process_resident_memory_bytes" in plain.text
    assert modern.headers["content-type"].startswith("application/openmetrics-text")
    assert modern.text.endswith("# EOF\n")


REQUESTS = 60
READY = 240.0


async def of_workers(http: httpx2.AsyncClient) -> dict[str, Family]:
    """The metrics that a worker tells, whichever is asked."""
    text = (await http.get("/metrics", headers={"Connection": "close"})).text
    return {family.name: family for family in text_string_to_metric_families(text)}


async def workers_are_ready(http: httpx2.AsyncClient, number: int) -> None:
    async with asyncio.timeout(READY):
        while True:
            with suppress(httpx2.TransportError):
                found = await of_workers(http)
                if len(found["process_start_time_seconds"].samples) == number:
                    return
            await asyncio.sleep(0.2)


@pytest.fixture
def three_workers() -> Iterator[str]:
    """The address of three worker processes behind one port."""
    port = free_port()
    environment = MINIMUM | {
        "GATEWAY_WORKERS": "3",
        "GATEWAY_PORT": str(port),
        "GATEWAY_METRICS": "on",
        "GATEWAY_LINGER": "0.1",
    }
    process = subprocess.Popen([GATEWAY, "serve"], env=environment, cwd="/")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


async def test_any_worker_tells_the_metrics_of_all_of_them(three_workers: str) -> None:
    async with httpx2.AsyncClient(base_url=three_workers, trust_env=False, timeout=30) as http:
        await workers_are_ready(http, 3)
        for _ in range(REQUESTS):
            await http.post("/graphql", json={"query": ORDERS}, headers={"Connection": "close"})
        seen = [await of_workers(http) for _ in range(6)]

    counts = [
        {
            each.labels["worker"]: each.value
            for each in found["gateway_request_seconds"].samples
            if each.name.endswith("_count")
        }
        for found in seen
    ]
    assert all(sum(each.values()) == REQUESTS for each in counts)
    assert {worker for each in counts for worker in each} <= {"1", "2", "3"}
    assert {len(found["process_resident_memory_bytes"].samples) for found in seen} == {3}
