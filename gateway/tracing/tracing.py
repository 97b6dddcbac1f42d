"""The parts of the gateway that can be traced, each wrapped by whoever makes spans of them."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from starlette.middleware import Middleware

from gateway.admission.governor import Governor
from gateway.auth.principal import Principal
from gateway.client.exchange import Transport
from gateway.engine.execution import Engine

Authenticate = Callable[[str | None], Awaitable[Principal]]
"""The `Authorization` header -> who is asking."""


class Tracing(Protocol):
    """Makes spans: request > authenticate > prepare > execute > queue > call to Dynamics."""

    @property
    def engine(self) -> type[Engine]:
        """An engine that is traced."""

    @property
    def governor(self) -> type[Governor]:
        """A governor whose waiting is traced."""

    def requests(self) -> Middleware:
        """The middleware of what is asked of us."""

    def authenticating(self, authenticate: Authenticate) -> Authenticate:
        """The same, traced."""

    def calling(self, transport: Transport) -> Transport:
        """The same transport, with a span for each try, which goes along as `traceparent`."""

    def flush(self) -> None:
        """Send what was not sent yet, within a second or two."""
