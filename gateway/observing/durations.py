"""Durations, counted by the seconds up to which they lasted."""

from typing import Final

from msgspec import Struct, field

BUCKETS: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds up to which durations are counted together."""


class Durations(Struct):
    """All durations of one kind."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    """Their number by bucket, those that took longer last."""
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one; without calls, as each request and each call to Dynamics is one."""
        bucket = 0
        for up_to in BUCKETS:
            if seconds <= up_to:
                break
            bucket += 1
        self.counts[bucket] += 1
        self.seconds += seconds

    @property
    def number(self) -> int:
        """The number of them all."""
        return sum(self.counts)
