"""Refusing strangers costs neither memory nor disk; at night 100,000 of them and a minute more."""

from benchmarks.strangers import main
from tests.nightly import NIGHTLY


def test_strangers_are_refused_within_the_bounds_of_memory_and_disk() -> None:
    assert main(*((100_000, 60.0) if NIGHTLY else (2_000, 2.0))) == 0
