"""Rows of tables whose changes are followed are kept for longer, and given up when one changes."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.feeds import following, keeping
from gateway.feeds.interests import Watcher
from gateway.upstream.conditions import EVERYTHING
from tests.gateway.live import worlds
from tests.stack import Stack, emulator, running
from tests.waiting import until, until_asked

pytestmark = pytest.mark.anyio

PRODUCTS = "{ products(first: 3) { nodes { number name } } }"
KEPT = 1.0
"""Seconds for which rows are kept that nobody follows."""


@pytest.fixture
async def stack(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stack]:
    monkeypatch.setattr(keeping, "EVERY", 0.05)
    monkeypatch.setattr(following, "SELDOM", 0.05)
    async with running(emulator(), keep_rows=KEPT, live_interval=0.05) as found:
        yield found


async def reads(stack: Stack) -> tuple[list[str], int]:
    """The names of products, and the number of reads of them in Dataverse for this."""
    log = stack.emulator.state.log
    log.clear()
    answer = await stack.ask(PRODUCTS)
    asked = [entry for entry in log.calls() if "products?" in f"{entry.path}?{entry.query}"]
    feeds = [entry for entry in asked if "deltatoken" in entry.query]
    names = [node["name"] for node in answer.data["products"]["nodes"]]
    return names, len(asked) - len(feeds)


async def followed(stack: Stack) -> None:
    """Wait until rows of products are followed, and are kept again."""
    assert stack.app is not None
    feeds = stack.app.state.live.feeds

    async def is_followed() -> bool:
        await reads(stack)
        return bool(feeds.known_up_to("product") > 0)

    await until_asked(is_followed)
    await reads(stack)


async def test_rows_that_are_followed_are_shown_beyond_their_age(stack: Stack) -> None:
    await reads(stack)
    await followed(stack)
    await asyncio.sleep(2 * KEPT)

    assert (await reads(stack))[1] == 0


async def test_a_change_is_seen_at_once_where_it_is_followed(stack: Stack) -> None:
    before, _ = await reads(stack)
    await followed(stack)
    product = worlds.rows(stack, "products", name=before[0])[0]
    worlds.change(stack, "products", product["productid"], name="Renamed")

    async def is_seen() -> bool:
        return before[0] not in (await reads(stack))[0]

    assert "Renamed" not in before
    await until_asked(is_seen)


async def test_a_table_whose_rows_nobody_uses_is_followed_no_more(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    await reads(stack)
    await followed(stack)
    monkeypatch.setattr(keeping, "UNUSED", 0.0)
    assert stack.app is not None
    feeds = stack.app.state.live.feeds

    await until(lambda: not feeds._watched.is_set())
    stack.emulator.state.log.clear()
    await asyncio.sleep(0.5)

    assert list(stack.emulator.state.log) == []


async def test_nothing_is_followed_for_rows_where_live_queries_are_off() -> None:
    async with running(emulator(), keep_rows=KEPT, live=False) as stack:
        await reads(stack)
        await asyncio.sleep(1.5 * KEPT)

        assert (await reads(stack))[1] == 1


async def test_who_watches_rows_that_were_kept_before_has_the_feed_remember_them(
    stack: Stack,
) -> None:
    await reads(stack)
    await followed(stack)
    assert stack.app is not None
    feeds = stack.app.state.live.feeds
    assert not feeds._feeds["product"].remembers

    watcher = Watcher(lambda: None)
    feeds.note(watcher, "product", EVERYTHING)
    product = feeds._feeds["product"]

    await until(lambda: product.remembers and feeds.known_up_to("product") > 0)
