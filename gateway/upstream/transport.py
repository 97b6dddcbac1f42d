"""
Our own HTTP/1.1 client: a request's bytes out, kept connections, as little in between as can be.

It raises what httpx2's own transport raises, and can stand under httpx2's client too.
"""

import asyncio
import re
import ssl

import httpx2

from gateway.upstream.exchange import MAX_ANSWER, Reply, Request, Timeouts
from gateway.upstream.pool import DEFAULT_PORTS, Pool

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
        url = request.url
        if not SENDABLE.fullmatch(url):
            url = str(httpx2.URL(url).copy_with(fragment=None))
        scheme, _, rest = url.partition("://")
        authority, _, target = rest.partition("/")
        pool = self._pools.get(origin := f"{scheme}://{authority}") or self._pool(origin)
        data = _encoded(request, f"/{target}", pool.authority)
        return await pool.exchange(request.method, data, timeouts)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The same for httpx2's client."""
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
        trust = self._trust or httpx2.create_ssl_context(trust_env=False)
        pool = self._pools[origin] = Pool(url, self._connections, self._maximum, trust)
        return pool


def _encoded(request: Request, target: str, authority: str) -> bytes:
    """The request's bytes; LocalProtocolError where a header would end early and another begin."""
    lines = [
        f"{request.method} {target} HTTP/1.1",
        f"Host: {authority}",
        "Accept-Encoding: identity",
        *[f"{name}: {value}" for name, value in request.headers.items()],
    ]
    if request.body or request.method in WITH_BODY:
        lines.append(f"Content-Length: {len(request.body)}")
    head = "\r\n".join(lines)
    breaks = len(lines) - 1
    if not (head.isascii() and head.count("\r") == head.count("\n") == breaks) or "\0" in head:
        raise httpx2.LocalProtocolError("A header holds what no header may.")
    return head.encode("ascii") + b"\r\n\r\n" + request.body
