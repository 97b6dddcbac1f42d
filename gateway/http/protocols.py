"""
The protocols that `gateway serve` speaks: ours, where they fit the uvicorn that is installed.

`gateway.http.serving` builds on private parts of uvicorn. Before it serves anybody it answers two
requests in memory; unless every byte is what uvicorn itself writes, uvicorn's own protocol serves.
"""

import asyncio
import logging
from typing import Any, Final

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

try:
    from gateway.http.serving import Protocol
except ImportError:
    OURS: type[HttpToolsProtocol] | None = None
else:
    OURS = Protocol
try:
    from front.socket_bounds import BoundedSocket
except ImportError:
    SOCKETS: type[asyncio.Protocol] | None = None
else:
    SOCKETS = BoundedSocket

log = logging.getLogger(__name__)
REQUESTS: Final = (
    b"POST /graphql HTTP/1.1\r\nHost: gateway\r\nContent-Length: 2\r\n\r\n{}"
    b"GET /livez HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n"
)
PATIENCE: Final = 2.0
"""Seconds that the two answers may take."""


class Wire(asyncio.Transport):
    """A connection that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = asyncio.Event()

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed.set()

    def is_closing(self) -> bool:
        return self.closed.is_set()

    def abort(self) -> None:
        self.closed.set()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing waits to be sent."""

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        """All that comes is here already."""

    def resume_reading(self) -> None:
        """All that comes is here already."""


def protocol(ours: type[HttpToolsProtocol] | None = OURS) -> type[HttpToolsProtocol]:
    """`ours` if it writes what uvicorn does, else uvicorn's own, with a line in the log."""
    if ours and asyncio.run(_fits(ours)):
        return ours
    log.warning("uvicorn %s: served by its own protocol, not by ours", uvicorn.__version__)
    return HttpToolsProtocol


def sockets(maximum: int) -> dict[str, Any]:
    """uvicorn's settings for WebSockets within our bounds, whose messages have so many bytes."""
    if SOCKETS is None:
        log.warning("uvicorn %s: there are no WebSockets", uvicorn.__version__)
        return {"ws": "none"}
    # Compressing would hold much memory for each socket, and tell the length of secrets.
    return {"ws": SOCKETS, "ws_max_size": maximum, "ws_per_message_deflate": False}


async def _fits(ours: type[HttpToolsProtocol]) -> bool:
    expected = await _answers(HttpToolsProtocol)
    try:
        return await _answers(ours) == expected
    except Exception:
        log.debug("The protocol failed", exc_info=True)
        return False


async def _answers(kind: type[HttpToolsProtocol]) -> bytes:
    """
    The bytes that a protocol answers to the requests; TimeoutError if it does not come to an end.
    """
    config = uvicorn.Config(_app, http=kind, lifespan="off", log_config=None, access_log=False)
    config.load()
    connection, wire = kind(config, ServerState(), {}), Wire()
    connection.connection_made(wire)
    connection.data_received(REQUESTS)
    try:
        async with asyncio.timeout(PATIENCE):
            await wire.closed.wait()
    finally:
        connection.connection_lost(None)
    return wire.written


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    """The length of the body that came, as JSON, with its length."""
    body = str(len((await receive())["body"])).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"1")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
