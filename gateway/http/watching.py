"""Requests -> their durations by operation, and lines of the log: each, or those that were slow."""

import logging
from asyncio import get_running_loop
from typing import Final

from msgspec import Struct
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.http.metrics import Spent
from gateway.http.receiving import Received, received
from gateway.observing.durations import Durations
from gateway.observing.logs import FIELDS

access: Final = logging.getLogger("gateway.access")
OPERATIONS: Final = 100
"""Names of operations that are told apart: callers make them up."""
OTHER: Final = "other"
STREAMS: Final = frozenset({"export", "subscription"})
"""The kinds of requests that last as long as their callers like, which says nothing of us."""

Kind = tuple[str, str, str]
"""The name of an operation, query or mutation, and its outcome: ok, or the code of its error."""


class Watched(Struct):
    """The requests of one process that were answered."""

    durations: dict[Kind, Durations]
    in_flight: int = 0

    def add(self, request: Received, seconds: float) -> None:
        """Count one."""
        kind = request.operation, request.kind, request.outcome
        if kind not in self.durations:
            # The names are counted for a new kind alone, not for each request.
            kind = self._name(request), request.kind, request.outcome
            self.durations.setdefault(kind, Durations())
        self.durations[kind].add(seconds)

    def spent(self) -> Spent:
        """The durations by kind."""
        yield from self.durations.items()

    def _name(self, request: Received) -> str:
        names = {name for name, _, _ in self.durations}
        return request.operation if request.operation in names or len(names) < OPERATIONS else OTHER


class Watching:
    """The middleware that watches `/graphql`."""

    def __init__(self, app: ASGIApp, watched: Watched, *, lines: bool, slow: float | None) -> None:
        """With `lines` each request is logged, without those that took `slow` seconds."""
        self._app, self._watched = app, watched
        self._lines, self._slow = lines, slow

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/graphql":
            await self._app(scope, receive, send)
            return
        request = received(scope)
        self._watched.in_flight += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._watched.in_flight -= 1
            if request.kind not in STREAMS:
                seconds = get_running_loop().time() - request.begun
                self._watched.add(request, seconds)
                self._tell(request, seconds)

    def _tell(self, request: Received, seconds: float) -> None:
        is_slow = self._slow is not None and seconds >= self._slow
        if not (self._lines or is_slow):
            return
        fields = {
            "status": request.status,
            "operation": request.operation,
            "kind": request.kind,
            "outcome": request.outcome,
            "seconds": round(seconds, 4),
        }
        said = " ".join(f"{name}={value}" for name, value in fields.items())
        level = logging.WARNING if is_slow else logging.INFO
        name = "slow" if is_slow else "answered"
        access.log(level, "%s %s", name, said, extra={FIELDS: fields})
