"""The order of turns, in virtual time: accounts, colleagues, operations of many calls."""

import asyncio
import gc
from collections import Counter

from emulator.faults.protection import Limits
from gateway.admission.errands import Errand, Lane
from gateway.admission.governor import TARGET, Governor
from gateway.admission.turns import Waiting
from gateway.client.exchange import Request
from gateway.errors import UpstreamError
from gateway.upstream.sender import Sender, now
from tests.simulation.load import DEADLINE, PATIENCE, Caller, Dynamics, drive
from tests.simulation.test_load import (
    USUALLY,
    WINDOW,
    customers,
    drawn,
    every,
    played,
    used,
)
from tests.simulation.virtual import run


def test_an_account_of_1000_contacts_has_the_turns_of_one_account() -> None:
    large = [Caller(f"contact {n}", "large", every(15.0)) for n in range(1_000)]
    others = [Caller(f"other {n}", f"other {n}", every(3.0)) for n in range(20)]

    service = played([*large, *others], WINDOW, limits=Limits())

    assert all(caller.share == 1 for caller in others)
    assert max(caller.quantile(0.95) for caller in others) < TARGET
    assert used(service, WINDOW) >= 0.95


def test_a_contact_who_asks_much_does_not_keep_its_colleagues_waiting() -> None:
    one = Caller("one", "account", every(1 / 100), fresh=True)
    colleagues = [Caller(f"colleague {n}", "account", every(3.0)) for n in range(20)]

    played([one, *colleagues], WINDOW, limits=Limits())

    assert all(caller.share == 1 for caller in colleagues)


def test_large_operations_of_one_caller_do_not_use_up_the_budget_of_others() -> None:
    large = [Caller("one", "one", every(0.2), calls=30) for _ in range(40)]
    others = customers(20, 3.0)

    service = played([*large, *others], WINDOW, limits=Limits())

    assert all(caller.share == 1 for caller in others)
    assert any(caller.took for caller in large)
    assert used(service, WINDOW) >= 0.95


def test_who_cannot_be_served_in_time_is_told_so_at_once() -> None:
    greedy = Caller("greedy", "greedy", every(1 / 500), calls=1, fresh=True)

    played([greedy], 20)

    assert greedy.outcomes["RATE_LIMITED"] > 0
    assert greedy.quantile(1.0) < TARGET + 0.5


def test_an_operation_is_answered_as_a_whole_or_refused_as_a_whole() -> None:
    found = run(_operations(200, calls=5))

    assert found["whole"] > 0
    assert found["refused"] > 0
    assert found["in part"] == 0


async def _operations(number: int, *, calls: int) -> Counter[str]:
    """The outcomes of operations that send all of their calls at once, more than can be served."""
    random, found = drawn(), Counter[str]()
    sender, service = Sender(random, Governor(places=4)), Dynamics(random, USUALLY)

    async def operation(name: int) -> None:
        errand, until = Errand(Lane.PEOPLE, name, name), now() + DEADLINE
        sent = [
            sender.send(service, Request("GET", f"https://org.example/{name}/{n}"), until, PATIENCE,
                        now, errand, ("reads", "salesorders"))
            for n in range(calls)
        ]  # fmt: skip
        answers = await asyncio.gather(*sent, return_exceptions=True)
        refused = sum(isinstance(each, UpstreamError) for each in answers)
        found["whole" if not refused else "refused" if refused == calls else "in part"] += 1

    async with asyncio.TaskGroup() as group:
        for name in range(number):
            group.create_task(operation(name))
            await asyncio.sleep(0.1)
    return found


def test_calls_of_callers_who_went_away_are_forgotten() -> None:
    assert run(_remembered(10_000)) < 1_000


async def _remembered(leaving: int) -> int:
    """The waiting calls in memory after so many callers came and went, while others wait on."""
    random, governor = drawn(), Governor(places=4)
    sender, service = Sender(random, governor), Dynamics(random, USUALLY)
    of_others = _in_memory()
    async with asyncio.TaskGroup() as group:
        group.create_task(drive([sender], service, customers(60, 0.1), 30.0, random))
        await asyncio.sleep(5.0)
        for number in range(leaving):
            errand = Errand(Lane.PEOPLE, "account", number % 7)
            turn = asyncio.create_task(governor.turn(errand, now() + DEADLINE))
            await asyncio.sleep(0.001)
            turn.cancel()
        assert governor.waiting
        return _in_memory() - of_others


def _in_memory() -> int:
    gc.collect()
    return sum(type(each) is Waiting for each in gc.get_objects())
