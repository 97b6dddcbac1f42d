"""Real processes: an emulator, gateways in front of it, and a balancer that learns late of both."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from emulator.entra import SERVICE_CLIENT_ID, SERVICE_SECRET
from tests.ports import free_port
from tests.stack import WORLDS

PROGRAMS = Path(sys.executable).parent
STARTS = 300.0
"""Seconds that a process may take to start on a busy machine."""
LATE = 1.0
"""Seconds after which the balancer acts on what it sees."""
LOOK = 0.2


@dataclass
class Replica:
    """A gateway that runs as a process of its own."""

    port: int
    process: asyncio.subprocess.Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def ended(self, *signals: signal.Signals) -> int:
        """Send signals, a little more than a second apart, and return the exit code."""
        for number, each in enumerate(signals):
            await asyncio.sleep(1.2 if number else 0)
            self.process.send_signal(each)
        return await asyncio.wait_for(self.process.wait(), 60)


@dataclass
class Site:
    """An emulator, and the gateways in front of it."""

    port: int
    dynamics: asyncio.subprocess.Process | None = None
    """The emulator, which is the issuer and the token endpoint too."""
    replicas: list[Replica] = field(default_factory=list)

    @property
    def emulator(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start_emulator(self) -> None:
        """Start the emulator where it was before, and return when it answers."""
        command = ("emulator", "serve", "--port", str(self.port), "--cache", str(WORLDS))
        self.dynamics = await started(*command)
        await answers(f"{self.emulator}/issuer/.well-known/openid-configuration", self.dynamics)

    async def kill_emulator(self) -> None:
        """End the emulator as a crash does."""
        assert self.dynamics
        self.dynamics.kill()
        await self.dynamics.wait()

    async def start(self, **variables: str) -> Replica:
        """Start another gateway, and return when it is ready."""
        port = int(variables.get("GATEWAY_PORT") or free_port())
        environment = {
            "GATEWAY_DATAVERSE_URL": self.emulator,
            "GATEWAY_FINOPS_URL": self.emulator,
            "GATEWAY_TOKEN_URL": f"{self.emulator}/demo/oauth2/v2.0/token",
            "GATEWAY_CLIENT_ID": SERVICE_CLIENT_ID,
            "GATEWAY_CLIENT_SECRET": SERVICE_SECRET,
            "GATEWAY_ISSUER": f"{self.emulator}/issuer",
            "GATEWAY_AUDIENCE": "gateway",
            "GATEWAY_LEARNED_NAMES": "off",
            "GATEWAY_PORT": str(port),
            **variables,
        }
        process = await started("gateway", "serve", **environment)
        replica = Replica(port, process)
        self.replicas.append(replica)
        await answers(f"{replica.url}/readyz", process)
        return replica

    async def token(self, name: str) -> str:
        async with httpx2.AsyncClient(base_url=self.emulator, trust_env=False) as client:
            minted = await client.post("/issuer/demo/token", json={"name": name})
            return str(minted.raise_for_status().json()["access_token"])


async def started(*command: str, **environment: str) -> asyncio.subprocess.Process:
    program, *arguments = command
    return await asyncio.create_subprocess_exec(
        PROGRAMS / program,
        *arguments,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.DEVNULL,
    )


async def answers(url: str, process: asyncio.subprocess.Process) -> None:
    """Wait until 200 is answered; fail if the process ends before."""
    async with asyncio.timeout(STARTS), httpx2.AsyncClient(trust_env=False) as client:
        while True:
            assert process.returncode is None, "the process has ended"
            with contextlib.suppress(httpx2.TransportError):
                if (await client.get(url)).status_code == 200:
                    return
            await asyncio.sleep(0.1)


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    """An emulator that runs as a process of its own; what was started ends at the end."""
    found = Site(free_port())
    try:
        await found.start_emulator()
        yield found
    finally:
        for each in (found.dynamics, *(replica.process for replica in found.replicas)):
            if each is not None:
                with contextlib.suppress(ProcessLookupError):
                    each.kill()
                await each.wait()


class LateBalancer:
    """Hands connections to the replicas that were ready a while ago, byte by byte."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._ready: list[int] = []
        self._next = 0
        self._some = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        looking = asyncio.create_task(self._look())
        try:
            async with asyncio.timeout(STARTS):
                await self._some.wait()
            host, port = server.sockets[0].getsockname()[:2]
            yield f"http://{host}:{port}"
        finally:
            looking.cancel()
            server.close()

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        async with httpx2.AsyncClient(trust_env=False, timeout=1.0) as client:
            while True:
                found = [each.port for each in self._site.replicas if await _is_ready(client, each)]
                loop.call_later(LATE, self._learn, found)
                await asyncio.sleep(LOOK)

    def _learn(self, found: list[int]) -> None:
        self._ready = found
        if found:
            self._some.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._ready:  # as a real one does where nobody is left
            writer.close()
            return
        self._next += 1
        port = self._ready[self._next % len(self._ready)]
        try:
            there = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        for way in (_carry(reader, there[1]), _carry(there[0], writer)):
            task = asyncio.create_task(way)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


async def _is_ready(client: httpx2.AsyncClient, replica: Replica) -> bool:
    if replica.process.returncode is not None:
        return False
    try:
        return (await client.get(f"{replica.url}/readyz")).status_code == 200
    except httpx2.TransportError:
        return False


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
