"""Equal reads that are under way are one read, in virtual time; none is older than it may be."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from gateway.admission.errands import Errand, Lane
from gateway.client.exchange import Httpx2Transport, Request
from gateway.errors import UpstreamError, UpstreamTimeout
from gateway.upstream.sender import ATTEMPTS, Sender, Sent, now
from tests.gateway.upstream.test_sender import Script, Step, drawn
from tests.simulation.virtual import run

READ = Request("GET", "https://org.example/products", headers={"Prefer": "odata.maxpagesize=5000"})
WRITE = Request("PATCH", "https://org.example/products(1)", b"{}")


class Callers:
    """Callers who read and write through one sender; the service takes two seconds."""

    def __init__(self, *steps: Step) -> None:
        self.script = Script(*(steps or (None,)))
        self.script.silence = 2.0
        self.sender = Sender(drawn(1))
        self._transport = Httpx2Transport(self.script)

    @property
    def asked(self) -> int:
        return len(self.script.asked)

    async def read(
        self, request: Request = READ, *, lane: Lane = Lane.PEOPLE, within: float = 100.0
    ) -> Sent:
        return await self._send(request, Errand(lane), within)

    async def write(self) -> Sent:
        return await self._send(WRITE, Errand(Lane.WRITES), 100.0, "writes")

    async def _send(
        self, request: Request, errand: Errand, within: float, does: Any = "reads"
    ) -> Sent:
        deadline = now() + within
        return await self.sender.send(
            self._transport, request, deadline, 8.0, errand=errand, sort=(does, "product")
        )


def virtually(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    return lambda: run(test())


@virtually
async def test_fifty_who_read_the_same_at_once_are_answered_by_one_read() -> None:
    callers = Callers()

    answers = await asyncio.gather(*(callers.read() for _ in range(50)))

    assert callers.asked == 1
    assert {answer.response.status for answer in answers} == {204}


@virtually
async def test_a_read_that_prefers_another_form_is_another_read() -> None:
    callers = Callers()
    other = Request("GET", READ.url, headers={"Prefer": "odata.maxpagesize=10"})

    await asyncio.gather(callers.read(), callers.read(other))

    assert callers.asked == 2


@virtually
async def test_who_reads_after_an_answer_asks_anew() -> None:
    callers = Callers()

    await callers.read()
    await callers.read()

    assert callers.asked == 2


@virtually
async def test_who_reads_after_a_write_is_not_answered_by_a_read_from_before_it() -> None:
    callers = Callers(None, 204, 200)
    before = asyncio.create_task(callers.read())
    await asyncio.sleep(1)

    await callers.write()
    after = await callers.read()

    assert after.response.status == 200
    assert (await before).response.status == 204


@virtually
async def test_what_is_read_for_a_write_is_asked_for_it_alone() -> None:
    callers = Callers()

    await asyncio.gather(callers.read(), callers.read(lane=Lane.WRITES))

    assert callers.asked == 2


@virtually
async def test_others_are_answered_when_who_asked_first_goes_away() -> None:
    callers = Callers()
    first = asyncio.create_task(callers.read())
    await asyncio.sleep(0.5)
    others = [asyncio.create_task(callers.read()) for _ in range(20)]
    await asyncio.sleep(0.5)

    first.cancel()
    answers = await asyncio.gather(*others)

    assert callers.asked == 2
    assert {answer.response.status for answer in answers} == {204}


@virtually
async def test_who_waits_for_the_read_of_another_has_a_deadline_all_the_same() -> None:
    callers = Callers()
    first = asyncio.create_task(callers.read())
    await asyncio.sleep(0.1)
    began = now()

    with pytest.raises(UpstreamTimeout):
        await callers.read(within=1.0)

    assert now() - began <= 1.0
    await first


@virtually
async def test_who_has_more_time_than_the_first_is_answered() -> None:
    callers = Callers()
    first = asyncio.create_task(callers.read(within=1.0))
    await asyncio.sleep(0.1)

    answer = await callers.read()

    assert answer.response.status == 204
    assert isinstance((await asyncio.gather(first, return_exceptions=True))[0], UpstreamTimeout)


@virtually
async def test_a_failing_service_is_tried_once_for_all() -> None:
    callers = Callers(503)

    outcomes = await asyncio.gather(*(callers.read() for _ in range(50)), return_exceptions=True)

    assert callers.asked == ATTEMPTS
    assert all(isinstance(each, UpstreamError | Sent) for each in outcomes)
