"""Nobody takes another's turn: what callers get of a limited service, in virtual time."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random

import pytest

from emulator.faults.protection import Limits
from gateway.admission.errands import Lane
from gateway.admission.governor import Governor
from gateway.client.exchange import Request
from gateway.upstream.sender import Sender
from tests.nightly import NIGHTLY, only_at_night
from tests.simulation.load import Caller, Dynamics, Naive, drive
from tests.simulation.virtual import run

PLACES = 40
AT_ONCE = Limits(requests=10**9, seconds=1e9)
"""The limits of a service that bounds the calls in flight alone."""
HALF = 1 if NIGHTLY else 0.5
"""The part of the time that the usual run takes of the longest games."""
LONG = 1_800.0 if NIGHTLY else 600.0
"""Seconds: some windows of the service, in the usual run two."""
POLITE = 300.0 if NIGHTLY else 30.0
"""Seconds for which polite callers stand beside a greedy one."""
WINDOW = 600.0 if NIGHTLY else 300.0
"""Seconds: windows of the service, in the usual run one."""
SPENT = 1_800.0 if NIGHTLY else 150.0
"""Seconds in which a crowd uses up all that a window of the service has."""
NUMBERS = (1, 2, 8) if NIGHTLY else (8,)
"""Numbers of processes."""
FOUR = (1, 4) if NIGHTLY else (4,)


def drawn(seed: int = 1) -> Random:
    return Random(seed)  # noqa: S311 - repeatable, not secret


def between(least: float, most: float) -> Callable[[Random, Request], float]:
    return lambda random, request: random.uniform(least, most)


def every(seconds: float) -> Callable[[Random], float]:
    return lambda random: seconds * random.uniform(0.8, 1.2)


USUALLY = between(0.08, 0.2)


def played(
    callers: list[Caller],
    seconds: float,
    *,
    takes: Callable[[Random, Request], float] = USUALLY,
    limits: Limits | None = None,
    tells: bool = True,
    noise: float = 0.0,
    governors: Callable[[], list[Governor]] = lambda: [Governor(places=PLACES)],
    spent: Sequence[str] = (),
) -> Dynamics:
    """The service after the callers asked it for so long; others have `spent` users' limits."""

    async def main() -> Dynamics:
        random = drawn()
        service = Dynamics(random, takes, limits, tells, noise, spent=spent)
        senders = [Sender(random, governor) for governor in governors()]
        await drive(senders, service, callers, seconds, random)
        return service

    return run(main())


