"""
Servers under the same load on one core at the same time, and the CPU time of a request of each.

What else runs on a machine slows it down by up to a third, for a second or for minutes. Servers
that are asked one after the other differ by as much; these are slowed down alike.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from signal import SIGINT
from statistics import mean, median, quantiles

from benchmarks.comparing.measuring import Target, loading

IDLE = 30.0
"""Seconds in which nobody asks: callers who watch are looked up twice a minute."""
PATIENCE = 0.2
"""Seconds until all that ask have begun."""


@dataclass(frozen=True, slots=True)
class Found:
    """The figures of one kind of server beside the first kind."""

    cpu: float
    """Milliseconds of CPU time for a request: the median of the rounds."""
    ratio: float
    """The same divided by that of the first kind in the same round: the median of the rounds."""
    quartiles: tuple[float, float]
    """The middle half of these ratios is between them."""
    idle: float
    """The share of a core that a server takes while nobody asks it."""

    @property
    def loss(self) -> float:
        """The part of its requests a second that a full core loses beside the first kind."""
        return 1 - (1 - self.idle) / self.ratio


def idle(targets: Sequence[Target]) -> list[float]:
    """The share of a core that each server takes while nobody asks."""
    before = [each.running.cpu for each in targets]
    time.sleep(IDLE)
    return [(each.running.cpu - was) / IDLE for each, was in zip(targets, before, strict=True)]


def together(
    kinds: Sequence[Sequence[Target]], *, rounds: int, seconds: float, say: Callable[[str], None]
) -> list[Found]:
    """
    Ask all servers of all kinds at once, round after round, and compare each kind with the first.

    Equal servers differ by some percent, as their memory lies otherwise: have several of a kind.
    One more round before the others counts for nothing. What a server does while nobody asks is
    not a part of its requests: it is taken off, and told by itself.
    """
    targets = [each for kind in kinds for each in kind]
    resting = idle(targets)
    _round(targets, resting, seconds)
    found: list[list[float]] = []
    for number in range(1, rounds + 1):
        each = iter(_round(targets, resting, seconds, first=number))
        found.append([mean(islice(each, len(kind))) for kind in kinds])
        say(f"{number}/{rounds} " + " ".join(f"{cpu:.3f}" for cpu in found[-1]))
    rests = iter(resting)
    return [
        _found(cpu, [first for first, *_ in found], mean(islice(rests, len(kind))))
        for kind, cpu in zip(kinds, zip(*found, strict=True), strict=True)
    ]


def _found(cpu: Sequence[float], first: Sequence[float], resting: float) -> Found:
    ratios = [mine / its for mine, its in zip(cpu, first, strict=True)]
    low, middle, high = quantiles(ratios, n=4)
    return Found(median(cpu), middle, (low, high), resting)


def _round(
    targets: Sequence[Target], resting: Sequence[float], seconds: float, first: int = 0
) -> list[float]:
    """
    The milliseconds of CPU time for a request of each target in one round.

    Each round begins with the target after that with which the last one began.
    """
    order = [(first + number) % len(targets) for number in range(len(targets))]
    begun, before = time.monotonic(), [each.running.cpu for each in targets]
    with ExitStack() as stack:
        loads = {each: stack.enter_context(loading(targets[each])) for each in order}
        time.sleep(PATIENCE + seconds)
        for (
            each
        ) in loads.values():  # all at once: whoever is asked longest has the core alone at the end
            each.process.send_signal(SIGINT)
    passed = time.monotonic() - begun
    return [
        1000 * (each.running.cpu - was - passed * rests) / loads[number].total.requests
        for number, (each, was, rests) in enumerate(zip(targets, before, resting, strict=True))
    ]
