"""The traffic of a client's connection: an answer in one piece, and never late or amiss."""

import asyncio
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.http.protocols import protocol
from gateway.http.serving import Cycle, Protocol
from tests.waiting import served_at, server_of

pytestmark = pytest.mark.anyio


async def hello(request: Request) -> Response:
    return PlainTextResponse(request.query_params.get("say", "hello"))


async def slowly(request: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        await request.app.state.go.wait()
        yield b"late"

    return StreamingResponse(pieces())


def start(*lines: str, status: int = 200) -> dict[str, Any]:
    headers = [tuple(line.encode().split(b": ", 1)) for line in lines]
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(content: bytes = b"hello", **more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": content, **more}


EMPTY = {"type": "http.response.body"}
LENGTH = "content-length: 5"
SCRIPTS = {
    "whole": [start(LENGTH, "x-name: a"), body()],
    "error": [start(LENGTH, status=404), body()],
    "empty": [start("content-length: 0"), body(b"")],
    "nothing": [start(status=204), EMPTY],
    "no body": [start("content-length: 0"), EMPTY],
    "pieces": [start(LENGTH), body(b"he", more_body=True), body(b"llo")],
    "late end": [start(LENGTH), body(more_body=True), EMPTY],
    "no length": [start(), body(), EMPTY],
    "chunked": [start("transfer-encoding: chunked"), body(more_body=True), body()],
    "closing": [start(LENGTH, "connection: close"), body()],
    "kept": [start(LENGTH, "connection: keep-alive"), body()],
    "upper case": [start("Content-Length: 5", "X-Name: a"), body()],
    "two lengths": [start(LENGTH, "Content-Length: 5"), body()],
    "too long": [start("content-length: 4"), body()],
    "too short": [start("content-length: 6"), body()],
    "no number": [start("content-length: x"), body()],
    "no end": [start(LENGTH), body(more_body=True)],
    "no start": [body()],
    "twice": [start(LENGTH), start(LENGTH), body()],
    "more": [start(LENGTH), body(), body()],
    "nobody": [start(LENGTH)],
    "silent": [],
    "two lines": [start(LENGTH, "x-name: a\r\nx: b"), body()],
    "two lines in a name": [start(LENGTH, "x\r\nx: a"), body()],
    "a blank in a name": [start(LENGTH, "x x: a"), body()],
    "no name": [start(LENGTH, ": a"), body()],
    "a sign": [start(LENGTH, "x-name: \0"), body()],
}
REQUESTS = {
    "get": ("GET", "1.1", ()),
    "head": ("HEAD", "1.1", ()),
    "old": ("GET", "1.0", ()),
    "old, kept": ("GET", "1.0", ("Connection: keep-alive",)),
    "last": ("GET", "1.1", ("Connection: close",)),
    "expecting": ("POST", "1.1", ("Expect: 100-continue", "Content-Length: 0")),
}


async def scripted(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends what the script of this name says, whether a server would have it or not."""
    await receive()
    for message in SCRIPTS[scope["path"].rpartition("/")[2]]:
        await send(message)


@asynccontextmanager
async def served(
    protocol: type[HttpToolsProtocol] = Protocol,
) -> AsyncIterator[tuple[Starlette, asyncio.StreamReader, asyncio.StreamWriter]]:
    """A server and a connection to it."""
    routes = Route("/", hello), Route("/slowly", slowly), Mount("/script", scripted)
    app = Starlette(routes=routes)
    app.state.go = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        async with served_at(server_of(app, http=protocol), listening):
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            try:
                yield app, reader, writer
            finally:
                app.state.go.set()
                writer.close()


def request(path: str, method: str = "GET", *headers: str, version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: a", *headers, "", ""]).encode()


async def test_an_answer_comes_in_one_piece() -> None:
    async with served() as (_, reader, writer):
        for _ in range(3):
            writer.write(request("/"))
            whole = await reader.read(10_000)

            assert whole.startswith(b"HTTP/1.1 200 OK\r\n")
            assert whole.endswith(b"\r\n\r\nhello")


async def test_a_head_does_not_wait_for_a_body_that_takes_its_time() -> None:
    async with served() as (app, reader, writer):
        writer.write(request("/slowly"))
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        app.state.go.set()

        assert b"transfer-encoding: chunked" in head
        assert await reader.readuntil(b"0\r\n\r\n") == b"4\r\nlate\r\n0\r\n\r\n"


async def test_a_head_without_a_body_comes_too() -> None:
    async with served() as (_, reader, writer):
        writer.write(request("/", "HEAD"))
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)

        assert b"content-length: 5" in head


async def test_the_last_answer_comes_before_the_end() -> None:
    async with served() as (_, reader, writer):
        writer.write(request("/", "GET", "Connection: close"))

        assert (await asyncio.wait_for(reader.read(), 10)).endswith(b"hello")


async def test_answers_to_requests_sent_at_once_come_in_their_order() -> None:
    async with served() as (_, reader, writer):
        bodies = ["", *map(str, range(20)), "end"]
        paths = [f"/?say={body}" for body in bodies]
        writer.write(b"".join(map(request, paths)))
        answers = await asyncio.wait_for(reader.readuntil(b"end"), 10)

        assert [each.partition(b"\r\n\r\n")[2] for each in answers.split(b"HTTP/1.1 ")[1:]] == [
            body.encode() for body in bodies
        ]


async def said(protocol: type[HttpToolsProtocol], kind: str) -> dict[str, bytes]:
    """All that is said to who asks for a script and stays to the end, but for the time of day."""
    method, version, headers = REQUESTS[kind]
    found = {}
    async with served(protocol) as (_, _, first):
        for script in SCRIPTS:
            asked = request(f"/script/{quote(script)}", method, *headers, version=version)
            reader, writer = await asyncio.open_connection(*first.get_extra_info("peername"))
            writer.write(asked + request("/", "GET", "Connection: close"))
            answer = await asyncio.wait_for(reader.read(), 10)
            found[script] = re.sub(rb"date: [^\r]+", b"", answer)
            writer.close()
    return found


@pytest.mark.parametrize("kind", REQUESTS)
async def test_bytes_are_those_of_uvicorn_itself(kind: str) -> None:
    ours, theirs = await said(Protocol, kind), await said(HttpToolsProtocol, kind)

    # uvicorn sends the head of an answer that breaks off before its body: of no use to anybody.
    assert theirs.pop("nobody").startswith(ours.pop("nobody"))
    if REQUESTS[kind][1] == "1.0":  # uvicorn sends chunks to clients who do not know them
        chunked = theirs["no length"].replace(b"transfer-encoding: chunked\r\n", b"")
        theirs["no length"] = chunked.replace(b"5\r\nhello\r\n0\r\n\r\n", b"hello")
    assert ours == theirs


class Odd(Cycle):
    """A cycle as it would be with a uvicorn whose parts have other names."""

    @property
    def keep_alive(self) -> bool:
        raise AttributeError("keep_alive")

    @keep_alive.setter
    def keep_alive(self, value: bool) -> None: ...


class Misfit(HttpToolsProtocol):
    """Ours over such a uvicorn."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.__class__ = Odd
        super()._start_asgi_task(cycle, app)


def test_ours_serves_where_it_fits_the_uvicorn_that_is_installed() -> None:
    assert protocol() is Protocol


@pytest.mark.parametrize("ours", [Misfit, None])
def test_uvicorns_own_protocol_serves_where_ours_does_not_fit(
    ours: type[HttpToolsProtocol] | None, caplog: pytest.LogCaptureFixture
) -> None:
    assert protocol(ours) is HttpToolsProtocol
    assert "served by its own protocol" in caplog.text


def test_a_uvicorn_without_the_parts_that_ours_is_made_of_serves_alone() -> None:
    program = (
        "import uvicorn.protocols.http.httptools_impl as parts; del parts.STATUS_LINE\n"
        "import gateway.http.protocols as found; print(found.protocol().__name__)"
    )

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

    assert found.stdout == b"HttpToolsProtocol\n"
