"""`/readyz` speaks of the process alone, `/health` of what it depends on, by service and table."""

import asyncio
from typing import Any

import httpx2
import pytest

from emulator.faults.actions import Fail
from emulator.faults.connections import InProcess
from gateway.http import lag
from gateway.http.dependencies import FEW
from gateway.http.lag import Lag
from gateway.upstream.breaker import CALLS
from tests.stack import Stack, emulator, running
from tests.waiting import until, until_asked

pytestmark = pytest.mark.anyio

ORDERS = "{ orders(first: 1) { nodes { number } } }"
PRODUCTS = "{ products(first: 1) { nodes { number } } }"
SHIPMENTS = "{ shipments(first: 1) { nodes { number } } }"


class Unsigned(InProcess):
    """A way upstream on which the issuer cannot be reached at first."""

    is_down = True

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.is_down and request.url.path.startswith("/issuer"):
            raise httpx2.ConnectError("no route")
        return await super().handle_async_request(request)


async def told(stack: Stack) -> tuple[int, dict[str, Any]]:
    answer = await stack.gateway.get("/health")
    return answer.status_code, answer.json()


async def is_ready(stack: Stack) -> bool:
    return (await stack.gateway.get("/readyz")).status_code == 200


async def test_all_is_well_where_everything_answers(stack: Stack) -> None:
    for _ in range(FEW):
        await stack.ask(ORDERS)
    status, health = await told(stack)

    assert (status, health["status"]) == (200, "ok")
    assert health["issuers"] == {"issuer 1": "ok"}
    orders = health["services"]["dataverse"]["tables"]["reads of salesorder"]
    assert orders["status"] == "ok"
    assert orders["calls"] >= FEW
    assert orders["failed"] == 0


async def test_who_asks_often_is_answered_from_the_last_look(stack: Stack) -> None:
    await stack.ask(ORDERS)
    _, first = await told(stack)
    await stack.ask(ORDERS)
    _, second = await told(stack)

    assert second == first, "the call between them is not counted yet"


@pytest.mark.parametrize("service", ["dataverse", "finops"])
async def test_a_service_that_is_down_is_named_and_leaves_the_process_ready(service: str) -> None:
    world = emulator()
    async with running(world) as stack:
        world.state.faults.add(Fail(), service=service)
        for _ in range(CALLS):
            await stack.ask(ORDERS if service == "dataverse" else SHIPMENTS, as_="admin")
        _, health = await told(stack)

        assert await is_ready(stack)
        assert health["status"] == "degraded"
        assert health["services"][service]["status"] == "failing"
        assert health["services"][service]["leftAlone"]
        other = "finops" if service == "dataverse" else "dataverse"
        assert health["services"][other]["status"] == "ok"


async def test_a_table_that_fails_is_told_from_those_that_do_not() -> None:
    world = emulator()
    async with running(world) as stack:
        for _ in range(FEW):
            await stack.ask(PRODUCTS, as_="admin")
        world.state.faults.add(Fail(), set="salesorders")
        for _ in range(FEW):
            await stack.ask(ORDERS, as_="admin")
        _, health = await told(stack)

    dataverse = health["services"]["dataverse"]
    assert dataverse["status"] == "degraded"
    assert dataverse["tables"]["reads of salesorder"]["status"] == "failing"
    assert dataverse["tables"]["reads of product"]["status"] == "ok"


async def test_a_sign_in_that_fails_leaves_the_process_ready() -> None:
    async with running(emulator(), client_secret="wrong") as stack:
        status, health = await told(stack)

        assert await is_ready(stack)
        assert (status, health["status"]) == (503, "down")
        assert health["services"]["finops"]["signIn"] == "failing"


async def test_a_process_without_any_keys_is_not_ready_until_it_has_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.outside.PAUSE", 0.05)
    monkeypatch.setattr("gateway.auth.signing_keys.PAUSE", 0.01)
    world = emulator()
    way = Unsigned(app=world)
    async with running(world, way) as stack:
        before = await is_ready(stack)
        way.is_down = False

        assert not before
        await until_asked(lambda: is_ready(stack))


async def test_a_process_that_cannot_keep_up_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lag, "EVERY", 0.05)
    measured = Lag()
    task = asyncio.create_task(measured.measure())
    await asyncio.sleep(0)
    loop = asyncio.get_running_loop()

    end = loop.time() + lag.TOO_MUCH + 0.1
    while loop.time() < end:
        pass
    await asyncio.sleep(0.02)
    late = measured.is_too_much

    assert late
    await until(lambda: not measured.is_too_much)
    task.cancel()
