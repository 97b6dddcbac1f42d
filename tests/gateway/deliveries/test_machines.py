"""Replicas on several machines, each with a file of its own, tell every change once."""

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from gateway.deliveries import delivering
from gateway.deliveries.deliveries_file import DeliveriesFile
from tests.gateway.deliveries.receiving import Receiver
from tests.gateway.deliveries.test_webhooks import declared
from tests.gateway.live.worlds import change, orders
from tests.gateway.telling.test_changes import ORDERS, Poller
from tests.nightly import only_at_night
from tests.redis_server import Server, needs_redis
from tests.redis_server import server as server
from tests.replicas import Site, site
from tests.stack import Stack, running
from tests.waiting import until

pytestmark = [pytest.mark.anyio, needs_redis]


@asynccontextmanager
async def machine(
    world: Starlette, server: Server, folder: Path, port: int
) -> AsyncIterator[Stack]:
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240 - in a test
    async with running(world, shared=server.url, **declared(folder, port)) as stack:
        await told_of(folder / "changes")
        yield stack


async def told_of(path: Path) -> None:
    """Wait until the webhook is told of what changes from then on."""
    with closing(sqlite3.connect(path)) as db:
        await until(lambda: db.execute("SELECT * FROM told").fetchall(), 120)


async def test_another_machine_goes_on_where_the_first_has_ended(
    world: Starlette, receiver: Receiver, server: Server, tmp_path: Path
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    async with machine(world, server, one, receiver.port) as first:
        changed = orders(first)[:4]
        change(first, "salesorders", changed[0]["salesorderid"], name="By the first")
        await receiver.wait(1)
        receiver.statuses = [503] * 3
        change(first, "salesorders", changed[1]["salesorderid"], name="Not taken")
        await until(lambda: len(receiver.tried) > 1)
    async with machine(world, server, other, receiver.port) as second:
        change(second, "salesorders", changed[2]["salesorderid"], name="By the second")
        await receiver.wait(3)
        async with machine(world, server, one, receiver.port):  # it comes back
            change(second, "salesorders", changed[3]["salesorderid"], name="With both")
            found = await receiver.wait(4)
            await asyncio.sleep(0.5)

    assert len(found) == 4
    assert sorted(names(receiver)) == ["By the first", "By the second", "Not taken", "With both"]
    assert len(receiver.taken) == 4
    assert len({each.id for each in receiver.tried}) == 4


async def test_a_machine_that_dies_is_followed_by_another(
    world: Starlette,
    receiver: Receiver,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivering, "LEASE", 2.0)
    one, other = tmp_path / "one", tmp_path / "other"
    async with machine(world, server, other, receiver.port) as second:
        with monkeypatch.context() as death:
            async with machine(world, server, one, receiver.port) as first:
                change(first, "salesorders", orders(first)[0]["salesorderid"], name="Both live")
                await receiver.wait(1)
                death.setattr(DeliveriesFile, "release", lambda *_: None)
        change(second, "salesorders", orders(second)[1]["salesorderid"], name="One is dead")
        await receiver.wait(2)

    assert len({each.id for each in receiver.tried}) == len(receiver.tried) == 2


async def test_a_cursor_of_changes_is_good_at_every_machine(
    world: Starlette, receiver: Receiver, server: Server, tmp_path: Path
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    async with (
        machine(world, server, one, receiver.port) as first,
        machine(world, server, other, receiver.port) as second,
    ):
        polling = Poller(first, ORDERS)
        await polling.begin()
        found = []
        order = orders(first)[0]["salesorderid"]
        for number in range(6):
            change(first, "salesorders", order, name=f"Polled {number}")
            polling.stack = (second, first)[number % 2]
            found += [each["row"]["name"] for each in await polling.poll()]

    assert found == [f"Polled {number}" for number in range(6)]


@only_at_night
async def test_a_process_that_is_killed_is_followed_by_another(
    receiver: Receiver, server: Server, tmp_path: Path
) -> None:
    async with site() as found:
        folders = tmp_path / "one", tmp_path / "other"
        first = await found.start(**variables(folders[0], server, receiver.port))
        await told_of(folders[0] / "changes")
        await found.start(**variables(folders[1], server, receiver.port))
        receiver.statuses = [503] * 2
        await rename(found, 0, "Tried by the first")
        await until(lambda: receiver.tried)
        await first.ended(signal.SIGKILL)
        await rename(found, 1, "After its death")
        await until(lambda: len(names(receiver)) > 1, 180)
        await asyncio.sleep(2)

    assert sorted(names(receiver)) == ["After its death", "Tried by the first"]
    assert {each.id for each in receiver.tried} == {each.id for each in receiver.taken}
    assert len({each.id for each in receiver.taken}) == len(receiver.taken)


def names(receiver: Receiver) -> list[str]:
    """The names of the orders that were told of; their lines change with them."""
    told = [each for each in receiver.taken if each.id.startswith("SalesOrder_")]
    return [each.content["data"]["node"]["name"] for each in told]


def variables(folder: Path, server: Server, port: int) -> dict[str, str]:
    folder.mkdir()
    made = declared(folder, port)
    return {
        "GATEWAY_SHARED": server.url,
        "GATEWAY_POLICY": made["policy"],
        "GATEWAY_TRUSTED_DOCUMENTS": made["trusted_documents"],
        "GATEWAY_CHANGES_FILE": made["changes_file"],
        "GATEWAY_PARTNERS": "partner=US-001@usmf",
        "GATEWAY_LIVE_INTERVAL": "1",
    }


async def rename(found: Site, number: int, name: str) -> None:
    """Change one of the first partner's orders as somebody at Dynamics does."""
    async with httpx2.AsyncClient(base_url=found.emulator, trust_env=False, timeout=60) as client:
        minted = await client.post("/issuer/demo/token", json={"service": True})
        client.headers["Authorization"] = f"Bearer {minted.json()['access_token']}"
        url = "/api/data/v9.2"

        async def rows(path: str, **asked: Any) -> list[Any]:
            answer = await client.get(f"{url}/{path}", params=asked)
            return list(answer.raise_for_status().json()["value"])

        (account,) = await rows("accounts", **{"$filter": "accountnumber eq 'US-001'"})
        mine = await rows(
            "salesorders", **{"$filter": f"_customerid_value eq {account['accountid']}"}
        )
        key = mine[number]["salesorderid"]
        answer = await client.patch(f"{url}/salesorders({key})", json={"name": name})
        answer.raise_for_status()
