"""
The dearest documents that the limits admit: `python -m benchmarks.dearest [--rounds 40]`.

Searches for queries of much work by changing what is selected of 100 orders with 100 lines each, on
both ways to execute, and prints for the worst of each: the CPU time of the answer, the longest time
for which everybody else had to wait for it, and the memory that it took. The emulator's answers are
remembered, so that all of it is the gateway's own.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import uvloop

from benchmarks.comparing import world
from emulator.entra import SERVICE_CLIENT_ID, SERVICE_SECRET
from emulator.faults.connections import InProcess
from emulator.server import build
from emulator.settings import Settings as EmulatorSettings
from gateway.app import create_app
from gateway.config.settings import Settings
from gateway.memory import settle

EMULATOR, GATEWAY = "http://127.0.0.1:8001", "http://127.0.0.1:8000"
CUSTOMER = world.Customer("B-900", "Fabrikam Inc.", "cat@fabrikam.example", 100, 100)
LEAVES = (
    "id",
    "description",
    "quantity",
    "note",
    "unit",
    "status",
    "requestedShippingDate",
    "unitPrice { amount currency }",
    "amount { amount currency }",
    "deliveredQuantity",
    "remainingQuantity",
    "product { name number }",
    "product { availability { inStock } price { unit } }",
    "order { number name syncState { status } }",
    "order { account { name addresses(first: 2) { nodes { purpose } } } }",
)
MIB = 1024 * 1024


@dataclass(frozen=True)
class Candidate:
    """A query: so many orders with so many lines, and the fields of each line."""

    orders: int
    lines: int
    selected: tuple[int, ...]

    @property
    def query(self) -> str:
        fields = " ".join(
            LEAVES[n] if place == 0 else f"a{place}: {LEAVES[n]}"
            for place, n in enumerate(self.selected)
        )
        lines = f"lines(first: {self.lines}) {{ nodes {{ {fields} }} }}"
        return f"{{ orders(first: {self.orders}) {{ nodes {{ number {lines} }} }} }}"

    def changed(self, draw: random.Random) -> "Candidate":
        size = draw.choice((1, 5, 20, 50, 80, 95, 99, 100))
        match draw.randrange(4):
            case 0:
                return Candidate(size, self.lines, self.selected)
            case 1:
                return Candidate(self.orders, size, self.selected)
            case 2 if len(self.selected) < 30:
                more = draw.randrange(len(LEAVES))
                return Candidate(self.orders, self.lines, (*self.selected, more))
        kept = list(self.selected)
        kept[draw.randrange(len(kept))] = draw.randrange(len(LEAVES))
        return Candidate(self.orders, self.lines, tuple(kept))


@dataclass(frozen=True)
class Measured:
    """The cost of one answer."""

    cpu: float
    """Seconds of the processor."""
    longest: float
    """Seconds of the processor of the longest round of the event loop."""
    memory: float
    """MiB by which the process grew."""
    size: int
    calls: int


@dataclass
class Remembering(httpx2.AsyncBaseTransport):
    """A way to the emulator that asks it everything once."""

    inner: httpx2.AsyncBaseTransport
    calls: int = 0
    _kept: dict[tuple[str, str, bytes], tuple[int, list[tuple[str, str]], bytes]] = field(
        default_factory=dict
    )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.calls += 1
        key = request.method, str(request.url), await request.aread()
        if key not in self._kept:
            answer = await self.inner.handle_async_request(request)
            dropped = ("content-length", "content-encoding", "transfer-encoding")
            headers = [each for each in answer.headers.items() if each[0].lower() not in dropped]
            self._kept[key] = answer.status_code, headers, await answer.aread()
        status, headers, body = self._kept[key]
        return httpx2.Response(status, headers=headers, stream=httpx2.ByteStream(body))


@dataclass
class Rig:
    """A gateway before the emulator, and the customer who asks it."""

    client: httpx2.AsyncClient
    way: Remembering
    token: str

    async def ask(self, query: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return await self.client.post("/graphql", json={"query": query}, headers=headers)

    async def measure(self, candidate: Candidate) -> Measured | None:
        """None where a limit refuses it."""
        if "errors" in (await self.ask(candidate.query)).json():
            return None
        rounds = [0.0]
        watching = asyncio.create_task(_watch(rounds))
        await asyncio.sleep(0.01)
        rounds.clear()
        self.way.calls = 0
        _forget_peak()
        before, begun = _memory("VmRSS"), time.process_time()
        answer = await self.ask(candidate.query)
        cpu, grown = time.process_time() - begun, _memory("VmHWM") - before
        await asyncio.sleep(0.01)
        watching.cancel()
        return Measured(cpu, max(rounds), grown, len(answer.content), self.way.calls)


async def _watch(rounds: list[float]) -> None:
    while True:
        begun = time.thread_time()
        await asyncio.sleep(0)
        rounds.append(time.thread_time() - begun)


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _memory(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


@asynccontextmanager
async def rig(*, compiled: bool) -> AsyncIterator[Rig]:
    """A gateway that answers on one of the two ways."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        world.write(folder, [CUSTOMER])
        emulator = build(EmulatorSettings(base_url=EMULATOR, load=folder, lenient=True))
        way = Remembering(InProcess(app=emulator))
        settings = Settings(
            dataverse_url=EMULATOR,
            finops_url=EMULATOR,
            token_url=f"{EMULATOR}/demo/oauth2/v2.0/token",
            client_id=SERVICE_CLIENT_ID,
            client_secret=SERVICE_SECRET,
            issuer=f"{EMULATOR}/issuer",
            audience=("gateway",),
            learned_names="off",
            deadline=120.0,
            compiled_plans=compiled,
        )
        app = create_app(settings, transport=way)
        await stack.enter_async_context(app.router.lifespan_context(app))
        issuer = httpx2.AsyncClient(transport=way, base_url=EMULATOR)
        minted = await issuer.post("/issuer/demo/token", json={"name": CUSTOMER.email})
        client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app), base_url=GATEWAY, timeout=300
        )
        settle()
        yield Rig(client, way, minted.json()["access_token"])


async def search(*, compiled: bool, rounds: int) -> Iterator[tuple[Candidate, Measured]]:
    """The worst that was found, by how long others waited and by CPU time."""
    draw = random.Random(1)  # noqa: S311 - the same each time
    found: dict[Candidate, Measured] = {}
    async with rig(compiled=compiled) as gateway:
        for number in range(rounds):
            best = max(found, key=lambda each: found[each].longest, default=None)
            if best is None or number % 3 == 0:
                best = Candidate(50, 50, tuple(draw.sample(range(len(LEAVES)), 4)))
            candidate = best.changed(draw)
            measured = await gateway.measure(candidate)
            if measured:
                found[candidate] = measured
    worst = sorted(found.items(), key=lambda each: each[1].longest, reverse=True)[:3]
    dear = sorted(found.items(), key=lambda each: each[1].cpu, reverse=True)[:2]
    return iter([*worst, *dear])


async def _main(rounds: int) -> None:
    for compiled in (True, False):
        print("by a plan:" if compiled else "on graphql-core:")
        for candidate, cost in await search(compiled=compiled, rounds=rounds):
            print(
                f"  CPU {cost.cpu * 1000:5.0f} ms, others wait {cost.longest * 1000:4.0f} ms, "
                f"{cost.memory:5.1f} MiB, answer {cost.size / MIB:5.2f} MiB, "
                f"{cost.calls} calls: {candidate.query[:180]}"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    uvloop.run(_main(parser.parse_args().rounds))
