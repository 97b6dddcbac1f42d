"""Replicas that share a budget by leases use all of it, however unevenly they are asked."""

import asyncio
from typing import Any

import pytest
from redis import Redis

from emulator.faults.protection import Limits
from gateway.admission.governor import Governor
from gateway.admission.leases import Leases, SharedBudget
from gateway.upstream.sender import Sender, now
from tests.nightly import only_at_night
from tests.redis_server import Server, needs_redis
from tests.redis_server import server as server
from tests.simulation.load import Dynamics, drive
from tests.simulation.test_load import PLACES, USUALLY, customers, drawn, longest_gap, used
from tests.simulation.virtual import run

pytestmark = needs_redis
LONG = 600.0
CUSTOMERS = (240, 20, 20, 20)
"""Customers of each replica: most of them at one."""


class Immediate:
    """A Redis that answers at once, in virtual time too, and that is gone from some moment on."""

    def __init__(self, redis: Redis, gone: float) -> None:
        self._redis, self._gone = redis, gone

    async def run(self, script: str, key: str, *arguments: str) -> Any:
        if now() >= self._gone:
            raise ConnectionError
        return self._redis.eval(script, 1, key, *arguments)

    async def aclose(self) -> None:
        """The next replica uses it too."""


def played(redis: Redis | None, gone: float = LONG) -> Dynamics:
    """The service after the customers asked the replicas; without Redis they have equal parts."""

    async def main() -> Dynamics:
        random, count = drawn(), len(CUSTOMERS)
        service = Dynamics(random, USUALLY, Limits())
        async with asyncio.TaskGroup() as group:
            renewing = []
            for number in CUSTOMERS:
                alone = Governor(places=PLACES // count, parts=count)
                governor = alone if redis is None else Governor(places=PLACES)
                if redis is not None:
                    leases = leased(governor, Immediate(redis, gone))
                    await leases.renew()
                    renewing.append(group.create_task(leases.keep()))
                sender, asking = Sender(random, governor), customers(number, 15.0)
                group.create_task(drive([sender], service, asking, LONG, random))
            await asyncio.sleep(LONG)
            for task in renewing:
                task.cancel()
        return service

    return run(main())


def leased(governor: Governor, store: Immediate) -> Leases:
    return Leases(
        store, {"user": SharedBudget(governor.ledgers.all[0].share, lambda: governor.asked)}
    )


@only_at_night
def test_equal_parts_leave_much_unused_where_one_replica_is_asked_most() -> None:
    service = played(None)

    assert used(service, LONG) < 0.75


@pytest.mark.parametrize("gone", [LONG, LONG / 2], ids=["all the time", "gone in the middle"])
def test_leases_leave_nothing_unused_and_nobody_waiting(server: Server, gone: float) -> None:
    with server.client as redis:
        service = played(redis, gone)

    assert used(service, LONG) >= 0.95
    assert service.answers[429] <= 0.01 * service.answers.total()
    assert longest_gap(service, LONG) < 10
    assert service.peak <= PLACES
