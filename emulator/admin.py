"""The emulator's own endpoints below `/emulator`, by which a demo is steered while it runs.

They take a service token, or any caller on this machine: a program, but no page in a browser.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from decimal import Decimal
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from emulator.clients import is_loopback
from emulator.clock import Clock
from emulator.dualwrite.sync import DualWrite, integrated
from emulator.errors import Refusal, Unauthorized
from emulator.faults.protection import Limits
from emulator.faults.rules import Faults, Rule
from emulator.lifecycle.paying import Payments
from emulator.lifecycle.steps import Lifecycle, Move
from emulator.scm.sales import Rejected
from emulator.world.order_rows import PROCESSING
from emulator.world.orders import Status

Authorize = Callable[[str | None], None]
Handler = Callable[[Request], Awaitable[Response]]


class FaultScript(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /emulator/faults`: rules to add, and service protection on or off."""

    rules: list[Rule] = []
    protection: Limits | bool | None = None


class Advance(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /emulator/advance`: without an order, the newest open one moves."""

    order: str | None = None
    company: str | None = None
    to: str | None = None
    steps: int | None = None


class Payment(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /emulator/pay`: without an invoice, the one longest due is paid."""

    invoice: str | None = None
    company: str | None = None
    amount: Decimal | None = None


class Switches(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /emulator/dual-write`: how the ERP answers to a cancellation."""

    cancels: Literal["accept", "refuse"]


class Time(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /emulator/clock`; a clock that stands still moves by `advance` alone."""

    advance: float = 0.0
    """Seconds."""
    stand_still: bool = False


def admin_routes(authorize: Authorize) -> list[Route]:
    def guarded(path: str, handler: Handler, *methods: str) -> Route:
        return Route(f"/emulator/{path}", _guard(authorize, handler), methods=list(methods))

    return [
        guarded("faults", list_faults, "GET"),
        guarded("faults", add_faults, "POST"),
        guarded("faults", clear_faults, "DELETE"),
        guarded("advance", advance, "POST"),
        guarded("pay", pay, "POST"),
        guarded("dual-write", show_dual_write, "GET"),
        guarded("dual-write", switch_dual_write, "POST"),
        guarded("pause", pause, "POST"),
        guarded("resume", resume, "POST"),
        guarded("clock", set_clock, "POST"),
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


async def advance(request: Request) -> Response:
    """Move an order through its life."""
    wish = msgspec.json.decode(await request.body() or b"{}", type=Advance)
    lifecycle: Lifecycle = request.app.state.lifecycle
    try:
        to = _status(wish.to) if wish.to else None
        moves = lifecycle.advance(wish.order, company=wish.company, to=to, steps=wish.steps)
    except Rejected as error:
        return problem(str(error), 409)
    return JSONResponse({"moves": [_move(each) for each in moves]})


async def pay(request: Request) -> Response:
    """Pay an invoice, or a part of it."""
    wish = msgspec.json.decode(await request.body() or b"{}", type=Payment)
    payments: Payments = request.app.state.payments
    try:
        paid = payments.pay(wish.invoice, company=wish.company, amount=wish.amount)
    except Rejected as error:
        return problem(str(error), 409)
    return JSONResponse(asdict(paid) | {"amount": str(paid.amount), "open": str(paid.open)})


def _status(text: str) -> Status:
    name = text.upper().replace("-", "_").replace("CANCELLED", "CANCELED")
    if name not in Status.__members__:
        raise Rejected(f"There is no status {text}.")
    return Status[name]


def _move(move: Move) -> dict[str, str]:
    before, after = PROCESSING[move.before], PROCESSING[move.after]
    return {"order": move.order, "company": move.company, "from": before, "to": after}


async def show_dual_write(request: Request) -> Response:
    return _dual_write(request.app.state.dual_write)


async def switch_dual_write(request: Request) -> Response:
    switches = msgspec.json.decode(await request.body(), type=Switches)
    request.app.state.dual_write.outward.cancels = switches.cancels
    return _dual_write(request.app.state.dual_write)


async def pause(request: Request) -> Response:
    request.app.state.dual_write.pause()
    return _dual_write(request.app.state.dual_write)


async def resume(request: Request) -> Response:
    request.app.state.dual_write.resume()
    return _dual_write(request.app.state.dual_write)


def _dual_write(dual_write: DualWrite) -> Response:
    return JSONResponse(
        {
            "integrated": integrated(dual_write.store),
            "paused": dual_write.paused,
            "waiting": len(dual_write.queue),
            "failures": [asdict(failure) for failure in dual_write.failures],
            "cancels": dual_write.outward.cancels,
        }
    )


async def set_clock(request: Request) -> Response:
    time = msgspec.json.decode(await request.body(), type=Time)
    clock: Clock = request.app.state.clock
    if time.stand_still:
        clock.stand_still()
    clock.advance(seconds=time.advance)
    return JSONResponse({"now": clock.now().isoformat(), "virtual": clock.virtual})


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
