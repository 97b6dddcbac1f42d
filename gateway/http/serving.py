"""
uvicorn's HTTP/1.1 protocol, with a shorter way for answers that are there as a whole.

uvicorn looks at each header of each answer anew, though nearly all are the same in all answers, and
writes head and body apart, each by a system call and in a packet of its own.
"""

from functools import lru_cache
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
)

from front.connection_bounds import Bounded
from front.unchunked import UnchunkedCycle

LENGTH: Final = b"content-length"
OF_THE_CONNECTION: Final = frozenset({b"connection", b"transfer-encoding"})
LINES: Final = 256
"""Lines of headers that are remembered."""


class Cycle(UnchunkedCycle):
    """One request and its answer."""

    _head: bytes | None = None
    """The head of an answer, until its body comes."""

    async def send(self, message: Any) -> None:
        if not self.response_started:
            self._head = self._begun(message)
            if self._head is None:
                await super().send(message)
            return
        head, self._head = self._head, None
        if head is None or self.disconnected:
            await super().send(message)
        elif self._is_whole(message):
            self._complete(head + message.get("body", b""))
        else:
            self.transport.write(head)
            await super().send(message)

    def _begun(self, message: Any) -> bytes | None:
        """The head of an answer whose length is known; None where uvicorn must see to it."""
        usual = self.keep_alive and not self.access_log and self.scope["method"] != "HEAD"
        if not usual or self.disconnected or message["type"] != "http.response.start":
            return None
        head, length = [STATUS_LINE[message["status"]]], None
        for name, value in (*self.default_headers, *message["headers"]):
            line = _line(name, value)
            if line is None:
                return None
            if name == LENGTH:
                length = int(value)
            head.append(line)
        if length is None:
            return None
        # What uvicorn notes of a head that it writes.
        self.response_started = True
        self.waiting_for_100_continue = False
        self.chunked_encoding = False
        self.expected_content_length = length
        head.append(b"\r\n")
        return b"".join(head)

    def _is_whole(self, message: Any) -> bool:
        """True if this is all of the body, and may be written now."""
        return (
            message["type"] == "http.response.body"
            and not message.get("more_body")
            and len(message.get("body", b"")) == self.expected_content_length
            and not self.flow.write_paused
        )

    def _complete(self, answer: bytes) -> None:
        """Write an answer, and do what uvicorn does after the last piece of one."""
        self.transport.write(answer)
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


class Protocol(Bounded):
    """One connection of a client, within the bounds of `front`."""

    cycles = Cycle


@lru_cache(LINES)
def _line(name: bytes, value: bytes) -> bytes | None:
    """The line of a header; None for one that uvicorn must see to, if only to refuse it."""
    plain = name.islower() and name not in OF_THE_CONNECTION
    if name == LENGTH and not value.isdigit():
        return None
    if not plain or HEADER_RE.search(name) or HEADER_VALUE_RE.search(value):
        return None
    return name + b": " + value + b"\r\n"
