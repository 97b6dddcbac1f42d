"""Replicas that share a Redis read each feed once, and lose nothing whatever happens to one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis import Redis
from starlette.applications import Starlette

from gateway.admission import remote, vault
from gateway.admission.redis_store import RedisStore
from gateway.feeds import relay as relay_
from gateway.feeds.standing import Standing
from gateway.http import live as live_
from tests.gateway.live.streams import FAST, Stream, following
from tests.gateway.live.test_following import ORDERS, followed, settled
from tests.gateway.live.worlds import change, feed_calls, orders
from tests.redis_server import Server, needs_redis
from tests.redis_server import server as server
from tests.stack import Stack, running

pytestmark = [pytest.mark.anyio, needs_redis]

WATCH = f"subscription {ORDERS}"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis and the tests share a machine that may be busy."""
    monkeypatch.setattr(vault, "PATIENCE", 5.0)
    monkeypatch.setattr(relay_, "PATIENCE", 5.0)
    monkeypatch.setattr(remote, "AGAIN", 0.2)
    monkeypatch.setattr(relay_, "LISTEN", 0.02)
    monkeypatch.setattr(live_, "SLOT", 0.05)


@asynccontextmanager
async def replicas(
    world: Starlette, server: Server, **changes: Any
) -> AsyncIterator[tuple[Stack, Stack]]:
    settings = {"shared": server.url, "customer_roles": ("representative",), **FAST, **changes}
    async with running(world, **settings) as one, running(world, **settings) as other:
        yield one, other


async def named(stream: Stream, name: str) -> None:
    """Wait until an answer shows the name."""
    while name not in str(stream.frames[-1]):
        await stream.next()


async def test_one_reads_and_both_tell(world: Starlette, server: Server) -> None:
    async with replicas(world, server, live_interval=0.3) as (one, other):
        order = orders(one)[0]["salesorderid"]
        async with following(one, WATCH) as first, following(other, WATCH) as second:
            await first.next()
            await second.next()
            for number in range(3):
                change(one, "salesorders", order, name=f"Read once {number}")
                await named(first, f"Read once {number}")
                await named(second, f"Read once {number}")
            one.emulator.state.log.clear()
            await asyncio.sleep(3.0)
            both = len(feed_calls(one))

    assert 3 <= both <= 11, "one of the two asks every 0.3 seconds"


async def test_another_reads_on_when_the_reader_dies(world: Starlette, server: Server) -> None:
    async with replicas(world, server) as (one, other):
        order = orders(one)[0]["salesorderid"]
        async with following(one, WATCH) as first, following(other, WATCH) as second:
            await first.next()
            await settled(one)  # it is the reader, as the first
            await second.next()
            change(one, "salesorders", order, name="Both live")
            await named(second, "Both live")
            await dead(one)
            change(one, "salesorders", order, name="After its death")
            await named(second, "After its death")
            await followed(other, ORDERS, second)


async def dead(stack: Stack) -> None:
    """The process reads no feed any more, and does not say so."""
    assert stack.app is not None
    feeds = stack.app.state.live.feeds

    async def nothing() -> None: ...

    feeds.turn = nothing


async def test_without_redis_each_reads_by_itself(world: Starlette, server: Server) -> None:
    async with replicas(world, server) as (one, other):
        order = orders(one)[0]["salesorderid"]
        async with following(one, WATCH) as first, following(other, WATCH) as second:
            await first.next()
            await second.next()
            change(one, "salesorders", order, name="With Redis")
            await named(first, "With Redis")
            await named(second, "With Redis")
            server.kill()
            change(one, "salesorders", order, name="Without Redis")
            await named(first, "Without Redis")
            await named(second, "Without Redis")
            server.start()
            for number in range(5):
                change(one, "salesorders", order, name=f"Again {number}")
                await named(first, f"Again {number}")
                await named(second, f"Again {number}")


def cut(server: Server) -> None:
    """Redis is away for a moment, and has lost all that it had."""
    server.kill()
    server.start()


def emptied(server: Server) -> None:
    server.client.flushall()


def without_news(server: Server) -> None:
    server.client.delete(relay_.NEWS)


def without_readers(server: Server) -> None:
    server.client.delete(relay_.READERS)


LOSSES = (cut, emptied, without_news, without_readers)


