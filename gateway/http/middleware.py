"""The middleware of every request before a route: its id, a bounded body, careful headers."""

from collections.abc import Mapping
from typing import Final

import msgspec
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from front.stopping import Stopping
from gateway.engine.limits import exceeded
from gateway.engine.outcome import internal, report
from gateway.errors import LimitExceeded
from gateway.http.receiving import ID_HEADER, RECEIVED, Received, received
from gateway.observing.current import running

LAST: Final = (b"connection", b"close")
"""The header by which a client learns that the connection takes no further requests."""

CAREFUL: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Headers of every answer; a route that sets one of them itself keeps its own."""

Headers = list[tuple[bytes, bytes]]
_CAREFUL = [(name.lower().encode(), value.encode()) for name, value in CAREFUL.items()]
_OURS = frozenset(name for name, _ in _CAREFUL) | {ID_HEADER}


class Requests:
    """
    Gives each request an id, taken from the caller where that is sane, and each answer careful
    headers. What no route handled is logged once and masked. An answer of a process that stops is
    the last one on its connection.
    """

    def __init__(self, app: ASGIApp, stopping: Stopping | None = None) -> None:
        self._app = app
        self._stopping = stopping or Stopping()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = scope[RECEIVED] = Received(scope)
        running.set(request)
        answer = _Answer(request, send, self._stopping)
        try:
            await self._app(scope, receive, answer.send)
        except ClientDisconnect:
            pass  # nobody is there to be told
        except Exception as error:  # noqa: BLE001 - the edge: no traceback may reach the caller
            report(error, request.id, where=scope["path"])
            if not answer.started:
                await _internal_error(request.id)(scope, receive, answer.send)


class _Answer:
    __slots__ = ("_request", "_send", "_stopping", "started")

    def __init__(self, request: Received, send: Send, stopping: Stopping) -> None:
        self._request = request
        self._send = send
        self._stopping = stopping
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started, self._request.status = True, message["status"]
            sent, careful = message["headers"], _CAREFUL
            for name, _ in sent:
                if name in _OURS:
                    sent, careful = _without_ours(sent)
                    break
            headers = [*sent, *careful, (ID_HEADER, self._request.id.encode())]
            if self._stopping.begun:
                headers.append(LAST)
            message = {**message, "headers": headers}
        await self._send(message)


def _without_ours(sent: Headers) -> tuple[Headers, Headers]:
    """The headers of an answer that sets some of ours itself, and those that it leaves to us."""
    own = {name for name, _ in sent}
    kept = [each for each in sent if each[0] != ID_HEADER]
    return kept, [each for each in _CAREFUL if each[0] not in own]


class BodyLimit:
    """Stops reading a body that is too long while it arrives, whatever its Content-Length says."""

    def __init__(self, app: ASGIApp, maximum: int) -> None:
        self._app = app
        self._maximum = maximum

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            await self._app(scope, self._counting(scope, receive), send)
        except LimitExceeded as error:
            await _too_large(error)(scope, receive, send)

    def _counting(self, scope: Scope, receive: Receive) -> Receive:
        maximum = self._maximum
        length = received(scope).headers.get(b"content-length", b"")
        announced, counted = int(length) if length.isdigit() else 0, 0

        async def checked() -> Message:
            nonlocal counted
            if announced > maximum:
                raise self._exceeded()
            message = await receive()
            counted += len(message.get("body", b""))
            if counted > maximum:
                raise self._exceeded()
            return message

        return checked

    def _exceeded(self) -> LimitExceeded:
        return exceeded("body_bytes", self._maximum, None, "bytes")


def _too_large(error: LimitExceeded) -> Response:
    return _json({"message": error.message, "extensions": error.extensions}, 413)


def _internal_error(request_id: str) -> Response:
    return _json(internal(request_id), 500)


def _json(error: Mapping[str, object], status: int) -> Response:
    return Response(msgspec.json.encode({"errors": [error]}), status, media_type="application/json")
