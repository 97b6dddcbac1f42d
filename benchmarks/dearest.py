"""
The dearest documents that the limits admit: `python -m benchmarks.dearest [--seconds 120]`.

Searches for them on both ways to execute: random documents over the whole schema, of which the
dearest are changed again and again. Prints for the worst of each: for how long everybody else had
to wait, the memory that was taken, and the CPU time of the answer. What the emulator answers is
remembered, so that all of it is the gateway's own.

A wait is the processor's time of the process between two rounds of its loop, so that other programs
of the machine do not count. A document is measured when it is new, and once it is known.
"""

import argparse
import asyncio
import gc
import json
import random
import tempfile
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterable, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import uvloop
from starlette.applications import Starlette

from benchmarks.comparing import world
from benchmarks.documents import Document, Documents
from emulator.entra import SERVICE_CLIENT_ID, SERVICE_SECRET
from emulator.faults.connections import InProcess
from emulator.server import build
from emulator.settings import Settings as EmulatorSettings
from gateway.app import create_app, schema
from gateway.config.settings import Settings
from gateway.memory import settle

EMULATOR = "http://127.0.0.1:8001"
CUSTOMER = world.Customer("B-900", "Fabrikam Inc.", "cat@fabrikam.example", 100, 100)
TEXTS = {"salesorders": {"name": 300}, "salesorderdetails": {"description": 600}}
"""Columns of the data that get a text of so many characters."""
MIB = 1024 * 1024
LONGEST, MEMORY = 0.05, 64
"""The promise: seconds for which nobody waits longer, and MiB that no answer takes."""
AGAIN = 2
"""Times that a longer wait is measured again: other programs can make it longer, never shorter."""


@dataclass(frozen=True)
class Measured:
    """The cost of one answer."""

    new: float
    """Seconds of the longest round of the loop while the document was new."""
    longest: float
    """The same once the document was known."""
    cpu: float
    """Seconds of the processor."""
    memory: float
    """MiB that were taken at most."""
    size: int
    calls: int

    @property
    def wait(self) -> float:
        return max(self.new, self.longest)

    @property
    def is_beyond(self) -> bool:
        """True if it breaks the promise."""
        return self.wait > LONGEST or self.memory > MEMORY


@dataclass
class Remembering(httpx2.AsyncBaseTransport):
    """A way to the emulator that asks it everything once."""

    inner: httpx2.AsyncBaseTransport
    calls: int = 0
    _kept: dict[tuple[str, str, bytes], tuple[int, list[tuple[str, str]], bytes]] = field(
        default_factory=dict
    )

    def forget(self) -> None:
        """Keep no more than a few answers; not in the midst of a document, which asks again."""
        if len(self._kept) > 40:
            self._kept.clear()

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


class Rig:
    """A gateway before the emulator, and the customer who asks it."""

    def __init__(self, app: Starlette, way: Remembering, token: str) -> None:
        self.app, self.way, self._token = app, way, token

    async def ask(self, query: str, variables: dict[str, Any]) -> tuple[int, bytes]:
        """The length of the answer, and how it begins."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        size, head = 0, b""

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            nonlocal size, head
            size += len(message.get("body", b""))
            head = head or message.get("body", b"")[:300]

        await self.app(self._scope(len(body)), receive, send)
        return size, head

    async def data(self, query: str) -> Any:
        """The whole answer to a small query."""
        _, head = await self.ask(query, {})
        return json.loads(head)["data"]

    def _scope(self, length: int) -> dict[str, Any]:
        headers = {
            "host": "127.0.0.1:8000",
            "content-type": "application/json",
            "content-length": str(length),
            "authorization": f"Bearer {self._token}",
        }
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/graphql",
            "raw_path": b"/graphql",
            "root_path": "",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8000),
        }

    async def measure(self, query: str, variables: dict[str, Any]) -> Measured | None:
        """None where a limit refuses it."""
        self.way.forget()
        _, head = await self.ask(query, variables)  # the emulator answers in our loop
        if b"LIMIT_EXCEEDED" in head and b"answer_bytes" not in head:
            return None
        new, longest, cpu, size = await self._waits(query, variables)
        for _ in range(AGAIN):
            if max(new, longest) <= LONGEST:
                break
            again = await self._waits(query, variables)
            new, longest, cpu = min(new, again[0]), min(longest, again[1]), min(cpu, again[2])
        calls, memory = self.way.calls, 0.0
        if cpu > 0.05 or size > MIB:
            gc.collect()
            tracemalloc.start()
            await self.ask(query, variables)
            memory = tracemalloc.get_traced_memory()[1] / MIB
            tracemalloc.stop()
        return Measured(new, longest, cpu, memory, size, calls)

    async def _waits(
        self, query: str, variables: dict[str, Any]
    ) -> tuple[float, float, float, int]:
        """The longest rounds while it is new and then, the CPU time, the answer's length."""
        kept = self.app.state.engine.documents
        while kept.size:
            kept.drop()
        new, _, _ = await self._watched(query, variables)
        return new, *await self._watched(query, variables)

    async def _watched(self, query: str, variables: dict[str, Any]) -> tuple[float, float, int]:
        # Found documents and the search's own schema are nothing that a gateway has.
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        rounds: list[float] = []
        watching = asyncio.create_task(_watch(rounds))
        await asyncio.sleep(0.01)
        rounds.clear()
        self.way.calls = 0
        begun = time.process_time()
        size, _ = await self.ask(query, variables)
        cpu = time.process_time() - begun
        await asyncio.sleep(0.01)
        watching.cancel()
        return max(rounds), cpu, size


