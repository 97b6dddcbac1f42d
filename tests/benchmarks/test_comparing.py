"""The comparison's parts work, and those who are compared say the same. Nothing is timed."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from benchmarks.comparing import mesh, naive, world
from benchmarks.comparing.report import Alone, Figure, line, notes, ratios, table
from benchmarks.comparing.works import WORKS, Answer, meaning, order_ids
from emulator.faults.connections import InProcess
from tests.stack import EMULATOR, GATEWAY, Stack, emulator, running

pytestmark = pytest.mark.anyio

BUYER = world.LARGE.email


def figure(name: str, role: str, work: str, rate: float, cpu: float) -> Figure:
    return Figure(
        name,
        role,
        WORKS[work],
        rate=rate,
        cpu=cpu,
        calls=3.0,
        upstream=76_651.0,
        answer=30_000,
        resident=50 * 2**20,
        rates=(rate - 1, rate, rate + 1),
    )


RECORDED = [
    figure("yoga", "node", "L", 310, 3.2),
    figure("ours", "ours", "L", 900, 1.1),
    figure("mercurius-jit", "node", "L", 450, 2.2),
    figure("limit", "limit", "L", 1200, 0.8),
    figure("naive", "naive", "S", 300, 3.3),
    figure("ours", "ours", "S", 6000, 0.16),
    figure("ours", "ours", "W", 150, 7.0),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    world.write(folder)
    return folder


@pytest.fixture
async def stack(data: Path) -> AsyncIterator[Stack]:
    async with running(emulator(load=data, world=None)) as found:
        yield found


@pytest.fixture
async def plain(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx2.AsyncClient]:
    """The naive gateway in front of the same emulator."""
    monkeypatch.setenv("ACCOUNT", world.LARGE.account)
    token = (await stack.service())["Authorization"].removeprefix("Bearer ")
    app = naive.create_app(EMULATOR, token, InProcess(app=stack.emulator))
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url=GATEWAY) as client,
    ):
        yield client


async def ours(stack: Stack, work: str, *, as_: str = BUYER, **variables: Any) -> Answer:
    answer = await stack.ask(WORKS[work].query, as_=as_, **variables)
    assert answer.data
    return answer.body


async def theirs(client: httpx2.AsyncClient, work: str, **variables: Any) -> Answer:
    asked = {"query": WORKS[work].query, "variables": variables}
    answer: Answer = (await client.post("/graphql", json=asked)).raise_for_status().json()
    return answer


async def test_the_data_are_fifty_orders_of_four_lines_and_a_hundred_of_ten(stack: Stack) -> None:
    large = await ours(stack, "L")
    wide = await ours(stack, "W", as_=world.WIDE.email)

    assert [lines_of(answer) for answer in (large, wide)] == [[4] * 50, [10] * 100]
    assert leaves(large) == 850


def lines_of(answer: Answer) -> list[int]:
    return [len(order["lines"]["nodes"]) for order in answer["data"]["orders"]["nodes"]]


def leaves(value: Any) -> int:
    match value:
        case dict():
            return sum(map(leaves, value.values()))
        case list():
            return sum(map(leaves, value))
    return 1


async def test_the_plain_gateway_says_the_same_of_all_orders(
    stack: Stack, plain: httpx2.AsyncClient
) -> None:
    ours_says, theirs_says = await ours(stack, "L"), await theirs(plain, "L")

    assert meaning(theirs_says) == meaning(ours_says)


async def test_the_plain_gateway_says_the_same_of_each_order(
    stack: Stack, plain: httpx2.AsyncClient
) -> None:
    pairs = zip(order_ids(await ours(stack, "L")), order_ids(await theirs(plain, "L")), strict=True)

    for our_id, their_id in list(pairs)[::10]:
        found = await theirs(plain, "S", id=their_id)
        assert meaning(found) == meaning(await ours(stack, "S", id=our_id))
        assert found["data"]["order"]["id"] == their_id


async def test_what_mesh_is_asked_means_the_same(stack: Stack) -> None:
    rows = await stack.rows(
        f"salesorders?$filter=_customerid_value eq {world.LARGE.account}&$orderby=createdon desc"
        "&$expand=customerid_account($select=name),order_details($orderby=sequencenumber)"
    )

    said = mesh.translated({"data": {"salesorders": rows}})

    assert meaning(said) == meaning(await ours(stack, "L"))


def test_another_value_is_another_meaning_and_another_spelling_is_not() -> None:
    said = {"id": "a", "amount": "12.50", "at": "2026-01-05T08:30:00Z", "name": "x"}

    same = {"id": "b", "amount": 12.5, "at": "2026-01-05T08:30:00+00:00", "name": "x"}

    assert meaning(said) == meaning(same)
    for name, other in {"amount": 12.51, "at": "2026-01-05T08:30:01Z", "name": "y"}.items():
        assert meaning(said) != meaning({**same, name: other})


def test_the_line_for_machines_compares_with_the_fastest_of_each_kind() -> None:
    assert json.loads(line(ratios(RECORDED))) == {
        "L": {"naive": None, "mesh": None, "node": 2.0, "limit": 0.75},
        "S": {"naive": 20.0, "mesh": None, "node": None},
    }
    assert "\n" not in line(ratios(RECORDED))


def test_the_table_has_the_fastest_first_with_both_ratios() -> None:
    title, _, *rows = table([each for each in RECORDED if each.work.name == "L"])

    assert title.startswith("L: ")
    assert [row.split()[:5] for row in rows] == [
        ["limit", "1,200.0", "0.75", "0.80", "0.73"],
        ["ours", "900.0", "1.00", "1.10", "1.00"],
        ["mercurius-jit", "450.0", "2.00", "2.20", "2.00"],
        ["yoga", "310.0", "2.90", "3.20", "2.91"],
    ]


def test_the_notes_compare_rows_and_memory_and_own_up_to_a_busy_machine() -> None:
    alone = Alone(first_sight=4.25, memory=90_000.0)
    slow = [replace(each, rate=each.rate / 2) for each in RECORDED]

    calm, busy = list(notes(RECORDED, alone)), list(notes(slow, alone))

    assert calm == [
        "First sight of L's document: 4.25 ms",
        "CPU time a row: 3.33 us in W, 3.67 us in L, 0.91 x",
        "Memory of one more request of W: 90,000 B, 3.00 x its answer",
    ]
    assert busy[0].startswith("The machine was busy: ")
