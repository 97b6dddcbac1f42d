"""The transports of one process: each party that it calls has connections of its own."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack

import httpx2

from gateway.client.exchange import Httpx2Transport, Transport
from gateway.client.transport import Http1Transport
from gateway.config.parsers import HttpTransport
from gateway.config.settings import Settings

BY_NAME: Mapping[HttpTransport, Callable[[int], Transport]] = {
    "own": Http1Transport,
    "httpx2": Httpx2Transport.stock,
}
"""Each transport to Dynamics; its argument is the most connections to each service."""


class Transports:
    """Makes transports, and closes those that it made."""

    def __init__(
        self,
        settings: Settings,
        given: httpx2.AsyncBaseTransport | None,
        traced: Callable[[Transport], Transport] | None,
    ) -> None:
        """`given` carries all HTTP instead of sockets of our own; `traced` traces the calls."""
        self._settings = settings
        self._given = given
        self._traced = traced
        self._made: list[Transport] = []

    def make(self) -> Transport:
        """One more transport."""
        if self._given is not None:
            made: Transport = Httpx2Transport(self._given)
        else:
            make = BY_NAME[self._settings.http_transport]
            made = make(self._settings.upstream_concurrency)
        self._made.append(made)
        return self._traced(made) if self._traced else made

    async def aclose(self) -> None:
        async with AsyncExitStack() as stack:
            for each in self._made:
                stack.push_async_callback(each.aclose)
