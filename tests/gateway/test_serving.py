"""What goes over a client's connection: an answer's head with its body, and never late."""

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


@asynccontextmanager
async def served() -> AsyncIterator[tuple[Starlette, asyncio.StreamReader, asyncio.StreamWriter]]:
    """A server and a connection to it."""
    app = Starlette(routes=[Route("/", hello), Route("/slowly", slowly)])
    app.state.go = asyncio.Event()
    config = uvicorn.Config(app, http=Protocol, log_level="warning", lifespan="off")
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
