"""
uvicorn's WebSocket protocol within the bounds of `front.connection_bounds`: a socket whose client
is not known yet holds next to nothing and makes room for others, as one does that was ended, and
one that does not read is closed.
"""

import asyncio
import logging
from typing import Any, Final

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

from front import connection_bounds as bounds
from front.holdings import Share
from front.strangers import KNOWN

STRANGERS_BYTES: Final = bounds.HEAD_BYTES
"""Bytes of one message of a client that is not known yet: a token that a head has room for fits."""
FRAGMENTS: Final = 1_000
"""Frames of one message: those without content would count for nothing otherwise."""
WAITING: Final = 1_024
"""Bytes that a message which nobody has read yet counts for, besides its own."""
TOO_BIG: Final = 1009

# uvicorn writes a line with the address for each socket, and clients choose the address.
log: Final = logging.getLogger("front.sockets")
log.setLevel(logging.CRITICAL)


class BoundedSocket(WebSocketsSansIOProtocol):
    """One WebSocket of a client, within bounds."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.logger = log
        state = given[1] if len(given) > 1 else named["server_state"]
        self._front = bounds.front_of(state)
        self._reading = bounds.ClientReading(self.loop.time())
        self._share = Share(self._front)
        self._waiting = 0
        """Bytes of whole messages that nobody has read yet."""
        self._ticking: asyncio.TimerHandle | None = None
        self._most, self.conn.max_message_size = self.conn.max_message_size, STRANGERS_BYTES

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=bounds.UNSENT)
        self._front.waiting[self] = None
        self._ticking = self.loop.call_later(bounds.TICK, self._tick)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._front.waiting.pop(self, None)
        self._share.hold(0)
        self._share.owe(0)
        if self._ticking is not None:
            self._ticking.cancel()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            # The library has an answer for a head that it does not read, which nobody else sends.
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()
        self._count()

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            # The app runs in a task, which begins later.
            self.scope["extensions"][KNOWN] = self._known  # type: ignore[assignment]

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= FRAGMENTS:
            self.conn.fail(TOO_BIG, "too many frames")
            self.handle_parser_exception()
            return
        super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        size = sum(map(len, self.frames))
        super().send_receive_event_to_app()
        if not self.close_sent:
            self._waiting += size + WAITING

    async def receive(self) -> ASGIReceiveEvent:
        message = await super().receive()
        if self.queue.empty():
            self._waiting = 0
            self._count()
        return message

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if message["type"] == "websocket.close" and not self.transport.is_closing():
            # It is counted to nobody from now on, and waits for its client's goodbye.
            self._front.waiting[self] = None

    def pause_writing(self) -> None:
        # Whoever does not read is not read: what it sends would be answered too.
        super().pause_writing()
        if not self.read_paused:
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        self._reading.goes_on()
        super().resume_writing()
        if not self.read_paused:
            self.transport.resume_reading()

    def _known(self) -> None:
        """The client is known: it may send more, and need not make room."""
        self.conn.max_message_size = self._most
        self._front.waiting.pop(self, None)

    def _count(self) -> None:
        """Count what came and was not read: whole messages, and what there is of the next one."""
        if self.transport.is_closing():
            return
        next_one = len(self.conn.reader.buffer) + sum(map(len, self.frames))
        self._share.hold(self._waiting + next_one)
        if self._share.held > bounds.USUAL and self._front.held > bounds.HELD:
            self.transport.abort()

    def _tick(self) -> None:
        self._ticking = self.loop.call_later(bounds.TICK, self._tick)
        unsent = self.transport.get_write_buffer_size()
        self._share.owe(unsent)
        crowded = unsent > bounds.USUAL and self._front.unread > bounds.UNREAD
        if crowded or self._reading.unread_for(unsent, self.loop.time()) > bounds.UNREAD_SECONDS:
            self.transport.abort()
