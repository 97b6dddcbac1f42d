"""Callers at the limits of Dynamics: who is refused, with what, and who is not."""

import asyncio
from pathlib import Path

import pytest
from starlette.applications import Starlette

from emulator.faults.actions import Latency, Throttle
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio

ORDERS = "{ orders(first: 1) { nodes { number } } }"
NEWER = {"Accept": "application/graphql-response+json"}
QUOTA = """
[roles.buyer]
extends = "buyer"
quota = 3
"""


@pytest.fixture
def policy(tmp_path: Path) -> str:
    path = tmp_path / "policy.toml"
    path.write_text(QUOTA)
    return str(path)


async def statuses(stack: Stack, number: int, *, as_: str = "jane") -> list[int]:
    token = await stack.token(as_)
    answers = [
        await stack.gateway.post(
            "/graphql",
            json={"query": f"{{ orders(first: {n + 1}) {{ nodes {{ number }} }} }}"},
            headers={"Authorization": f"Bearer {token}"} | NEWER,
        )
        for n in range(number)
    ]
    return [answer.status_code for answer in answers]


async def test_a_quota_of_a_role_bounds_each_caller_alone(
    small_world: Starlette, policy: str
) -> None:
    async with running(small_world, policy=policy) as stack:
        mine = await statuses(stack, 5)
        others = await statuses(stack, 3, as_="may")

    assert mine == [200, 200, 200, 429, 429]
    assert others == [200, 200, 200]


async def test_a_refusal_says_when_to_come_again(small_world: Starlette, policy: str) -> None:
    async with running(small_world, policy=policy) as stack:
        await statuses(stack, 3)
        who = {"Authorization": f"Bearer {await stack.token('jane')}"}
        answers = [
            await stack.gateway.post("/graphql", json={"query": ORDERS}, headers=who | accept)
            for accept in (NEWER, {"Accept": "application/json"})
        ]

    assert [answer.status_code for answer in answers] == [429, 200]
    for answer in answers:
        after = answer.headers["Retry-After"]
        (error,) = answer.json()["errors"]
        assert error["extensions"]["code"] == "RATE_LIMITED"
        assert 0 < int(after) == error["extensions"]["retryAfter"] <= 300
        assert answer.headers["RateLimit"] == f'"calls";r=0;t={after}'
        assert answer.headers["RateLimit-Policy"] == '"calls";q=3;w=300'
    assert "data" not in answers[0].json()


async def test_a_single_429_of_dynamics_stops_nobody_else() -> None:
    world = emulator()
    async with running(world) as stack:
        for number in range(30):
            await stack.ask(f"{{ orders(first: {number + 1}) {{ nodes {{ id }} }} }}")
        world.state.faults.add(Throttle("requests", 60), times=1)

        await stack.ask("{ orders(first: 31) { nodes { id } } }")
        answer = await stack.ask("{ orders(first: 32) { nodes { id } } }")

    assert answer.data


@pytest.mark.parametrize("caller", ["jane", "rep", "may"])
async def test_a_person_is_known_by_one_call_for_all_who_ask_at_that_moment(caller: str) -> None:
    world = emulator()
    async with running(world) as stack:
        await stack.token(caller)
        await stack.ask("{ viewer { kind } }", as_="admin")
        world.state.log.clear()

        answers = await asyncio.gather(
            *(stack.ask("{ viewer { name } }", as_=caller) for _ in range(20))
        )

    assert all(answer.data["viewer"]["name"] for answer in answers)
    assert len(world.state.log) == 1


async def test_a_page_that_many_open_at_once_is_read_once() -> None:
    world = emulator()
    async with running(world) as stack:
        people = ["jane", "sam", "may"]
        for caller in people:
            await stack.ask("{ viewer { kind } }", as_=caller)
        world.state.log.clear()
        world.state.faults.add(Latency(0.2), service="dataverse")

        answers = await asyncio.gather(
            *(
                stack.ask("{ orders(first: 5) { nodes { number } } }", as_=caller)
                for caller in people * 10
            )
        )

    numbers = {caller: answers[n].data for n, caller in enumerate(people)}
    assert len(world.state.log) == len(people)
    assert numbers["jane"] != numbers["may"]
    assert all(answer.data == numbers[people[n % 3]] for n, answer in enumerate(answers))


async def test_one_deadline_runs_from_the_first_byte_sign_in_included() -> None:
    world = emulator()
    async with running(world, deadline=2.0) as stack:
        await stack.token("jane")
        await stack.ask("{ viewer { kind } }", as_="admin")
        world.state.faults.add(Latency(1.4), service="dataverse")
        loop = asyncio.get_running_loop()
        began = loop.time()

        answer = await stack.ask("{ orders(first: 1) { nodes { lines { nodes { quantity } } } } }")

        assert loop.time() - began < 3.3, "by a deadline from the sign-in on it would take 3.4"
        assert answer.codes == ["UPSTREAM_TIMEOUT"]
