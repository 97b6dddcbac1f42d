"""
The seam below `Service`: one HTTP request to its whole answer, over whatever transport there is.

A transport sends a request once. It raises httpx2's transport errors, which say whether the service
can have seen the request (see `sender.UNSENT`); it follows no redirect and keeps no cookie.
"""

import asyncio
from collections.abc import Mapping
from math import inf
from typing import Protocol

import httpx2
import msgspec

from gateway.client.trusted_certificates import trusted

MAX_ANSWER = 10 * 1024 * 1024
"""The maximum size of an answer in bytes, unless the transport sets another."""


class Unacceptable(httpx2.RemoteProtocolError):
    """A whole answer that we do not take, and would not take if it was sent again."""


class Request(msgspec.Struct, frozen=True):
    """A request to send, alone or inside a batch; `url` is absolute."""

    method: str
    url: str
    body: bytes = b""
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    own: tuple[tuple[str, str], ...] = ()
    """Headers of this one request alone; what it has in common with others stands in `headers`."""
    user: int = 0
    """The application user who sends it, where there are several."""


class Reply(msgspec.Struct, frozen=True):
    """A whole answer; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Timeouts(msgspec.Struct, frozen=True):
    """
    Timeouts in seconds: `connect` to open a connection, `read` between received bytes, `write`
    between sent bytes, `pool` to wait for a free connection.

    `until` is the deadline of the whole exchange, on the clock of the running loop.
    """

    connect: float = 2.0
    read: float = 8.0
    write: float = 8.0
    pool: float = 10.0
    until: float = inf

    def whole(self) -> asyncio.Timeout:
        """A context that raises TimeoutError when `until` comes."""
        return asyncio.timeout_at(self.until if self.until < inf else None)


class Transport(Protocol):
    """The way in which requests are carried."""

    async def exchange(self, request: Request, timeouts: Timeouts) -> Reply:
        """
        The answer to `request`, sent once.

        Raises httpx2.TransportError where there is none, TimeoutError at `timeouts.until`.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


class Httpx2Transport:
    """Carries requests over a transport of httpx2: its own, or one that a test hands in."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, *, maximum: int = MAX_ANSWER) -> None:
        """A body of more than `maximum` bytes raises Unacceptable."""
        self._inner = inner
        self._maximum = maximum

    @classmethod
    def stock(cls, connections: int) -> "Httpx2Transport":
        """A transport over httpx2's own sockets, with at most `connections` of them."""
        limits = httpx2.Limits(max_connections=connections)
        # Proxies and certificates of the environment are not the settings' doing.
        return cls(httpx2.AsyncHTTPTransport(verify=trusted(), limits=limits, trust_env=False))

    async def exchange(self, request: Request, timeouts: Timeouts) -> Reply:
        async with timeouts.whole():
            return await self._exchange(request, timeouts)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _exchange(self, request: Request, timeouts: Timeouts) -> Reply:
        response = await self._inner.handle_async_request(for_httpx2(request, timeouts))
        assert isinstance(response.stream, httpx2.AsyncByteStream)  # noqa: S101 - for the types
        headers = {name.lower(): value for name, value in response.headers.items()}
        try:
            accept(response.status_code, headers, self._maximum)
            body = await self._read(response.stream)
        finally:
            await response.stream.aclose()
        return Reply(response.status_code, headers, body)

    async def _read(self, stream: httpx2.AsyncByteStream) -> bytes:
        body = bytearray()
        async for piece in stream:
            body += piece
            if len(body) > self._maximum:
                raise too_large(self._maximum)
        return bytes(body)


def accept(status: int, headers: Mapping[str, str], maximum: int) -> None:
    """Raise Unacceptable where the head of an answer says that we cannot use its body."""
    # The body of an error is not needed; without it, the status can always be reported.
    if status < 300 and headers.get("content-encoding", "identity") != "identity":
        raise Unacceptable("The service packed its answer, which it was not asked to do.")
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > maximum:
        raise too_large(maximum)


def too_large(maximum: int) -> Unacceptable:
    return Unacceptable(f"The service's answer has more than {maximum:,} bytes.")


def for_httpx2(request: Request, timeouts: Timeouts) -> httpx2.Request:
    """A request as transports of httpx2 take it."""
    return httpx2.Request(
        request.method,
        request.url,
        headers={"Accept-Encoding": "identity", **request.headers, **dict(request.own)},
        content=request.body or None,
        extensions={
            "timeout": {
                "connect": timeouts.connect,
                "read": timeouts.read,
                "write": timeouts.write,
                "pool": timeouts.pool,
            }
        },
    )


def reason_of(error: Exception) -> str:
    """The reason for which a host was not reached, in the system's words; of others the kind."""
    kind = type(error).__name__
    return f"{kind}: {error}"[:200] if isinstance(error, httpx2.ConnectError) else kind
