"""The pages of the portal wait for few answers of Dynamics one after the other."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.applications import Starlette

from emulator.faults.connections import InProcess
from tests.gateway.environments.asking import portal_questions
from tests.stack import Stack, running

pytestmark = pytest.mark.anyio

PAUSE = 0.05
"""Seconds that each call takes at least."""
TRIES = 3
"""On a busy machine a call may end before the one beside it begins: then it is looked at again."""
ROUNDS = 2
"""Calls one after the other that an operation may wait for."""
DEEPER = {"order Deliveries": 3}
"""For the order page the ERP is asked twice: for its lines, and for what was sent of each."""


class Timed(InProcess):
    """A way upstream on which each call takes a while, and that notes which follows which."""

    def __init__(self, app: Starlette) -> None:
        super().__init__(app=app)
        self.calls: list[tuple[float, float]] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        clock = asyncio.get_running_loop().time
        began = clock()
        await asyncio.sleep(PAUSE)
        response = await super().handle_async_request(request)
        self.calls.append((began, clock()))
        return response

    @property
    def rounds(self) -> int:
        """The length of the longest row of calls of which each began when the one before ended."""
        depth: list[tuple[float, int]] = []
        for began, ended in sorted(self.calls):
            before = [rounds for end, rounds in depth if end <= began]
            depth.append((ended, 1 + max(before, default=0)))
        return max((rounds for _, rounds in depth), default=0)


@pytest.fixture
async def timed(small_world: Starlette) -> AsyncIterator[tuple[Stack, Timed]]:
    way = Timed(small_world)
    async with running(small_world, way) as stack:
        yield stack, way


async def test_no_page_of_the_portal_waits_for_more_answers_in_a_row_than_are_listed(
    timed: tuple[Stack, Timed],
) -> None:
    stack, way = timed
    found: dict[str, int] = {}
    for question in await portal_questions(stack):
        name = question.name.removeprefix("portal ")
        await stack.ask("{ viewer { kind } }", as_=question.as_)
        for _ in range(TRIES):
            way.calls.clear()
            answer = await stack.ask(question.query, as_=question.as_, **question.variables)
            assert answer.codes == []
            found[name] = min(way.rounds, found.get(name, way.rounds))
            if found[name] <= DEEPER.get(name, ROUNDS):
                break

    assert found.keys() >= DEEPER.keys()
    assert {name: n for name, n in found.items() if n > DEEPER.get(name, ROUNDS)} == {}
