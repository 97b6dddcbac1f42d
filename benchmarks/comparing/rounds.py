"""All trials in turns, round after round, so that what disturbs the machine disturbs them alike."""

import time
from collections.abc import Callable, Sequence

from benchmarks.comparing.measuring import Round, measure
from benchmarks.comparing.stub import Stub
from benchmarks.comparing.trials import Trial

Key = tuple[str, str]
"""The names of a candidate and a work."""
WARM_UP = 1.0
"""Seconds of a round before the first: compilers of code that is often run need their time."""


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
    warm = [measure(each.target, stub, seconds=WARM_UP, pace=each.pace) for each in trials]
    found = {_key(trial): [first] for trial, first in zip(trials, warm, strict=True)}
    longest = 0.0
    for number in range(1, count + 1):
        begun = time.monotonic()
        if number > 1 and begun + longest > until:
            say(f"No time for round {number}.")
            break
        for each in trials:
            done = found[_key(each)]
            done.append(measure(each.target, stub, seconds=seconds, pace=done[-1].rate))
            say(f"{number}/{count} {each.work.name} {each.candidate.name:14}{done[-1].rate:9.1f}/s")
        longest = max(longest, time.monotonic() - begun)
    return {key: done[1:] for key, done in found.items()}


def _key(trial: Trial) -> Key:
    return trial.candidate.name, trial.work.name
