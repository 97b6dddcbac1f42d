"""A connection costs little before anybody knows whose it is, and is closed when it costs more."""

import asyncio
import contextlib
import logging
import os
import re
import select
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from front import connection_bounds, strangers
from front.holdings import Front
from front.strangers import known
from gateway.http.serving import Protocol
from tests.waiting import served_at, server_of, until

pytestmark = pytest.mark.anyio

DOCS = Path(__file__).parents[2] / "docs" / "limits.md"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"


class Served:
    """A server with the gateway's protocol."""

    def __init__(self, server: uvicorn.Server, address: tuple[str, int]) -> None:
        self.server, self.address = server, address
        self.opened: list[asyncio.StreamWriter] = []

    @property
    def front(self) -> Front:
        found: Front = vars(self.server.server_state)["front"]
        return found

    async def connect(self, *sent: bytes) -> Connection:
        reader, writer = await asyncio.open_connection(*self.address)
        self.opened.append(writer)
        for each in sent:
            writer.write(each)
        await asyncio.sleep(0)
        return reader, writer

    async def get(self, path: str = "/") -> bytes:
        asked = f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        reader, _ = await self.connect(asked.encode())
        return await asyncio.wait_for(reader.read(), 10)


async def hello(request: Request) -> Response:
    return PlainTextResponse("hello")


async def large(request: Request) -> Response:
    return PlainTextResponse("x" * 30_000_000)


async def pieces(request: Request) -> Response:
    return StreamingResponse(b"x" * 1_000_000 for _ in range(30))


async def late(request: Request) -> Response:
    await asyncio.sleep(0.5)
    return PlainTextResponse("late")


async def said(request: Request) -> Response:
    return PlainTextResponse(request.headers["x-say"])


async def headers(request: Request) -> Response:
    await request.body()
    names = ",".join(sorted(request.headers.keys()))
    return PlainTextResponse(f"{names}: {','.join(request.headers.getlist('x-say'))}")


async def noted(request: Request) -> Response:
    """Note who came; whoever has a name of their own is known."""
    name = request.query_params["as"]
    CAME.append(name)
    if not name.startswith("stranger"):
        known(request.scope)
    return PlainTextResponse("!")


CAME: list[str] = []
STRANGERS = [f"stranger {number}" for number in range(50)]


