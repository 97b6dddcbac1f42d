"""A partner's receiver of webhooks, which can be told to fail."""

import asyncio
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from typing import Any

SECRETS = tuple("whsec_" + b64encode(bytes([n]) * 32).decode() for n in (1, 2))


class Received:
    """One message."""

    def __init__(self, head: str, body: bytes) -> None:
        lines = [line.partition(":") for line in head.split("\r\n")[1:] if line]
        self.headers = {name.lower(): text.strip() for name, _, text in lines}
        self.body = body

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def content(self) -> Any:
        return json.loads(self.body)

    def is_signed_by(self, secret: str) -> bool:
        """True if one of the signatures is by this secret, computed as the specification says."""
        key = b64decode(secret.removeprefix("whsec_"))
        said = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        expected = b64encode(hmac.digest(key, said, "sha256")).decode()
        return f"v1,{expected}" in self.headers["webhook-signature"].split(" ")


class Receiver:
    """Answers each message with the next of its statuses, and with 204 behind the last."""

    def __init__(self) -> None:
        self.port = 0
        self.tried: list[Received] = []
        self.taken: list[Received] = []
        self.statuses: list[int] = []
        self._came = asyncio.Event()
        self.under_way: set[asyncio.Task[None]] = set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        task = asyncio.create_task(self.serve(reader, writer))
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A sender may have given up.
        with closing(writer), suppress(asyncio.IncompleteReadError, ConnectionError):
            await self.answer(reader, writer)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one message and answer it."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        found = Received(head, b"")
        found.body = await reader.readexactly(int(found.headers["content-length"]))
        status = self.statuses.pop(0) if self.statuses else 204
        self.tried.append(found)
        if status < 300:
            self.taken.append(found)
        location = "Location: http://127.0.0.1:1/\r\n" if 300 <= status < 400 else ""
        writer.write(f"HTTP/1.1 {status} Said\r\n{location}Content-Length: 0\r\n\r\n".encode())
        await writer.drain()
        self._came.set()

    async def wait(self, number: int, seconds: float = 30.0) -> Sequence[Received]:
        """Wait until so many messages were taken."""
        async with asyncio.timeout(seconds):
            while len(self.taken) < number:
                self._came.clear()
                await self._came.wait()
        return self.taken


@asynccontextmanager
async def receiving(receiver: Receiver | None = None) -> AsyncIterator[Receiver]:
    """A receiver that listens on this machine."""
    receiver = receiver or Receiver()
    server = await asyncio.start_server(receiver.accept, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    async with server:
        yield receiver
        for each in receiver.under_way:
            each.cancel()
        await asyncio.gather(*receiver.under_way, return_exceptions=True)
