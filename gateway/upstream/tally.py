"""
The calls to one service, counted by kind, table and outcome as they end, with the time they took.

Metrics and `/health` are made of it when somebody asks; a call costs it two additions.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from gateway.observing.durations import Durations
from gateway.upstream.breaker import Sort

PERIOD: Final = 60.0
"""Seconds of calls that are looked at as recent, and those of the period before."""
WAIT: Final = frozenset({408, 429})
"""The statuses below 500 by which a service does not answer what it was asked."""

Outcome = int | str
"""The status of an answer, or the code of what there was instead."""


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
        self.durations: defaultdict[tuple[Sort, Outcome], Durations] = defaultdict(Durations)
        """The calls that ended, by kind, table and outcome."""
        self.waits = Durations()
        """The calls that waited for a place, and how long."""
        self._then: Mapping[tuple[Sort, Outcome], tuple[int, float]] = {}
        self._now: Mapping[tuple[Sort, Outcome], tuple[int, float]] = {}
        self._period = 0.0

    def waited(self, seconds: float) -> None:
        """Count a call that had to wait for its place."""
        self.waits.add(seconds)

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
