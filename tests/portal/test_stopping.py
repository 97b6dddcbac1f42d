"""A portal that is told to stop ends its streams, and their pages go on at another one."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from starlette.applications import Starlette

from front.stopping import AGAIN
from portal.signin import tls
from tests.portal.site import PUBLIC, Counting, Visitor
from tests.ports import free_port
from tests.replicas import answers, started
from tests.waiting import until_asked

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def serving(
    demo: int, **variables: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Visitor]]:
    """A portal as a process of its own in front of a demo, and Jane signed in at it."""
    port = free_port()
    process = await started(
        "portal",
        "serve",
        PORTAL_PORT=str(port),
        PORTAL_PUBLIC_URL=PUBLIC,
        PORTAL_GATEWAY_URL=f"http://127.0.0.1:{demo}",
        PORTAL_ISSUER=f"http://127.0.0.1:{demo + 1}/issuer",
        PORTAL_CLIENT_ID="portal",
        PORTAL_CLIENT_SECRET="portal-demo-secret",
        HOME=os.environ.get("HOME", "/"),
        **variables,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        await answers(f"{url}/healthz", process)
        async with (
            httpx2.AsyncClient(base_url=url, trust_env=False, timeout=60) as client,
            httpx2.AsyncClient(verify=tls(), trust_env=False) as issuer,
        ):
            visitor = Visitor(client, Starlette(), Counting(), issuer)
            await visitor.sign_in("jane")
            yield process, visitor
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def events(visitor: Visitor, seen: str = "") -> AsyncIterator[tuple[str, str]]:
    """The names and ids of the events of the overview, to the end of the stream."""
    name, headers = "", {"Last-Event-ID": seen} if seen else {}
    async with visitor.client.stream("GET", "/live/dashboard", headers=headers) as response:
        assert response.status_code == 200
        async for line in response.aiter_lines():
            key, _, value = line.partition(": ")
            if key == "event":
                name = value
            elif key == "id":
                yield name, value


async def test_a_portal_that_stops_is_not_ready_and_takes_connections_until_balancers_know(
    port: int,
) -> None:
    long = {"PORTAL_LINGER": "300", "PORTAL_STOP_WITHIN": "600"}
    async with serving(port, **long) as (process, visitor):

        async def is_told() -> bool:
            return (await visitor.client.get("/readyz")).status_code == 503

        before = await visitor.client.get("/dashboard")
        ready = await visitor.client.get("/readyz")
        process.send_signal(signal.SIGTERM)
        await until_asked(is_told)
        told = await visitor.client.get("/readyz")
        async with httpx2.AsyncClient(
            base_url=visitor.client.base_url, cookies=visitor.client.cookies, trust_env=False
        ) as anew:
            late = await anew.get("/dashboard")
        await asyncio.sleep(AGAIN + 0.2)
        process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(process.wait(), 60)

    assert (before.status_code, ready.status_code) == (200, 200)
    assert "connection" not in before.headers
    assert (told.status_code, late.status_code) == (503, 200)
    assert told.headers["connection"] == late.headers["connection"] == "close"
    assert code == -signal.SIGTERM


async def test_streams_end_with_the_process_and_nothing_is_lost(port: int) -> None:
    async with serving(port) as (old, at_old), serving(port) as (_, at_new):
        seen, began = "", 0.0
        async for name, id_ in events(at_old):
            assert (name, seen) == ("same", "")
            seen, began = id_, time.monotonic()
            old.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(old.wait(), 60)
        gone = time.monotonic() - began

        assert await anext(events(at_new, seen)) == ("same", seen)
        assert await anext(events(at_new, "of-before")) == ("changed", seen)

    assert code in (0, -signal.SIGTERM)
    # Without it all would last for half a minute.
    assert gone < 15, gone
