"""
Replicas that reach one Redis know the callers that one of them has looked up, for as long as that
one does; whatever becomes of Redis, nobody is anybody else and nobody stays longer.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import Any

import httpx2
import pytest
from redis import Redis
from starlette.applications import Starlette
from starlette.responses import Response

from emulator.faults.connections import InProcess
from gateway.admission import leases, remote, vault
from gateway.admission.redis_store import RedisStore
from gateway.admission.vault import Vault
from gateway.auth.customers import REMEMBER, Customer
from gateway.auth.rejections import Rejected
from gateway.directory import Directory
from gateway.errors import UpstreamUnavailable
from gateway.upstream.sender import now
from tests.gateway.auth.dataverse import Dataverse
from tests.gateway.auth.issuing import URL, Clock
from tests.gateway.auth.test_directory import people
from tests.nightly import NIGHTLY, only_at_night
from tests.redis_server import Server, needs_redis
from tests.redis_server import server as server
from tests.simulation.virtual import run
from tests.stack import running

pytestmark = [pytest.mark.anyio, needs_redis]

KEY = bytes(range(32))
JANE, MAY = ("jane", "jane@shop.example"), ("may", "may@shop.example")
Who = tuple[str, str]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis and the tests share a machine that may be busy."""
    monkeypatch.setattr(vault, "PATIENCE", 2.0)


@pytest.fixture
async def store(server: Server) -> AsyncIterator[RedisStore]:
    made = RedisStore(server.url, leases.PATIENCE)
    yield made
    await made.aclose()


class Told(Vault):
    """A vault whose writes a test can wait for."""

    async def written(self) -> None:
        await asyncio.gather(*self._telling)


async def customer(directory: Directory, who: Who) -> Customer | None:
    """The customer that a caller is; None if it is nobody."""
    with suppress(Rejected):
        return await directory.customer(URL, *who)
    return None


async def two(
    store: RedisStore, dataverse: Dataverse, clock: Clock, keys: Sequence[bytes] = (KEY, KEY)
) -> tuple[Directory, Directory]:
    """Two processes, of which the first knows Jane and May, in this order."""
    vaults = [Told(store, key, clock=clock) for key in keys]
    one, other = (dataverse.directory(clock, vault=each) for each in vaults)
    for who in (JANE, MAY):
        assert await customer(one, who)
        await vaults[0].written()
    return one, other


async def test_whom_one_process_knows_costs_another_no_call(store: RedisStore) -> None:
    dataverse, clock = Dataverse(), Clock()
    one, other = await two(store, dataverse, clock)
    dataverse.calls = 0

    found = [await customer(other, who) for who in (JANE, MAY)]

    assert found == [await customer(one, who) for who in (JANE, MAY)]
    assert None not in found
    assert dataverse.calls == 0


async def test_who_is_removed_is_out_everywhere_a_minute_after_the_question(
    store: RedisStore,
) -> None:
    dataverse, clock = Dataverse(), Clock()
    one, other = await two(store, dataverse, clock)
    for row in dataverse.tables["contacts"]:
        row["statecode"] = 1

    clock.now += REMEMBER - 1
    late = await customer(other, JANE)
    clock.now += 1

    assert late is not None
    assert [await customer(each, JANE) for each in (one, other)] == [None, None]


async def test_who_is_known_to_others_gets_in_while_dataverse_cannot_be_asked(
    store: RedisStore,
) -> None:
    dataverse, clock = Dataverse(), Clock()
    _, other = await two(store, dataverse, clock)
    dataverse.failure = Response(status_code=503)

    clock.now += 299
    late = await customer(other, JANE)
    clock.now += 1

    assert late is not None
    with pytest.raises(UpstreamUnavailable):
        await customer(other, JANE)
    with pytest.raises(UpstreamUnavailable):
        await customer(other, MAY)


def swap(redis: Redis, held: Mapping[str, Any]) -> None:
    """Give each caller the text of the next."""
    names = list(held)
    for name, other in zip(names, names[1:] + names[:1], strict=True):
        redis.set(name, held[other])


def flip(redis: Redis, held: Mapping[str, Any]) -> None:
    """Change one letter of each text."""
    for name, text in held.items():
        middle = len(text) // 2
        letter = "A" if text[middle] != "A" else "B"
        redis.set(name, text[:middle] + letter + text[middle + 1 :])


def each(change: Callable[[Redis, str], object]) -> Callable[[Redis, Mapping[str, Any]], None]:
    def poison(redis: Redis, held: Mapping[str, Any]) -> None:
        for name in held:
            redis.delete(name)
            change(redis, name)

    return poison


POISONS: dict[str, Callable[[Redis, Mapping[str, Any]], None]] = {
    "others' texts": swap,
    "altered": flip,
    "gone": each(lambda redis, name: None),
    "nothing": each(lambda redis, name: redis.set(name, "")),
    "bytes": each(lambda redis, name: redis.set(name, b"\xff\x00.\xff")),
    "dots": each(lambda redis, name: redis.set(name, "....")),
    "plain": each(lambda redis, name: redis.set(name, '{"contact":{"name":"FOREIGN"}}')),
    "unsealed": each(lambda redis, name: redis.set(name, "eyJhbGciOiJub25lIn0....")),
    "a list for a name": each(
        # Its head names the encryption by a list.
        lambda redis, name: redis.set(name, "eyJhbGciOiJkaXIiLCJlbmMiOlsiQTI1NkdDTSJdfQ....")
    ),
    "much": each(lambda redis, name: redis.set(name, "A" * 3_000_000)),
    "another type": each(lambda redis, name: redis.rpush(name, "x")),
}


