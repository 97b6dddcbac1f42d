"""
The bytes of one HTTP/1.1 answer, in whatever pieces they come -> a `Reply`. Nothing is read here.

llhttp does the parsing, without its leniencies (RFC 9112); this module decides what it leaves open.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import httpx2
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gateway.client.exchange import Reply, accept, too_large

MAX_HEAD = 64 * 1024
"""Bytes of status line and headers; interim answers count too."""


class Headers(Mapping[str, str]):
    """
    Headers by their names in lower case, decoded when they are asked for.

    What stands in several of one name is joined: RFC 9110, 5.3.
    """

    __slots__ = ("_lines", "_places")

    def __init__(self, lines: list[bytes]) -> None:
        """`lines`: names and values in turn."""
        self._lines = lines
        # llhttp leaves no line feed in a name.
        self._places = _places(b"\n".join(lines[::2]))

    def __getitem__(self, name: str) -> str:
        return b", ".join([self._lines[at] for at in self._places[name]]).decode("latin-1")

    def get(self, name: str, default: Any = None, /) -> Any:
        # Mapping has it by a KeyError, which costs more than all the rest.
        return self[name] if name in self._places else default

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class AnswerParser:
    """
    Takes the answer to one request, of which `method` says whether a body may come.

    `reply` is the answer once it is whole. Errors are httpx2.RemoteProtocolError, Unacceptable
    among them; after one the connection is out of step for good.
    """

    def __init__(self, method: str, maximum: int) -> None:
        """`maximum`: bytes of the answer as it comes over the wire, its framing included."""
        self.reply: Reply | None = None
        self.keep_alive = False
        """True if another answer may come over the same connection."""
        self._without_body = method == "HEAD"
        self._maximum = maximum
        self._received = 0
        self._lines: list[bytes] = []
        self._headers: Mapping[str, str] = {}
        self._interim = 0
        self._status = 0
        self._body: list[bytes] = []
        self._parser: HttpResponseParser | None = HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        if self._parser is None:
            self.keep_alive = False
            return
        self._received += len(data)
        if self._received > self._maximum:
            raise too_large(self._maximum)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._stumble(error)
        if self.reply is not None:
            # It refers back to this object: one cycle less for the garbage collector.
            self._parser = None
        elif self._received > MAX_HEAD and not self._status:
            raise httpx2.RemoteProtocolError("The head of the answer is too large.")

    def end(self) -> None:
        """The connection ended, which is how a body without a length ends."""
        framed = self._headers.keys() & {"content-length", "transfer-encoding"}
        if not self._status or framed:
            raise httpx2.RemoteProtocolError("The connection ended before the answer did.")
        self._complete(keep_alive=False)

    def _stumble(self, error: Exception) -> None:
        """
        Note an error; after a whole answer it cannot spoil that, but nothing more can be made of
        it.
        """
        self.keep_alive = False
        if self.reply is not None:
            return
        # What a callback raised travels as the context of llhttp's own error.
        if isinstance(error.__context__, httpx2.RemoteProtocolError):
            raise error.__context__ from None
        raise httpx2.RemoteProtocolError(f"Not HTTP/1.1: {error}") from None

    def _complete(self, *, keep_alive: bool) -> None:
        self.keep_alive = keep_alive
        self.reply = Reply(self._status, self._headers, b"".join(self._body))
        # Free the pieces now: they would use memory beside the whole until the waiting task runs.
        self._body.clear()

    # What llhttp calls.

    def on_message_begin(self) -> None:
        if self.reply is not None:
            raise httpx2.RemoteProtocolError("Something came behind the answer.")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._status:
            return  # A trailer, which must not pass for a header: RFC 9110, 6.5.1.
        self._lines += name, value

    def on_headers_complete(self) -> None:
        assert self._parser is not None  # noqa: S101 - for the types
        lines, self._lines = self._lines, []
        if self._received > MAX_HEAD and self._interim + _size(lines) > MAX_HEAD:
            raise httpx2.RemoteProtocolError("The head of the answer is too large.")
        if self._parser.get_http_version()[0] != "1":
            raise httpx2.RemoteProtocolError("Another version of HTTP.")
        status = self._parser.get_status_code()
        if status < 200:
            self._interim += _size(lines)
            return
        headers = self._headers = Headers(lines)
        if headers.get("transfer-encoding", "chunked").lower() != "chunked":
            raise httpx2.RemoteProtocolError("A transfer coding that was not asked for.")
        accept(status, headers, self._maximum)
        self._status = status
        if self._without_body:
            self._complete(keep_alive=False)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        assert self._parser is not None  # noqa: S101 - for the types
        # Without a status it was an interim answer; the real one follows.
        if self._status and self.reply is None:
            self._complete(keep_alive=self._parser.should_keep_alive())


@lru_cache(maxsize=64)
def _places(names: bytes) -> Mapping[str, list[int]]:
    """The places of the values of headers: a service gives nearly every answer the same names."""
    places: dict[str, list[int]] = {}
    for number, name in enumerate(names.decode("ascii").lower().split("\n") if names else ()):
        places.setdefault(name, []).append(2 * number + 1)
    return places


def _size(lines: list[bytes]) -> int:
    """Bytes of headers as they came."""
    return sum(map(len, lines)) + 2 * len(lines)
