"""The way between gateways and Dataverse, and what befalls requests on it: seeded and traced."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx2
import msgspec

from emulator.app import DATAVERSE
from tests.simulation.world import World

SILENCE = 3_600.0
"""Seconds for which nothing comes: longer than anybody waits."""
COMMIT_LIMIT = 120.0
"""Seconds after which Dataverse gives up a transaction that dual-write holds open."""

FAULTS = {
    "unreachable": 0.02,
    "lost": 0.05,
    "cut_after": 0.05,
    "silent_after": 0.03,
    "late": 0.02,
    "doubled": 0.05,
    "throttled": 0.03,
    "failed": 0.02,
    "failed_after": 0.01,
    "slow": 0.10,
    "dies_before": 0.01,
    "dies_after": 0.01,
}
"""The share of writes that each fault befalls; the rest goes well."""
OUTAGE = "outage"
OUTAGE_EVERY, OUTAGE_LASTS = 400.0, 25.0
"""Seconds from one outage of the whole service to the next, and for how long it answers nobody."""
READS = 0.2
"""The rate of faults of reads, against that of writes."""


class Trace:
    """The events of a run, in order: the same seed must give the same digest."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.counts: Counter[str] = Counter()

    def note(self, what: str, *details: object) -> None:
        moment = asyncio.get_running_loop().time()
        self._digest.update(f"{moment:.6f} {what} {details}\n".encode())
        self.counts[what] += 1

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()


@dataclass
class Wire:
    """Carries the requests of all gateways to the one world."""

    world: World
    random: Random
    trace: Trace
    naive: bool = False
    """True if orders arrive without the ids that the gateway derived."""
    _under_way: set[asyncio.Task[Any]] = field(default_factory=set)

    async def carry(self, request: httpx2.Request, die: Callable[[], None]) -> httpx2.Response:
        """The answer, or an error as a real connection gives; `die` ends the gateway that asks."""
        fault = self._fault(1.0 if request.method != "GET" else READS)
        if asyncio.get_running_loop().time() % OUTAGE_EVERY > OUTAGE_EVERY - OUTAGE_LASTS:
            fault = OUTAGE
        self.trace.note(fault, request.method)
        if fault.startswith("dies"):
            if fault == "dies_after":
                self._served(request)
            die()
            await asyncio.sleep(SILENCE)
        before = await self._before(fault, request)
        if before is not None:
            return before
        answer = self._served(request)
        match fault:
            case "cut_after":
                raise httpx2.ReadError("cut", request=request)
            case "silent_after":
                await asyncio.sleep(SILENCE)
            case "failed_after":
                return httpx2.Response(502, request=request)
            case "doubled":
                self._later(request, self.random.uniform(0, COMMIT_LIMIT))
        return answer

    async def _before(self, fault: str, request: httpx2.Request) -> httpx2.Response | None:
        """Do what the fault does instead of the service's work, if it does anything."""
        await asyncio.sleep(self.random.uniform(0.005, 0.05))
        match fault:
            case "unreachable":
                raise httpx2.ConnectError("refused", request=request)
            case "lost":
                await asyncio.sleep(SILENCE if self.random.random() < 0.5 else 0)
                raise httpx2.ReadError("cut", request=request)
            case "late":
                self._later(request, self.random.uniform(1, COMMIT_LIMIT))
                await asyncio.sleep(SILENCE)
            case "throttled":
                after = str(self.random.randint(1, 5))
                return httpx2.Response(429, headers={"Retry-After": after}, request=request)
            case "failed" | "outage":
                return httpx2.Response(503, request=request)
            case "slow":
                await asyncio.sleep(self.random.uniform(0.1, 20))
        return None

    async def settle(self) -> None:
        """Wait for everything that is still on its way."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    def _fault(self, share: float) -> str:
        weights = [share * weight for weight in FAULTS.values()]
        return self.random.choices((*FAULTS, "well"), (*weights, 1 - sum(weights)))[0]

    def _later(self, request: httpx2.Request, seconds: float) -> None:
        async def arrive() -> None:
            await asyncio.sleep(seconds)
            self._served(request)

        task = asyncio.create_task(arrive())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def _served(self, request: httpx2.Request) -> httpx2.Response:
        target = request.url.raw_path.decode().removeprefix(DATAVERSE)
        headers = dict(request.headers.items())
        body = self._stripped(request) if self.naive else request.content
        answer = self.world.answer(request.method, target, headers, body)
        self.trace.note("served", request.method, answer.status)
        kind = {"content-type": "application/json"}
        return httpx2.Response(
            answer.status, headers=kind | answer.headers, content=answer.encoded(), request=request
        )

    def _stripped(self, request: httpx2.Request) -> bytes:
        if request.method != "POST" or request.url.path.endswith("$batch"):
            return request.content
        row = msgspec.json.decode(request.content)
        for each in (row, *row.get("order_details", ())):
            for name in ("salesorderid", "salesorderdetailid", "gw_idempotencykey"):
                each.pop(name, None)
        return msgspec.json.encode(row)
