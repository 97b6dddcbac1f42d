"""The memory that an operation holds while it waits for Dynamics, and what is kept afterwards."""

import gc
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from emulator.faults.connections import InProcess
from gateway.loaders.prepared import LONG, RecentQueries
from gateway.plans import fetches
from tests.stack import Stack, running

pytestmark = pytest.mark.anyio
QUERY = "{ orders(first: 50) { nodes { number lines { nodes { unit product { name } } } } } }"

KEY = sys.getsizeof("0" * 36)
"""Bytes of the text of a GUID."""


class Watching(InProcess):
    """Looks for the bodies of orders, and the texts of keys, when it is asked for products."""

    def __init__(self, app: Starlette) -> None:
        super().__init__(app=app)
        self.bodies: set[int] = set()
        self.held: list[int] | None = None
        self.keys = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if "/products?" in str(request.url):
            sizes = [trace.size for trace in tracemalloc.take_snapshot().traces]
            self.held = [size for size in sizes if size in self.bodies]
            self.keys = sizes.count(KEY)
        response = await super().handle_async_request(request)
        if "/salesorders?" in str(request.url):
            self.bodies.add(sys.getsizeof(await response.aread()))
        return response


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.fixture
async def fresh(small_world: Starlette) -> AsyncIterator[Stack]:
    """A gateway that was asked nothing yet."""
    async with running(small_world) as stack:
        yield stack


@pytest.fixture
async def watched(small_world: Starlette) -> AsyncIterator[tuple[Stack, Watching]]:
    upstream = Watching(small_world)
    async with running(small_world, upstream, expands=False) as stack:
        yield stack, upstream


@pytest.mark.usefixtures("traced")
async def test_a_body_that_was_read_is_let_go_before_the_next_is_asked_for(
    watched: tuple[Stack, Watching],
) -> None:
    stack, upstream = watched

    answer = await stack.ask(QUERY, as_="rep")

    assert answer.data["orders"]["nodes"]
    assert min(upstream.bodies) > 10_000
    assert upstream.held == []


@pytest.mark.usefixtures("traced")
async def test_rows_that_wait_hold_one_text_of_each_key(
    watched: tuple[Stack, Watching], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, upstream = watched

    answer = await stack.ask(QUERY, as_="rep")
    shared = upstream.keys
    monkeypatch.setattr(fetches, "share", lambda rows: None)
    await stack.ask(QUERY, as_="rep")

    orders = answer.data["orders"]["nodes"]
    lines = [line for order in orders for line in order["lines"]["nodes"]]
    products = {line["product"]["name"] for line in lines}
    # A line has two: its order's and its product's.
    assert upstream.keys - shared >= 2 * len(lines) - len(orders) - len(products) > 200


def left_behind() -> list[object]:
    """All that has gone since the collector was switched off, but for the references in circles."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    gc.set_debug(0)
    found = list(gc.garbage)
    gc.garbage.clear()
    return found


@pytest.mark.parametrize(
    "query",
    [
        QUERY,
        "{ orders(first: 2) { nodes { number account { name } } totalCount } }",
        "{ shipments(first: 3) { nodes { number lines { nodes { quantity } } } } }",
        "{ viewer { kind } }",
    ],
)
async def test_an_answer_leaves_nothing_that_waits_for_the_collector(
    stack: Stack, query: str
) -> None:
    await stack.ask(query)
    gc.collect()
    gc.disable()
    try:
        await stack.ask(query)
        left = left_behind()
    finally:
        gc.enable()

    assert [each for each in left if type(each).__module__.startswith("gateway.")] == []


STARTED = """
from pathlib import Path
from gateway.memory import settle
def resident(): return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
passing = [bytes(60_000) for _ in range(1_000)]
last = bytes(60_000)
full = resident()
del passing
settle()
print(full - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc keeps what is freed below other memory")
def test_the_memory_that_a_start_took_goes_back_to_the_system() -> None:
    shown = subprocess.run([sys.executable, "-c", STARTED], capture_output=True, check=True)

    assert int(shown.stdout) > 30_000_000


def kept() -> int:
    """The number of queries that are kept prepared for all callers of this process."""
    gc.collect()  # Callers of earlier tests must not go between two counts.
    # isinstance() would ask weak proxies, which may be dead.
    return sum(len(each) for each in gc.get_objects() if type(each) is RecentQueries)


LIST = "query ($f: SalesOrderFilter) { orders(filter: $f) { nodes { id } } }"
BY_ID = "query ($id: ID!) { order(id: $id) { id } }"
LENGTHY: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a filter": (LIST, LIST, {"f": {"number": {"in": [f"{n}" for n in range(500)]}}}),
    "a filter that is refused": (
        LIST,
        LIST,
        {"f": {"number": {"in": [f"{n}" + "\u20ac" * 100 for n in range(500)]}}},
    ),
    "a variable": (
        LIST,
        "query ($x: String) { orders(filter: { number: { eq: $x } }) { nodes { id } } }",
        {"x": "x" * LONG},
    ),
    "a document": (
        LIST,
        'query { orders(filter: { number: { eq: "' + "x" * LONG + '" } }) { nodes { id } } }',
        {},
    ),
    "a document for one row": (BY_ID, BY_ID.replace("{ id }", "{ " + "x" * LONG + ": id }"), {}),
}


@pytest.mark.parametrize("name", LENGTHY)
async def test_nothing_is_kept_of_a_long_question(fresh: Stack, name: str) -> None:
    """Callers decide how long it is, and each of many may have asked many."""
    short, long, variables = LENGTHY[name]
    first = (await fresh.ask("{ orders(first: 1) { nodes { id } } }")).data["orders"]["nodes"][0]
    given = {"id": first["id"]} if short is BY_ID else {}

    before = kept()
    await fresh.ask(long, **given, **variables)
    after = kept()
    assert (await fresh.ask(short, **given)).data

    assert before == after < kept()
