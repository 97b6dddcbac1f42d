"""The careful headers of every answer. No script, style or frame but our own files."""

from collections.abc import Mapping
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from front.stopping import Stopping

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self' {issuer}; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""Signing out is a form that leads to the issuer: browsers hold redirects to form-action too."""


def careful(issuer: str, *, secure: bool) -> Mapping[str, str]:
    transport = {"Strict-Transport-Security": "max-age=31536000"} if secure else {}
    return transport | {
        "Cache-Control": "no-store",
        "Content-Security-Policy": POLICY.format(issuer=issuer),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


class Headers:
    """
    Middleware that adds headers to each answer; a route's own header of the same name wins. An
    answer of a process that stops is the last one on its connection.
    """

    def __init__(self, app: ASGIApp, values: Mapping[str, str], stopping: Stopping) -> None:
        self._app = app
        self._values = values
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._values.items():
                    headers.setdefault(name, value)
                if self._stopping.begun:
                    headers["Connection"] = "close"
            await send(message)

        await self._app(scope, receive, sending)
