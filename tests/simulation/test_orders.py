"""
Orders through losses, duplicates, delays, late commits, 429s and dying gateways: none is doubled,
lost or halved, and nobody is told what is not so. The same on a naive gateway must fail.

The usual run places 350 orders, `scripts/check --nightly` 2,000.
"""

import logging
from collections.abc import Iterator
from uuid import uuid4

import pytest

from gateway.resolvers.orders import new_order, operations
from tests.nightly import NIGHTLY, only_at_night
from tests.simulation.history import simulate
from tests.simulation.wire import FAULTS, OUTAGE

SEEDS = (12, 11, 13, 14) if NIGHTLY else (12,)
ORDERS = 500 if NIGHTLY else 350
"""For each seed."""
FEWER = 250
"""Enough for a flaw to show."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The gateway logs every fault, as it should."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_order_is_doubled_lost_halved_or_denied(seed: int) -> None:
    verdict = simulate(seed, ORDERS)

    assert verdict.broken == {}
    assert verdict.orders == ORDERS
    assert verdict.outcomes["created"] > 0.95 * ORDERS
    assert verdict.extended > 0.2 * ORDERS
    assert verdict.faults.keys() >= {*FAULTS, OUTAGE}


@only_at_night
def test_a_naive_create_fails_the_same_test() -> None:
    verdict = simulate(SEEDS[0], FEWER, naive=True)

    assert verdict.doubled >= 0.05 * verdict.orders


@only_at_night
def test_lines_without_derived_ids_are_added_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_order, "line_id", lambda identity, number: uuid4())

    verdict = simulate(SEEDS[0], FEWER)

    assert verdict.half > 0


def test_the_same_seed_is_the_same_story() -> None:
    first, again, other = (simulate(seed, 30).digest for seed in (5, 5, 6))

    assert first == again != other


@only_at_night
def test_saying_no_too_early_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checker itself is checked: an order may commit after its absence was seen."""
    monkeypatch.setattr(operations, "SETTLED_AFTER", -1_000.0)

    verdicts = [simulate(seed, FEWER // 2) for seed in (21, 22, 24)]

    assert sum(verdict.denied for verdict in verdicts) > 0
