"""Small servers on real sockets that answer as they are told, well or badly."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Asked:
    """One request as it came, and the way back to who sent it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int
    """Counts the connections from 0."""
    writer: asyncio.StreamWriter

    async def answer(self, *pieces: bytes, pause: float = 0.01) -> None:
        """Send bytes as they are, each piece on its own."""
        for number, piece in enumerate(pieces):
            await asyncio.sleep(pause if number else 0)
            self.writer.write(piece)
            await self.writer.drain()

    def hang_up(self) -> None:
        """End the connection when everything is sent."""
        self.writer.close()

    def reset(self) -> None:
        """End the connection as a crash does."""
        socket = self.writer.get_extra_info("socket")
        socket.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Behaviour = Callable[[Asked], Awaitable[None]]


@dataclass
class Server:
    """A server that knows what it was asked, over how many connections, and how many are open."""

    behave: Behaviour
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    most_open: int = 0

    async def left_with(self, connections: int) -> bool:
        """True if at most so many connections are open, at once or when it has noticed ends."""
        for _ in range(200):
            if self.open <= connections:
                return True
            await asyncio.sleep(0.01)
        return False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, self.connections = self.connections, self.connections + 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            # Clients that go away are what is tested.
            with suppress(OSError, asyncio.IncompleteReadError):
                while True:
                    asked = await request_of(reader, writer, number)
                    self.asked.append(asked)
                    await self.behave(asked)
        finally:
            self.open -= 1
            writer.transport.abort()


async def request_of(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int
) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, target, headers, body, connection, writer)


@asynccontextmanager
async def serving(
    behave: Behaviour, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Server]:
    """A server on loopback; its connections are ended with it."""
    server = Server(behave)
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(server.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(connected, host, 0, ssl=tls)
    port = listener.sockets[0].getsockname()[1]
    server.url = f"{'https' if tls else 'http'}://{host}:{port}"
    try:
        yield server
    finally:
        listener.close()
        for task in [*tasks]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await listener.wait_closed()
        # The event loop closes sockets in its next round.
        await asyncio.sleep(0)


def always(*pieces: bytes, pause: float = 0.01) -> Behaviour:
    """The same bytes to every request."""

    async def behave(asked: Asked) -> None:
        await asked.answer(*pieces, pause=pause)

    return behave


def first_then(first: Behaviour, then: Behaviour) -> Behaviour:
    """One behaviour on the first connection, another on all later ones."""

    async def behave(asked: Asked) -> None:
        await (first if asked.connection == 0 else then)(asked)

    return behave
