"""
uvicorn's HTTP/1.1 protocol with bounds on the cost of a connection before authentication: bytes and
counts of a head, bytes held by all connections, and the times to send and to be read.

A proxy in front can do the same. A connection that exceeds a bound is closed and not logged,
because otherwise any client could fill the log.
"""

import asyncio
import re
import resource
from collections import deque
from functools import lru_cache
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from front.holdings import Front, Share
from front.strangers import KNOWN
from front.unchunked import UnchunkedCycle

HEAD_BYTES: Final = 16_384
"""Bytes of one head, and of what stands between the pieces of a body."""
HEAD_LINES: Final = 100
PIPELINED: Final = 30
"""Requests that may wait for the answers before theirs."""
DRAINED: Final = 524_288
"""Bytes of a body that are read though its request is answered already."""
HELD: Final = 16_777_216
"""Bytes of heads that are not answered, bodies that are not read and requests that wait, of all
connections together. Above it, who holds more than is usual is refused."""
USUAL: Final = 8_192
WAITING: Final = 4_096
"""Bytes that a waiting request counts for."""
UNSENT: Final = 16_384
"""Bytes of answers that wait for a reader before no further ones are made."""
CONNECTIONS: Final = 4_000
RESERVE: Final = 256
"""File descriptors that connections leave for everything else."""
HEAD_SECONDS: Final = 10.0
BODY_SECONDS: Final = 30.0
LAST_SECONDS: Final = 5.0
"""Seconds in which a body must be there whole when the server takes no new connections."""
UNREAD: Final = 67_108_864
"""Bytes of answers that wait for their readers, of all connections together. Above it, a connection
for which more than is usual waits is closed, and its answer let go."""
UNREAD_SECONDS: Final = 30.0
"""Seconds in which a client must have read something of what waits for it."""
READ: Final = 8_192
"""Bytes that it must have read between two looks, to have read something."""
TICK: Final = 5.0
"""Seconds between two looks at a connection."""

_END: Final = b"\r\n"
_LINE, _COLON = len(b"  HTTP/1.1" + _END + _END), len(b": " + _END)
"""Bytes of a head besides method, URL and headers, and of a header besides its parts."""

HOST, LENGTH, CODING, CHUNKED = b"host", b"content-length", b"transfer-encoding", b"chunked"
HOST_VALUE: Final = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")
"""A host as RFC 3986 has it; empty where the address of a request has none."""
_HOSTS: Final = 64
"""Values of the header whose look is remembered."""
VERSIONS: Final = ("1.1", "1.0")
NOTHING: Final[Any] = {}
HEAD, BODY, ANSWER, IDLE = "head", "body", "answer", "idle"
"""
The states of a connection: it waits for the rest of a head or a body, its answer, the next request.
"""


class BoundExceeded(Exception):
    """A request passes a bound."""


class ClientReading:
    """Tells a client that reads what it is sent from one that does not."""

    def __init__(self, moment: float) -> None:
        self._unsent, self._is_read, self._read_at = 0, False, moment

    def goes_on(self) -> None:
        """The client has read much of what waited for it."""
        self._is_read = True

    def unread_for(self, unsent: int, moment: float) -> float:
        """The seconds for which it has read nothing, while `unsent` bytes wait for it."""
        before, self._unsent = self._unsent, unsent
        if unsent <= before - READ or not unsent or self._is_read:
            self._is_read, self._read_at = False, moment
        return moment - self._read_at


