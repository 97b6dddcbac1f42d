"""Processes are killed, start late or all at once: what can be served is, and all is well soon."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from tests.gateway.proofs.test_rollouts import READ
from tests.ports import free_port
from tests.replicas import Site, site

pytestmark = pytest.mark.anyio
SOON = 10.0
"""Seconds after which all is well on a machine that does other work too."""
CALLERS = ("jane", "sam", "rep", "may")


async def asked(http: httpx2.AsyncClient, url: str, token: str) -> str:
    """`ok`, the code of the first error, or the name of what broke the connection."""
    headers = {"Authorization": f"Bearer {token}"}
    try:
        answer = await http.post(f"{url}/graphql", json={"query": READ}, headers=headers)
    except httpx2.TransportError as error:
        return type(error).__name__
    errors = answer.json().get("errors")
    return errors[0]["extensions"]["code"] if errors else "ok"


async def well_again(http: httpx2.AsyncClient, url: str, token: str) -> list[str]:
    """The answers until ten in a row were right, which must be soon."""
    met: list[str] = []
    began = time.monotonic()
    while met[-10:] != ["ok"] * 10:
        assert time.monotonic() - began < SOON, met
        met.append(await asked(http, url, token))
        await asyncio.sleep(0.05)
    return met


@asynccontextmanager
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(trust_env=False, timeout=40) as http:
        yield http


@asynccontextmanager
async def forwarding(port: int, to: int) -> AsyncIterator[None]:
    """A port that leads to another one."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", to)
        await asyncio.gather(carry(reader, there[1]), carry(there[0], writer))

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()


def workers_of(pid: int) -> list[int]:
    """The processes that a supervisor started to serve."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    serving = [
        each for each in children if "spawn_main" in Path(f"/proc/{each}/cmdline").read_text()
    ]
    return [int(each) for each in serving]


def are_gone(pids: list[int]) -> bool:
    """True as soon as none of these processes is there; False if that takes a minute."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.1)
    return False


async def first_forty(found: Site, **variables: str) -> list[str]:
    """The answers to forty callers who all ask as soon as a process takes connections."""
    tokens = [await found.token(CALLERS[number % 4]) for number in range(40)]
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    starting = asyncio.create_task(found.start(**variables, GATEWAY_PORT=str(port)))
    async with client() as http:
        while True:
            try:
                await http.get(f"{url}/livez")
                break
            except httpx2.TransportError:
                await asyncio.sleep(0.01)
        met = await asyncio.gather(*(asked(http, url, each) for each in tokens))
    await starting
    return met


async def test_forty_callers_who_ask_a_process_that_just_started_are_all_served() -> None:
    async with site() as found:
        assert await first_forty(found) == ["ok"] * 40
        assert await first_forty(found, GATEWAY_WORKERS="2") == ["ok"] * 40


async def test_dynamics_and_the_issuer_are_killed_and_come_back_under_load() -> None:
    async with site() as found, client() as http:
        replica, token = await found.start(), await found.token("jane")
        assert await asked(http, replica.url, token) == "ok"
        await found.kill_emulator()
        down = [await asked(http, replica.url, token) for _ in range(30)]
        ready = await http.get(f"{replica.url}/readyz")
        await found.start_emulator()
        await well_again(http, replica.url, token)

    assert set(down) <= {"UPSTREAM_UNAVAILABLE"}
    assert ready.status_code == 200, "one service down takes no process out"


async def test_a_worker_that_is_killed_is_replaced_and_the_other_serves() -> None:
    async with site() as found, client() as http:
        replica, token = await found.start(GATEWAY_WORKERS="2"), await found.token("jane")
        workers = workers_of(replica.process.pid)
        os.kill(workers[0], signal.SIGKILL)
        met = await well_again(http, replica.url, token)

    assert len([each for each in met if each != "ok"]) <= 3


async def test_workers_end_with_their_supervisor_and_leave_the_address_to_the_next() -> None:
    async with site() as found, client() as http:
        port, token = str(free_port()), await found.token("jane")
        first = await found.start(GATEWAY_WORKERS="2", GATEWAY_PORT=port)
        workers = workers_of(first.process.pid)
        first.process.kill()
        assert await asyncio.to_thread(are_gone, workers)
        second = await found.start(GATEWAY_WORKERS="2", GATEWAY_PORT=port)
        assert await asked(http, second.url, token) == "ok"


async def test_a_token_endpoint_that_is_down_at_the_start_and_later_needs_no_operator() -> None:
    port = free_port()
    async with site() as found, client() as http:
        there = f"http://127.0.0.1:{port}/demo/oauth2/v2.0/token"
        replica, token = await found.start(GATEWAY_TOKEN_URL=there), await found.token("jane")
        assert await asked(http, replica.url, token) == "UPSTREAM_UNAVAILABLE"
        async with forwarding(port, found.port):
            await well_again(http, replica.url, token)
        assert await asked(http, replica.url, token) == "ok", "the token that is held goes on"