async def _watch(rounds: list[float]) -> None:
    while True:
        begun = time.process_time()
        await asyncio.sleep(0)
        rounds.append(time.process_time() - begun)


def _lengthen(folder: Path) -> None:
    """Give the rows long texts, as people write them."""
    for name, columns in TEXTS.items():
        path = folder / "dataverse" / f"{name}.jsonl"
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        for number, row in enumerate(rows):
            texts = {column: f"{number} äé " * (size // 8) for column, size in columns.items()}
            row.update({column: text[: columns[column]] for column, text in texts.items()})
        path.write_text("\n".join(map(json.dumps, rows)))


@asynccontextmanager
async def rig(*, compiled: bool, customer: world.Customer = CUSTOMER) -> AsyncIterator[Rig]:
    """A gateway that answers on one of the two ways."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        world.write(folder, [customer])
        _lengthen(folder)
        emulator = build(EmulatorSettings(base_url=EMULATOR, load=folder, lenient=True))
        way = Remembering(InProcess(app=emulator))
        settings = settings_of(compiled=compiled)
        app = create_app(settings, transport=way)
        await stack.enter_async_context(app.router.lifespan_context(app))
        issuer = httpx2.AsyncClient(transport=way, base_url=EMULATOR)
        minted = await issuer.post("/issuer/demo/token", json={"name": customer.email})
        settle()
        yield Rig(app, way, minted.json()["access_token"])


def settings_of(*, compiled: bool) -> Settings:
    return Settings(
        dataverse_url=EMULATOR,
        finops_url=EMULATOR,
        token_url=f"{EMULATOR}/demo/oauth2/v2.0/token",
        client_id=SERVICE_CLIENT_ID,
        client_secret=SERVICE_SECRET,
        issuer=f"{EMULATOR}/issuer",
        audience=("gateway",),
        learned_names="off",
        deadline=300.0,
        introspection=True,
        compiled_plans=compiled,
    )


async def search(
    gateway: Rig, documents: Documents, draw: random.Random, seconds: float
) -> dict[Document, Measured]:
    """All documents that were found within so many seconds, and their costs."""
    found: dict[Document, Measured] = {}
    until = time.monotonic() + seconds
    for document in documents.beginnings():
        if measured := await gateway.measure(*documents.spelled(document)):
            found[document] = measured
    while time.monotonic() < until:
        best = _best(found, draw)
        document = documents.changed(best) if best else documents.any()
        if document not in found:
            measured = await gateway.measure(*documents.spelled(document))
            if measured:
                found[document] = measured
    return found


def _best(found: dict[Document, Measured], draw: random.Random) -> Document | None:
    """One of the dearest so far by one of the three measures; None for a new beginning."""
    if len(found) < 5 or draw.random() < 0.2:
        return None
    measure = draw.choice(
        [lambda each: each.wait, lambda each: each.memory, lambda each: each.cpu, _promising]
    )
    ranked = sorted(found, key=lambda each: measure(found[each]), reverse=True)
    return draw.choice(ranked[:4])


def _promising(measured: Measured) -> float:
    return measured.cpu / LONGEST + measured.memory / MEMORY + measured.size / MIB


async def ids_of(gateway: Rig) -> dict[str, str]:
    """Ids of rows of the customer, by the root fields that take them."""
    asked = "{ viewer { contact { id account { id } } } orders(first: 1) { nodes { id } } }"
    data = await gateway.data(asked)
    contact = data["viewer"]["contact"]
    return {"account": contact["account"]["id"], "order": data["orders"]["nodes"][0]["id"]}


async def _main(seconds: float, seed: int) -> int:
    broken = 0
    for compiled in (True, False):
        print("by a plan:" if compiled else "on graphql-core:", flush=True)
        draw = random.Random(seed)  # noqa: S311 - the same each time
        async with rig(compiled=compiled) as gateway:
            documents = Documents(schema(settings_of(compiled=True)), await ids_of(gateway), draw)
            found = await search(gateway, documents, draw, seconds)
        print(f"  {len(found)} documents within the limits")
        beyond = [each for each in found if found[each].is_beyond]
        broken += len(beyond)
        _print("beyond", [(documents.spelled(each)[0], found[each]) for each in beyond], None)
        for measure in ("wait", "memory", "cpu"):
            worst = sorted(found, key=lambda each: getattr(found[each], measure), reverse=True)
            _print(
                f"most {measure}", [(documents.spelled(each)[0], found[each]) for each in worst[:2]]
            )
    print(f"{broken} documents beyond {LONGEST * 1000:.0f} ms or {MEMORY} MiB")
    return min(broken, 1)


def _print(measure: str, worst: Iterable[tuple[str, Measured]], length: int | None = 300) -> None:
    for text, cost in worst:
        print(
            f"  {measure}: others wait {cost.new * 1000:.0f} ms while it is new, "
            f"{cost.longest * 1000:.0f} ms then; {cost.memory:.1f} MiB, CPU {cost.cpu:.2f} s, "
            f"answer {cost.size / MIB:.2f} MiB, {cost.calls} calls: {text[:length]}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="for each way to execute")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    raise SystemExit(uvloop.run(_main(given.seconds, given.seed)))
