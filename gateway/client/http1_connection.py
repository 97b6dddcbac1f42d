"""One connection to a service: an exchange at a time, each on its own clock."""

import asyncio
import select
from math import inf
from typing import cast

import httpx2

from gateway.client.exchange import Reply, Timeouts
from gateway.client.reply_parser import AnswerParser


class HttpConnection(asyncio.Protocol):
    """
    One HTTP/1.1 connection, with one exchange at a time.

    Any failure of an exchange, including its cancellation, closes the connection, because a late
    answer could be taken for the answer to the next request. Unexpected data closes it as well.
    """

    def __init__(self, maximum: int) -> None:
        """`maximum`: bytes of an answer that are taken."""
        self.moved = 0.0
        """The time at which bytes went or came last."""
        self.open = False
        """True if an exchange may follow, as far as the event loop has seen; see `usable`."""
        self._loop = asyncio.get_running_loop()
        self._maximum = maximum
        self._congested = False
        self._parser: AnswerParser | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._wakes = inf

    @property
    def usable(self) -> bool:
        """True if it is open and the service said nothing unasked, not even that it hangs up."""
        return self.open and not self._readable.poll(0)

    async def exchange(self, method: str, data: bytes, timeouts: Timeouts) -> Reply:
        """
        Send the bytes of one request and take the answer; `open` says whether another may follow.

        Raises ReadTimeout, WriteTimeout, TimeoutError at `timeouts.until`, ReadError, WriteError or
        RemoteProtocolError. Nothing is sent twice: also where the service hung up on a kept
        connection, the caller decides.
        """
        parser = self._parser = AnswerParser(method, self._maximum)
        self._timeouts = timeouts
        self._answered: asyncio.Future[None] = self._loop.create_future()
        self.moved = self._loop.time()
        self._transport.write(data)
        self._watch()
        try:
            await self._answered
        except BaseException:
            self.close()
            raise
        finally:
            self._parser = None
        if not parser.keep_alive or self._transport.get_write_buffer_size():
            self.close()
        assert parser.reply is not None  # noqa: S101 - for the types
        return parser.reply

    def close(self) -> None:
        """Close the connection at once and drop unsent data."""
        self.open = False
        self._rest()
        self._transport.abort()

    # One timer serves all exchanges: it is not moved where bytes move, nor unset with an answer,
    # but looks when it wakes whether anything is due, and when it must wake again.

    def _due(self) -> float:
        """
        The time at which the exchange under way is given up, if there is one and nothing moves
        until then.
        """
        if self._parser is None:
            return inf
        patience = self._timeouts.write if self._congested else self._timeouts.read
        return min(self.moved + patience, self._timeouts.until)

    def _watch(self) -> None:
        """Wake no later than anything can be due."""
        due = self._due()
        if due < self._wakes:
            self._rest()
            self._wakes = due
            self._timer = self._loop.call_at(due, self._wake)

    def _rest(self) -> None:
        """Wake no more."""
        self._wakes = inf
        if self._timer is not None:
            self._timer.cancel()

    def _wake(self) -> None:
        self._wakes = inf
        if self._loop.time() < self._due():
            self._watch()
        else:
            self._fail(self._lateness())

    def _lateness(self) -> Exception:
        if self._timeouts.until <= self._loop.time():
            return TimeoutError("The time for the exchange is over.")
        if self._congested:
            return httpx2.WriteTimeout("The service takes no more of the request.")
        return httpx2.ReadTimeout("The service sends nothing more of its answer.")

    def _fail(self, error: Exception) -> None:
        if self._parser is not None and not self._answered.done():
            self._answered.set_exception(error)
        self.close()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._readable = select.poll()
        self._readable.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
        self.open = True

    def data_received(self, data: bytes) -> None:
        parser = self._parser
        if parser is None:
            self.close()
            return
        self.moved = self._loop.time()
        try:
            parser.feed(data)
        except httpx2.RemoteProtocolError as error:
            self._fail(error)
        if parser.reply is not None and not self._answered.done():
            self._answered.set_result(None)

    def eof_received(self) -> None:
        self.open = False
        if self._parser is None or self._answered.done():
            return
        try:
            self._parser.end()
        except httpx2.RemoteProtocolError as error:
            self._fail(error)
        else:
            self._answered.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        kind = httpx2.WriteError if self._congested else httpx2.ReadError
        self._fail(kind("The connection was cut."))

    def pause_writing(self) -> None:
        self._congested = True
        self._watch()

    def resume_writing(self) -> None:
        self._congested = False
        self.moved = self._loop.time()
        self._watch()
