"""A gateway that listens, for what only a real connection shows."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import ASGIApp

from gateway.http.protocols import sockets
from gateway.http.serving import Protocol
from tests.waiting import served_at, server_of

MOST = 65_536
"""Bytes of a message of a client that is known."""


@asynccontextmanager
async def listening(app: ASGIApp | None, **more: Any) -> AsyncIterator[int]:
    """The port at which `app` is served, with the protocols of `gateway serve`."""
    assert app is not None
    server = server_of(app, **{"http": Protocol, **sockets(MOST), **more})
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with served_at(server, listener):
            yield listener.getsockname()[1]
