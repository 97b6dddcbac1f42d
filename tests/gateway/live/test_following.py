"""Live queries over server-sent events: the answer, and each new answer that differs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from starlette.applications import Starlette

from emulator.faults.actions import Cut, Fail, Throttle
from gateway.feeds import following as feeds_
from gateway.http import live as live_
from tests.gateway.live.streams import FAST, Stream, following
from tests.gateway.live.worlds import (
    OURS,
    THEIRS,
    account,
    change,
    create,
    delete,
    feed_calls,
    lines,
    orders,
    other_calls,
)
from tests.stack import Stack, running
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio

ORDERS = "{ orders(first: 5, orderBy: [{ field: NUMBER }]) { totalCount nodes { id name } } }"
LINES = "{ orderLines(first: 100) { totalCount nodes { id quantity order { name } } } }"


@pytest.fixture
async def live(world: Starlette, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stack]:
    """A gateway that looks for changes all the time."""
    monkeypatch.setattr(live_, "SLOT", 0.1)
    async with running(world, customer_roles=("representative",), **FAST) as found:
        yield found
    world.state.faults.clear()


async def followed(stack: Stack, query: str, stream: Stream, **asked: Any) -> None:
    """The last answer of a stream becomes what a fresh query is answered."""
    expected = (await stack.ask(query, **asked)).body
    while stream.frames[-1] != expected:
        await stream.next()


async def test_the_answer_comes_first_and_then_each_that_differs(live: Stack) -> None:
    order = orders(live)[0]
    expected = await live.ask(ORDERS)

    async with following(live, f"subscription {ORDERS}") as stream:
        assert await stream.next() == expected.body
        assert stream.status == 200
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        for name in ("Followed", "Followed twice", order["name"]):
            change(live, "salesorders", order["salesorderid"], name=name)
            while (await stream.next())["data"]["orders"]["nodes"][0]["name"] != name:
                pass
        await stream.quiet(0.5)

    assert stream.frames[-1] == expected.body


async def test_changed_and_deleted_lines_are_changes(live: Stack) -> None:
    line = lines(live, orders(live)[0])[0]["salesorderdetailid"]
    async with following(live, f"subscription {LINES}") as stream:
        await stream.next()
        await settled(live)
        change(live, "salesorderdetails", line, quantity=77)
        await followed(live, LINES, stream)
        delete(live, "salesorderdetails", line)
        await followed(live, LINES, stream)

    assert len(stream.frames) == 3


async def test_rows_that_leave_a_rule_or_enter_it_are_changes(live: Stack) -> None:
    order = orders(live)[0]
    async with following(live, f"subscription {ORDERS}") as stream:
        total = (await stream.next())["data"]["orders"]["totalCount"]
        async with following(live, f"subscription {LINES}") as below:
            count = (await below.next())["data"]["orderLines"]["totalCount"]
            await settled(live)
            for owner, there in ((THEIRS, 0), (OURS, 1)):
                new = account(live, owner)
                change(live, "salesorders", order["salesorderid"], _customerid_value=new)
                assert (await stream.next())["data"]["orders"]["totalCount"] == total - 1 + there
                less = 0 if there else len(lines(live, order))
                assert (await below.next())["data"]["orderLines"]["totalCount"] == count - less


async def test_changes_of_others_cause_no_answer_and_no_question(live: Stack) -> None:
    theirs = orders(live, THEIRS)[:2]
    async with following(live, f"subscription {ORDERS}") as stream:
        await stream.next()
        async with following(live, f"subscription {LINES}") as below:
            await below.next()
            await settled(live)
            for each in theirs:
                change(live, "salesorders", each["salesorderid"], name="Theirs")
            line = lines(live, theirs[0])[0]
            change(live, "salesorderdetails", line["salesorderdetailid"], quantity=5)
            delete(live, "salesorderdetails", lines(live, theirs[1])[0]["salesorderdetailid"])
            live.emulator.state.log.clear()
            await stream.quiet(0.6)
            await below.quiet(0.1)

    assert feed_calls(live)
    assert other_calls(live) == []


async def settled(stack: Stack) -> None:
    """Wait until all tables that are followed are read by their links alone."""
    calm = 0
    async with asyncio.timeout(PATIENCE):
        while calm < 3:
            stack.emulator.state.log.clear()
            await wait_for_feeds(stack)
            calm = calm + 1 if not other_calls(stack) else 0


async def wait_for_feeds(stack: Stack, number: int = 2) -> None:
    before = len(feed_calls(stack))
    await until(lambda: len(feed_calls(stack)) >= before + number)


async def test_what_idle_watchers_cost_does_not_depend_on_their_number(live: Stack) -> None:
    counts = []
    for number in (1, 12):
        async with AsyncExitStack() as open_:
            for _ in range(number):
                stream = await open_.enter_async_context(following(live, f"subscription {ORDERS}"))
                await stream.next()
            await settled(live)
            live.emulator.state.log.clear()
            await wait_for_feeds(live, 5)
            counts.append((len(feed_calls(live)), len(other_calls(live))))

    assert counts[0][1] == counts[1][1] == 0
    assert abs(counts[0][0] - counts[1][0]) <= 1


async def test_what_nobody_watches_is_not_read(live: Stack) -> None:
    async with following(live, f"subscription {ORDERS}") as stream:
        await stream.next()
        await settled(live)

    assert live.app is not None
    watching = live.app.state.live
    await until(lambda: watching.number == 0 and not watching.feeds._watched.is_set())
    live.emulator.state.log.clear()
    await asyncio.sleep(0.4)
    assert list(live.emulator.state.log) == []


async def test_an_expired_token_loses_nothing(live: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    # The eight days pass for Dynamics alone: here the token is as young as the test.
    monkeypatch.setattr(feeds_, "YOUNG", 0.0)
    order = orders(live)[0]
    async with following(live, f"subscription {ORDERS}") as stream:
        await stream.next()
        await settled(live)
        # Nobody asks for eight days, and then the token is refused.
        live.emulator.state.faults.add(Fail(503), service="dataverse")
        await asyncio.sleep(0.2)
        change(live, "salesorders", order["salesorderid"], name="While nobody looked")
        live.emulator.state.clock.advance(days=8)
        live.emulator.state.faults.clear()
        while (await stream.next())["data"]["orders"]["nodes"][0]["name"] != "While nobody looked":
            pass
        await followed(live, ORDERS, stream)
    monkeypatch.setattr(feeds_, "LONGEST", -1.0)
    async with following(live, f"subscription {ORDERS}") as stream:
        await stream.next()
        change(live, "salesorders", order["salesorderid"], name=order["name"])
        await followed(live, ORDERS, stream)


@pytest.mark.parametrize("fault", [Throttle("requests", 1), Cut(), Fail(500)], ids=repr)
async def test_a_feed_that_fails_for_a_while_loses_nothing(live: Stack, fault: Any) -> None:
    order = orders(live)[0]
    async with following(live, f"subscription {ORDERS}") as stream:
        await stream.next()
        await settled(live)
        live.emulator.state.faults.add(fault, service="dataverse", probability=0.5, times=8)
        change(live, "salesorders", order["salesorderid"], name=repr(fault))
        while (await stream.next())["data"]["orders"]["nodes"][0]["name"] != repr(fault):
            pass
        live.emulator.state.faults.clear()
        await followed(live, ORDERS, stream)

    assert not any("errors" in frame for frame in stream.frames)


async def test_a_client_that_comes_again_is_shown_all(live: Stack) -> None:
    order = orders(live)[0]
    async with following(live, f"subscription {ORDERS}") as stream:
        await stream.next()
    change(live, "salesorders", order["salesorderid"], name="Meanwhile")
    async with following(live, f"subscription {ORDERS}") as stream:
        first = await stream.next()

    assert first["data"]["orders"]["nodes"][0]["name"] == "Meanwhile"


async def test_new_and_deleted_orders_are_counted(live: Stack) -> None:
    query = "{ orders(first: 1) { totalCount } }"
    async with following(live, f"subscription {query}") as stream:
        total = (await stream.next())["data"]["orders"]["totalCount"]
        await settled(live)
        key = create(live, "salesorders", orders(live)[0], ordernumber="LIVE-1", name="New")
        assert (await stream.next())["data"]["orders"]["totalCount"] == total + 1
        delete(live, "salesorders", key)
        assert (await stream.next())["data"]["orders"]["totalCount"] == total
