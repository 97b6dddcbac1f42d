"""The emulator's own endpoints below `/emulator`, by which a demo is steered while it runs.

They take a service token, or any caller on this machine: a program, but no page in a browser.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from emulator.clients import is_loopback
from emulator.errors import Refusal, Unauthorized
from emulator.faults.protection import Limits
from emulator.faults.rules import Faults, Rule

Authorize = Callable[[str | None], None]
Handler = Callable[[Request], Awaitable[Response]]


class FaultScript(msgspec.Struct, forbid_unknown_fields=True):
    """What `POST /emulator/faults` takes: rules to add, and service protection on or off."""

    rules: list[Rule] = []
    protection: Limits | bool | None = None


def admin_routes(authorize: Authorize) -> list[Route]:
    def guarded(path: str, handler: Handler, *methods: str) -> Route:
        return Route(f"/emulator/{path}", _guard(authorize, handler), methods=list(methods))

    return [
        guarded("faults", list_faults, "GET"),
        guarded("faults", add_faults, "POST"),
        guarded("faults", clear_faults, "DELETE"),
    ]


async def list_faults(request: Request) -> Response:
    return _faults(request.app.state.faults)


async def add_faults(request: Request) -> Response:
    script = msgspec.json.decode(await request.body(), type=FaultScript)
    faults: Faults = request.app.state.faults
    for rule in script.rules:
        faults.add_rule(rule)
    if script.protection is False:
        faults.protection = None
    elif script.protection is not None:
        faults.protect(None if script.protection is True else script.protection)
    return _faults(faults)


async def clear_faults(request: Request) -> Response:
    request.app.state.faults.clear()
    return _faults(request.app.state.faults)


def _faults(faults: Faults) -> Response:
    rules = [
        {"rule": msgspec.to_builtins(rule), "seen": seen, "fired": fired}
        for rule, seen, fired in faults.listed()
    ]
    limits = faults.protection and msgspec.to_builtins(faults.protection.limits)
    return JSONResponse({"rules": rules, "protection": limits, "trace": faults.trace_hash})


def _guard(authorize: Authorize, handler: Handler) -> Handler:
    async def guarded(request: Request) -> Response:
        try:
            if not _is_local(request):
                authorize(request.headers.get("authorization"))
            return await handler(request)
        except Unauthorized as refusal:
            return problem(refusal.message, 401)
        except Refusal as refusal:
            return problem(refusal.message, refusal.sent_status)
        except msgspec.DecodeError as error:
            return problem(str(error), 400)

    return guarded


def _is_local(request: Request) -> bool:
    """A program on this machine; browsers say where their page is from, and rebind names."""
    client = request.client
    near = client is not None and is_loopback(f"http://{_bracketed(client.host)}")
    return near and is_loopback(str(request.base_url)) and "origin" not in request.headers


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def problem(text: str, status: int) -> Response:
    body: dict[str, Any] = {"error": text}
    return JSONResponse(body, status)
