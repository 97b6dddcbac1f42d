"""
Faults of an upstream service as the makers of four tools for testing list them, for one answer.

Each is written anew from the tool's own description: the toxics of Toxiproxy (Shopify/toxiproxy,
README), the faults and delays of WireMock (wiremock.org/docs/simulating-faults), the socket
policies of MockWebServer (square/okhttp, SocketPolicy), the endpoints of httpbin (httpbin.org), and
the moments of Quarkus Network Faults (docs.quarkiverse.io/quarkus-network-faults).
"""

import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from socket import SHUT_RD, SHUT_WR

from tests.gateway.upstream.servers import Asked

LONG = 30.0
"""Seconds beyond all patience."""


@dataclass(frozen=True)
class Real:
    """The answer that the service itself would give."""

    status: int
    content_type: str
    body: bytes

    @property
    def head(self) -> bytes:
        return head(self.status, self.content_type, f"Content-Length: {len(self.body)}")

    @property
    def whole(self) -> bytes:
        return self.head + self.body


Fault = Callable[[Asked, Real], Awaitable[None]]


def head(status: int, content_type: str, *lines: str) -> bytes:
    """The head of an answer, with further lines."""
    every = (f"HTTP/1.1 {status} x", f"Content-Type: {content_type}", *lines)
    return ("\r\n".join(every) + "\r\n\r\n").encode("ascii")


async def well(asked: Asked, real: Real) -> None:
    """No fault."""
    await asked.answer(real.whole)


async def down(asked: Asked, real: Real) -> None:
    asked.reset()


def late(seconds: float) -> Fault:
    """The answer, so much later."""

    async def answer(asked: Asked, real: Real) -> None:
        await asyncio.sleep(seconds)
        await asked.answer(real.whole)

    return answer


def uneven(median: float) -> Fault:
    """The answer, later by a log-normal delay."""
    random = Random(1)  # noqa: S311 - the same each time

    async def answer(asked: Asked, real: Real) -> None:
        await asyncio.sleep(median * random.lognormvariate(0, 0.5))
        await asked.answer(real.whole)

    return answer


