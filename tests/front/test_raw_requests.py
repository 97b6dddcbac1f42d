"""A socket answers all that is said on it, or ends: nothing hangs, and nothing fails."""

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress

import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from front import connection_bounds
from front.connection_bounds import Bounded
from portal.app import create_app
from tests.gateway.live.serving import listening
from tests.portal.site import settings
from tests.stack import running

pytestmark = pytest.mark.anyio

PATIENCE = 30.0
"""Seconds in which a connection has to end, on a machine that does much else."""
GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
LAST = b"Connection: close\r\n"
CHUNKED = POST + LAST + b"Transfer-Encoding: chunked\r\n\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
KEY = b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
SOCKET = GET + UPGRADE + KEY


def target(of: bytes, *more: bytes) -> bytes:
    """A request for what a line says, the last on its connection."""
    return b"GET " + of + b" HTTP/1.1\r\nHost: a\r\n" + LAST + b"".join(more) + b"\r\n"


SAID: dict[str, tuple[Sequence[int], bytes]] = {
    # Targets
    "of another site": ([200], target(b"http://evil.example/")),
    "of another site, with a name and a port": ([200], target(b"http://u:p@evil.example:99/")),
    "of another site, by IPv6": ([200], target(b"http://[::1]/")),
    "of another site, without a path": ([400], target(b"http://evil.example")),
    "of another site, by a port that is none": ([400], target(b"http://evil.example:999999/")),
    "of another site, by IPv6 that is none": ([400], target(b"http://[zz]/")),
    "a file": ([400], target(b"file:/" + b"//etc/passwd")),
    "all of the server": ([404], b"OPTIONS * HTTP/1.1\r\nHost: a\r\n" + LAST + b"\r\n"),
    "a star": ([404], target(b"*")),
    "a word": ([400], target(b"word")),
    "no path": ([400], target(b"?")),
    "two slashes": ([404], target(b"//evil.example/")),
    "a fragment": ([200], target(b"/#x")),
    "a zero byte": ([404], target(b"/%00")),
    "no UTF-8": ([404], target(b"/%ff%fe%c0%af")),
    "half a character": ([404], target(b"/%ed%a0%80")),
    "no hexadecimals": ([404], target(b"/%zz%")),
    "no UTF-8 in the query": ([200], target(b"/?a=%ff&%fe=%ed%a0%80&%00")),
    "a control character": ([400], target(b"/\x01")),
    "bytes above 127": ([400], target(b"/\xff")),
    "bytes above 127 in the query": ([400], target(b"/?\xff")),
    "a megabyte": ([431], target(b"/" + b"a" * 1_000_000)),
    "as long as it may be": ([404], target(b"/" + b"a" * 16_000)),
    # Versions
    "HTTP/0.9": ([400], b"GET /\r\n\r\n"),
    "HTTP/0.9, half": ([], b"GET /\r\n"),
    "HTTP/0.9 by name": ([400], b"GET / HTTP/0.9\r\n\r\n"),
    "HTTP/1.0": ([200], b"GET / HTTP/1.0\r\n\r\n"),
    "HTTP/1.2": ([400], b"GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
    "HTTP/2": ([400], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"),
    "small letters": ([400], b"GET / http/1.1\r\nHost: a\r\n\r\n"),
    "TLS": ([400], b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)),
    "SSH": ([400], b"SSH-2.0-x\r\n"),
    "the line of a proxy": ([400], b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n" + GET + b"\r\n"),
    # Methods
    "TRACE": ([405], b"TRACE / HTTP/1.1\r\nHost: a\r\n" + LAST + b"\r\n"),
    "a tunnel to a path": ([405], b"CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "a blank before the method": ([400], b" " + GET + b"\r\n"),
    "tabs for blanks": ([400], b"GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n"),
    # Hosts
    "IPv4 in brackets": ([200], b"GET / HTTP/1.1\r\nHost: [1.2.3.4]\r\n" + LAST + b"\r\n"),
    "colons in brackets": ([200], b"GET / HTTP/1.1\r\nHost: [::::]\r\n" + LAST + b"\r\n"),
    "a large port": ([200], b"GET / HTTP/1.1\r\nHost: a:9999999999\r\n" + LAST + b"\r\n"),
    # Lines
    "ends of lines before": ([200], b"\r\n\r\n" + target(b"/")),
    "line feeds alone": ([400], b"GET / HTTP/1.1\nHost: a\n\n"),
    "returns alone": ([400], b"GET / HTTP/1.1\rHost: a\r\r"),
    "a fold at once": ([400], b"GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    "a fold by a tab": ([400], GET + b"X: a\r\n\tb\r\n\r\n"),
    "a blank behind the version": ([400], b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
    "no colon": ([400], GET + b"X\r\n\r\n"),
    "a blank in a name": ([400], GET + b"X Y: a\r\n\r\n"),
    "bytes above 127 in a name": ([400], GET + b"X\xff: a\r\n\r\n"),
    "bytes above 127 in a value": ([200], GET + LAST + b"X: \xff\xfe\r\n\r\n"),
    "a control character in a value": ([400], GET + b"X: \x01\r\n\r\n"),
    "DEL in a value": ([400], GET + b"X: \x7f\r\n\r\n"),
    # Lengths
    "one length twice": ([400], POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na"),
    "a length without end": ([400], POST + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\na"),
    "a length below nothing": ([400], POST + b"Content-Length: -1\r\n\r\na"),
    "a length in hexadecimals": ([400], POST + b"Content-Length: 0x1\r\n\r\na"),
    "a length of nothing": ([400], POST + b"Content-Length: \r\n\r\na"),
    "a length in two words": ([400], POST + b"Content-Length: 1 1\r\n\r\na"),
    "a length, then a coding": (
        [400],
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    "a coding of nothing": ([400], POST + b"Transfer-Encoding:\r\n\r\n"),
    "a coding that is none": ([400], POST + b"Transfer-Encoding: identity\r\n\r\n"),
    "a coding behind a comma": ([400], POST + b"Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n"),
    "a coding twice": ([400], POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    "a coding behind a tab of lines": (
        [400],
        POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    ),
    # Pieces
    "a piece": ([200], CHUNKED + b"3\r\nabc\r\n0\r\n\r\n"),
    "pieces with extensions": ([200], CHUNKED + b'3;a="b\\"c;"\r\nabc\r\n0;x\r\n\r\n'),
    "many pieces with extensions": ([200], CHUNKED + b"1;a\r\nx\r\n" * 1_000 + b"0\r\n\r\n"),
    "zeros before a size": ([200], CHUNKED + b"0" * 100 + b"3\r\nabc\r\n0\r\n\r\n"),
    "a trailer": ([200], CHUNKED + b"3\r\nabc\r\n0\r\nX-Say: trailer\r\n\r\n"),
    "a size above 64 bits": ([], CHUNKED + b"F" * 17 + b"\r\nabc\r\n0\r\n\r\n"),
    "a size of 64 bits": ([], CHUNKED + b"F" * 16 + b"\r\nabc\r\n0\r\n\r\n"),
    "a size below nothing": ([], CHUNKED + b"-1\r\nabc\r\n0\r\n\r\n"),
    "a size with a sign": ([], CHUNKED + b"+3\r\nabc\r\n0\r\n\r\n"),
    "a size with 0x": ([], CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n"),
    "a blank before a size": ([], CHUNKED + b" 3\r\nabc\r\n0\r\n\r\n"),
    "a blank behind a size": ([], CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n"),
    "a size without return": ([], CHUNKED + b"3\nabc\n0\n\n"),
    "an extension without return": ([], CHUNKED + b"3;a\nabc\r\n0\r\n\r\n"),
    "a piece longer than its size": ([], CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n"),
    "a length in a trailer": ([], CHUNKED + b"3\r\nabc\r\n0\r\nContent-Length: 9\r\n\r\n"),
    "trailers without end": ([], CHUNKED + b"0\r\n" + b"X: a\r\n" * 5_000 + b"\r\n"),
    # Expectations
    "what is expected": (
        [100, 200],
        POST + LAST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
    ),
    "something else that is expected": (
        [200],
        POST + LAST + b"Expect: 200-maybe\r\nContent-Length: 5\r\n\r\nhello",
    ),
    # Several at once
    "many at once": ([200] * 5, (GET + b"\r\n") * 4 + target(b"/")),
    "one with a body, and another": (
        [200, 200],
        POST + b"Content-Length: 5\r\n\r\nhello" + target(b"/"),
    ),
    "one that hides another": (
        [200],
        POST + LAST + b"Content-Length: 46\r\n\r\n" + target(b"/secret"),
    ),
    # Upgrades
    "HTTP/2 by an upgrade": ([200], GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"),
    "a WebSocket where there is none": ([403], SOCKET + b"\r\n"),
    "a WebSocket by POST": ([405], POST + UPGRADE + KEY + b"\r\n"),
    "a WebSocket by HTTP/1.0": (
        [400],
        SOCKET.replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\n",
    ),
    "a WebSocket without a key": ([400], GET + UPGRADE + b"\r\n"),
    "a WebSocket with a body": ([400], SOCKET + b"Content-Length: 5\r\n\r\nhello"),
    "a WebSocket with a body to come": ([400], SOCKET + b"Content-Length: 5\r\n\r\n"),
    "a WebSocket with a body in pieces": (
        [400],
        SOCKET + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    ),
    "a WebSocket with a body of nothing": ([403], SOCKET + b"Content-Length: 0\r\n\r\n"),
    "a WebSocket with a long header": ([431], SOCKET + b"X: " + b"a" * 9_000 + b"\r\n\r\n"),
    "a WebSocket at a long address": (
        [414],
        SOCKET.replace(b"/ ", b"/" + b"a" * 9_000 + b" ", 1) + b"\r\n",
    ),
    "a WebSocket with bytes above 127": ([403], SOCKET + b"X: \xff\xfe\r\n\r\n"),
}
"""The statuses of the answers to what is said; without any, the connection ends or falls silent."""


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait long for the end of a connection."""
    monkeypatch.setattr(connection_bounds, "HEAD_SECONDS", 1.0)
    monkeypatch.setattr(connection_bounds, "BODY_SECONDS", 1.0)
    monkeypatch.setattr(connection_bounds, "TICK", 0.1)


async def said(port: int, sent: bytes) -> list[int]:
    """The statuses of all answers until the connection ends, which it must."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    try:
        writer.write(sent)
        while piece := await reader.read(65_536):
            answer += piece
    except ConnectionError:
        pass  # it was closed while there was more to read
    finally:
        writer.close()
    return [int(each) for each in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


async def all_said(port: int) -> dict[str, list[int]]:
    """The statuses of the answers to everything, which is said at once."""
    async with asyncio.timeout(PATIENCE):
        found = await asyncio.gather(*(said(port, sent) for _, sent in SAID.values()))
    return dict(zip(SAID, found, strict=True))


async def hello(request: Request) -> Response:
    with suppress(ClientDisconnect):
        await request.body()
    return PlainTextResponse("hello")


async def test_all_that_can_be_said_has_its_answer(caplog: pytest.LogCaptureFixture) -> None:
    app = Starlette(routes=[Route("/", hello, methods=["GET", "POST"])])
    async with listening(app, timeout_keep_alive=1) as port:
        found = await all_said(port)

    assert found == {name: expected for name, (expected, _) in SAID.items()}
    assert caplog.text == ""


async def test_the_gateway_has_an_answer_to_all_of_it(
    small_world: Starlette, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(small_world) as stack, listening(stack.app, timeout_keep_alive=1) as port:
        await unharmed(port, caplog)


async def test_the_portal_has_an_answer_to_all_of_it(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(settings(1))
    caplog.clear()
    async with listening(app, http=Bounded, ws="none", timeout_keep_alive=1) as port:
        await unharmed(port, caplog)


async def unharmed(port: int, caplog: pytest.LogCaptureFixture) -> None:
    """Everything is answered but the requests that are none, and nothing fails."""
    found = await all_said(port)

    assert {name: each for name, each in found.items() if max(each, default=0) >= 500} == {}
    assert {name for name, each in found.items() if not each} <= SILENT
    assert caplog.text == ""


SILENT = {name for name, (expected, _) in SAID.items() if not expected}
