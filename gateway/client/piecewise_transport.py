"""
A transport that leaves the body of a good answer where it is, to be read in pieces: for what is
larger than the memory that it may take.
"""

from collections.abc import AsyncIterator

import httpx2

from gateway.client.exchange import MAX_ANSWER, Reply, Request, Timeouts, accept, for_httpx2

LARGEST = 128 * 1024 * 1024
"""Bytes of a body that are read in pieces at most."""


class StreamedTransport:
    """Carries one request; `pieces` is the body of its answer, if that was a good one."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, largest: int = LARGEST) -> None:
        """`inner` is shared, and outlives this; `largest` is the most that is read of a body."""
        self._inner, self._largest = inner, largest
        self._stream: httpx2.AsyncByteStream | None = None

    async def exchange(self, request: Request, timeouts: Timeouts) -> Reply:
        """As `Transport` has it; the body of a good answer is empty here."""
        async with timeouts.whole():
            response = await self._inner.handle_async_request(for_httpx2(request, timeouts))
            assert isinstance(response.stream, httpx2.AsyncByteStream)  # noqa: S101 - for the types
            self._stream, status = response.stream, response.status_code
            headers = {name.lower(): value for name, value in response.headers.items()}
            try:
                accept(status, headers, self._largest)
                if status < 300:
                    return Reply(status, headers, b"")
                body = b"".join([piece async for piece in self._pieces(MAX_ANSWER)])
            except BaseException:
                await self.aclose()
                raise
            await self.aclose()
            return Reply(status, headers, body)

    def pieces(self) -> AsyncIterator[bytes]:
        """The body, as it comes; httpx2.TransportError where it breaks off."""
        return self._pieces(self._largest)

    async def aclose(self) -> None:
        """Be done with the answer, read or not."""
        if self._stream is not None:
            stream, self._stream = self._stream, None
            await stream.aclose()

    async def _pieces(self, maximum: int) -> AsyncIterator[bytes]:
        received = 0
        if self._stream is not None:
            async for piece in self._stream:
                received += len(piece)
                if received > maximum:
                    raise httpx2.RemoteProtocolError(f"The body has more than {maximum:,} bytes.")
                yield piece
