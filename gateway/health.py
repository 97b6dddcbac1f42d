"""`/livez`: the process answers. `/readyz`: what it needs answers too."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Probe = Callable[[], Awaitable[object]]
"""Returns where the thing it asks is well, raises where it is not."""

PATIENCE: Final = 3.0
"""Seconds that all probes together may take."""


def health_routes(probes: Mapping[str, Probe]) -> list[Route]:
    async def livez(request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(request: Request) -> Response:
        outcomes = await asyncio.gather(*map(_well, probes.values()))
        ready = all(outcomes)
        checks = {
            name: "ok" if well else "failing" for name, well in zip(probes, outcomes, strict=True)
        }
        status = "ready" if ready else "not ready"
        return JSONResponse({"status": status, "checks": checks}, 200 if ready else 503)

    return [Route("/livez", livez), Route("/readyz", readyz)]


async def _well(probe: Probe) -> bool:
    """Whether a probe returns in time. What went wrong is for the log of whoever it asked."""
    outcomes = await asyncio.gather(asyncio.wait_for(probe(), PATIENCE), return_exceptions=True)
    return not isinstance(outcomes[0], BaseException)
