"""Waiting in tests, with an end: a test that waits for ever is as bad as one that fails."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from socket import socket
from threading import Thread
from time import monotonic, sleep
from typing import Any, Final

import uvicorn

PATIENCE: Final = 60.0
"""Seconds to wait for what takes moments on a machine that has nothing else to do."""
GRACE: Final = 20
"""Seconds that requests get which are under way when a server ends: a test that failed may have
left some that would never end."""


async def until(holds: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until something is true of which nobody tells."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.02)


async def until_asked(holds: Callable[[], Awaitable[object]], seconds: float = PATIENCE) -> None:
    """Wait until the answer to a question that is asked again and again is true."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.02)


def server_of(app: Any, **options: Any) -> uvicorn.Server:
    """A server that ends soon after it is told to, whatever is under way."""
    quiet = {"log_config": None, "access_log": False, "lifespan": "off"}
    config = uvicorn.Config(app, **{**quiet, "timeout_graceful_shutdown": GRACE, **options})
    return uvicorn.Server(config)


@asynccontextmanager
async def served_at(server: uvicorn.Server, listener: socket) -> AsyncIterator[None]:
    """A server at work on a socket that listens."""
    serving = asyncio.create_task(server.serve([listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving


@contextmanager
def served_by_thread(app: Any, bound: socket, **options: Any) -> Iterator[None]:
    """An app served on a socket that is bound, by a thread of its own."""
    server = server_of(app, **options)
    thread = Thread(target=server.run, args=([bound],), daemon=True)
    thread.start()
    end = monotonic() + PATIENCE
    while not server.started:
        assert monotonic() < end, "the server does not start"
        sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
