"""Requests that are sent again, when and how often: the table row by row, in virtual time."""

import asyncio
from contextlib import nullcontext, suppress
from random import Random

import httpx2
import pytest

from gateway.admission.door import FIRST, LAST
from gateway.admission.errands import Errand
from gateway.admission.service_limits import REQUESTS_LEFT, SECONDS_LEFT
from gateway.client.exchange import Httpx2Transport, Request
from gateway.errors import (
    Overloaded,
    RateLimited,
    UpstreamError,
    UpstreamMismatch,
    UpstreamThrottled,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway.upstream.sender import ATTEMPTS, FULL, Sender, Sent, now
from gateway.upstream.try_outcome import COST
from tests.simulation.virtual import run

DEADLINE, PATIENCE = 100.0, 8.0
ACCOUNTS = Request("GET", "https://org.example/accounts")
Step = int | Exception | httpx2.Response | None
"""A status, an error, an answer, or silence."""


class Script(httpx2.AsyncBaseTransport):
    """Answers as written, the last step for ever; notes when it was asked."""

    def __init__(self, *steps: Step) -> None:
        self.steps, self.asked = list(steps), list[float]()
        self.silence = 10_000.0
        """Seconds after which silence ends in 204."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(now())
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        match step:
            case None:
                await asyncio.sleep(self.silence)
                return httpx2.Response(204)
            case Exception():
                raise step
            case int():
                return httpx2.Response(step)
        assert isinstance(step, httpx2.Response)
        return step


def drawn(seed: int) -> Random:
    """Pauses that are the same each time."""
    return Random(seed)  # noqa: S311


def answer(status: int, code: str = "", **headers: str) -> httpx2.Response:
    body = {"error": {"code": code, "message": ""}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.Response(status, json=body, headers=named)


def send(script: Script, sender: Sender | None = None, deadline: float = DEADLINE) -> Sent:
    async def main() -> Sent:
        request = Request("POST", "https://org.example/salesorders", b"{}")
        transport = Httpx2Transport(script)
        return await (sender or Sender(drawn(1))).send(transport, request, deadline, PATIENCE)

    return run(main())


UNSENT = (httpx2.ConnectError("x"), httpx2.ConnectTimeout("x"), httpx2.PoolTimeout("x"))
BROKEN = (httpx2.ReadError("x"), httpx2.WriteError("x"), httpx2.RemoteProtocolError("x"))
BUSY = (408, 500, 502, 503, 504)


@pytest.mark.parametrize("first", [*UNSENT, answer(429, retry_after="2")], ids=repr)
def test_what_was_not_done_is_sent_again_without_a_doubt(first: Step) -> None:
    script = Script(first, 204)

    sent = send(script)

    assert (sent.response.status, sent.doubtful, len(script.asked)) == (204, False, 2)


@pytest.mark.parametrize(
    "first",
    [None, *BROKEN, *BUSY, answer(400, "0x80044150"), answer(400, "0x80044151")],
    ids=repr,
)
def test_what_may_have_been_done_is_sent_again_with_a_doubt(first: Step) -> None:
    script = Script(first, 412)

    sent = send(script)

    assert (sent.response.status, sent.doubtful, len(script.asked)) == (412, True, 2)


@pytest.mark.parametrize("status", [200, 204, 400, 401, 403, 404, 405, 409, 412, 413, 422, 501])
def test_an_answer_is_an_answer(status: int) -> None:
    script = Script(status)

    sent = send(script)

    assert (sent.response.status, sent.doubtful, len(script.asked)) == (status, False, 1)


@pytest.mark.parametrize(
    ("step", "error", "doubtful"),
    [
        (UNSENT[0], UpstreamUnavailable, False),
        (BROKEN[0], UpstreamUnavailable, True),
        (None, UpstreamTimeout, True),
    ],
    ids=repr,
)
def test_it_is_given_up_after_three_tries(
    step: Step, error: type[UpstreamError], doubtful: bool
) -> None:
    script = Script(step)

    with pytest.raises(error) as caught:
        send(script)

    assert caught.value.doubtful is doubtful
    assert len(script.asked) == ATTEMPTS


def test_an_answer_that_we_would_not_take_is_not_asked_for_again() -> None:
    script = Script(httpx2.Response(200, headers={"Content-Encoding": "gzip"}), 204)

    with pytest.raises(UpstreamMismatch) as caught:
        send(script)

    assert caught.value.doubtful
    assert len(script.asked) == 1


def test_a_doubt_stays_whatever_comes_after() -> None:
    sent = send(Script(httpx2.ReadError("x"), 400))

    assert sent.doubtful


def test_nothing_is_sent_before_the_service_wants_it() -> None:
    script = Script(answer(429, retry_after="7"), 204)

    send(script)

    first, second = script.asked
    assert 7 <= second - first <= 7 + max(1, 7 / 5)


def test_the_door_is_shut_for_everybody_in_the_process_until_one_call_was_answered() -> None:
    script = Script(None, 204)
    script.silence = 0.5

    async def main() -> list[float]:
        sender = Sender(drawn(1))
        sender.governor.ledgers.all[0].door.shut_for(1.5, now(), now())
        transport = Httpx2Transport(script)
        await asyncio.gather(
            *(sender.send(transport, ACCOUNTS, DEADLINE, PATIENCE) for _ in range(3))
        )
        return script.asked

    assert run(main()) == [1.5, 2, 2]


def test_a_refusal_among_the_first_answers_stops_nobody_else() -> None:
    script = Script(204, answer(429, retry_after="7"), 204)

    async def main() -> list[float]:
        sender = Sender(drawn(1))
        transport = Httpx2Transport(script)
        await sender.send(transport, ACCOUNTS, DEADLINE, PATIENCE)
        refused = asyncio.create_task(sender.send(transport, ACCOUNTS, DEADLINE, PATIENCE))
        await asyncio.sleep(0.1)
        another = Request("GET", "https://org.example/contacts")
        await sender.send(transport, another, DEADLINE, PATIENCE)
        await refused
        return script.asked

    assert run(main())[2] < 0.2


@pytest.mark.parametrize("nonsense", ["1000000000", "inf", "nan", "-1", "1e400", "soon", ""])
def test_a_pause_of_nonsense_harms_nobody(nonsense: str) -> None:
    script = Script(answer(429, retry_after=nonsense), 204)

    async def main() -> float:
        sender = Sender(drawn(1))
        transport = Httpx2Transport(script)
        with suppress(UpstreamError):
            await sender.send(transport, ACCOUNTS, now() + 5, PATIENCE)
        await asyncio.sleep(LAST - now())
        sent = await sender.send(transport, ACCOUNTS, now() + 10, PATIENCE)
        assert sent.response.status == 204
        return now()

    assert run(main()) <= LAST + 1


@pytest.mark.parametrize(
    ("until", "seconds"),
    [
        ("Mon, 30 Nov 2026 10:00:07 GMT", 7),
        ("Monday, 30-Nov-26 10:00:07 GMT", 7),
        ("Mon, 30 Nov 2026 09:00:00 GMT", 0),
        ("Mon Nov 30 10:00:07 2026", 7),
        ("Mon, 30 Nov 2026 10:00:07 -0000", 7),
        (f"Mon, 30 Nov {10**20} 10:00:07 GMT", 1),
        (f"Mon, 30 Nov 2026 10:00:07 +{10**20}", 1),
    ],
    ids=["a moment", "of old clients", "over", "of C", "without a zone", "no year", "no zone"],
)
def test_a_pause_until_a_moment_is_kept(until: str, seconds: float) -> None:
    refusal = answer(429, retry_after=until, date="Mon, 30 Nov 2026 10:00:00 GMT")
    script = Script(refusal, 204)

    send(script)

    first, second = script.asked
    assert seconds <= second - first <= seconds + 2


@pytest.mark.parametrize("date", ["", "today", "Mon Nov 30 10:00:00", f"1 Nov {10**20} 10:00:00"])
def test_a_pause_counts_from_now_where_its_answer_has_no_readable_date(date: str) -> None:
    script = Script(answer(429, retry_after="Fri, 31 Dec 9999 23:59:59 GMT", date=date), 204)

    sent = send(script, deadline=250)

    assert (sent.response.status, len(script.asked)) == (429, 1)


NONSENSE = ["60000", "1000000000", "1e300", "inf", "nan", "-1", "a lot", "", "6,0,0,0,0,0,0"]


@pytest.mark.parametrize("left", ["requests", "seconds", "both"])
@pytest.mark.parametrize("nonsense", NONSENSE)
def test_a_budget_of_nonsense_harms_nobody(nonsense: str, left: str) -> None:
    told = {
        name: nonsense if left in (name, "both") else good
        for name, good in (("requests", "5999"), ("seconds", "1,199.5"))
    }
    script = Script(_with_budget(**told), _with_budget(requests="500", seconds="100.0"))

    async def main() -> float:
        sender = Sender(drawn(1))
        for _ in range(50):
            await sender.send(Httpx2Transport(script), ACCOUNTS, now() + 5, PATIENCE)
            await asyncio.sleep(0.1)
        return now()

    assert run(main()) < 6


@pytest.mark.parametrize(
    ("requests", "seconds", "believed"),
    [
        ("7,995", "1,199.5", True),
        ("12,000", "1,199.5", True),
        ("12,001", "1,199.5", False),
        ("5,999", "2,400", True),
        ("5,999", "2,401", False),
    ],
)
def test_twice_the_documented_budget_is_believed_and_no_more(
    requests: str, seconds: str, believed: bool
) -> None:
    told = ("5,999", "1,199.5"), (requests, seconds), ("70", "14")
    # The last ones are more than 1 % of what is documented, and less than 1 % of more.
    script = Script(*(_with_budget(*each) for each in told))

    async def main() -> None:
        sender = Sender(drawn(1))
        for _ in range(8):
            await sender.send(Httpx2Transport(script), ACCOUNTS, now() + 5, PATIENCE)
            await asyncio.sleep(0.1)

    with pytest.raises(Overloaded) if believed else nullcontext():
        run(main())


def test_a_caller_with_a_quota_of_no_calls_makes_none() -> None:
    script = Script(204)

    async def main() -> None:
        errand = Errand(quota=0)
        await Sender().send(Httpx2Transport(script), ACCOUNTS, now() + 5, PATIENCE, errand=errand)

    with pytest.raises(RateLimited):
        run(main())
    assert script.asked == []


def _with_budget(requests: str, seconds: str) -> httpx2.Response:
    return httpx2.Response(204, headers={REQUESTS_LEFT: requests, SECONDS_LEFT: seconds})


def test_who_cannot_wait_is_told_how_long_it_would_be() -> None:
    script = Script(answer(429, retry_after="60"), 204)

    sent = send(script, deadline=10)

    assert (sent.response.status, len(script.asked)) == (429, 1)

    async def shut() -> None:
        sender = Sender(drawn(1))
        sender.governor.ledgers.all[0].door.shut_for(60, now(), now())
        await sender.send(Httpx2Transport(script), ACCOUNTS, 4, PATIENCE)

    with pytest.raises(UpstreamThrottled) as caught:
        run(shut())
    assert caught.value.details["retryAfter"] == FIRST
    assert len(script.asked) == 1


def test_nothing_goes_on_beyond_the_deadline() -> None:
    script = Script(None)

    async def main() -> float:
        with pytest.raises(UpstreamTimeout):
            await Sender(drawn(1)).send(Httpx2Transport(script), ACCOUNTS, 10, PATIENCE)
        return now()

    assert run(main()) <= 10
    assert script.asked[-1] <= 9.8


def test_nothing_is_begun_that_could_not_end_in_time() -> None:
    script = Script(204)

    with pytest.raises(UpstreamTimeout) as caught:
        send(script, deadline=0.19)

    assert not caught.value.doubtful
    assert script.asked == []
    assert send(script, deadline=0.21).response.status == 204


def test_pauses_grow_and_are_drawn() -> None:
    gaps = []
    for seed in range(50):
        script = Script(503, 503, 204)
        send(script, Sender(drawn(seed)))
        gaps.append((script.asked[1] - script.asked[0], script.asked[2] - script.asked[1]))

    assert all(0 <= first <= 0.1 and 0 <= second <= 0.2 for first, second in gaps)
    assert len(set(gaps)) == 50


def test_repeats_are_paid_from_a_budget_that_answers_fill() -> None:
    sender = Sender(drawn(1), budget=COST)

    assert send(Script(503, 204), sender).response.status == 204
    assert sender.budget == 1
    assert send(Script(503, 204), sender).response.status == 503
    assert Sender().budget == FULL
