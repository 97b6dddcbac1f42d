"""
The calls to one service, counted by kind, table and outcome as they end, with the time they took.

Metrics and `/health` are made of it when somebody asks; a call costs it two additions.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct, field

from gateway.upstream.breaker import Sort

BUCKETS: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds up to which calls are counted together."""
PERIOD: Final = 60.0
"""Seconds of calls that are looked at as recent, and those of the period before."""
WAIT: Final = frozenset({408, 429})
"""The statuses below 500 by which a service does not answer what it was asked."""

Outcome = int | str
"""The status of an answer, or the code of what there was instead."""


class Durations(Struct):
    """The calls of one kind and their durations."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    """The number of calls by bucket, those that took longer last."""
    seconds: float = 0.0

    @property
    def number(self) -> int:
        return sum(self.counts)


class Recent(Struct):
    """The calls of the latest one or two periods."""

    calls: int = 0
    failed: int = 0
    seconds: float = 0.0

    def plus(self, other: "Recent") -> "Recent":
        return Recent(
            self.calls + other.calls, self.failed + other.failed, self.seconds + other.seconds
        )


class Tally:
    """All calls of this process to one service."""

    def __init__(self) -> None:
        self.durations: dict[tuple[Sort, Outcome], Durations] = {}
        self.waits = Durations()
        """The calls that waited for a place, and how long."""
        self._then: Mapping[tuple[Sort, Outcome], tuple[int, float]] = {}
        self._now: Mapping[tuple[Sort, Outcome], tuple[int, float]] = {}
        self._period = 0.0

    def add(self, sort: Sort, outcome: Outcome, seconds: float) -> None:
        """Count a call that ended."""
        found = self.durations.get((sort, outcome))
        if found is None:
            found = self.durations[sort, outcome] = Durations()
        found.counts[bisect_left(BUCKETS, seconds)] += 1
        found.seconds += seconds

    def waited(self, seconds: float) -> None:
        """Count a call that had to wait for its place."""
        self.waits.counts[bisect_left(BUCKETS, seconds)] += 1
        self.waits.seconds += seconds

    def turn(self, moment: float) -> None:
        """Begin a new period, where the present one has lasted; to be called again and again."""
        if moment >= self._period + PERIOD:
            self._period, self._then = moment, self._now
            self._now = {key: (each.number, each.seconds) for key, each in self.durations.items()}

    def recent(self) -> Iterator[tuple[Sort, Recent]]:
        """The calls of the present period and the one before, by kind and table."""
        found: dict[Sort, Recent] = {}
        for (sort, outcome), each in self.durations.items():
            before, seconds = self._then.get((sort, outcome), (0, 0.0))
            calls = each.number - before
            new = Recent(calls, calls if is_failure(outcome) else 0, each.seconds - seconds)
            found[sort] = found.get(sort, Recent()).plus(new)
        yield from sorted((sort, recent) for sort, recent in found.items() if recent.calls)


def is_failure(outcome: Outcome) -> bool:
    """True if the service did not do what it was asked, for a reason of its own."""
    return isinstance(outcome, str) or outcome >= 500 or outcome in WAIT
