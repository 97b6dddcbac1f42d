"""What every request passes before a route sees it: its id, a bounded body, careful headers."""

import re
from collections.abc import Mapping
from random import getrandbits
from typing import Final

import msgspec
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.engine.answers import internal, report
from gateway.engine.limits import exceeded
from gateway.errors import LimitExceeded

REQUEST_ID: Final = "X-Request-Id"
SANE_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")

CAREFUL: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Headers of every answer; a route that sets one of them itself keeps its own."""


_CAREFUL = [(name.lower().encode(), value.encode()) for name, value in CAREFUL.items()]


def header(scope: Scope, name: bytes) -> str:
    """The first header of this name, which is in lower case; empty without one."""
    return next((value for each, value in scope["headers"] if each == name), b"").decode("latin-1")


def request_id(connection: HTTPConnection) -> str:
    """The id that names this request in the log, in errors and in `X-Request-Id`."""
    found: str = connection.scope["request_id"]
    return found


class Requests:
    """
    Gives each request an id, taken from the caller where that is sane, and each answer careful
    headers. What no route handled is logged once and masked.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = header(scope, b"x-request-id")
        scope["request_id"] = sent if SANE_ID.fullmatch(sent) else f"{getrandbits(128):032x}"
        answer = _Answer(scope["request_id"], send)
        try:
            await self._app(scope, receive, answer.send)
        except Exception as error:  # noqa: BLE001 - the edge: no traceback may reach the caller
            report(error, scope["request_id"], where=scope["path"])
            if not answer.started:
                await _internal_error(scope["request_id"])(scope, receive, answer.send)


class _Answer:
    def __init__(self, request_id: str, send: Send) -> None:
        self._request_id = request_id
        self._send = send
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = [each for each in message["headers"] if each[0] != b"x-request-id"]
            own = {name for name, _ in headers}
            headers += [each for each in _CAREFUL if each[0] not in own]
            headers.append((b"x-request-id", self._request_id.encode()))
            message = {**message, "headers": headers}
        await self._send(message)


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
        announced = header(scope, b"content-length")
        received = 0

        async def counted() -> Message:
            nonlocal received
            self._check(int(announced) if announced.isdecimal() else 0)
            message = await receive()
            received += len(message.get("body", b""))
            self._check(received)
            return message

        return counted

    def _check(self, size: int) -> None:
        if size > self._maximum:
            raise exceeded("body_bytes", self._maximum, None, "bytes")


def _too_large(error: LimitExceeded) -> Response:
    return _json({"message": error.message, "extensions": error.extensions}, 413)


def _internal_error(request_id: str) -> Response:
    return _json(internal(request_id), 500)


def _json(error: Mapping[str, object], status: int) -> Response:
    return Response(msgspec.json.encode({"errors": [error]}), status, media_type="application/json")
