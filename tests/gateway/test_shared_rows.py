"""
Replicas that reach one Redis share the reference data that one of them has read, and nobody is
shown another row by it, whatever stands in Redis.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette

from gateway.admission import vault
from gateway.admission.vault import Vault
from gateway.loaders.kept_rows import KeptPlace, KeptRows
from gateway.loaders.shared_rows import SharedRows
from gateway.model.tables import TABLES
from gateway.upstream.names import Names
from gateway.upstream.pages import Page
from tests.gateway.auth.issuing import Clock
from tests.gateway.auth.test_shared_callers import KEY, POISONS, Memory
from tests.gateway.environments.asking import Question, portal_questions
from tests.redis_server import Server, needs_redis
from tests.redis_server import server as server
from tests.stack import Answer, Stack, running

pytestmark = [pytest.mark.anyio, needs_redis]

CALLERS = ("jane", "sam", "rep", "may", "partner")
ASKED = ("portal products", "portal wizard Items", "portal changing")
CATALOGUE = "{ products(first: 20) { nodes { number name availability { available } } } }"
TOLD = 0.2
"""Seconds in which what was read is told."""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis and the tests share a machine that may be busy."""
    monkeypatch.setattr(vault, "PATIENCE", 2.0)


@asynccontextmanager
async def sharing(world: Starlette, server: Server) -> AsyncIterator[tuple[Stack, Stack]]:
    """Two gateways that keep rows and share them."""
    changes: dict[str, Any] = {"shared": server.url, "keep_rows": 600.0}
    async with running(world, **changes) as one, running(world, **changes) as other:
        yield one, other


async def shown(stack: Stack, questions: list[Question]) -> dict[str, Answer]:
    return {
        f"{question.name} as {caller}": await stack.ask(
            question.query, as_=caller, **question.variables
        )
        for question in questions
        for caller in CALLERS
    }


async def catalogue_questions(stack: Stack) -> list[Question]:
    return [q for q in await portal_questions(stack) if q.name.startswith(ASKED)]


def bodies(answers: dict[str, Answer]) -> dict[str, Any]:
    """The bodies; of sealed links only that they are there, as each of them is another."""
    texts = {name: json.dumps(answer.body) for name, answer in answers.items()}
    return {name: json.loads(SEALED.sub('"sealed"', text)) for name, text in texts.items()}


SEALED = re.compile(r'"/documents/[^"]+"')


async def test_what_one_gateway_has_read_costs_another_no_call(
    small_world: Starlette, server: Server
) -> None:
    async with sharing(small_world, server) as (one, other):
        for stack in (one, other):
            await stack.ask("{ viewer { kind } }")
        first = await one.ask(CATALOGUE)
        await asyncio.sleep(TOLD)
        other.emulator.state.log.clear()
        second = await other.ask(CATALOGUE)
        calls = [call.path for call in other.emulator.state.log.calls()]

    assert first.codes == []
    assert second.body == first.body
    assert calls == []


async def test_everybody_is_shown_what_a_gateway_that_keeps_nothing_shows(
    small_world: Starlette, stack: Stack, server: Server
) -> None:
    questions = await catalogue_questions(stack)
    plain = bodies(await shown(stack, questions))

    async with sharing(small_world, server) as (one, other):
        first = bodies(await shown(one, questions[::2]))
        await asyncio.sleep(TOLD)
        half_warm = bodies(await shown(other, questions))
        await asyncio.sleep(TOLD)
        warm = bodies(await shown(one, questions))

    assert first.items() <= plain.items()
    assert half_warm == plain
    assert warm == plain


@pytest.mark.parametrize("poison", POISONS)
async def test_nonsense_in_redis_changes_no_answer(
    small_world: Starlette, stack: Stack, server: Server, poison: str
) -> None:
    questions = [Question("catalogue", CATALOGUE)]
    plain = bodies(await shown(stack, questions))

    async with sharing(small_world, server) as (one, other):
        await shown(one, questions)
        await asyncio.sleep(TOLD)
        redis = server.client
        names = map(str, redis.keys("gateway:kept:*"))
        held = {name: str(redis.get(name)) for name in names}
        POISONS[poison](redis, held)
        answers = bodies(await shown(other, questions))

    assert len(held) > len(CALLERS)
    assert answers == plain


async def test_what_was_read_before_a_change_is_not_taken_from_others() -> None:
    table, names, memory = TABLES["Unit"], Names(), Memory()
    place = KeptPlace(("all",), told="units")
    clock = Clock(100.0)
    one, other, third = (
        KeptRows(60.0, shared=SharedRows(Vault(memory, KEY, clock=clock))) for _ in range(3)
    )
    one.keep(table, names, place, Page([b"{}"]), [{}], clock.now)
    one.tell(table, [place], clock.now)
    await asyncio.sleep(TOLD)

    other.forget("uom", 100.5)
    clock.now = 101.0
    for each in (other, third):
        await each.told(table, names, [place], clock.now)
    changed, same = (each.page(table, place, clock.now) for each in (other, third))

    assert changed is None
    assert same is not None
