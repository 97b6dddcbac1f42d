"""Large answers: refused before they are built, and made in slices that leave others their turn."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette

from gateway.admission import pacing
from gateway.engine import execution
from gateway.http import answer_limit
from gateway.plans import plans, rendering
from tests.stack import emulator, running

pytestmark = [
    pytest.mark.anyio,
    # What is cancelled leaves coroutines of graphql-core behind that were not started yet.
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

ORDERS = "{ orders(first: 100) { nodes { id name lines(first: 20) { nodes { id note } } } } }"
EDGES = "{ orders { edges { cursor node { id lines { edges { node { id note } } } } } } }"
REPEATED = (
    "{ orders(first: 50) { nodes { id account { "
    + " ".join(f"a{number}: name" for number in range(25))
    + " } } } }"
)
"""One account, whose name stands in the answer 1,250 times."""
INTROSPECTION = (
    "{ "
    + " ".join(
        f"s{n}: __schema {{ types {{ fields {{ args {{ name description type {{ name "
        f"ofType {{ name ofType {{ name }} }} }} }} }} }} }}"
        for n in range(10)
    )
    + " }"
)
LONG = "x" * 20_000
TURN = 0.25
"""Seconds: some 0.03 where nobody else is at work; in one piece it takes more than two."""


@pytest.fixture
def wordy() -> Starlette:
    """A world in which every account has a long name."""
    world = emulator()
    world.state.store.run('UPDATE "dataverse.accounts" SET name = ?', [LONG])
    return world


@pytest.mark.parametrize("compiled", [True, False])
async def test_an_answer_that_repeats_one_row_is_refused_before_it_is_built(
    wordy: Starlette, compiled: bool
) -> None:
    async with running(wordy, compiled_plans=compiled) as stack:
        fits = await stack.ask(REPEATED.replace("first: 50", "first: 2"), as_="rep")
        too_large = await stack.ask(REPEATED, as_="rep")

    assert fits.data["orders"]["nodes"][0]["account"]["a0"] == LONG
    assert too_large.status == 200
    assert too_large.body["data"] is None
    (error,) = too_large.body["errors"]
    assert error["extensions"] == {
        "code": "LIMIT_EXCEEDED",
        "limit": "answer_bytes",
        "maximum": 16_777_216,
    }


async def test_a_mutation_whose_answer_is_too_large_is_said_to_be_carried_out() -> None:
    create = """mutation ($product: String!) {
      createSalesOrder(input: {idempotencyKey: "large", lines: [{number: $product, quantity: 1}]}) {
        order { id number %s } errors { code } } }"""
    world = emulator()
    async with running(world) as stack:
        products = await stack.ask("{ products(first: 1) { nodes { number } } }")
        product = products.data["products"]["nodes"][0]["number"]
    async with running(world, limits={"answer_bytes": 500}) as stack:
        large = create % " ".join(f"a{n}: account {{ name }}" for n in range(20))
        told = await stack.ask(large, product=product)
        again = await stack.ask(create % "", product=product)

    (error,) = told.body["errors"]
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert error["extensions"]["carriedOut"] is True
    assert "carried out" in error["message"]
    assert again.data["createSalesOrder"]["order"]["number"]


@pytest.mark.parametrize("compiled", [True, False])
async def test_an_answer_encoded_part_by_part_is_the_same(
    small_world: Starlette, compiled: bool
) -> None:
    changes = {"compiled_plans": compiled, "show_cost": True}
    async with running(small_world, **changes) as stack:
        usual = await stack.ask(ORDERS, as_="rep")
    async with running(small_world, limits={"answer_bytes": 1_000_000}, **changes) as stack:
        counted = await stack.ask(ORDERS, as_="rep")

    assert len(usual.data["orders"]["nodes"]) > 20
    assert counted.body == usual.body


async def test_an_answer_made_row_by_row_is_the_same(
    small_world: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries = [ORDERS, EDGES, "{ viewer { contact { account { orders { nodes { id } } } } } }"]
    async with running(small_world) as stack:
        usual = [await stack.ask(each, as_="rep") for each in queries]
        for module in (plans, answer_limit):
            monkeypatch.setattr(module, "LARGE", 0)
        monkeypatch.setattr(rendering, "SLICE", 0.0)
        by_rows = [await stack.ask(each, as_="rep") for each in queries]

    assert [each.body for each in by_rows] == [each.body for each in usual]
    assert [each.codes for each in usual] == [[], [], []]


async def test_the_deadline_holds_for_the_answer_of_a_plan(
    small_world: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "GRACE", -1_000.0)
    monkeypatch.setattr(plans, "LARGE", 0)
    monkeypatch.setattr(rendering, "SLICE", 0.0)
    async with running(small_world) as stack:
        answer = await stack.ask(ORDERS, as_="rep")

    assert answer.body["data"] is None
    assert answer.codes == ["UPSTREAM_TIMEOUT"]


@pytest.mark.parametrize("compiled", [True, False])
async def test_a_large_answer_leaves_others_their_turn(
    small_world: Starlette, compiled: bool
) -> None:
    async with running(small_world, compiled_plans=compiled) as stack:
        await stack.ask("{ viewer { kind } }")
        async with watched() as longest:
            answer = await stack.ask(INTROSPECTION)

    assert len(answer.data) == 10
    assert longest() < TURN


async def test_slices_make_no_more_calls(small_world: Starlette, monkeypatch: Any) -> None:
    query = "{ orders(first: 20) { nodes { lines { nodes { product { name unit } quantity } } } } }"
    async with running(small_world, compiled_plans=False, expands=False) as stack:
        usual = await stack.asked_upstream(query, as_="rep")
        monkeypatch.setattr(pacing, "SLICE", 0.0)
        sliced = await stack.asked_upstream(query, as_="rep")

    assert [each.path for each in sliced] == [each.path for each in usual]


async def test_the_deadline_holds_for_what_is_computed(
    small_world: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "GRACE", -4.9)
    async with running(small_world, compiled_plans=False, deadline=5.0) as stack:
        await stack.ask("{ viewer { kind } }")
        answer = await stack.ask(INTROSPECTION)

    assert answer.body["data"] is None
    assert answer.codes == ["UPSTREAM_TIMEOUT"]


@asynccontextmanager
async def watched() -> AsyncIterator[Callable[[], float]]:
    """Tells for how long the loop was kept by one round at most, in time of the processor."""
    rounds = [0.0]

    async def watch() -> None:
        while True:
            begun = time.thread_time()
            await asyncio.sleep(0)
            rounds.append(time.thread_time() - begun)

    watching = asyncio.create_task(watch())
    gc.disable()  # The heap of the tests takes the collector long, whoever answers meanwhile.
    try:
        yield lambda: max(rounds)
    finally:
        gc.enable()
        watching.cancel()