@pytest.mark.parametrize("lose", LOSSES)
@pytest.mark.parametrize("is_told", [True, False])
async def test_news_that_get_lost_are_made_up_for(
    world: Starlette,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    lose: Callable[[Server], None],
    is_told: bool,
) -> None:
    """Redis loses something just before the reader tells its news, or just after."""
    append, losing = RedisStore.append, False

    async def losing_append(store: RedisStore, stream: str, text: str, most: int) -> Any:
        nonlocal losing
        if not losing:
            return await append(store, stream, text, most)
        losing = False
        if is_told:
            await append(store, stream, text, most)
        lose(server)
        if is_told:
            return "1-1"
        raise ConnectionError

    monkeypatch.setattr(RedisStore, "append", losing_append)
    async with replicas(world, server) as (one, other):
        order = orders(one)[0]["salesorderid"]
        async with following(one, WATCH) as first, following(other, WATCH) as second:
            await first.next()
            await second.next()
            for number in range(3):
                await settled(one)
                losing = True
                change(one, "salesorders", order, name=f"Lost {number}")
                await named(first, f"Lost {number}")
                await named(second, f"Lost {number}")
                losing = False


async def test_one_that_comes_while_redis_is_away_misses_nothing_when_it_is_back(
    world: Starlette, server: Server
) -> None:
    async with replicas(world, server) as (one, other):
        order = orders(one)[0]["salesorderid"]
        async with following(one, WATCH) as first:
            await first.next()
            server.kill()
            async with following(other, WATCH) as second:
                await second.next()
                for number in range(3):
                    server.start()
                    change(one, "salesorders", order, name=f"Back {number}")
                    await named(first, f"Back {number}")
                    await named(second, f"Back {number}")
                    server.kill()


FAR = "18446744073709551615-18446744073709551615"
"""The last name that a text of a stream can have, behind which there is none."""


@pytest.mark.parametrize("is_cut", [False, True])
async def test_a_stream_of_news_that_came_to_its_end_is_begun_anew(
    world: Starlette, server: Server, monkeypatch: pytest.MonkeyPatch, is_cut: bool
) -> None:
    told: list[str] = []
    hear = Standing.hear

    def hearing(standing: Standing, before: str, after: str, has_rows: bool) -> bool:
        found = hear(standing, before, after, has_rows)
        told.extend([after] * found)
        return found

    async with replicas(world, server) as (one, other):
        order = orders(one)[0]["salesorderid"]
        async with following(one, WATCH) as first, following(other, WATCH) as second:
            await first.next()
            await second.next()
            change(one, "salesorders", order, name="Before")
            await named(first, "Before")
            await named(second, "Before")
            server.client.xadd(relay_.NEWS, {"text": "far"}, id=FAR)
            await asyncio.sleep(0.2)  # both have seen it
            if is_cut:
                server.client.delete(relay_.NEWS)
            monkeypatch.setattr(Standing, "hear", hearing)
            for number in range(50):
                change(one, "salesorders", order, name=f"Behind {number}")
                await named(first, f"Behind {number}")
                await named(second, f"Behind {number}")
                if len(told) >= 3:
                    break

    assert len(told) >= 3, "news are heard again, and not only made up for"


async def test_news_of_strangers_are_none_and_lost_ones_are_read(
    world: Starlette, server: Server
) -> None:
    async with replicas(world, server) as (one, other):
        order = orders(one)[0]["salesorderid"]
        redis: Any = Redis.from_url(server.url)
        async with following(one, WATCH) as first, following(other, WATCH) as second:
            await first.next()
            await second.next()
            for number in range(6):
                change(one, "salesorders", order, name=f"Poison {number}")
                old = redis.xrange(relay_.NEWS)
                redis.xtrim(relay_.NEWS, maxlen=0)
                redis.xadd(relay_.NEWS, {b"text": b"nonsense"})
                redis.xadd(relay_.NEWS, {b"other": b"nonsense"})
                for _, fields in old[-2:]:
                    redis.xadd(relay_.NEWS, fields)
                await named(first, f"Poison {number}")
                await named(second, f"Poison {number}")
            await followed(one, ORDERS, first)
            await followed(other, ORDERS, second)
        texts = b"".join(fields.get(b"text", b"") for _, fields in redis.xrange(relay_.NEWS))
        redis.close()

    assert order.encode() not in texts
    assert b"Poison" not in texts
