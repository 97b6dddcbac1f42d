"""
Our own HTTP/1.1 client: a request's bytes out, kept connections, as little in between as can be.

It raises what httpx2's own transport raises, and can stand under httpx2's client too.
"""

import asyncio
import re
import ssl
from functools import lru_cache

import httpx2

from gateway.client.exchange import MAX_ANSWER, Reply, Request, Timeouts
from gateway.client.pool import DEFAULT_PORTS, Pool
from gateway.client.trusted_certificates import trusted

WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose requests say how long their body is, even if there is none."""
OURS = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding"})
"""Headers of httpx2's client that are the transport's own business."""
SENDABLE = re.compile(r"[!\"$-~]+")
"""An address that can be sent as it is: no blank, nothing beyond ASCII, no fragment."""


class Http1Transport(httpx2.AsyncBaseTransport):
    """HTTP/1.1 with kept connections, for one event loop."""

    def __init__(
        self,
        connections: int = 40,
        *,
        maximum: int = MAX_ANSWER,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """
        `connections`: how many to one origin at once. `maximum`: bytes of an answer that are taken.

        `trust` says whom to believe that they are the service: by default whom httpx2 believes.
        """
        self._connections = connections
        self._maximum = maximum
        self._trust = trust
        self._pools: dict[str, Pool] = {}

    async def exchange(self, request: Request, timeouts: Timeouts) -> Reply:
        """See `Transport`. LocalProtocolError, InvalidURL for what cannot be sent as HTTP."""
        url = request.url if SENDABLE.fullmatch(request.url) else _sendable(request.url)
        # The shortest origin is "http://x".
        path = url.find("/", 8)
        origin, target = (url[:path], url[path:]) if path > 0 else (url, "/")
        pool = self._pools.get(origin) or self._pool(origin)
        data = _encoded(request, target, pool.authority)
        return await pool.exchange(request.method, data, timeouts)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request of httpx2's client."""
        headers = {name: value for name, value in request.headers.items() if name not in OURS}
        timeouts = {k: v for k, v in request.extensions.get("timeout", {}).items() if v is not None}
        body = await request.aread()
        reply = await self.exchange(
            Request(request.method, str(request.url), body, headers), Timeouts(**timeouts)
        )
        return httpx2.Response(reply.status, headers=dict(reply.headers), content=reply.body)

    async def aclose(self) -> None:
        for pool in self._pools.values():
            pool.close()
        # The event loop closes sockets in its next round.
        await asyncio.sleep(0)

    def _pool(self, origin: str) -> Pool:
        url = httpx2.URL(origin)
        if url.scheme not in DEFAULT_PORTS or not url.host or url.userinfo or url.query:
            raise httpx2.UnsupportedProtocol("The address is not of a service.")
        trust = self._trust or trusted()
        pool = self._pools[origin] = Pool(url, self._connections, self._maximum, trust)
        return pool


def _sendable(url: str) -> str:
    """The address with what cannot be sent in it escaped; its fragment is not for the service."""
    escaped = str(httpx2.URL(url).copy_with(fragment=None))
    if not SENDABLE.fullmatch(escaped):
        raise httpx2.LocalProtocolError("The address holds what no address may.")
    return escaped


def _encoded(request: Request, target: str, authority: str) -> bytes:
    """The request's bytes, of a sendable target; LocalProtocolError where a line would be two."""
    if not (request.method.isalpha() and request.method.isascii()):
        raise httpx2.LocalProtocolError("A method is a word.")
    head = f"{request.method} {target} HTTP/1.1\r\n".encode("ascii")
    head += _headers(authority, tuple(request.headers.items()))
    for name, value in request.own:
        if not SENDABLE.fullmatch(value):
            raise httpx2.LocalProtocolError("A header holds what no header may.")
        head += f"{name}: {value}\r\n".encode("ascii")
    if request.body or request.method in WITH_BODY:
        head += b"Content-Length: %d\r\n" % len(request.body)
    return head + b"\r\n" + request.body


@lru_cache(maxsize=64)
def _headers(authority: str, headers: tuple[tuple[str, str], ...]) -> bytes:
    """The lines of headers. Reads have few different ones, and they are long: tokens."""
    lines = [
        f"Host: {authority}",
        "Accept-Encoding: identity",
        *[f"{name}: {value}" for name, value in headers],
        "",
    ]
    text = "\r\n".join(lines)
    breaks = len(lines) - 1
    if not (text.isascii() and text.count("\r") == text.count("\n") == breaks) or "\0" in text:
        raise httpx2.LocalProtocolError("A header holds what no header may.")
    return text.encode("ascii")
