"""
Replicas that reach one Redis use the budget of one application user together; whatever becomes of
Redis, each goes on with the part that it had.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from re import fullmatch
from typing import Any

import httpx2
import pytest
from redis import Redis
from starlette.applications import Starlette

from emulator.faults.connections import InProcess
from gateway.admission import leases as leasing
from gateway.admission.governor import Governor
from gateway.admission.leases import LEAST, Leases, SharedBudget
from gateway.admission.redis_store import RedisStore
from gateway.config.parsers import Application
from gateway.sharing import leases_of, store_of
from tests.redis_server import Server, needs_redis
from tests.redis_server import server as server
from tests.stack import Stack, running, settings

pytestmark = [pytest.mark.anyio, needs_redis]
EPSILON = 1e-5
QUERY = "{ orders(first: 1) { nodes { number } } }"


@dataclass
class Replica:
    """One process, as far as its leases go."""

    server: Server
    governor: Governor = field(default_factory=Governor)
    asked: float = 0.0

    def __post_init__(self) -> None:
        (self.ledger,) = self.governor.ledgers.all
        self.budget = SharedBudget(self.ledger.share, lambda: self.asked)
        store = RedisStore(self.server.url, leasing.PATIENCE)
        self.leases = Leases(store, {"one application user": self.budget})

    @property
    def part(self) -> float:
        return self.budget.part or 0.0


Make = Callable[[int], list[Replica]]


@pytest.fixture
async def some(server: Server) -> AsyncIterator[Make]:
    """Makes so many replicas, whose connections end with the test."""
    made: list[Replica] = []

    def make(count: int) -> list[Replica]:
        made.extend(found := [Replica(server) for _ in range(count)])
        return found

    yield make
    for each in made:
        await each.leases.leave()


async def rounds(replicas: list[Replica], count: int = 4) -> None:
    """Let all renew in turn, and see at each moment that they have no more than the whole."""
    for _ in range(count):
        for each in replicas:
            await each.leases.renew()
            assert sum(other.part for other in replicas) <= 1 + EPSILON


@pytest.mark.parametrize("count", [1, 2, 8])
async def test_replicas_have_equal_parts_of_the_whole(
    server: Server, some: Make, count: int
) -> None:
    replicas = some(count)

    await rounds(replicas)

    parts = [each.part for each in replicas]
    assert sum(parts) == pytest.approx(1.0, abs=EPSILON * count)
    assert max(parts) == pytest.approx(min(parts), abs=EPSILON)
    assert {each.ledger.places.most for each in replicas} == {40 / count}


async def test_replicas_share_the_budget_of_each_application_user(server: Server) -> None:
    pool = (Application("second", "its secret"),)
    replicas = [Governor(users=2), Governor(users=2)]
    leases = []
    for governor in replicas:
        configured = settings(shared=server.url, pool=pool)
        made = leases_of(configured, {"dataverse": governor}, store_of(configured))
        assert made is not None
        leases.append(made)
    for _ in range(3):
        for each in leases:
            await each.renew()
    for each in leases:
        await each.leave()

    shared = [ledger.places.most for governor in replicas for ledger in governor.ledgers.all]
    assert shared == [20, 20, 20, 20]


async def test_who_has_more_to_do_gets_more_and_nobody_less_than_a_quarter_of_an_even_part(
    some: Make,
) -> None:
    busy, *idle = replicas = some(4)
    for _ in range(20):
        busy.asked += 100
        await rounds(replicas, 1)

    assert busy.part > 0.6
    assert all(each.part >= 0.25 / 4 - EPSILON for each in idle)


async def test_the_part_of_a_replica_that_left_or_died_goes_to_the_others(
    server: Server, some: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leasing, "LASTS", 1.5)
    stays, leaves, dies = replicas = some(3)
    await rounds(replicas)

    await leaves.leases.leave()
    await rounds([stays, dies])
    halves = stays.part, dies.part
    await asyncio.sleep(1.6)
    await rounds([stays])

    assert halves == pytest.approx((0.5, 0.5), abs=EPSILON)
    assert stays.part == pytest.approx(1.0, abs=EPSILON)


async def test_a_redis_that_comes_back_empty_gives_nobody_more_than_there_is(
    server: Server, some: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    replicas = some(4)
    await rounds(replicas)
    before = [each.part for each in replicas]

    server.kill()
    await rounds(replicas)
    during = [each.part for each in replicas]
    server.start()
    await rounds(replicas, 1)
    at_once = [each.part for each in replicas]

    assert before == during == at_once
    said = [record.message for record in caplog.records if record.name.endswith("leases")]
    assert len(said) == 8, "each said once that it is alone, and once that it is not"
    assert "25%" in said[0]


POISONS: dict[str, Callable[[Redis, str], Any]] = {
    "another type": lambda redis, key: redis.set(key, "x"),
    "a list": lambda redis, key: redis.rpush(key, "1"),
    "texts": lambda redis, key: redis.hset(key, "them", "no lease at all"),
    "bytes": lambda redis, key: redis.hset(key, b"\xff\x00", b"\x00\xff"),
    "much": lambda redis, key: redis.hset(key, "them", "1e308 1e308 1e308"),
    "not a number": lambda redis, key: redis.hset(key, "them", "nan nan nan"),
    "below nothing": lambda redis, key: redis.hset(key, "them", "-5 -5 99999999999999"),
    "all for ever": lambda redis, key: redis.hset(key, "them", "1.0 1 99999999999999"),
}


@pytest.mark.parametrize("poison", POISONS)
async def test_nonsense_in_redis_takes_no_part_away(
    server: Server, some: Make, poison: str
) -> None:
    replicas = some(2)
    await rounds(replicas)
    (key,) = map(str, server.client.keys("gateway:*"))

    server.client.delete(key)
    POISONS[poison](server.client, key)
    await rounds(replicas)

    assert [each.part for each in replicas] == pytest.approx([0.5, 0.5], abs=EPSILON)


async def test_a_lease_that_takes_everything_leaves_each_process_some(
    server: Server, some: Make
) -> None:
    (replica,) = some(1)
    await replica.leases.renew()
    (key,) = map(str, server.client.keys("gateway:*"))
    seconds = server.client.time()
    ends = seconds[0] * 1000 + 9_000
    server.client.hset(key, "them", f"1.0 1 {ends}")

    await replica.leases.renew()

    assert replica.part == 0.0
    assert replica.ledger.places.most >= 40 * LEAST


class Counted(InProcess):
    """A way upstream on which each call takes a while; it knows how many are on it."""

    def __init__(self, app: Starlette) -> None:
        super().__init__(app=app)
        self.now = self.most = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0.02)
            return await super().handle_async_request(request)
        finally:
            self.now -= 1


@asynccontextmanager
async def replicas(
    world: Starlette, way: httpx2.AsyncBaseTransport, url: str, count: int, **changes: Any
) -> AsyncIterator[list[Stack]]:
    async with AsyncExitStack() as stack:
        several = [running(world, way, shared=url, **changes) for _ in range(count)]
        yield [await stack.enter_async_context(each) for each in several]


async def test_gateways_that_share_have_no_more_calls_in_flight_than_one_may(
    server: Server, small_world: Starlette
) -> None:
    way = Counted(small_world)
    settings = {"upstream_concurrency": 8, "share_reads": False, "deadline": 60.0}
    async with replicas(small_world, way, server.url, 4, **settings) as stacks:
        several = [(stack, name) for stack in stacks for name in ("jane", "sam", "may")]
        for stack, name in several:
            await stack.ask("{ viewer { kind } }", as_=name)
        await asyncio.sleep(3 * leasing.EVERY)
        way.most = 0
        asked = (stack.ask(QUERY, as_=name) for stack, name in several for _ in range(4))
        answers = await asyncio.gather(*asked)

    assert [each.codes for each in answers] == [[]] * 48
    assert 4 < way.most <= 8


async def test_redis_killed_under_load_costs_no_answer(
    server: Server, small_world: Starlette, caplog: pytest.LogCaptureFixture
) -> None:
    async with replicas(small_world, Counted(small_world), server.url, 2) as stacks:
        asked = [asyncio.create_task(_asking(stack, 2.5)) for stack in stacks]
        await asyncio.sleep(0.5)
        server.kill()
        codes = await asyncio.gather(*asked)

    assert codes == [set(), set()]
    lost = [r for r in caplog.records if "not shared for now" in r.getMessage()]
    assert len(lost) == 2, "once for each process"


async def _asking(stack: Stack, seconds: float) -> set[str]:
    until = asyncio.get_running_loop().time() + seconds
    found: set[str] = set()
    while asyncio.get_running_loop().time() < until:
        found.update((await stack.ask(QUERY)).codes)
    return found


async def test_a_redis_that_was_never_there_or_never_answers_keeps_nobody_waiting(
    small_world: Starlette,
) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()

    listener = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    clock = asyncio.get_running_loop().time
    for url in ("redis://127.0.0.1:1/0", f"redis://127.0.0.1:{port}/0"):
        began = clock()
        async with replicas(small_world, InProcess(app=small_world), url, 1) as (stack,):
            started = clock()
            answer = await stack.ask(QUERY)

        assert answer.codes == []
        assert started - began < 10
    listener.close()


async def test_nothing_of_a_caller_can_be_read_in_redis(
    server: Server, small_world: Starlette
) -> None:
    async with replicas(small_world, InProcess(app=small_world), server.url, 1) as (stack,):
        await stack.ask(QUERY)
        redis = server.client
        held = {key: redis.hgetall(key) for key in redis.keys("gateway:lease:*")}
        kept = {str(key): str(redis.get(key)) for key in redis.keys("gateway:kept:*")}

    assert len(held) == 2, "Dataverse and Finance & Operations"
    for leases in held.values():
        assert all(len(value.split()) == 3 for value in leases.values())
    # Sealed texts under names that are digests: tests/gateway/auth/test_shared_callers.py.
    assert all(fullmatch(r"gateway:kept:[0-9a-f]{64}", key) for key in kept)
    assert all(text.startswith("eyJ") and text.count(".") == 4 for text in kept.values())