@pytest.mark.parametrize("poison", POISONS)
async def test_nonsense_in_redis_makes_nobody_anybody_else(
    server: Server, store: RedisStore, poison: str
) -> None:
    dataverse, clock = Dataverse(), Clock()
    one, other = await two(store, dataverse, clock)
    redis = server.client
    held = {name: str(redis.get(name)) for name in map(str, redis.keys("gateway:kept:*"))}
    assert len(held) == 2

    POISONS[poison](redis, held)

    for who in (JANE, MAY):
        assert await customer(other, who) == await customer(one, who)


async def test_texts_that_are_put_back_later_let_nobody_in(
    server: Server, store: RedisStore
) -> None:
    dataverse, clock = Dataverse(), Clock()
    _, other = await two(store, dataverse, clock)
    redis = server.client
    held = {name: str(redis.get(name)) for name in map(str, redis.keys("gateway:kept:*"))}
    for row in dataverse.tables["contacts"]:
        row["statecode"] = 1

    clock.now += REMEMBER
    for name, text in held.items():
        redis.set(name, text)

    assert [await customer(other, who) for who in (JANE, MAY)] == [None, None]


async def test_a_deployment_with_another_key_is_told_nothing(store: RedisStore) -> None:
    dataverse, clock = Dataverse(), Clock()
    _, other = await two(store, dataverse, clock, (KEY, KEY[::-1]))
    dataverse.calls = 0

    assert await customer(other, JANE)

    assert dataverse.calls


async def test_nobody_can_read_in_redis_who_was_there(server: Server, store: RedisStore) -> None:
    await two(store, Dataverse(), Clock())

    redis = server.client
    held = [f"{name!s} {redis.get(name)!s}" for name in redis.keys("*")]

    assert held
    for word in ("jane", "may", "shop.example", "US-00", URL):
        assert not any(word in text for text in held)


async def test_a_redis_that_is_killed_or_slow_keeps_nobody_waiting(
    server: Server, store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataverse, clock = Dataverse(), Clock()
    _, other = await two(store, dataverse, clock)
    monkeypatch.setattr(vault, "PATIENCE", 0.05)
    loop = asyncio.get_running_loop()

    server.client.client_pause(1_000)
    began = loop.time()
    jane = await customer(other, JANE)
    slow = loop.time() - began
    server.kill()
    monkeypatch.setattr(remote, "AGAIN", 0.0)
    may = await customer(other, MAY)

    assert jane is not None
    assert may is not None
    assert slow < 0.8


async def test_a_second_gateway_asks_for_nobody_whom_the_first_has_looked_up(
    server: Server, small_world: Starlette
) -> None:
    class Noting(InProcess):
        asked: list[str]

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            self.asked.append(str(request.url))
            return await super().handle_async_request(request)

    way = Noting(app=small_world)
    way.asked = []
    async with running(small_world, way, shared=server.url) as one:
        await one.ask("{ viewer { kind } }")
        async with running(small_world, way, shared=server.url) as other:
            await asyncio.sleep(0.2)
            way.asked.clear()
            answer = await other.ask("{ viewer { kind contact { name } } }")

    assert answer.data["viewer"]["contact"]
    assert not any("$batch" in url for url in way.asked)


class Memory:
    """A place of texts in virtual time."""

    def __init__(self) -> None:
        self._texts: dict[str, tuple[float, str]] = {}

    async def read(self, names: Sequence[str]) -> Sequence[str | None]:
        await asyncio.sleep(0.001)
        held = [self._texts.get(name, (0.0, "")) for name in names]
        return [text if until > now() else None for until, text in held]

    async def write(self, texts: Mapping[str, str], seconds: float) -> None:
        await asyncio.sleep(0.001)
        self._texts.update({name: (now() + seconds, text) for name, text in texts.items()})


def calls_of_idle_people(minutes: float, *, shared: bool) -> float:
    """Calls a second that 300 people cause who click each ten seconds on any of 8 processes."""
    dataverse = Dataverse()
    names = people(dataverse, 300)

    async def click(name: str, directories: list[Directory], random: Random) -> None:
        await asyncio.sleep(random.uniform(0, 10))
        while now() < minutes * 60:
            await random.choice(directories).customer(URL, name, f"{name}@shop.example")
            await asyncio.sleep(random.uniform(5, 15))

    async def main() -> None:
        random, memory = Random(1), Memory()  # noqa: S311 - repeatable, not secret
        directories = []
        for number in range(8):
            mine = Vault(memory, KEY, clock=now) if shared else None
            directories.append(dataverse.directory(now, vault=mine))
            await asyncio.sleep(number / 8)
            await directories[-1].start()
        await asyncio.gather(*(click(name, directories, random) for name in names))
        for directory in directories:
            directory.stop()

    run(main())
    return dataverse.calls / (minutes * 60)


def test_three_hundred_idle_people_on_eight_processes_cost_two_identity_calls_a_second() -> None:
    minutes = 30 if NIGHTLY else 4

    assert calls_of_idle_people(minutes, shared=True) <= 2


@only_at_night
def test_without_sharing_they_cost_more() -> None:
    assert calls_of_idle_people(4, shared=False) > 2