def processes(number: int) -> Callable[[], list[Governor]]:
    """Processes of one machine, which share by equal parts."""
    return lambda: [Governor(places=PLACES // number, parts=number) for _ in range(number)]


def naive(number: int) -> Callable[[], list[Governor]]:
    return lambda: [Naive(PLACES) for _ in range(number)]


def customers(number: int, pause: float, **more: object) -> list[Caller]:
    return [
        Caller(f"person {n}", f"account {n // 3}", every(pause), **more)  # type: ignore[arg-type]
        for n in range(number)
    ]


def longest_gap(service: Dynamics, seconds: float) -> float:
    moments = [0.0, *[at for at in service.served_at if at < seconds], seconds]
    return max(after - before for before, after in pairwise(moments))


def used(service: Dynamics, seconds: float) -> float:
    """The share of what is permitted in so long that was used."""
    return service.answers[200] / (6_000 * seconds / 300)


@pytest.mark.parametrize("number", NUMBERS)
def test_300_customers_are_served_from_the_real_budget_without_a_standstill(number: int) -> None:
    callers = customers(300, 15.0)

    service = played(callers, LONG, limits=Limits(), governors=processes(number))

    assert used(service, LONG) >= 0.95
    assert service.answers[429] <= 0.01 * service.answers.total()
    assert longest_gap(service, LONG) < 10
    assert all(caller.outcomes["UPSTREAM_THROTTLED"] == 0 for caller in callers)


def pool() -> list[Governor]:
    """One process that calls by two application users."""
    return [Governor(places=PLACES, users=2)]


def test_a_pool_of_two_users_serves_twice_the_customers() -> None:
    callers = customers(600, 15.0)

    service = played(callers, LONG * HALF, limits=Limits(), governors=pool)

    assert used(service, LONG * HALF) >= 2 * 0.95
    assert service.answers[429] <= 0.01 * service.answers.total()
    assert longest_gap(service, LONG * HALF) < 10


def test_a_user_of_a_pool_whose_limits_others_use_does_not_slow_the_pool_down() -> None:
    callers = customers(130, 15.0)

    service = played(callers, LONG * HALF, limits=Limits(), governors=pool, spent=("1",))

    assert service.answers[429] <= 0.01 * service.answers.total()
    assert all(caller.share >= 0.99 for caller in callers)


@only_at_night
def test_a_naive_governor_stands_still_there() -> None:
    service = played(customers(300, 15.0), 600, limits=Limits(), governors=naive(2))

    assert longest_gap(service, 600) > 100


def test_one_greedy_caller_does_not_keep_20_polite_ones_waiting() -> None:
    greedy = Caller("greedy", "greedy", every(1 / 500), fresh=True)
    alone, polite = customers(20, 1.0), customers(20, 1.0)

    played(alone, POLITE)
    played([greedy, *polite], POLITE)

    for before, after in zip(alone, polite, strict=True):
        assert after.share >= 0.999
        assert after.quantile(0.95) <= 2 * before.quantile(0.95)
    assert greedy.outcomes["RATE_LIMITED"] > 0.9 * (greedy.outcomes.total() - len(greedy.took))


def test_one_greedy_caller_does_not_use_up_the_budget_of_polite_ones() -> None:
    greedy = Caller("greedy", "greedy", every(1 / 50), fresh=True)
    polite = customers(20, 3.0)

    service = played([greedy, *polite], WINDOW, limits=Limits())

    assert all(caller.share >= 0.99 for caller in polite)
    assert used(service, WINDOW) >= 0.95


def test_the_slow_searches_of_one_caller_leave_the_others_alone() -> None:
    def takes(random: Random, request: Request) -> float:
        return 30.0 if "/searches" in request.url else random.uniform(0.08, 0.2)

    searching = [Caller("one", "account", every(0.1), calls=1, table="searches") for _ in range(40)]
    others = customers(10, 1.0)

    played([*searching, *others], 120, takes=takes)

    assert all(caller.share >= 0.99 for caller in others)


@pytest.mark.parametrize("number", FOUR)
def test_single_refusals_among_good_answers_cost_their_own_callers_alone(number: int) -> None:
    undisturbed, disturbed = customers(100, 0.5), customers(100, 0.5)

    before = played(undisturbed, 60, governors=processes(number))
    after = played(disturbed, 60, noise=0.02, governors=processes(number))

    assert after.answers[200] >= 0.9 * before.answers[200]


@only_at_night
def test_a_naive_governor_stands_still_at_single_refusals() -> None:
    before = played(customers(100, 0.5), 60, governors=naive(1))
    after = played(customers(100, 0.5), 60, noise=0.02, governors=naive(1))

    assert after.answers[200] < 0.2 * before.answers[200]


def test_a_slow_service_is_used_to_its_full_whatever_is_asked_of_it() -> None:
    slow = between(1.0, 1.4)
    orders_alone = [Caller("buyer", "buyer", every(5.0), calls=4, lane=Lane.WRITES)]
    orders = [Caller("buyer", "buyer", every(5.0), calls=4, lane=Lane.WRITES)]
    readers, crowd = customers(100, 0.5), customers(500, 0.5)

    played(orders_alone, 120 * HALF, takes=slow)
    few = played(readers, 120 * HALF, takes=slow)
    many = played([*crowd, *orders], 120 * HALF, takes=slow)

    answered = sum(len(caller.took) for caller in crowd)
    assert answered >= 0.9 * sum(len(caller.took) for caller in readers)
    assert orders[0].share == 1
    assert orders[0].quantile(0.95) <= 2 * orders_alone[0].quantile(0.95)
    assert max(few.peak, many.peak) <= PLACES
    assert not any("doubtful" in name for caller in [*crowd, *orders] for name in caller.outcomes)


def test_callers_who_go_away_make_no_more_calls_in_flight_than_there_are_places() -> None:
    staying = customers(20, 1.0)
    leaving = [
        Caller(f"leaving {n}", f"leaving {n}", every(0.5), leaves_after=0.1 + n / 200)
        for n in range(200)
    ]

    service = played([*staying, *leaving], 60, takes=between(1.0, 1.4))

    assert service.peak <= PLACES
    assert all(caller.took for caller in staying)


@only_at_night
def test_a_naive_governor_answers_nobody_there() -> None:
    crowd = customers(500, 0.5)

    service = played(crowd, 60, takes=between(1.0, 1.4), governors=naive(1))

    assert service.peak > PLACES
    assert sum(len(caller.took) for caller in crowd) < 0.5 * 60 * PLACES / 1.2 / 2


def test_calls_in_flight_are_learned_where_other_processes_take_their_part() -> None:
    callers, seconds = customers(160, 0.1), 120 * HALF

    service = played(
        callers,
        seconds,
        limits=AT_ONCE,
        tells=False,
        governors=lambda: [Governor(places=PLACES), Governor(places=PLACES)],
    )

    assert service.answers[429] <= 0.01 * service.answers.total()
    assert service.answers[200] >= 0.9 * seconds * 52 / 0.14


def test_sign_in_goes_on_when_the_budget_is_used_up() -> None:
    crowd = customers(300, 2.0)
    signing_in = [Caller("one", None, every(5.0), calls=4, lane=Lane.IDENTITY)]

    played([*crowd, *signing_in], SPENT, limits=Limits())

    assert any(caller.outcomes["RATE_LIMITED"] for caller in crowd)
    assert signing_in[0].share == 1


def test_the_time_that_calls_take_is_a_budget_as_well() -> None:
    callers = customers(200, 5.0)

    service = played(callers, LONG, takes=between(0.4, 0.8), limits=Limits())

    assert service.answers[429] <= 0.01 * service.answers.total()
    assert longest_gap(service, LONG) < 10
    assert service.answers[200] * 0.6 >= 0.9 * LONG / 300 * 1_200


def test_nobody_is_refused_who_is_alone() -> None:
    caller = Caller("one", "account", every(0.01), calls=10)

    played([caller], 60)

    assert caller.share == 1
