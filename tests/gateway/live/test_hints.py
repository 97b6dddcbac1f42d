"""Hints shorten the wait for a change, and decide nothing."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

import pytest
from starlette.applications import Starlette

from gateway.feeds import polls as polls_
from gateway.http import live as live_
from tests.gateway.live.streams import following
from tests.gateway.live.test_following import ORDERS
from tests.gateway.live.worlds import change, feed_calls, orders, other_calls, store_of
from tests.stack import Stack, running
from tests.waiting import PATIENCE

pytestmark = pytest.mark.anyio

OLD, NEW = "the-old-secret", "the-new-secret"
PATIENT = 600.0
"""An interval within which nobody would hear of anything."""
SHIPMENTS = "{ shipments(first: 100) { totalCount } }"
ENTITY = "x-ms-dynamics-entity-name"


@pytest.fixture
async def live(world: Starlette, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stack]:
    monkeypatch.setattr(live_, "SLOT", 0.05)
    async with running(
        world,
        customer_roles=("representative",),
        live_interval=PATIENT,
        hints_secret=(OLD, NEW),
    ) as found:
        yield found


async def hint(stack: Stack, secret: str = NEW, **headers: str) -> int:
    sent = {"X-Hint-Secret": secret, **headers}
    return (await stack.gateway.post("/hints", headers=sent, content=b"{}")).status_code


async def begun(stack: Stack) -> None:
    """Let the feeds begin, which nobody does by themselves within the interval."""
    assert stack.app is not None
    feeds = stack.app.state.live.feeds
    calm = 0
    async with asyncio.timeout(PATIENCE):
        while calm < 3:
            stack.emulator.state.log.clear()
            await feeds.turn()
            await asyncio.sleep(0.3)
            calm = calm + 1 if feed_calls(stack) and not other_calls(stack) else 0


async def test_a_hint_shortens_the_wait(live: Stack) -> None:
    order = orders(live)[0]["salesorderid"]
    async with following(live, f"subscription {ORDERS}") as stream:
        await stream.next()
        await begun(live)
        for number, entity in enumerate(("salesorder", None)):
            change(live, "salesorders", order, name=f"Hinted {number}")
            began = monotonic()
            headers = {ENTITY: entity} if entity else {}
            assert await hint(live, **headers) == 204
            frame = await stream.next()
            assert monotonic() - began < PATIENT / 2
            assert frame["data"]["orders"]["nodes"][0]["name"] == f"Hinted {number}"


async def test_forged_and_needless_hints_cause_nothing(live: Stack) -> None:
    async with following(live, f"subscription {ORDERS}") as stream:
        await stream.next()
        await begun(live)
        live.emulator.state.log.clear()
        for secret in ("", "the-new-secre", "the-new-secret!"):
            assert await hint(live, secret) == 401
        assert (await live.gateway.post("/hints", params={"code": "é"})).status_code == 401
        assert await hint(live, **{ENTITY: "msdyn_warehouse"}) == 204
        await stream.quiet(0.7)
        assert list(live.emulator.state.log) == []
        for _ in range(50):
            assert await hint(live, OLD, **{ENTITY: "salesorder"}) == 204
        await stream.quiet(0.7)

    assert other_calls(live) == []
    assert 1 <= len(feed_calls(live)) <= 10, "many hints are one look in a while"


async def test_the_secret_may_stand_in_the_address_and_the_body_is_bounded(live: Stack) -> None:
    assert (await live.gateway.post(f"/hints?code={NEW}")).status_code == 204
    assert (await live.gateway.get(f"/hints?code={NEW}")).status_code == 405
    long = b"x" * 2_000_000
    answer = await live.gateway.post(f"/hints?code={NEW}", content=long)
    assert answer.status_code == 413


async def test_without_a_secret_there_are_no_hints(world: Starlette) -> None:
    async with running(world) as stack:
        assert (await stack.gateway.post("/hints")).status_code == 404


async def test_shipments_are_told_by_one_question_for_all_watchers(
    live: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polls_, "SHORTEST", 0.0)
    assert live.app is not None
    feeds = live.app.state.live.feeds
    async with (
        following(live, f"subscription {SHIPMENTS}") as one,
        following(live, f"subscription {SHIPMENTS}", as_="rep") as two,
    ):
        total = (await one.next())["data"]["shipments"]["totalCount"]
        await two.next()
        await hint(live)
        await feeds.turn()
        await one.quiet(0.5)
        live.emulator.state.log.clear()
        await hint(live)
        await one.quiet(0.5)
        asked = [e for e in live.emulator.state.log if "=SourceDocumentHeader desc" in e.query]
        assert len(asked) == 1, "two watch, and one asks"
        ship(live)
        await hint(live)
        assert (await one.next())["data"]["shipments"]["totalCount"] == total + 1
        assert (await two.next())["data"]["shipments"]["totalCount"] == total + 1


def ship(stack: Stack) -> None:
    """One more packing slip of ours, as the ERP posts it."""
    store = store_of(stack)
    table = store.catalog.tables["CustPackingSlipJourBiEntities"]
    (like,) = store.select(table, '"OrderAccount" = ? LIMIT 1', ["US-001"])
    newest = max(int(str(row["SourceDocumentHeader"])) for row in store.select(table, "1 = 1", []))
    with store.transaction("load") as made:
        made.insert(table, {**like, "SourceDocumentHeader": newest + 1, "PackingSlipId": "NEW-1"})
