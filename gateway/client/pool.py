"""The connections to one origin: who gets one, in what order, and which are kept for the next."""

import asyncio
import ssl
from collections import deque

import httpx2

from gateway.client.exchange import Reply, Timeouts
from gateway.client.http1_connection import HttpConnection

KEPT = 30.0
"""Seconds that a connection may lie idle; services hang up after two minutes or more."""
DEFAULT_PORTS = {"http": 80, "https": 443}


class Slots:
    """Places for a number of callers at once; the others wait in the order of their arrival."""

    def __init__(self, number: int) -> None:
        self._free = number
        """Free places; 0 while any request waits."""
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take(self) -> bool:
        """Take a place; False where there is none."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def wait(self) -> None:
        """Wait for a place, first come, first served."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                # It was given a place at the moment in which its caller went away.
                self.leave()
            raise

    def leave(self) -> None:
        """Release a place, to the first request that waits if there is one."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class Pool:
    """
    The connections of the running loop to one origin, at most `connections` of them, each idle or
    carrying a request.
    """

    def __init__(
        self, origin: httpx2.URL, connections: int, maximum: int, trust: ssl.SSLContext
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.authority = origin.netloc.decode("ascii")
        self._host = origin.raw_host.decode("ascii")
        self._port = origin.port or DEFAULT_PORTS[origin.scheme]
        self._tls = trust if origin.scheme == "https" else None
        trust.set_alpn_protocols(["http/1.1"])
        self._maximum = maximum
        # A connection is made only while none is idle, so there are never more of them than places.
        self._places = Slots(connections)
        self._idle: deque[HttpConnection] = deque()
        self._closed = False

    async def exchange(self, method: str, data: bytes, timeouts: Timeouts) -> Reply:
        """Send a request's bytes over the connection that was used last; return the reply."""
        if not self._places.take():
            await self._place(timeouts)
        try:
            connection = self._kept() or await self._connected(timeouts)
            reply = await connection.exchange(method, data, timeouts)
            self._keep(connection)
            return reply
        finally:
            self._places.leave()

    def close(self) -> None:
        """Close the idle connections; a connection in use is closed after its exchange."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    async def _place(self, timeouts: Timeouts) -> None:
        async with timeouts.whole():
            try:
                async with asyncio.timeout(timeouts.pool):
                    await self._places.wait()
            except TimeoutError:
                raise httpx2.PoolTimeout("All connections to the service are taken.") from None

    def _kept(self) -> HttpConnection | None:
        oldest = self._loop.time() - KEPT
        while self._idle and self._idle[0].moved < oldest:
            self._idle.popleft().close()
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            connection.close()
        return None

    def _keep(self, connection: HttpConnection) -> None:
        # What the event loop has not seen yet is looked for before the next use, which is later.
        if connection.open and not self._closed:
            self._idle.append(connection)
        else:
            connection.close()

    async def _connected(self, timeouts: Timeouts) -> HttpConnection:
        async with timeouts.whole():
            try:
                async with asyncio.timeout(timeouts.connect):
                    return await self._connect()
            except TimeoutError:
                raise httpx2.ConnectTimeout("The service does not accept connections.") from None
            except OSError as error:
                raise httpx2.ConnectError(str(error)) from error

    async def _connect(self) -> HttpConnection:
        _, connection = await self._loop.create_connection(
            lambda: HttpConnection(self._maximum),
            self._host,
            self._port,
            ssl=self._tls,
            server_hostname=self._host if self._tls else None,
        )
        return connection
