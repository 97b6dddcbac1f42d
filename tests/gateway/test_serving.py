"""What goes over a client's connection: an answer in one piece, and never late or amiss."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from gateway.serving import Protocol

pytestmark = pytest.mark.anyio


async def hello(request: Request) -> Response:
    return PlainTextResponse("hello")


async def slowly(request: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        await request.app.state.go.wait()
        yield b"late"

    return StreamingResponse(pieces())


async def amiss(request: Request) -> Response:
    name, value, body = (request.query_params[name] for name in ("name", "value", "body"))
    return Response(body, headers={name: value})


@asynccontextmanager
async def served() -> AsyncIterator[tuple[Starlette, asyncio.StreamReader, asyncio.StreamWriter]]:
    """A server and a connection to it."""
    routes = [Route("/", hello), Route("/slowly", slowly), Route("/amiss", amiss)]
    app = Starlette(routes=routes)
    app.state.go = asyncio.Event()
    config = uvicorn.Config(app, http=Protocol, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve([listening]))
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        try:
            yield app, reader, writer
        finally:
            app.state.go.set()
            writer.close()
            server.should_exit = True
            await serving


def request(path: str, method: str = "GET", *headers: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: a", *headers, "", ""]).encode()


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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-name", "a%0d%0aset-cookie:%20b"),
        ("x-na%0d%0ame", "a"),
        ("x%20name", "a"),
        ("x-name", "%00"),
    ],
)
async def test_a_header_that_would_be_two_is_refused(name: str, value: str) -> None:
    async with served() as (_, reader, writer):
        writer.write(request(f"/amiss?name={name}&value={value}&body=hello"))

        assert await asyncio.wait_for(reader.read(), 10) == b""


@pytest.mark.parametrize("length", ["4", "6"])
async def test_an_answer_of_another_length_ends_the_connection(length: str) -> None:
    """Whoever reads on would take what follows for a part of it, or it for a part of the next."""
    async with served() as (_, reader, writer):
        writer.write(request(f"/amiss?name=content-length&value={length}&body=hello"))
        writer.write(request("/"))
        answer = await asyncio.wait_for(reader.read(), 10)

        assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("name", ["Connection", "connection"])
async def test_a_connection_that_the_answer_closes_is_closed(name: str) -> None:
    async with served() as (_, reader, writer):
        writer.write(request(f"/amiss?name={name}&value=close&body=hello"))

        assert (await asyncio.wait_for(reader.read(), 10)).endswith(b"\r\n\r\nhello")


async def test_answers_to_requests_sent_at_once_come_in_their_order() -> None:
    async with served() as (_, reader, writer):
        bodies = ["", *map(str, range(20)), "end"]
        paths = [f"/amiss?name=x-name&value=a&body={body}" for body in bodies]
        writer.write(b"".join(map(request, paths)))
        answers = await asyncio.wait_for(reader.readuntil(b"end"), 10)

        assert [each.partition(b"\r\n\r\n")[2] for each in answers.split(b"HTTP/1.1 ")[1:]] == [
            body.encode() for body in bodies
        ]
