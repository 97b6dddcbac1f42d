"""
Faults upstream that the makers of tools for testing list: callers are told, never with a wrong
answer and never after their deadline, and all is well again within five seconds of the end.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from emulator.faults.connections import InProcess
from gateway.app import create_app
from gateway.client.transport import Http1Transport
from tests.gateway.upstream.faulty import ANSWERS, AT_START, REFUSED, Fault, Real, well
from tests.gateway.upstream.servers import Asked, request_of
from tests.nightly import NIGHTLY
from tests.stack import EMULATOR, GATEWAY, Answer, Stack, settings

pytestmark = pytest.mark.anyio
NAMES = [*ANSWERS, *AT_START, REFUSED]
BY_DAY = {
    REFUSED,
    "toxiproxy: timeout of 0",
    "wiremock: MALFORMED_RESPONSE_CHUNK",
    "mockwebserver: DISCONNECT_DURING_RESPONSE_BODY",
    "httpbin: /status/503",
    "quarkus: dies-mid-request:512",
}
QUERY = "{ orders(first: 3) { nodes { number status lines { nodes { quantity } } } } }"
CALLERS = ("jane", "sam", "rep", "may")
ROUNDS = 6
"""Enough for breakers to open."""
DEADLINE = 3.0
RECOVERS = 5.0
"""Seconds from the end of a fault, on a machine that answers a question at once."""


class Ways(InProcess):
    """Sockets to Dynamics, by the way between, and none to issuers, which have no fault here."""

    def __init__(self, app: Starlette, between: str) -> None:
        super().__init__(app=app)
        self._between = httpx2.URL(between)
        self._sockets = Http1Transport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if not request.url.path.startswith(("/api/data", "/data", "/metadata")):
            return await super().handle_async_request(request)
        request.url = request.url.copy_with(port=self._between.port)
        return await self._sockets.handle_async_request(request)

    async def aclose(self) -> None:
        await self._sockets.aclose()


class Between:
    """The way to Dynamics: as it should be, or with one fault."""

    def __init__(self, emulator: Starlette) -> None:
        self._dynamics = httpx2.AsyncClient(transport=InProcess(app=emulator), base_url=EMULATOR)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._port = 0
        self._answer: Fault = well
        self._start: Fault | None = None

    async def listen(self) -> str:
        """Listen where it listened before; the address."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        self._server, self._port = server, server.sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{self._port}"

    async def close(self) -> None:
        """Listen no longer, and end what is open."""
        if self._server:
            self._server.close()
        for each in [*self._tasks]:
            each.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @asynccontextmanager
    async def having(self, name: str) -> AsyncIterator[None]:
        """The fault of this name, until the end."""
        if name == REFUSED:
            await self.close()
        self._answer, self._start = ANSWERS.get(name, well), AT_START.get(name)
        try:
            yield
        finally:
            self._answer, self._start = well, None
            if name == REFUSED:
                await self.listen()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                while True:
                    if self._start:
                        unread = Asked("", "", {}, b"", 0, writer)
                        await self._start(unread, Real(0, "", b""))
                    asked = await request_of(reader, writer, 0)
                    await self._answer(asked, await self._real(asked))
        finally:
            writer.transport.abort()

    async def _real(self, asked: Asked) -> Real:
        answer = await self._dynamics.request(
            asked.method, asked.target, content=asked.body, headers=asked.headers
        )
        return Real(answer.status_code, answer.headers.get("content-type", "x/y"), answer.content)


@pytest.fixture(scope="module")
async def site(small_world: Starlette) -> AsyncIterator[tuple[Stack, Between]]:
    """One gateway for all faults, whose breakers and budgets keep what they learned."""
    between = Between(small_world)
    url = await between.listen()
    patience: dict[str, Any] = {"connect_timeout": 0.5, "read_timeout": 0.7, "deadline": DEADLINE}
    app = create_app(settings(**patience), transport=Ways(small_world, url))
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=InProcess(app=small_world), base_url=EMULATOR) as direct,
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=GATEWAY) as client,
    ):
        yield Stack(small_world, client, direct, app=app), between
    await between.close()


async def timed(stack: Stack, who: str) -> tuple[Answer, float]:
    began = time.monotonic()
    return await stack.ask(QUERY, as_=who), time.monotonic() - began


def test_there_are_more_than_fifty() -> None:
    assert len(NAMES) == len(set(NAMES)) >= 52
    assert set(NAMES) >= BY_DAY


@pytest.mark.parametrize("name", NAMES if NIGHTLY else [n for n in NAMES if n in BY_DAY])
async def test_a_fault_is_told_in_time_and_leaves_nothing_behind(
    site: tuple[Stack, Between], name: str
) -> None:
    stack, between = site
    right = {who: await timed(stack, who) for who in CALLERS}
    slow = max(seconds for _, seconds in right.values())

    async with between.having(name):
        met = []
        for _ in range(ROUNDS):
            met += await asyncio.gather(*(timed(stack, who) for who in CALLERS))
    ended = time.monotonic()
    while "errors" in (again := (await timed(stack, "jane"))[0]).body:
        assert time.monotonic() - ended < RECOVERS + 10 * slow, again.body
        await asyncio.sleep(0.05)
    after = {who: (await timed(stack, who))[0] for who in CALLERS}

    assert all("errors" not in answer.body for answer, _ in right.values())
    assert {who: each.body["data"] for who, each in after.items()} == {
        who: answer.body["data"] for who, (answer, _) in right.items()
    }
    for who, (answer, seconds) in zip(CALLERS * ROUNDS, met, strict=True):
        assert seconds < DEADLINE + 1 + 10 * slow
        if "errors" in answer.body:
            assert {code.split("_")[0] for code in answer.codes} <= {"UPSTREAM", "OVERLOADED"}
        else:
            assert answer.body["data"] == right[who][0].body["data"]
