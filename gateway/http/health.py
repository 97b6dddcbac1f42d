"""`/livez`: the process answers. `/readyz`: the services that it needs answer too."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Probe = Callable[[], Awaitable[object]]
"""Returns where the thing it asks is well, raises where it is not."""

PATIENCE: Final = 3.0
"""Seconds that all probes together may take."""
REMEMBER: Final = 2.0
"""Seconds for which the last answer is reused, however often `/readyz` is called."""


def health_routes(
    probes: Mapping[str, Probe], clock: Callable[[], float] = time.monotonic
) -> list[Route]:
    ready = _Readiness(probes, clock)

    async def livez(request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(request: Request) -> Response:
        checks = await ready.checks()
        failing = "failing" in checks.values()
        status = "not ready" if failing else "ready"
        return JSONResponse({"status": status, "checks": checks}, 503 if failing else 200)

    return [Route("/livez", livez), Route("/readyz", readyz)]


class _Readiness:
    """The latest answers of the probes; those who ask at once wait for one round of them."""

    def __init__(self, probes: Mapping[str, Probe], clock: Callable[[], float]) -> None:
        self._probes, self._clock = probes, clock
        self._checks: Mapping[str, str] = {}
        self._until = float("-inf")
        self._lock = asyncio.Lock()

    async def checks(self) -> Mapping[str, str]:
        async with self._lock:
            if self._clock() >= self._until:
                outcomes = await asyncio.gather(*map(_well, self._probes.values()))
                told = ("ok" if well else "failing" for well in outcomes)
                self._checks = dict(zip(self._probes, told, strict=True))
                self._until = self._clock() + REMEMBER
            return self._checks


async def _well(probe: Probe) -> bool:
    """True if a probe returns in time. A failure is logged by the service that was probed."""
    outcomes = await asyncio.gather(asyncio.wait_for(probe(), PATIENCE), return_exceptions=True)
    return not isinstance(outcomes[0], BaseException)
