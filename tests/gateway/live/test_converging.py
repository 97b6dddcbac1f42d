"""
Every client ends up with what a fresh query answers, through random changes, failing services,
forged hints, expired links, readers that die, and clients that come and go.
"""

import asyncio
from contextlib import AsyncExitStack
from random import Random
from typing import Any

import pytest
from starlette.applications import Starlette

from emulator.faults.actions import Cut, Fail, Throttle
from gateway.admission import vault
from gateway.feeds import relay as relay_
from gateway.http import live as live_
from gateway.upstream import breaker
from tests.gateway.live.streams import FAST, Stream, following
from tests.gateway.live.test_ending import owners
from tests.gateway.live.test_noninterference import ours, theirs
from tests.gateway.live.worlds import OURS
from tests.nightly import NIGHTLY
from tests.redis_server import Server, needs_redis
from tests.redis_server import server as server
from tests.stack import Stack, running

pytestmark = [pytest.mark.anyio, needs_redis]

ROUNDS = 1_000 if NIGHTLY else 5
"""Rounds of about ten changes each."""
QUERIES = (
    "{ orders(first: 100, orderBy: [{ field: NUMBER }]) "
    "{ totalCount nodes { name account { number } lines(first: 3) { nodes { quantity } } } } }",
    "{ contacts(first: 100) { totalCount nodes { firstName } } }",
    "{ products(first: 100) { totalCount nodes { name } } }",
)
SECRET = "a-secret-of-hints"
FAULTS: tuple[Any, ...] = (Throttle("requests", 1), Cut(), Fail(500), Fail(503))
PATIENCE = 180.0


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that waits waits shortly."""
    monkeypatch.setattr(vault, "PATIENCE", 5.0)
    monkeypatch.setattr(relay_, "PATIENCE", 5.0)
    monkeypatch.setattr(relay_, "LISTEN", 0.02)
    monkeypatch.setattr(live_, "SLOT", 0.05)
    monkeypatch.setattr(breaker, "OPEN", 0.5)


class Client:
    """A client that comes again each time it was cut off, and remembers what it saw last."""

    def __init__(self, stack: Stack, query: str, as_: str) -> None:
        self.stack, self.query, self.as_ = stack, query, as_
        self.streams: list[Stream] = []
        self._open = AsyncExitStack()

    async def come(self) -> None:
        await self._open.aclose()
        stream = following(self.stack, f"subscription {self.query}", as_=self.as_)
        self.streams.append(await self._open.enter_async_context(stream))

    async def leave(self) -> None:
        await self._open.aclose()

    @property
    def shown(self) -> Any:
        return next((s.frames[-1] for s in reversed(self.streams) if s.frames), None)

    async def settle(self) -> None:
        """Wait until it shows what a fresh query answers."""
        async with asyncio.timeout(PATIENCE):
            while (fresh := await self.stack.ask(self.query, as_=self.as_)).body != self.shown:
                await asyncio.sleep(0.2)
                if self.streams[-1].ended:
                    await self.come()
            assert "errors" not in fresh.body


async def test_every_client_ends_up_with_what_is_so(
    world: Starlette, server: Server, hurried: None
) -> None:
    random = Random(20)  # noqa: S311 - the same each time
    changes: dict[str, Any] = {"shared": server.url, "hints_secret": (SECRET,), **FAST}
    rep = {"customer_roles": ("representative",)}
    async with running(world, **changes, **rep) as one, running(world, **changes, **rep) as two:
        clients = [
            Client(stack, query, as_)
            for stack in (one, two)
            for query in QUERIES
            for as_ in ("jane", "rep")
        ]
        for each in clients:
            await each.come()
        for number in range(ROUNDS):
            await trouble(random, number, one, two)
            for _ in range(3):
                ours(one, random)
            theirs(one, random)
            await random.choice(clients).come()
            await asyncio.sleep(random.uniform(0.0, 0.2))
        world.state.faults.clear()
        for each in clients:
            await each.settle()
            await each.leave()

    for each in clients:
        if each.query == QUERIES[0]:
            frames = [frame for stream in each.streams for frame in stream.frames]
            seen = {owner for frame in frames if frame.get("data") for owner in owners(frame)}
            assert seen == {OURS}, "nothing of others was ever shown"


async def trouble(random: Random, number: int, *stacks: Stack) -> None:
    """Something goes wrong."""
    world, stack = stacks[0].emulator, random.choice(stacks)
    world.state.faults.clear()
    if random.random() < 0.6:
        world.state.faults.add(random.choice(FAULTS), probability=0.15, times=30)
    for secret in random.choices((SECRET, "forged", ""), k=random.randrange(4)):
        entity = random.choice(("salesorder", "contact", "nothing"))
        headers = {"X-Hint-Secret": secret, "x-ms-dynamics-entity-name": entity}
        await stack.gateway.post("/hints", headers=headers)
    if number % 50 == 4:
        world.state.clock.advance(days=8)
    if number % 3 == 1:
        assert stack.app is not None
        feeds = stack.app.state.live.feeds

        async def nothing() -> None: ...

        feeds.turn = nothing
        # It may die once more before it lives again: what it is to do then is its class's.
        asyncio.get_running_loop().call_later(0.5, vars(feeds).pop, "turn", None)
