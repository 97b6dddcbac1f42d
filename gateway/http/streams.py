"""
The events of a stream, as any transport can send them, and as server-sent events in the distinct
connections mode of GraphQL over SSE: each answer is an event `next`, an operation that has ended
says `complete`, and a comment keeps the connection open.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from enum import Enum
from typing import Final

from starlette.types import Receive, Send

from gateway.http.negotiation import EVENTS

NEXT: Final = b"event: next\ndata: %b\n\n"
COMPLETE: Final = b"event: complete\ndata:\n\n"
PING: Final = b":\n\n"
STOPPING: Final = b"retry: 1000\n: stopping\n\n"
"""The end without `complete`: clients come again, after so many milliseconds."""
STREAM: Final = [
    (b"content-type", f"{EVENTS}; charset=utf-8".encode()),
    (b"vary", b"Accept"),
    # Proxies must pass on what is there.
    (b"x-accel-buffering", b"no"),
]


class EventKind(Enum):
    """The kinds of events."""

    ANSWER = "answer"
    COMPLETE = "complete"
    """All is said."""
    ENDED = "ended"
    """The stream ends for a reason that its answer tells; the caller's rights are gone."""
    QUIET = "quiet"
    """Nothing changed for a while."""
    STOPPING = "stopping"
    """The process stops: whoever comes again is answered by another one."""


Event = tuple[EventKind, bytes]
"""A kind, and an answer in JSON where the kind has one."""


def _nothing() -> None:
    """Do nothing."""


def written(kind: EventKind, answer: bytes) -> bytes:
    """An event as it is sent."""
    match kind:
        case EventKind.ANSWER:
            return NEXT % answer
        case EventKind.ENDED:
            return NEXT % answer + COMPLETE
        case EventKind.COMPLETE:
            return COMPLETE
        case EventKind.QUIET:
            return PING
        case EventKind.STOPPING:
            return STOPPING


class Events:
    """
    The events of one stream: `end` is called when its client is gone, `close` at its end, and
    `write` makes the bytes of an event.
    """

    __slots__ = ("close", "end", "made", "write")

    def __init__(
        self,
        made: AsyncGenerator[Event],
        end: Callable[[], None] = _nothing,
        close: Callable[[], None] = _nothing,
        write: Callable[[EventKind, bytes], bytes] = written,
    ) -> None:
        self.made, self.end, self.close, self.write = made, end, close, write


def one(answer: bytes) -> Events:
    """The stream of one answer."""

    async def made() -> AsyncGenerator[Event]:
        yield EventKind.ANSWER, answer
        yield EventKind.COMPLETE, b""

    return Events(made())


async def streamed(
    events: Events, headers: list[tuple[bytes, bytes]], receive: Receive, send: Send
) -> None:
    """Send the events as they come, until they end or their client is gone."""
    leaving = asyncio.create_task(_left(receive, events.end))
    try:
        async with aclosing(events.made):
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            async for kind, answer in events.made:
                body = events.write(kind, answer)
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
    finally:
        leaving.cancel()
        events.close()


async def _left(receive: Receive, end: Callable[[], None]) -> None:
    """Wait for the client to go."""
    while (await receive())["type"] != "http.disconnect":
        pass
    end()
