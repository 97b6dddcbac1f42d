"""
A request whose answer is JSON with one value in base64 -> that value as bytes, in pieces.

It goes by the way of all calls: budget, breaker and repeats. No more of it is held than a piece.
"""

from asyncio import Semaphore, timeout_at
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Hashable, Iterator
from contextlib import aclosing, contextmanager

import httpx2
from msgspec import Struct

from gateway.client.exchange import Request
from gateway.client.piecewise_transport import LARGEST, StreamedTransport
from gateway.errors import (
    NotFound,
    RateLimited,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway.upstream.allowance import Allowance
from gateway.upstream.base64_values import Base64Value
from gateway.upstream.credentials import ServiceLogin, Signed
from gateway.upstream.failures import NOT_FOUND, raise_for
from gateway.upstream.sender import OUT_OF_TIME
from gateway.upstream.service import Service


class WantedValue(Struct, frozen=True):
    """A request, and the member of its answer that is wanted."""

    request: Request
    collection: str
    member: str = "value"
    patience: float = 30.0
    """Seconds until it begins."""
    largest: int = LARGEST
    """Bytes of the answer, above which it is given up."""


class StreamedValues:
    """Reads values for all callers of a process, of whom each has a few at once."""

    def __init__(
        self,
        service: Service,
        inner: httpx2.AsyncBaseTransport,
        login: ServiceLogin,
        *,
        at_once: int,
        each: int,
    ) -> None:
        """`inner` carries requests to the service, and their answers in pieces."""
        self.service = service
        self._inner, self._login = inner, login
        self._places, self._each = Semaphore(at_once), each
        self._reading: Counter[Hashable] = Counter()

    async def read(self, wanted: WantedValue, allowance: Allowance) -> AsyncIterator[bytes]:
        """
        The value. Nothing has come before the first piece: then GatewayError, NotFound where there
        is no such row. Later the pieces end too soon with UpstreamError.
        """
        with self._place(allowance.errand.caller):
            try:
                async with timeout_at(allowance.deadline):
                    await self._places.acquire()
            except TimeoutError:
                raise UpstreamTimeout(OUT_OF_TIME) from None
            way = StreamedTransport(self._inner, wanted.largest)
            try:
                await self._asked(wanted, way, allowance)
                async with aclosing(_read(way, wanted.member)) as pieces:
                    async for piece in pieces:
                        yield piece
            finally:
                await way.aclose()
                self._places.release()

    async def _asked(
        self, wanted: WantedValue, way: StreamedTransport, allowance: Allowance
    ) -> None:
        allowance.spend()
        sent = await self.service.sender.send(
            Signed(way, (self._login,)),
            wanted.request,
            allowance.deadline,
            wanted.patience,
            allowance.clock,
            allowance.errand,
            ("reads", wanted.collection),
            alone=True,
        )
        reply = sent.response
        try:
            raise_for(reply.status, reply.headers, reply.body)
        except UpstreamRefused as error:
            if error.status != NOT_FOUND:
                raise
            raise NotFound("There is no such document.") from None

    @contextmanager
    def _place(self, caller: Hashable) -> Iterator[None]:
        if self._reading[caller] >= self._each:
            raise RateLimited("You are receiving several documents already.", retryAfter=1)
        self._reading[caller] += 1
        try:
            yield
        finally:
            self._reading[caller] -= 1
            if not self._reading[caller]:
                del self._reading[caller]


async def _read(way: StreamedTransport, member: str) -> AsyncGenerator[bytes, None]:
    value = Base64Value(member)
    try:
        async for piece in way.pieces():
            for part in value.feed(piece):
                yield part
    except httpx2.TransportError:
        raise UpstreamUnavailable("The document broke off.") from None
    value.end()
