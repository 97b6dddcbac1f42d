"""
The state of services, by table, and of issuers -> the body of `/health`.

It is told by the calls that were made anyway; only tokens and keys that are due are asked for.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from gateway.upstream.state import ServiceState
from gateway.upstream.tally import Recent

Probe = Callable[[], Awaitable[object]]
"""Returns where the thing it asks is well, raises where it is not."""

PATIENCE: Final = 3.0
"""Seconds that all probes together may take."""
FEW: Final = 5
"""The number of recent calls below which no share of them is judged."""
DEGRADED, FAILING = 0.1, 0.5
"""The share of calls that failed of late from which a table is called so."""
SLOW: Final = 3.0
"""Seconds that calls last on average from which a table is called slow."""
WORST: Final = ("ok", "slow", "degraded", "failing")
"""The states of a table, and of a service in which one table has it."""


async def examined(
    services: Mapping[str, ServiceState],
    sign_ins: Mapping[str, Probe],
    issuers: Mapping[str, Probe],
) -> dict[str, Any]:
    """
    The state of services and issuers.

    `down`: no caller can be told apart, or no service can be asked. `degraded`: anything else is
    not `ok`.
    """
    probes = {**sign_ins, **issuers}
    outcomes = await asyncio.gather(*map(_is_well, probes.values()))
    well = dict(zip(probes, outcomes, strict=True))
    found = {name: _service(state, signs=well[name]) for name, state in services.items()}
    known = {name: "ok" if well[name] else "failing" for name in issuers}
    states = [each["status"] for each in found.values()], list(known.values())
    if any(set(each) == {"failing"} for each in states):
        status = "down"
    else:
        status = "ok" if set(states[0] + states[1]) <= {"ok"} else "degraded"
    return {"status": status, "services": found, "issuers": known}


def _service(state: ServiceState, *, signs: bool) -> dict[str, Any]:
    tables = {" of ".join(sort): _table(recent) for sort, recent in state.recent.items()}
    states = [each["status"] for each in tables.values() if each["calls"] >= FEW]
    status = max(states, key=WORST.index, default="ok")
    if status == "failing" and set(states) != {"failing"}:
        status = "degraded"  # others of its tables answer
    if not signs or state.is_unreachable:
        status = "failing"
    elif (state.left_alone or not state.takes_calls) and status != "failing":
        status = "degraded"
    return {
        "status": status,
        "signIn": "ok" if signs else "failing",
        "leftAlone": state.left_alone,
        "takesCalls": state.takes_calls,
        "inFlight": state.in_flight,
        "waiting": state.waiting,
        "tables": tables,
    }


def _table(recent: Recent) -> dict[str, Any]:
    share, average = recent.failed / recent.calls, recent.seconds / recent.calls
    status = "ok"
    if recent.calls >= FEW:
        if share >= FAILING:
            status = "failing"
        elif share >= DEGRADED:
            status = "degraded"
        elif average >= SLOW:
            status = "slow"
    return {
        "status": status,
        "calls": recent.calls,
        "failed": recent.failed,
        "averageSeconds": round(average, 3),
    }


async def _is_well(probe: Probe) -> bool:
    """True if a probe returns in time. A failure is logged by the service that was probed."""
    outcomes = await asyncio.gather(asyncio.wait_for(probe(), PATIENCE), return_exceptions=True)
    return not isinstance(outcomes[0], BaseException)