def most_connections() -> int:
    """The most connections: as many as the process has file descriptors for."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(min(CONNECTIONS, soft - RESERVE), 1)


class Bounded(HttpToolsProtocol):
    """One connection of a client, within bounds."""

    cycles = UnchunkedCycle
    """The class of requests and their answers."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._front = front_of(self.server_state)
        self._phase = HEAD
        self._since = self.loop.time()
        self._share = Share(self._front)
        self._reading = ClientReading(self._since)
        self._unparsed = self._head = self._drained = 0
        self._queued: deque[int] = deque()
        """Bytes that each request counts for that waits for its turn."""
        self._refusal, self._has_body = 400, False
        self._is_known = self._is_told = False
        self._ticking: asyncio.TimerHandle | None = None

    # What uvicorn and the transport tell

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._front.most and not self._made_room():
            transport.abort()
            return
        transport.set_write_buffer_limits(high=UNSENT)
        self._enter(HEAD)
        self._ticking = self.loop.call_later(TICK, self._tick)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._let_go()

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if self.transport.is_closing():
            return
        if self._phase == IDLE:  # it waits for its client as before
            self._phase, self._since, self._unparsed = HEAD, self.loop.time(), 0
        self._unparsed += len(data)
        try:
            self.parser.feed_data(data)
            self._check()
        except httptools.HttpParserUpgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
                return
            self._leave_after_this()
        except (httptools.HttpParserError, BoundExceeded):
            self._refuse()
        self._stand_back()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        # uvicorn makes cycles by the name of its own class.
        cycle.__class__ = self.cycles
        super()._start_asgi_task(cycle, app)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {KNOWN: self._told}  # type: ignore[dict-item]
        self._head = self._drained = 0
        if self._phase != HEAD:
            self._enter(HEAD)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._phase == BODY:  # a trailer: proxies that check or set headers did not see it
            return
        super().on_header(name, value)
        if len(self.headers) > HEAD_LINES:
            self._exceed(431)

    def on_headers_complete(self) -> None:
        self._head = self._size()
        if not self._is_clear():
            self._exceed(400)
        # What follows it in the same piece is held still.
        self._unparsed = max(self._unparsed - self._head, 0)
        if self._head > HEAD_BYTES:
            self._exceed(431)
        if len(self.pipeline) >= PIPELINED:
            self._exceed(429)
        if self._is_upgraded and not (self._is_free() and self._can_be_upgraded()):
            self._exceed(400)
        self._enter(BODY)
        super().on_headers_complete()
        if len(self.pipeline) > len(self._queued):
            # One received block can hold many requests, so they are counted one by one.
            self._queued.append(self._head + WAITING)
            self._check()

    def on_body(self, body: bytes) -> None:
        if self._is_upgraded:
            self._exceed(400)
        self._unparsed, self._has_body = 0, True
        if self.cycle.response_complete:
            self._drained += len(body)
            if self._drained > DRAINED:
                self._exceed(413)
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self._is_upgraded:
            return
        if self._has_body:  # what stands between its pieces is nothing to keep
            self._unparsed, self._has_body = 0, False
        if self.cycle.response_complete:
            self._enter(IDLE)
        else:
            self._phase = ANSWER

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._queued:
            self._queued.popleft()
        if self.cycle.response_complete:  # otherwise others wait for their answers
            self._is_known, self._is_told = self._is_told, False
            # The cycle stays until the next one, but of the request nothing need stay.
            self.cycle.body, self.cycle.scope = bytearray(), NOTHING
            if self._phase != HEAD:  # that of the next one, which is on its way
                self.scope, self.headers = NOTHING, []
            if self._phase == ANSWER:
                self._enter(IDLE)
        self._count()
        self._stand_back()
        unread = self.transport.get_write_buffer_size()
        if unread or self._share.unread:
            self._share.owe(unread)
            if unread > USUAL and self._front.unread > UNREAD:
                self.transport.abort()

    def resume_writing(self) -> None:
        self._reading.goes_on()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        # What is closed goes on waiting until its last byte was read.
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        super().timeout_keep_alive_handler()

    def shutdown(self) -> None:
        super().shutdown()
        self.loop.call_later(LAST_SECONDS, self._end_unsent)

    def handle_websocket_upgrade(self) -> None:
        self._let_go()
        super().handle_websocket_upgrade()

    # The bounds

    @property
    def _is_upgraded(self) -> bool:
        """True if the request asks for a WebSocket, and gets one."""
        return bool(self.parser.should_upgrade() and self._should_upgrade())

    def _is_free(self) -> bool:
        """True if no earlier request waits for its answer."""
        return getattr(self.cycle, "response_complete", True) and not self.pipeline

    def _can_be_upgraded(self) -> bool:
        """True if the head is all of the request, of a version that has WebSockets."""
        lengths = {value for name, value in self.headers if name == LENGTH} - {b"0"}
        has_body = lengths or any(name == CODING for name, _ in self.headers)
        return not has_body and self.parser.get_http_version() != "1.0"

    def _told(self) -> None:
        """The app says that it knows who asks."""
        self._is_told = True

    def _stand_back(self) -> None:
        """Let a client that said something, and is not known, wait for its turn to say more."""
        if self._is_free() and not self._is_known and not self.transport.is_closing():
            self._front.strangers.keep(self.transport)

    def _let_go(self) -> None:
        """End all that the connection holds."""
        self._front.strangers.leave(self.transport)
        self._front.waiting.pop(self, None)
        self._share.hold(0)
        self._share.owe(0)
        if self._ticking is not None:
            self._ticking.cancel()

    def _size(self) -> int:
        """Bytes of the head that was parsed just now."""
        size = len(self.parser.get_method()) + len(self.url) + _LINE + _COLON * len(self.headers)
        for name, value in self.headers:
            size += len(name) + len(value)
        return size

    def _is_clear(self) -> bool:
        """True if the head says without doubt for whom it is, and where its body ends."""
        names = [name for name, _ in self.headers]
        version, hosts = self.parser.get_http_version(), names.count(HOST)
        if version not in VERSIONS or hosts > 1 or (not hosts and version != "1.0"):
            return False
        if hosts and not _is_host(self.headers[names.index(HOST)][1]):
            return False
        return CODING not in names or all(
            value.lower() == CHUNKED for name, value in self.headers if name == CODING
        )

    def _leave_after_this(self) -> None:
        """
        Nothing is upgraded: the request is answered as it is and the connection closed, as nobody
        can say what its client takes the bytes behind the request for.
        """
        self.cycle.keep_alive = False
        if self.cycle.response_complete:
            self.transport.close()

    def _exceed(self, status: int) -> None:
        """Refuse the request, with this status."""
        self._refusal = status
        raise BoundExceeded

    def _check(self) -> None:
        """Look at what is left of the data that came."""
        if self._count() > HEAD_BYTES:
            self._exceed(431)
        if self._share.held > USUAL and self._front.held > HELD:
            self._exceed(503)

    def _count(self) -> int:
        """Count what is held; the bytes of it that are no whole head or piece of a body."""
        held = self._unparsed
        if self._phase != IDLE:
            held += self._head
        if self._queued:
            held += sum(self._queued)
        # There is no cycle before the first request.
        held += len(getattr(self.cycle, "body", b""))
        if held != self._share.held:
            self._share.hold(held)
        return self._unparsed

    def _enter(self, phase: str) -> None:
        self._phase, self._since = phase, self.loop.time()
        self._front.waiting.pop(self, None)
        if phase in (HEAD, IDLE):
            self._front.waiting[self] = None

    def _made_room(self) -> bool:
        """Close the connection that has waited for its client longest, if one does."""
        oldest = next(iter(self._front.waiting), None)
        if oldest is None:
            return False
        self._front.waiting.pop(oldest)
        oldest.transport.abort()
        return True

    def _refuse(self) -> None:
        """Answer shortly, unless another answer is under way, and close."""
        self._front.waiting.pop(self, None)
        self.pipeline.clear()
        self._queued.clear()
        self._share.hold(0)
        if getattr(self.cycle, "response_complete", True):
            lines = [STATUS_LINE[self._refusal], b"content-length: 0\r\nconnection: close\r\n\r\n"]
            self.transport.write(b"".join(lines))
        self.transport.close()

    def _end_unsent(self) -> None:
        """End what still waits for a client, though the server was told to stop."""
        if self._phase in (HEAD, BODY) and not self.transport.is_closing():
            self.transport.abort()

    def _tick(self) -> None:
        self._ticking = self.loop.call_later(TICK, self._tick)
        unsent = self.transport.get_write_buffer_size()
        self._share.owe(unsent)
        is_unread = self._reading.unread_for(unsent, self.loop.time()) > UNREAD_SECONDS
        if is_unread or (self._is_late() and not self.transport.is_closing()):
            self.transport.abort()

    def _is_late(self) -> bool:
        """True if the client takes too long, for which it is not to blame while nobody reads."""
        bounds = {HEAD: HEAD_SECONDS, BODY: BODY_SECONDS, IDLE: self.timeout_keep_alive + TICK}
        bound = bounds.get(self._phase)
        late = bound is not None and self.loop.time() - self._since > bound
        return late and not self.flow.read_paused


@lru_cache(_HOSTS)
def _is_host(value: bytes) -> bool:
    """True if this is a name or an address, and perhaps a port."""
    return HOST_VALUE.fullmatch(value) is not None


def front_of(server_state: ServerState) -> Front:
    """The state that the connections of one server share, kept where the server keeps its own."""
    kept: dict[str, Any] = vars(server_state)
    if "front" not in kept:
        kept["front"] = Front(most_connections())
    front: Front = kept["front"]
    return front
