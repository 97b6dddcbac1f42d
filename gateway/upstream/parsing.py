"""
The bytes of one HTTP/1.1 answer, in whatever pieces they come -> a `Reply`. Nothing is read here.

llhttp does the parsing, without its leniencies (RFC 9112); this module decides what it leaves open.
"""

import httpx2
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gateway.upstream.exchange import Reply, accept, too_large

MAX_HEAD = 64 * 1024
"""Bytes of status line and headers; interim answers count too."""


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
        """Whether another answer may come over the same connection."""
        self._without_body = method == "HEAD"
        self._maximum = maximum
        self._received = 0
        self._headers: dict[str, str] = {}
        self._head = 0
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
        """What comes after a whole answer cannot spoil it, but nothing more can be made of it."""
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

    # What llhttp calls.

    def on_message_begin(self) -> None:
        if self.reply is not None:
            raise httpx2.RemoteProtocolError("Something came behind the answer.")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._status:
            return  # A trailer, which must not pass for a header: RFC 9110, 6.5.1.
        self._head += len(name) + len(value) + 4
        key, text = name.decode("ascii").lower(), value.decode("latin-1")
        held = self._headers.get(key)
        self._headers[key] = text if held is None else f"{held}, {text}"

    def on_headers_complete(self) -> None:
        assert self._parser is not None  # noqa: S101 - for the types
        if self._head > MAX_HEAD:
            raise httpx2.RemoteProtocolError("The head of the answer is too large.")
        if self._parser.get_http_version()[0] != "1":
            raise httpx2.RemoteProtocolError("Another version of HTTP.")
        status = self._parser.get_status_code()
        if status < 200:
            return
        if self._headers.get("transfer-encoding", "chunked").lower() != "chunked":
            raise httpx2.RemoteProtocolError("A transfer coding that was not asked for.")
        accept(status, self._headers, self._maximum)
        self._status = status
        if self._without_body:
            self._complete(keep_alive=False)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        assert self._parser is not None  # noqa: S101 - for the types
        if not self._status:
            self._headers = {}  # An interim answer; the real one follows.
        elif self.reply is None:
            self._complete(keep_alive=self._parser.should_keep_alive())
