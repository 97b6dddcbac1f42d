"""A service that mostly fails is left alone and then tried by one call, in virtual time."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any, Literal
from uuid import UUID

import httpx2
import pytest

from gateway.admission.errands import Errand
from gateway.admission.governor import Governor
from gateway.client.exchange import Httpx2Transport, Request
from gateway.errors import UpstreamError, UpstreamTimeout, UpstreamUnavailable
from gateway.upstream.allowance import Allowance
from gateway.upstream.breaker import CALLS, OPEN, SPREAD, WINDOW
from gateway.upstream.dialects import DATAVERSE
from gateway.upstream.odata import ODataQuery
from gateway.upstream.row_writes import Write
from gateway.upstream.sender import Sender, now
from gateway.upstream.service import Service
from tests.gateway.upstream.test_sender import Script, Step, answer, drawn
from tests.simulation.virtual import run

SHORTEST, LONGEST = OPEN * (1 - SPREAD), OPEN * (1 + SPREAD)
EVERY_FAILURE = [
    httpx2.ConnectError("x"),
    httpx2.ReadError("x"),
    None,
    408,
    500,
    502,
    503,
    504,
    answer(400, "0x80044150"),
]


class Caller:
    """Sends through one sender, with nothing left for repeats: a call is a request."""

    def __init__(self, *steps: Step, seed: int = 1) -> None:
        self.script = Script(*steps)
        self.sender = Sender(drawn(seed), Governor("dataverse"), budget=-1_000.0)
        self._transport = Httpx2Transport(self.script)

    async def sent(
        self,
        patience: float = 0.3,
        *,
        does: Literal["reads", "writes"] = "writes",
        table: str = "salesorder",
        caller: str | None = None,
    ) -> bool:
        """True if a call leaves the process at all."""
        before = len(self.script.asked)
        request = Request("POST", f"https://org.example/{table}s", b"{}")
        with suppress(UpstreamError):
            await self.sender.send(
                self._transport,
                request,
                now() + 60,
                patience,
                errand=Errand(caller=caller),
                sort=(does, table),
            )
        return len(self.script.asked) > before

    async def all_sent(self, count: int) -> bool:
        return all([await self.sent() for _ in range(count)])

    async def back(self) -> float:
        """Seconds until a call leaves the process again, tried ten times a second."""
        began = now()
        for _ in range(1_000):
            if await self.sent():
                break
            await asyncio.sleep(0.1)
        return now() - began

    async def opened(self) -> None:
        """Let it open; the script must begin with failures."""
        assert await self.all_sent(CALLS)
        assert not await self.sent()


def failures(count: int, *then: Step) -> Iterable[Step]:
    return (*[503] * count, *then)


def virtually(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    return lambda: run(test())


@pytest.mark.parametrize("failure", EVERY_FAILURE, ids=repr)
def test_every_failure_counts(failure: Step) -> None:
    async def main() -> None:
        caller = Caller(failure)

        assert await caller.all_sent(CALLS)
        assert not await caller.sent()

    run(main())


@pytest.mark.parametrize("status", [204, 400, 401, 403, 404, 405, 409, 412, 413, 422, 501])
def test_an_answer_is_no_failure(status: int) -> None:
    async def main() -> None:
        caller = Caller(status)

        assert await caller.all_sent(3 * CALLS)

    run(main())


@virtually
async def test_being_asked_to_wait_is_no_failure() -> None:
    caller = Caller(answer(429, retry_after="0"))

    assert await caller.all_sent(3 * CALLS)


@virtually
async def test_half_of_the_calls_must_fail() -> None:
    below = Caller(*[204, 204, 503] * CALLS)
    at = Caller(*[503, 204] * CALLS)

    assert await below.all_sent(3 * CALLS)
    assert await at.all_sent(CALLS + 1)
    assert not await at.sent()


@virtually
async def test_a_success_is_no_reason_to_open_it() -> None:
    caller = Caller(*failures(CALLS - 1, 204))

    assert await caller.all_sent(3 * CALLS)


@virtually
async def test_what_fails_is_left_alone_by_table_and_kind() -> None:
    caller = Caller(*failures(CALLS, 204))
    await caller.opened()

    assert await caller.sent(table="account")
    assert await caller.sent(does="reads")
    assert not await caller.sent()


@virtually
async def test_reads_that_fail_in_batches_keep_no_write_from_its_table() -> None:
    script = Script(*failures(CALLS, 204))
    sender = Sender(drawn(1), budget=-1_000.0)
    service = Service(Httpx2Transport(script), "https://org.example/", DATAVERSE, sender=sender)
    reads = [service.call(ODataQuery("account", ("name",), top=top)) for top in (1, 2)]
    change = Write("PATCH", "account", {"name": "x"}, key=UUID(int=1))

    for _ in range(CALLS + 1):
        with pytest.raises(UpstreamUnavailable):
            await service.fetch_all(reads, Allowance(10, now() + 60))
    asked = len(script.asked)
    await service.write([change, change], Allowance(10, now() + 60))

    assert (asked, len(script.asked)) == (CALLS, CALLS + 1)


@virtually
async def test_a_service_that_cannot_be_reached_is_left_alone_as_a_whole() -> None:
    caller = Caller(httpx2.ConnectError("x"))
    await caller.opened()

    assert not await caller.sent(table="account")
    assert not await caller.sent(does="reads")


@virtually
async def test_what_is_too_slow_for_one_caller_is_not_left_alone() -> None:
    alone, several = Caller(None), Caller(None)

    for _ in range(2 * CALLS):
        assert await alone.sent(caller="one")
    for number in range(CALLS):
        assert await several.sent(caller=f"caller {number % 3}")
    assert not await several.sent(caller="one")


def test_the_log_names_what_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        await Caller(503).opened()

    run(main())

    assert "dataverse (writes of salesorder) mostly fails" in caplog.text


@virtually
async def test_only_the_last_seconds_count() -> None:
    caller = Caller(503)

    for _ in range(3):
        assert await caller.all_sent(CALLS - 1)
        await asyncio.sleep(WINDOW)


@virtually
async def test_it_is_left_alone_for_seconds_and_then_closes() -> None:
    caller = Caller(*failures(CALLS, 204))
    await caller.opened()

    assert SHORTEST <= await caller.back() <= LONGEST + 0.1
    assert await caller.all_sent(5)


@virtually
async def test_one_call_alone_probes() -> None:
    caller = Caller(*failures(CALLS), None)
    await caller.opened()
    await asyncio.sleep(LONGEST)

    asked = len(caller.script.asked)
    await asyncio.gather(*(caller.sent() for _ in range(10)))

    assert len(caller.script.asked) == asked + 1


@virtually
async def test_a_probe_that_fails_opens_it_anew() -> None:
    caller = Caller(*failures(CALLS + 1, 204))
    await caller.opened()
    await asyncio.sleep(LONGEST)

    assert await caller.sent()
    assert not await caller.sent()
    await asyncio.sleep(SHORTEST - 0.1)
    assert not await caller.sent()
    await asyncio.sleep(LONGEST - SHORTEST + 0.1)
    assert await caller.sent()


@virtually
async def test_a_probe_that_is_given_up_leaves_the_next_one_to_try() -> None:
    caller = Caller(*failures(CALLS), None, 204)
    await caller.opened()
    await asyncio.sleep(LONGEST)

    probe = asyncio.create_task(caller.sent(patience=50))
    await asyncio.sleep(1)
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)

    assert await caller.sent()


@virtually
async def test_what_was_under_way_when_it_opened_does_not_close_it() -> None:
    caller = Caller(None, *failures(CALLS, 204))
    caller.script.silence = 2.0
    slow = asyncio.create_task(caller.sent(patience=50))
    await asyncio.sleep(1)
    await caller.opened()

    assert await slow

    assert not await caller.sent()


@virtually
async def test_a_write_that_may_have_been_made_stays_doubtful_when_it_opens() -> None:
    script = Script(None)
    sender = Sender(drawn(1))
    transport = Httpx2Transport(script)

    async def send() -> UpstreamError:
        request = Request("POST", "https://org.example/salesorders", b"{}")
        with pytest.raises((UpstreamUnavailable, UpstreamTimeout)) as caught:
            await sender.send(transport, request, now() + 60, 1.0)
        return caught.value

    first = await asyncio.gather(*(send() for _ in range(CALLS)))
    second = await send()

    assert len(script.asked) == CALLS
    assert all(error.doubtful for error in first)
    assert not second.doubtful


@virtually
async def test_processes_come_back_apart() -> None:
    async def back(seed: int) -> float:
        caller = Caller(*failures(CALLS, 204), seed=seed)
        await caller.opened()
        return round(await caller.back(), 1)

    moments = [await back(seed) for seed in range(10)]

    assert len(set(moments)) > 5
