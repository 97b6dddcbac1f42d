"""
The changes of others change nothing for us: streams in two worlds, in one of which other customers'
rows change, bring the same frames at the same turns.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from random import Random
from typing import Any

import pytest
from starlette.applications import Starlette

from gateway.config.parsers import partners
from gateway.feeds import following as feeds_
from gateway.feeds import polls as polls_
from gateway.http import live as live_
from tests.gateway.live.streams import Stream, following, over_socket
from tests.gateway.live.worlds import (
    OURS,
    account,
    change,
    create,
    delete,
    keys,
    row,
    store_of,
)
from tests.gateway.proofs.requests import NIGHTLY, PREVIEW, Requests, sampled
from tests.gateway.proofs.worlds import alike, gateways
from tests.stack import Stack
from tests.waiting import PATIENCE

pytestmark = pytest.mark.anyio

ASKED_ALONE = ("nodes", "boughtBefore", "categoryParts")
"""Fields that nobody can follow."""
BATCHES, STREAMS = (125, 8) if NIGHTLY else (2, 5)
"""Batches of streams that are open at once, and random ones among them."""
KNOWN = (
    "subscription { orders(first: 100, orderBy: [{ field: NUMBER }]) "
    "{ totalCount nodes { name lines(first: 3) { totalCount nodes { quantity } } } } }",
    "subscription { contacts(first: 100) { totalCount nodes { firstName } } }",
    "subscription { products(first: 100) { totalCount nodes { name } } }",
)
"""Streams that show what is changed."""
BUYS, WORKS = '"_customerid_value" IS ?', '"_parentcustomerid_value" IS ?'
OF_ORDER = '"_salesorderid_value" = ?'
CALLERS = ("jane", "rep", "partner")
SETTINGS: dict[str, Any] = {
    "partners": partners("partner=US-001@usmf"),
    "deadline": 60.0,
    "read_timeout": 60.0,
    # The test turns the feeds by hand.
    "live_interval": 86_400.0,
}
Json = dict[str, Any]


@pytest.fixture(scope="module")
def worlds() -> tuple[Starlette, Starlette]:
    return alike()


@pytest.fixture
async def pair(
    worlds: tuple[Starlette, Starlette], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Stack, Stack]]:
    """A gateway before each."""
    monkeypatch.setattr(live_, "SLOT", 0.0)
    monkeypatch.setattr(feeds_, "POLL", 86_400.0)
    monkeypatch.setattr(polls_, "POLL", 86_400.0)
    async with gateways(worlds, CALLERS, monkeypatch, SETTINGS, SETTINGS) as both:
        yield both


def followed(requests: Requests) -> tuple[str, Json]:
    """A random subscription and its variables."""
    while True:
        query, variables = requests.next()
        is_asked_alone = any(f"r0: {name}(" in query for name in ASKED_ALONE)
        if query != PREVIEW and "r1:" not in query and not is_asked_alone:
            return f"subscription {query.removeprefix('query ')}", variables


def ours(stack: Stack, random: Random) -> None:
    """Change something that is ours, or that everybody sees."""
    us = account(stack, OURS)
    order = random.choice(keys(stack, "salesorders", BUYS, us, order="ordernumber")[:100])
    line = random.choice([*keys(stack, "salesorderdetails", OF_ORDER, order), ""])
    name = f"Ours {random.random()}"
    match random.randrange(5):
        case 0 if line:
            change(stack, "salesorderdetails", line, quantity=random.random())
        case 1 if line:
            delete(stack, "salesorderdetails", line)
        case 2:
            contact = random.choice(keys(stack, "contacts", WORKS, us))
            change(stack, "contacts", contact, firstname=name)
        case 3:
            change(stack, "products", keys(stack, "products")[random.randrange(20)], name=name)
        case _:
            change(stack, "salesorders", order, name=name)


def theirs(stack: Stack, random: Random) -> None:
    """Change, add, delete and give away rows of others."""
    us = account(stack, OURS)
    found = keys(stack, "salesorders", f"NOT {BUYS}", us)
    for order in random.sample(found, 3):
        change(stack, "salesorders", order, name=f"Theirs {random.random()}")
    other = random.choice(found)
    for line in keys(stack, "salesorderdetails", OF_ORDER, other)[:1]:
        delete(stack, "salesorderdetails", line)
    for line in keys(stack, "salesorderdetails", OF_ORDER, order)[:1]:
        change(stack, "salesorderdetails", line, quantity=9)
    like = row(stack, "salesorders", other)
    create(stack, "salesorders", like, ordernumber=f"N{random.random()}", name="New")
    new = row(stack, "salesorders", random.choice(found))["_customerid_value"]
    change(stack, "salesorders", other, _customerid_value=new)
    bill = random.choice(keys(stack, "invoices", f"NOT {BUYS}", us))
    change(stack, "invoices", bill, name=f"Theirs {random.random()}")
    for person in keys(stack, "contacts", WORKS, new)[:1]:
        change(stack, "contacts", person, firstname=f"Theirs {random.random()}")


def in_step(pair: tuple[Stack, Stack]) -> int:
    """
    Let as many versions go by in the right world as in the left one; their number. Dataverse counts
    the changes of all rows together, so that a version tells how many there were.
    """
    left, right = map(store_of, pair)
    behind = left.version - right.version
    for _ in range(behind):
        right.next_version()
    return behind


async def turned(stack: Stack, streams: list[Stream]) -> list[list[str]]:
    """The frames that each stream got by one turn of the feeds."""
    assert stack.app is not None
    before = [len(stream.events) for stream in streams]
    await stack.app.state.live.feeds.turn()
    calm = 0
    seen: tuple[int, ...] = ()
    async with asyncio.timeout(PATIENCE):
        while calm < 4:
            await asyncio.sleep(0.03)
            now = (len(stack.emulator.state.log), *(len(s.text) for s in streams))
            calm, seen = (calm + 1, now) if now == seen else (0, now)
    pairs = zip(streams, before, strict=True)
    return [[data for _, data in stream.events[start:]] for stream, start in pairs]


async def test_the_changes_of_others_bring_no_frame_and_move_none(
    pair: tuple[Stack, Stack],
) -> None:
    requests = Requests(await sampled(pair[0]), Random(20261129))  # noqa: S311 - the same each time
    random = Random(7)  # noqa: S311 - the same each time
    frames = others = 0

    for _ in range(BATCHES):
        asked = [(*followed(requests), CALLERS[n % len(CALLERS)]) for n in range(STREAMS)]
        asked += [(query, {}, "rep") for query in KNOWN]
        async with AsyncExitStack() as open_:
            sides: list[list[Stream]] = [[], []]
            for streams, stack in zip(sides, pair, strict=True):
                for number, (query, variables, caller) in enumerate(asked):
                    entered = (over_socket if number % 3 == 1 else following)(
                        stack, query, as_=caller, headers={"X-Request-Id": "the-same"}, **variables
                    )
                    streams.append(await open_.enter_async_context(entered))
                    await streams[-1].next()
            both = list(zip(pair, sides, strict=True))
            for step in range(5):
                seed = random.random()
                if step > 2:
                    for stack in pair:
                        same = Random(seed)  # noqa: S311 - the same in both
                        for _ in range(3):
                            ours(stack, same)
                if step > 1:
                    theirs(pair[0], random)
                    others += in_step(pair)
                left, right = [await turned(stack, streams) for stack, streams in both]
                assert left == right, (step, asked)
                frames += sum(map(len, left))
                assert step != 2 or not any(left), "only others changed something"
            assert [s.frames for s in sides[0]] == [s.frames for s in sides[1]], asked
            for stream, (query, variables, caller) in zip(sides[0], asked, strict=True):
                fresh = await pair[0].ask(
                    query.replace("subscription", "query".ljust(len("subscription")), 1),
                    as_=caller,
                    headers={"X-Request-Id": "the-same"},
                    **variables,
                )
                assert stream.frames[-1] == fresh.body, (caller, query, variables)
    assert frames >= BATCHES, "changes of ours that are seen"
    assert others > 3 * BATCHES, "changes of others in one world alone"
