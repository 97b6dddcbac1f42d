"""A gateway that listens, for what only a real connection shows."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from gateway.http.protocols import sockets
from gateway.http.serving import Protocol

MOST = 65_536
"""Bytes of a message of a client that is known."""


@asynccontextmanager
async def listening(app: ASGIApp | None, **more: Any) -> AsyncIterator[int]:
    """The port at which `app` is served, with the protocols of `gateway serve`."""
    assert app is not None
    options = {"http": Protocol, "log_config": None, "lifespan": "off", **sockets(MOST), **more}
    server = uvicorn.Server(uvicorn.Config(app, **options))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve([listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await serving