@pytest.fixture
async def served(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setattr(connection_bounds, "HEAD_SECONDS", 1.0)
    monkeypatch.setattr(connection_bounds, "BODY_SECONDS", 0.3)
    monkeypatch.setattr(connection_bounds, "UNREAD_SECONDS", 1.0)
    monkeypatch.setattr(connection_bounds, "TICK", 0.1)
    async with serving() as found:
        yield found


@asynccontextmanager
async def serving(protocol: type[HttpToolsProtocol] = Protocol) -> AsyncIterator[Served]:
    paths = {"/": hello, "/large": large, "/pieces": pieces, "/late": late, "/said": said}
    paths |= {"/headers": headers, "/noted": noted}
    app = Starlette(routes=[Route(p, to, methods=["GET", "POST"]) for p, to in paths.items()])
    server = server_of(app, http=protocol, ws="none", timeout_keep_alive=1)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        async with served_at(server, listening):
            found = Served(server, listening.getsockname())
            try:
                yield found
            finally:
                for writer in found.opened:
                    writer.close()


async def end(reader: asyncio.StreamReader) -> bytes:
    """Everything said until the connection is closed, which it must be soon."""
    try:
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionResetError:
        return b""


REFUSED = {
    "a header that is too long": (431, GET + b"X: " + b"a" * 20_000 + b"\r\n\r\n"),
    "a header without an end": (431, GET + b"X: " + b"a" * 20_000),
    "a name without an end": (431, GET + b"X" * 20_000),
    "too many headers": (431, GET + b"X: a\r\n" * 101 + b"\r\n"),
    "too long headers in all": (431, GET + (b"X: " + b"a" * 1_000 + b"\r\n") * 40 + b"\r\n"),
    "a URL that is too long": (431, b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
    "a URL without an end": (431, b"GET /" + b"a" * 20_000),
    "nothing but ends of lines": (431, b"\r\n" * 20_000),
    "no HTTP": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    "two lengths": (400, GET + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
    "no host": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "two hosts": (400, GET + b"Host: b\r\n\r\n"),
    "a host with a blank": (400, b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    "a host with a path": (400, b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    "a host with a user": (400, b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"),
    "another version": (400, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    "a coding that is not read": (400, POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "a coding that is none": (400, POST + b"Transfer-Encoding: pigeons\r\n\r\n"),
    "two codings": (400, POST + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n"),
    "a coding and a length": (
        400,
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    ),
    "a length with a sign": (400, POST + b"Content-Length: +5\r\n\r\nhello"),
    "a length in a list": (400, POST + b"Content-Length: 5, 5\r\n\r\nhello"),
    "a line that goes on": (400, GET + b"X: a\r\n Content-Length: 5\r\n\r\nhello"),
    "a blank before the colon": (400, POST + b"Content-Length : 5\r\n\r\nhello"),
    "ends of lines without return": (400, GET + b"X: a\nTransfer-Encoding: chunked\r\n\r\n"),
    "a return in a line": (400, GET + b"X: a\rTransfer-Encoding: chunked\r\n\r\n"),
    "a name of nothing": (400, GET + b": a\r\n\r\n"),
    "a zero byte": (400, GET + b"X: a\0b\r\n\r\n"),
    "a method of nobody": (400, b"FROB / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "a tunnel": (400, b"CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n"),
    "letters that are not ASCII": (400, "GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n".encode()),
    "a piece that has no end": (
        431,
        GET.replace(b"GET", b"POST") + b"Transfer-Encoding: chunked\r\n\r\n5;" + b"a" * 20_000,
    ),
}


async def test_a_trailer_is_no_header(served: Served) -> None:
    head = b"Host: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nX-Say: header\r\n\r\n"
    body = b"1\r\na\r\n0\r\nX-Say: trailer\r\nX-More: trailer\r\n\r\n"

    reader, _ = await served.connect(b"POST /headers HTTP/1.1\r\n" + head + body)

    assert (await end(reader)).endswith(b"connection,host,transfer-encoding,x-say: header")


@pytest.mark.parametrize("name", list(REFUSED))
async def test_what_is_too_large_is_refused_at_once_and_not_logged(
    served: Served,
    name: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    status, sent = REFUSED[name]
    monkeypatch.setattr(connection_bounds, "HEAD_SECONDS", 60.0)
    monkeypatch.setattr(connection_bounds, "BODY_SECONDS", 60.0)
    with caplog.at_level(logging.INFO):
        reader, _ = await served.connect(sent)
        answer = await end(reader)

    assert answer == b"" or b"HTTP/1.1 %d" % status in answer or "piece" in name
    assert "Invalid" not in caplog.text
    assert (await served.get()).endswith(b"hello")
    assert served.front.held == 0


@pytest.mark.parametrize("host", [b"", b"a:80", b"[::1]:8000", b"xn--d1acpjx3f.example"])
async def test_every_host_that_can_be_is_taken(served: Served, host: bytes) -> None:
    ask = b"GET / HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"
    reader, _ = await served.connect(ask)

    assert (await end(reader)).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("to", [b"h2c", b"websocket"])
async def test_nothing_is_upgraded_and_nothing_behind_it_is_taken_for_a_request(
    served: Served, to: bytes
) -> None:
    """The answer is the last one, so that nobody waits for another."""
    upgrade = GET + b"Connection: Upgrade\r\nUpgrade: " + to + b"\r\n\r\n"
    reader, _ = await served.connect(upgrade + GET + b"\r\n")
    said = await end(reader)

    assert said.startswith(b"HTTP/1.1 200 ")
    assert said.count(b"HTTP/1.1 ") == 1
    assert b"connection: close" in said.lower()


@pytest.mark.parametrize("before", [b"", GET + b"\r\n", GET + b"\r\n" + GET + b"\r\n"])
async def test_what_is_held_of_a_head_is_counted_whatever_came_before_it_in_one_piece(
    served: Served, before: bytes
) -> None:
    begun = GET + b"X-A: a\r\nX-B: " + b"b" * 10_000
    await served.connect(before + begun)

    await until(lambda: len(begun) - 2 <= served.front.held <= len(begun))


async def test_heads_within_the_bounds_are_answered(served: Served) -> None:
    lines = b"".join(b"X-%d: %s\r\n" % (n, b"a" * 150) for n in range(90))
    for pieces in (
        [GET + lines + b"\r\n"],
        [GET, lines, b"\r\n"],
        [GET + lines[:999], lines[999:] + b"\r\n"],
    ):
        reader, _ = await served.connect(*pieces)

        assert b"200 OK" in await asyncio.wait_for(reader.readuntil(b"hello"), 10)


SLOW = {
    "silent": b"",
    "half a line": b"GET / HT",
    "half a head": GET,
    "half a body": GET.replace(b"GET", b"POST") + b"Content-Length: 10\r\n\r\n12345",
    "silent behind an answer": GET + b"\r\n",
    "half a line behind an answer": GET + b"\r\nGET",
}


@pytest.mark.parametrize("name", list(SLOW))
async def test_who_says_nothing_more_is_closed(served: Served, name: str) -> None:
    reader, _ = await served.connect(SLOW[name])

    await end(reader)

    assert served.front.waiting == {}


async def test_who_says_little_at_a_time_is_closed_too(served: Served) -> None:
    reader, writer = await served.connect(GET)

    async def drip() -> None:
        while not writer.is_closing():
            writer.write(b"X: a\r\n")
            await asyncio.sleep(0.05)

    dripping = asyncio.create_task(drip())
    await end(reader)
    dripping.cancel()


async def test_who_waits_for_an_answer_is_not_closed(served: Served) -> None:
    assert (await served.get("/late")).endswith(b"late")


@pytest.mark.parametrize("protocol", [Protocol, connection_bounds.Bounded])
async def test_clients_of_http_1_0_get_no_chunks(protocol: type[HttpToolsProtocol]) -> None:
    async with serving(protocol) as served:
        for path, length in ((b"/", 5), (b"/pieces", 30_000_000)):
            reader, _ = await served.connect(b"GET " + path + b" HTTP/1.0\r\n\r\n")
            head, _, body = (await end(reader)).partition(b"\r\n\r\n")

            assert head.startswith(b"HTTP/1.1 200")
            assert b"transfer-encoding" not in head
            assert len(body) == length


@pytest.mark.parametrize("path", [b"/large", b"/pieces"])
async def test_who_does_not_read_is_closed_and_leaves_nothing(served: Served, path: bytes) -> None:
    reader, writer = await served.connect(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path)
    began = await reader.read(1)
    transport = writer.transport
    assert isinstance(transport, asyncio.Transport)
    transport.pause_reading()
    await until(lambda: not served.server.server_state.connections)
    transport.resume_reading()

    assert began == b"H"
    assert len(await rest(reader)) < 30_000_000


async def rest(reader: asyncio.StreamReader) -> bytes:
    """The bytes that came before the connection was closed, or reset."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(1_000_000):
            found += piece
    return found


async def test_who_reads_next_to_nothing_is_closed(served: Served) -> None:
    _, writer = await served.connect(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
    transport = writer.transport
    assert isinstance(transport, asyncio.Transport)
    own = transport.get_extra_info("socket")
    transport.pause_reading()

    def is_closed() -> bool:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            os.read(own.fileno(), 50)
        return not served.server.server_state.connections

    await until(is_closed)
    assert served.front.unread == 0


async def test_many_who_do_not_read_make_room_for_those_who_do(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_bounds, "UNREAD", 70_000_000)
    monkeypatch.setattr(connection_bounds, "UNREAD_SECONDS", 60.0)
    for _ in range(5):
        _, writer = await served.connect(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        assert isinstance(writer.transport, asyncio.Transport)
        writer.transport.pause_reading()
    await until(lambda: 0 < len(served.server.server_state.connections) < 4)

    assert 0 < served.front.unread <= 70_000_000
    assert (await served.get()).endswith(b"hello")


async def test_who_reads_slowly_but_does_read_has_the_whole_answer(served: Served) -> None:
    reader, _ = await served.connect(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    size = 0
    while piece := await reader.read(2_000_000):
        size += len(piece)
        await asyncio.sleep(0.03)

    assert size > 30_000_000


async def test_a_body_that_goes_on_behind_its_answer_is_closed(served: Served) -> None:
    head = b"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n"
    reader, writer = await served.connect(head)
    sent = 0
    try:
        while sent < 50_000_000 and not writer.is_closing():
            writer.write(b"x" * 100_000)
            sent += 100_000
            await writer.drain()
    except ConnectionError:
        pass
    await end(reader)

    assert sent < 50_000_000


async def test_a_head_that_comes_while_another_is_answered_is_whole(served: Served) -> None:
    reader, writer = await served.connect(
        b"GET /late HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /said HTTP/1.1\r\nHost: a\r\nX-Say: whole"
    )
    await asyncio.wait_for(reader.readuntil(b"late"), 10)
    writer.write(b"\r\nConnection: close\r\n\r\n")

    assert (await end(reader)).endswith(b"whole")


async def test_requests_that_wait_are_counted(served: Served) -> None:
    reader, _ = await served.connect((b"GET /late HTTP/1.1\r\nHost: a\r\n\r\n") * 200)

    await end(reader)

    assert served.front.held == 0


async def test_all_heads_together_are_bounded(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_bounds, "HELD", 100_000)
    for _ in range(20):
        await served.connect(GET + b"X: " + b"a" * 12_000)
    await asyncio.sleep(0.1)

    assert served.front.held <= 100_000
    assert (await served.get()).endswith(b"hello")


@pytest.mark.parametrize("cut", [0, 5], ids=["whole heads", "heads in two pieces"])
async def test_who_is_known_does_not_wait_for_many_who_are_not(served: Served, cut: int) -> None:
    clients = {name: await served.connect() for name in (*STRANGERS, "jane")}
    await among(clients)

    came = await among(clients, cut)

    assert came.index("jane") < 5
    assert sorted(came) == sorted(clients)


async def test_who_comes_for_the_first_time_does_not_wait_for_many_who_came_before(
    served: Served,
) -> None:
    clients = {name: await served.connect() for name in STRANGERS}
    await among(clients)
    clients["stranger"] = await served.connect()
    await until(lambda: len(served.server.server_state.connections) == len(clients))

    assert (await among(clients)).index("stranger") < 5


async def test_who_was_known_waits_as_a_stranger_behind_a_strangers_request(served: Served) -> None:
    clients = {name: await served.connect() for name in STRANGERS}
    await asyncio.gather(*(note(client, "jane") for client in clients.values()))
    await among(clients)
    clients["sam"] = await served.connect()
    await note(clients["sam"], "sam")

    assert (await among(clients)).index("sam") < 5


async def test_strangers_are_read_one_after_the_other(served: Served) -> None:
    clients = {name: await served.connect() for name in (*STRANGERS, "jane")}
    await among(clients)
    CAME.clear()

    async with asyncio.timeout(10):
        asking = [asyncio.create_task(note(clients[name], name)) for name in STRANGERS]
        while len(CAME) < 10:  # noqa: ASYNC110
            await asyncio.sleep(0)
        served_at_once = len(CAME)
        await note(clients["jane"], "jane")
        await asyncio.gather(*asking)

    assert served_at_once < 20
    assert CAME.index("jane") < 30


async def test_where_the_kernel_has_no_epoll_all_are_read_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(select, "epoll")
    async with serving() as served:
        clients = {name: await served.connect() for name in (*STRANGERS, "jane")}
        await among(clients)

        assert sorted(await among(clients)) == sorted(clients)


async def among(clients: dict[str, Connection], cut: int = 0) -> list[str]:
    """The names in the order in which they came, where all write before anybody is read."""
    CAME.clear()
    async with asyncio.timeout(10):
        await asyncio.gather(*(note(client, name, cut) for name, client in clients.items()))
    return list(CAME)


async def note(client: Connection, name: str, cut: int = 0) -> None:
    """Ask as this one, the last bytes of the head a turn later."""
    reader, writer = client
    sent = f"GET /noted?as={name.replace(' ', '+')} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    writer.write(sent[: len(sent) - cut])
    await asyncio.sleep(0)
    writer.write(sent[len(sent) - cut :])
    assert (await reader.readuntil(b"!")).endswith(b"!")


async def test_new_connections_take_the_place_of_those_that_wait_longest(
    served: Served,
) -> None:
    await served.get()
    served.front.most = 10
    slow = await served.connect(b"GET /late HTTP/1.1\r\nHost: a\r\n\r\n")
    await asyncio.sleep(0.05)
    silent = [await served.connect() for _ in range(30)]
    await asyncio.sleep(0.05)

    assert len(served.server.server_state.connections) <= 10
    assert (await served.get()).endswith(b"hello")
    assert b"late" in await asyncio.wait_for(slow[0].readuntil(b"late"), 10)
    assert await end(silent[0][0]) == b""


async def test_the_documentation_has_every_bound() -> None:
    both = {**vars(connection_bounds), **vars(strangers)}
    public = {name: value for name, value in both.items() if not name.startswith("_")}
    found = {name: value for name, value in public.items() if isinstance(value, int | float)}

    told = re.findall(r"^\| `([A-Z_]+)` \| ([0-9,]+) \|", DOCS.read_text(), re.MULTILINE)

    assert {name: float(value.replace(",", "")) for name, value in told} == found
