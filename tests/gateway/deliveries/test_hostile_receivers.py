"""Receivers that answer oddly, slowly or without end: each is a status or a failure, and soon."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

import pytest

from gateway.deliveries import posting
from gateway.deliveries.posting import NotPosted, post
from tests.gateway.deliveries.receiving import Receiver, receiving
from tests.waiting import PATIENCE

pytestmark = pytest.mark.anyio

HERE = ("127.0.0.0/8",)
Writer = asyncio.StreamWriter
Says = Callable[[Writer], Awaitable[None]]


def text(said: bytes) -> Says:
    """Says one text, and then nothing more."""

    async def says(writer: Writer) -> None:
        writer.write(said)
        await writer.drain()

    return says


def again(first: bytes, said: bytes, pause: float = 0.0) -> Says:
    """Says a text again and again behind the first one."""

    async def says(writer: Writer) -> None:
        writer.write(first)
        while True:
            writer.write(said)
            await writer.drain()
            await asyncio.sleep(pause)

    return says


async def leaves(writer: Writer) -> None:
    writer.close()


async def breaks_off(writer: Writer) -> None:
    bound = writer.get_extra_info("socket")
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


OK = b"HTTP/1.1 200 OK\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"
TAKEN: dict[str, tuple[int, Says]] = {
    "a body without end": (200, again(OK + b"\r\n", b"x" * 65_536)),
    "a body of which some is missing": (200, text(OK + b"Content-Length: 99\r\n\r\nx")),
    "headers without end": (200, again(OK, b"X-Some: header\r\n")),
    "a header without end": (200, again(OK + b"X: ", b"x" * 65_536)),
    "what says to be zipped": (200, text(OK + b"Content-Encoding: gzip\r\n\r\nno gzip")),
    "no line's end but the one": (204, text(b"HTTP/1.1 204\n")),
    "an interim answer first": (201, text(INTERIM + b"HTTP/1.1 201 Made\r\n\r\n")),
    "early hints": (200, text(b"HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n" + OK + b"\r\n")),
    "a redirect": (307, text(b"HTTP/1.1 307 There\r\nLocation: http://169.254.169.254/\r\n\r\n")),
    "gone": (410, text(b"HTTP/1.1 410 Gone\r\n\r\n")),
    "later": (429, text(b"HTTP/1.1 429 Later\r\nRetry-After: -9999999999999999999999\r\n\r\n")),
    "HTTP/1.0": (200, text(b"HTTP/1.0 200 OK\r\n\r\n")),
}
REFUSED: dict[str, Says] = {
    "silence": text(b""),
    "a byte now and then": again(b"", b"H", 0.05),
    "one interim answer after the other": again(b"", INTERIM),
    "an interim answer whose headers do not end": again(INTERIM[:-2], b"X-Some: header\r\n"),
    "a first line without end": again(b"HTTP/1.1 200 ", b"x" * 65_536),
    "the end": leaves,
    "a connection that breaks off": breaks_off,
    "half of a line": text(b"HTTP/1.1 2"),
    "another protocol": text(b"SSH-2.0-OpenSSH\r\n"),
    "another version": text(b"HTTP/2 200\r\n\r\n"),
    "a status that is none": text(b"HTTP/1.1 2x0 OK\r\n\r\n"),
    "a status of four digits": text(b"HTTP/1.1 2000 OK\r\n\r\n"),
    "a status in other digits": text("HTTP/1.1 ٢٠٠ OK\r\n\r\n".encode()),
    "an empty line": text(b"\r\n" + OK + b"\r\n"),
}


class Saying(Receiver):
    """Says something to whatever it gets, and stays."""

    def __init__(self, says: Says) -> None:
        super().__init__()
        self._says = says

    async def answer(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await self._says(writer)
        await reader.read()


class Hearing(Receiver):
    """Takes what it hears first for a request, and answers it."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = b""

    async def answer(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        self.heard += await reader.read(1_000)
        writer.write(OK + b"\r\n")


@pytest.mark.parametrize("name", TAKEN)
async def test_the_status_alone_is_read(name: str) -> None:
    status, says = TAKEN[name]
    async with receiving(Saying(says)) as receiver:
        url = f"http://127.0.0.1:{receiver.port}/hooks"
        assert await post(url, {}, b"{}", HERE) == status


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_no_answer_is_a_failure_and_soon(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "PATIENCE", 1.0)
    async with receiving(Saying(REFUSED[name])) as receiver, asyncio.timeout(PATIENCE):
        with pytest.raises(NotPosted):
            await post(f"http://127.0.0.1:{receiver.port}/hooks", {}, b"{}", HERE)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_without_a_certificate_that_holds_nothing_is_sent(host: str) -> None:
    hearing = Hearing()
    async with receiving(hearing) as receiver:
        url = f"https://{host}:{receiver.port}/hooks"
        with pytest.raises(NotPosted, match="no secure connection"):
            await post(url, {}, b"secret", (*HERE, "::1/128"))

    assert hearing.heard
    assert b"secret" not in hearing.heard
