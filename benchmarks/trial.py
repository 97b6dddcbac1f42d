"""An emulator and `gateway serve` in front of it, as processes that a benchmark asks."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from benchmarks.comparing.processes import free_port
from emulator.entra import SERVICE_CLIENT_ID, SERVICE_SECRET
from emulator.settings import SMALL

PROGRAMS = Path(sys.executable).parent
WORLDS = Path(__file__).parents[1] / ".cache" / "worlds"
"""Worlds that were generated before, by tests too."""


@dataclass(frozen=True)
class Trial:
    """The addresses of both, and the process of the gateway."""

    url: str
    emulator: str
    pid: int


@contextmanager
def processes(
    world: str = SMALL, /, *, distance: Sequence[str] | None = None, **settings: str
) -> Iterator[Trial]:
    """
    Both, ready to be asked, until the benchmark ends: an emulator with this world, and a gateway
    with these settings besides. `distance`: the options of `benchmarks.distance` between them.
    """
    ports = free_port(), free_port(), free_port()
    emulator, url, relay = (f"http://127.0.0.1:{port}" for port in ports)
    dynamics = emulator if distance is None else relay
    variables = {
        "GATEWAY_CLIENT_ID": SERVICE_CLIENT_ID,
        "GATEWAY_CLIENT_SECRET": SERVICE_SECRET,
        "GATEWAY_DATAVERSE_URL": dynamics,
        "GATEWAY_FINOPS_URL": dynamics,
        "GATEWAY_TOKEN_URL": f"{dynamics}/demo/oauth2/v2.0/token",
        "GATEWAY_ISSUER": f"{dynamics}/issuer",
        "GATEWAY_AUDIENCE": "gateway",
        "GATEWAY_LEARNED_NAMES": "off",
        "GATEWAY_METRICS": "on",
        "GATEWAY_PORT": str(ports[1]),
        **settings,
    }
    emulated = [
        str(PROGRAMS / "emulator"),
        "serve",
        "--port",
        str(ports[0]),
        "--base-url",
        dynamics,
    ]
    commands = [[*emulated, "--cache", str(WORLDS), "--world", world]]
    if distance is not None:
        away = [sys.executable, "-m", "benchmarks.distance", "--port", str(ports[2])]
        commands.append([*away, "--emulator", emulator, *distance])
    commands.append([str(PROGRAMS / "gateway"), "serve"])
    running: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            environment = {**os.environ, **variables}
            running.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL))
        asyncio.run(_started(f"{url}/readyz", running))
        yield Trial(url, emulator, running[-1].pid)
    finally:
        for each in running:
            each.kill()


async def _started(url: str, running: Iterable[subprocess.Popen[bytes]]) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http, asyncio.timeout(600):
        while True:
            if any(each.poll() is not None for each in running):
                raise RuntimeError("one of the processes ended before it was ready")
            try:
                if (await http.get(url)).status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            await asyncio.sleep(0.2)
