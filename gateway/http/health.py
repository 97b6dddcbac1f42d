"""
`/livez`: the process answers. `/readyz`: it can serve. `/health`: the state of what it depends on.

A balancer asks for readiness, and where a dependency is down every process would be as unready as
the next one: so nothing that is outside of the process has a part in it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Condition = Callable[[], bool]
"""True while something of the process itself is as it must be."""
Health = Mapping[str, Any]
"""The state of dependencies, with a `status` of them all."""
Examine = Callable[[], Awaitable[Health]]

REMEMBER: Final = 2.0
"""Seconds in which nobody is asked again, however often anybody asks us."""
DOWN: Final = "down"
"""The status of dependencies without which nobody can be served."""


async def nothing() -> Health:
    """The health of a process that depends on nothing."""
    return {"status": "ok"}


def health_routes(
    conditions: Mapping[str, Condition],
    examine: Examine = nothing,
    clock: Callable[[], float] = time.monotonic,
) -> list[Route]:
    examination = _Examination(examine, clock)

    async def livez(request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(request: Request) -> Response:
        checks = {name: "ok" if holds() else "failing" for name, holds in conditions.items()}
        failing = "failing" in checks.values()
        status = "not ready" if failing else "ready"
        return JSONResponse({"status": status, "checks": checks}, 503 if failing else 200)

    async def health(request: Request) -> Response:
        found = await examination.latest()
        return JSONResponse(found, 503 if found["status"] == DOWN else 200)

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/health", health)]


class _Examination:
    """The latest state of the dependencies; those who ask at once wait for one look at them."""

    def __init__(self, examine: Examine, clock: Callable[[], float]) -> None:
        self._examine, self._clock = examine, clock
        self._found: Health = {}
        self._until = float("-inf")
        self._lock = asyncio.Lock()

    async def latest(self) -> Health:
        async with self._lock:
            if self._clock() >= self._until:
                self._found = await self._examine()
                self._until = self._clock() + REMEMBER
            return self._found
