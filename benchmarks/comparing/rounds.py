"""All trials in turns, round after round, so that what disturbs the machine disturbs them alike."""

import time
from collections.abc import Callable, Sequence

from benchmarks.comparing.measuring import Round, measure
from benchmarks.comparing.stub import Stub
from benchmarks.comparing.trials import Trial

Key = tuple[str, str]
"""The names of a candidate and a work."""


def rounds(
    trials: Sequence[Trial],
    stub: Stub,
    *,
    count: int,
    seconds: float,
    until: float,
    say: Callable[[str], None],
) -> dict[Key, list[Round]]:
    """`count` rounds of all trials, or as many as end before `until` by the monotonic clock."""
    found: dict[Key, list[Round]] = {(each.candidate.name, each.work.name): [] for each in trials}
    longest = 0.0
    for number in range(1, count + 1):
        begun = time.monotonic()
        if number > 1 and begun + longest > until:
            say(f"No time for round {number}.")
            break
        for each in trials:
            done = found[each.candidate.name, each.work.name]
            pace = done[-1].rate if done else each.pace
            done.append(measure(each.target, stub, seconds=seconds, pace=pace))
            say(f"{number}/{count} {each.work.name} {each.candidate.name:14}{done[-1].rate:9.1f}/s")
        longest = max(longest, time.monotonic() - begun)
    return found
