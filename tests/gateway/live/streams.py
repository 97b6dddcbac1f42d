"""A client of streams in the same process: it asks the ASGI app, and reads events as they come."""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import Message

from tests.stack import Stack

FAST: dict[str, Any] = {"live_interval": 0.05}
"""Settings of a gateway that looks for changes all the time."""
SSE = "text/event-stream"
PATIENCE = 60.0
"""Seconds to wait for a frame: after failures the breaker can keep a feed from asking for 20."""


class Stream:
    """One open stream."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.text = ""
        self.ended = False
        self._came = asyncio.Event()
        self._left = asyncio.Event()
        self._read = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {k.decode(): v.decode() for k, v in message["headers"]}
        else:
            self.text += message.get("body", b"").decode()
            self.ended = not message.get("more_body", False)
        self._came.set()

    def leave(self) -> None:
        """Close the connection."""
        self._left.set()

    async def left(self) -> None:
        await self._left.wait()

    @property
    def events(self) -> list[tuple[str, str]]:
        """Name and data of the events so far."""
        found = []
        for block in self.text.split("\n\n")[:-1]:
            lines = dict(line.partition(":")[::2] for line in block.split("\n"))
            if "event" in lines:
                found.append((lines["event"].strip(), lines["data"].strip()))
        return found

    @property
    def frames(self) -> list[Any]:
        """The answers so far."""
        return [json.loads(data) for name, data in self.events if name == "next"]

    async def next(self, seconds: float = PATIENCE) -> Any:
        """The next answer."""
        async with asyncio.timeout(seconds):
            while len(self.frames) <= self._read:
                assert not self.ended, self.text
                await self._wait()
        self._read += 1
        return self.frames[self._read - 1]

    async def end(self, seconds: float = PATIENCE) -> None:
        """Wait until the server has ended the stream."""
        async with asyncio.timeout(seconds):
            while not self.ended:
                await self._wait()

    async def pings(self, number: int, seconds: float = PATIENCE) -> None:
        """Wait until so many comments came."""
        async with asyncio.timeout(seconds):
            while self.text.count("\n:\n") < number:
                await self._wait()

    async def quiet(self, seconds: float = 1.5) -> None:
        """No further answer comes for so long."""
        await asyncio.sleep(seconds)
        assert len(self.frames) == self._read, self.frames[self._read :]

    async def _wait(self) -> None:
        self._came.clear()
        await self._came.wait()


@asynccontextmanager
async def open_for(stream: Stream, answering: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """The answering of a request, whose client leaves at the end and waits for it to be over."""
    task = asyncio.create_task(answering)
    try:
        yield
    finally:
        stream.leave()
        async with asyncio.timeout(PATIENCE):
            await task


@asynccontextmanager
async def following(
    stack: Stack,
    query: str,
    *,
    as_: str = "jane",
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
    **variables: Any,
) -> AsyncIterator[Stream]:
    """A stream of a subscription; it is left at the end."""
    token = token or await stack.token(as_)
    sent = {
        "accept": SSE,
        "authorization": f"Bearer {token}",
        "content-type": "application/json",
        **{name.lower(): value for name, value in (headers or {}).items()},
    }
    body = json.dumps({"query": query, "variables": variables}).encode()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
    }
    stream, asked = Stream(), [body]

    async def receive() -> Message:
        if asked:
            return {"type": "http.request", "body": asked.pop(), "more_body": False}
        await stream.left()
        return {"type": "http.disconnect"}

    assert stack.app is not None
    async with open_for(stream, stack.app(scope, receive, stream.send)):
        yield stream


@asynccontextmanager
async def over_socket(
    stack: Stack,
    query: str,
    *,
    as_: str = "jane",
    headers: Mapping[str, str] | None = None,
    **variables: Any,
) -> AsyncIterator[Stream]:
    """The same subscription over a WebSocket, whose answers are kept as those of a stream."""
    token = await stack.token(as_)
    said: list[dict[str, Any]] = [
        {"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}},
        {"type": "subscribe", "id": "a", "payload": {"query": query, "variables": variables}},
    ]
    stream, begun, known = Stream(), [{"type": "websocket.connect"}], asyncio.Event()

    async def receive() -> Message:
        if begun:
            return begun.pop()
        if len(said) == 1:
            await known.wait()
        if said:
            return {"type": "websocket.receive", "text": json.dumps(said.pop(0))}
        await stream.left()
        return {"type": "websocket.disconnect", "code": 1000}

    async def send(message: Message) -> None:
        heard = json.loads(message.get("text") or "{}")
        if heard.get("type") == "connection_ack":
            known.set()
        elif heard.get("type") == "next":
            frame = f"event: next\ndata: {json.dumps(heard['payload'])}\n\n"
            body = {"type": "http.response.body", "body": frame.encode(), "more_body": True}
            await stream.send(body)
        elif heard.get("type") == "error" or message["type"] == "websocket.close":
            frame = f"event: next\ndata: {json.dumps({'errors': heard.get('payload')})}\n\n"
            await stream.send({"type": "http.response.body", "body": frame.encode()})

    sent = {"x-ignored": "-", **{name.lower(): value for name, value in (headers or {}).items()}}
    scope = {
        "type": "websocket",
        "path": "/graphql",
        "query_string": b"",
        "client": ("127.0.0.1", 1),
        "subprotocols": ["graphql-transport-ws"],
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
    }
    assert stack.app is not None
    async with open_for(stream, stack.app(scope, receive, send)):
        yield stream
