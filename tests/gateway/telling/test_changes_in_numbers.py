"""
A mirror that is kept by `changes` equals a fresh answer, through random changes, failing services,
gateways that end and lost answers; and the changes of others are neither told nor felt.
"""

import asyncio
from pathlib import Path
from random import Random
from typing import Any

import pytest
from starlette.applications import Starlette

from emulator.faults.actions import Cut, Fail, Throttle
from gateway.telling import journal as journals
from gateway.upstream import breaker
from tests.gateway.live.test_noninterference import ours, theirs
from tests.gateway.proofs.worlds import alike, gateways
from tests.nightly import NIGHTLY
from tests.stack import Stack, emulator, onward, running
from tests.waiting import PATIENCE

pytestmark = pytest.mark.anyio

ROUNDS = 1_000 if NIGHTLY else 6
"""Rounds of about ten changes each."""
PAIRS = 1_000 if NIGHTLY else 4
"""Pairs of polls in two worlds."""
TABLES = ["SalesOrder", "SalesOrderLine"]
CHANGES = """
query Changes($after: String, $tables: [String!], $first: Int = 100) {
  changes(after: $after, tables: $tables, first: $first) {
    nodes {
      id table version removed
      row { id ... on SalesOrder { name } ... on SalesOrderLine { quantity } }
    }
    cursor
    hasMore
  }
}
"""
LISTS = {
    "orders": "query A($after: String) { orders(first: 100, after: $after) "
    "{ nodes { id name } pageInfo { hasNextPage endCursor } } }",
    "orderLines": "query A($after: String) { orderLines(first: 100, after: $after) "
    "{ nodes { id quantity } pageInfo { hasNextPage endCursor } } }",
}
FAULTS: tuple[Any, ...] = (Throttle("requests", 1), Cut(), Fail(500), Fail(503))
Rows = dict[str, Any]


async def fresh(stack: Stack, as_: str) -> Rows:
    """All rows as lists answer them."""
    found: Rows = {}
    for name, query in LISTS.items():
        after = None
        while True:
            page = (await stack.ask(query, as_=as_, after=after)).data[name]
            found.update({each["id"]: each for each in page["nodes"]})
            if not page["pageInfo"]["hasNextPage"]:
                break
            after = onward(page["pageInfo"], after)
    return found


async def polled(stack: Stack, as_: str, **asked: Any) -> Any:
    """One answer of `changes`, asked for until there is one."""
    async with asyncio.timeout(PATIENCE):
        while "errors" in (answer := await stack.ask(CHANGES, as_=as_, **asked)).body:
            assert set(answer.codes) <= {
                "OVERLOADED",
                "UPSTREAM_UNAVAILABLE",
                "UPSTREAM_TIMEOUT",
                "UPSTREAM_THROTTLED",
                "RATE_LIMITED",
            }
            stack.emulator.state.faults.clear()
    return answer.data["changes"]


class Mirror:
    """A copy of what a caller sees, which is kept by `changes` alone."""

    def __init__(self, rows: Rows, cursor: str, as_: str, random: Random) -> None:
        self.rows, self.cursor, self.as_ = rows, cursor, as_
        self.random = random
        self.told: set[tuple[str, str, bool]] = set()

    async def follow(self, stack: Stack) -> None:
        """Take all that is told since the last time."""
        while True:
            asked = {"after": self.cursor, "first": self.random.choice([1, 3, 100])}
            page = await polled(stack, self.as_, **asked)
            if self.random.random() < 0.2:  # the answer is lost
                page = await polled(stack, self.as_, **asked)
            for each in page["nodes"]:
                told = each["id"], each["version"], each["removed"]
                assert told not in self.told, "nothing is told twice"
                self.told.add(told)
                if each["removed"]:
                    self.rows.pop(each["id"], None)
                else:
                    self.rows[each["id"]] = each["row"]
            self.cursor = page["cursor"]
            if not page["hasMore"]:
                return


async def test_a_mirror_that_polls_equals_a_fresh_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "YOUNG", 0.0)
    monkeypatch.setattr(breaker, "OPEN", 0.5)
    world, random = emulator(), Random(20261129)  # noqa: S311 - the same each time
    more: Any = {"customer_roles": ("representative",), "changes_file": str(tmp_path / "changes")}
    mirror = None
    left = ROUNDS
    while left:
        async with running(world, **more) as stack:
            if mirror is None:
                cursor = (await polled(stack, "jane", tables=TABLES))["cursor"]
                mirror = Mirror(await fresh(stack, "jane"), cursor, "jane", random)
            for _ in range(min(left, 3)):
                left -= 1
                await _round(stack, mirror, random)


async def _round(stack: Stack, mirror: Mirror, random: Random) -> None:
    for _ in range(3):
        ours(stack, random)
        theirs(stack, random)
    if random.random() < 0.5:
        fault = random.choice(FAULTS)
        stack.emulator.state.faults.add(fault, service="dataverse", probability=0.3, seed=7)
    await mirror.follow(stack)
    stack.emulator.state.faults.clear()
    await mirror.follow(stack)
    assert mirror.rows == await fresh(stack, "jane")


@pytest.fixture(scope="module")
def worlds() -> tuple[Starlette, Starlette]:
    return alike()


async def test_the_changes_of_others_are_neither_told_nor_felt(
    worlds: tuple[Starlette, Starlette], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "YOUNG", 0.0)
    random = Random(7)  # noqa: S311 - the same each time
    sides: list[dict[str, Any]] = [
        {"changes_file": str(tmp_path / name), "deadline": 60.0} for name in ("left", "right")
    ]
    async with gateways(worlds, ("rep",), monkeypatch, *sides) as pair:
        cursors = [(await polled(stack, "rep", tables=TABLES))["cursor"] for stack in pair]
        for _ in range(PAIRS):
            seed, first = random.random(), random.choice([1, 2, 100])
            for stack in pair:
                same = Random(seed)  # noqa: S311 - the same in both
                for _ in range(3):
                    ours(stack, same)
                    if stack is pair[0]:
                        theirs(stack, random)
            more = True
            while more:
                pages = [
                    await polled(stack, "rep", after=cursor, first=first)
                    for stack, cursor in zip(pair, cursors, strict=True)
                ]
                cursors = [page.pop("cursor") for page in pages]
                for page in pages:
                    for node in page["nodes"]:
                        del node["version"]  # Dataverse counts the changes of all rows together
                assert pages[0] == pages[1]
                assert len(cursors[0]) == len(cursors[1])
                more = pages[0]["hasMore"]
