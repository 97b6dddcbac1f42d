"""Gateway processes that live and die: real schema, resolvers and services, without the edge."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import httpx2

from emulator.app import DATAVERSE
from gateway.client.exchange import Httpx2Transport
from gateway.engine.execution import Engine, GraphQLRequest
from gateway.loaders.reader import Reader
from gateway.loaders.rows import Loaders
from gateway.loaders.seals import Seal
from gateway.loaders.write_safety import WriteSafety
from gateway.loaders.writer import Writer, Writes
from gateway.schema.business.sales import FINGERPRINT, KEY, SalesOrder
from gateway.schema.context import Context
from gateway.upstream import dialects
from gateway.upstream.allowance import Allowance
from gateway.upstream.names import Names
from gateway.upstream.sender import Sender, now
from gateway.upstream.service import Service
from tests.gateway.auth.dataverse import names
from tests.schema import shipped
from tests.simulation.wire import Wire
from tests.simulation.world import BUYER, HOST

ENGINE = Engine(shipped())
DEADLINE = 10.0
NAMES = names().entities
"""The names of the tables: the emulator goes by the dictionary."""


class Gone(Exception):
    """The process died before it answered."""


class _Transport(httpx2.AsyncBaseTransport):
    def __init__(self, process: "Process") -> None:
        self._process = process

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await self._process.wire.carry(request, self._process.die)


class Process:
    """One gateway process. After its death another one with its number takes its place."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.alive = True
        self._tasks: set[asyncio.Task[Any]] = set()
        self._dataverse = Service(
            Httpx2Transport(_Transport(self)),
            HOST + DATAVERSE,
            dialects.DATAVERSE,
            sender=Sender(wire.random),
            names=Names(NAMES),
        )
        self._writes = Writes(Seal(b"shared"), clock=lambda: asyncio.get_running_loop().time())
        self._write_safety = WriteSafety(
            self._dataverse, SalesOrder.__table__.entity, key=KEY, fingerprint=FINGERPRINT
        )

    async def ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """A GraphQL answer; Gone where the process dies first."""
        task = self._task(self._run(query, variables))
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            # The caller hung up; the edge lets the request run to its end.
            raise
        if task.cancelled():
            raise Gone
        return task.result()

    def die(self) -> None:
        """At once, with everything that is under way."""
        self.alive = False
        tasks = (*self._tasks, *self._writes._running)
        # In the order in which they were made, not in that of their addresses.
        for task in sorted(tasks, key=lambda task: int(task.get_name().partition("-")[2])):
            task.cancel()

    async def _run(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        allowance = Allowance(50, now() + DEADLINE)
        reader = Reader({"dataverse": self._dataverse}, BUYER, allowance)
        writer = Writer(self._dataverse, BUYER, allowance, self._writes, self._write_safety)
        context = Context(BUYER, Loaders(reader), writer, "simulated")
        answer = await ENGINE.run(GraphQLRequest(query, variables), context, "simulated")
        return answer.body

    def _task(self, work: Coroutine[Any, Any, dict[str, Any]]) -> asyncio.Task[dict[str, Any]]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class Fleet:
    """Several processes behind a load balancer that knows nothing."""

    def __init__(self, wire: Wire, size: int) -> None:
        self._wire = wire
        self._processes = [Process(wire) for _ in range(size)]

    async def ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        at = self._wire.random.randrange(len(self._processes))
        if not self._processes[at].alive:
            self._processes[at] = Process(self._wire)
        return await self._processes[at].ask(query, variables)