def sliced(pieces: int, seconds: float, *, close: bool = False) -> Fault:
    """The answer in so many pieces over so many seconds."""

    async def answer(asked: Asked, real: Real) -> None:
        size = max(1, len(real.whole) // pieces)
        parts = [real.whole[n : n + size] for n in range(0, len(real.whole), size)]
        await asked.answer(*parts, pause=seconds / len(parts))
        if close:
            asked.hang_up()

    return answer


def closing(after: float) -> Fault:
    """The answer, and the end of the connection so much later."""

    async def answer(asked: Asked, real: Real) -> None:
        await asked.answer(real.whole)
        await asyncio.sleep(after)
        asked.hang_up()

    return answer


def silent(seconds: float) -> Fault:
    """Nothing, and the end of the connection after so many seconds."""

    async def answer(asked: Asked, real: Real) -> None:
        await asyncio.sleep(seconds)
        asked.hang_up()

    return answer


def reset(after: float = 0.0) -> Fault:
    """A reset, after so many seconds."""

    async def answer(asked: Asked, real: Real) -> None:
        await asyncio.sleep(after)
        asked.reset()

    return answer


def part(size: Callable[[Real], int], end: str) -> Fault:
    """So many bytes of the answer, and then `close`, `reset` or `hang`."""

    async def answer(asked: Asked, real: Real) -> None:
        await asked.answer(real.whole[: size(real)])
        await asyncio.sleep(LONG if end == "hang" else 0.02)
        (asked.reset if end == "reset" else asked.hang_up)()

    return answer


def shut(way: int, *, answered: bool) -> Fault:
    """One direction of the connection ended, before or after the answer."""

    async def answer(asked: Asked, real: Real) -> None:
        if answered:
            await asked.answer(real.whole)
        asked.writer.get_extra_info("socket").shutdown(way)
        await asyncio.sleep(LONG if way == SHUT_WR else 0.05)
        asked.hang_up()

    return answer


def status(number: int, *lines: str) -> Fault:
    """An answer of this status with a page of somebody else's."""

    async def answer(asked: Asked, real: Real) -> None:
        body = b"<html><body>No.</body></html>"
        size = f"Content-Length: {len(body)}"
        await asked.answer(head(number, "text/html", size, *lines) + body)

    return answer


def instead(content_type: str, body: bytes, *lines: str) -> Fault:
    """A success with something else in it."""

    async def answer(asked: Asked, real: Real) -> None:
        await asked.answer(head(200, content_type, f"Content-Length: {len(body)}", *lines) + body)

    return answer


def packed(name: str, pack: Callable[[bytes], bytes]) -> Fault:
    """The answer in an encoding that was not asked for."""

    async def answer(asked: Asked, real: Real) -> None:
        body = pack(real.body)
        lines = f"Content-Encoding: {name}", f"Content-Length: {len(body)}"
        await asked.answer(head(real.status, real.content_type, *lines) + body)

    return answer


CHUNKED = "Transfer-Encoding: chunked"


def chunks(count: int | None, end: str) -> Fault:
    """So many chunks of the answer of eight, or all of them, and then `close`, `reset`, `hang`."""

    async def answer(asked: Asked, real: Real) -> None:
        size = max(1, len(real.body) // 8)
        parts = [real.body[n : n + size] for n in range(0, len(real.body), size)]
        pieces = [b"%x\r\n%s\r\n" % (len(each), each) for each in parts][:count]
        await asked.answer(head(real.status, real.content_type, CHUNKED), *pieces, pause=0.005)
        if count is None:
            await asked.answer(b"0\r\n\r\n")
            return
        await asyncio.sleep(LONG if end == "hang" else 0.02)
        (asked.reset if end == "reset" else asked.hang_up)()

    return answer


async def garbage_chunk(asked: Asked, real: Real) -> None:
    """A status of success, then garbage, then the end."""
    await asked.answer(
        head(200, real.content_type, CHUNKED) + b"lskdu018973t09sylgasjkfg1][]'./.sdlv"
    )
    asked.hang_up()


async def garbage(asked: Asked, real: Real) -> None:
    """Garbage, then the end."""
    await asked.answer(Random(1).randbytes(64))  # noqa: S311 - the same each time
    asked.hang_up()


def fixed(size: int) -> Callable[[Real], int]:
    return lambda real: size


def half(real: Real) -> int:
    return len(real.head) + len(real.body) // 2


def to_head(real: Real) -> int:
    return len(real.head)


AT_START: dict[str, Fault] = {
    "toxiproxy: reset_peer": reset(),
    "mockwebserver: DISCONNECT_AT_START": silent(0.0),
    "mockwebserver: STALL_SOCKET_AT_START": silent(LONG),
}
"""Faults that strike before the request is read."""
REFUSED = "toxiproxy: down"
"""Nobody listens."""
ANSWERS: dict[str, Fault] = {
    "toxiproxy: latency": late(0.2),
    "toxiproxy: latency beyond patience": late(5.0),
    "toxiproxy: bandwidth": sliced(10, 0.3),
    "toxiproxy: slow_close": closing(1.0),
    "toxiproxy: timeout": silent(0.3),
    "toxiproxy: timeout of 0": silent(LONG),
    "toxiproxy: reset_peer after a timeout": reset(0.2),
    "toxiproxy: slicer": sliced(60, 0.1),
    "toxiproxy: limit_data": part(fixed(100), "close"),
    "wiremock: fixedDelay": late(0.3),
    "wiremock: logNormalRandomDelay": uneven(0.2),
    "wiremock: chunkedDribbleDelay": sliced(5, 0.4),
    "wiremock: EMPTY_RESPONSE": silent(0.0),
    "wiremock: MALFORMED_RESPONSE_CHUNK": garbage_chunk,
    "wiremock: RANDOM_DATA_THEN_CLOSE": garbage,
    "wiremock: CONNECTION_RESET_BY_PEER": reset(0.01),
    "mockwebserver: DISCONNECT_AT_END": closing(0.0),
    "mockwebserver: DISCONNECT_AFTER_REQUEST": silent(0.02),
    "mockwebserver: HALF_CLOSE_AFTER_REQUEST": shut(SHUT_WR, answered=False),
    "mockwebserver: DISCONNECT_DURING_RESPONSE_BODY": part(half, "close"),
    "mockwebserver: SHUTDOWN_INPUT_AT_END": shut(SHUT_RD, answered=True),
    "mockwebserver: SHUTDOWN_OUTPUT_AT_END": shut(SHUT_WR, answered=True),
    "mockwebserver: NO_RESPONSE": silent(LONG + 1),
    **{
        f"httpbin: /status/{number}": status(number)
        for number in (400, 401, 403, 404, 408, 418, 500, 502, 503, 504)
    },
    "httpbin: /status/429": status(429, "Retry-After: 1"),
    "httpbin: /redirect/1": status(302, "Location: http://127.0.0.1:9/elsewhere"),
    "httpbin: /delay/10": late(10.0),
    "httpbin: /drip": sliced(40, 3.0),
    "httpbin: /stream-bytes": chunks(None, "close"),
    "httpbin: /bytes": instead("application/octet-stream", bytes(range(256))),
    "httpbin: /gzip": packed("gzip", gzip.compress),
    "httpbin: /deflate": packed("deflate", zlib.compress),
    "httpbin: /html": instead("text/html; charset=utf-8", b"<!DOCTYPE html><h1>Melville</h1>"),
    "httpbin: /xml": instead("application/xml", b"<?xml version='1.0'?><slideshow/>"),
    "httpbin: /json": instead("application/json", b'{"slideshow": {"author": "Yours"}}'),
    "quarkus: hangs:headers": part(to_head, "hang"),
    "quarkus: hangs:chunks:2": chunks(2, "hang"),
    "quarkus: closes:chunks:2": chunks(2, "close"),
    "quarkus: dies-mid-request:headers": part(to_head, "reset"),
    "quarkus: dies-mid-request:512": part(fixed(512), "reset"),
}
