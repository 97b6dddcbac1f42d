"""The times for which the collector of garbage stops everything else."""

import gc
from collections.abc import Iterator
from time import perf_counter

from gateway.observing.durations import Durations


class Pauses:
    """The collections of this process since they are measured."""

    def __init__(self) -> None:
        self._durations = [Durations() for _ in gc.get_threshold()]
        self._began = 0.0

    def measure(self) -> None:
        """Measure from now on."""
        gc.callbacks.append(self._told)

    def spent(self) -> Iterator[tuple[tuple[str], Durations]]:
        """The pauses by generation."""
        for generation, each in enumerate(self._durations):
            yield (str(generation),), each

    def _told(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began = perf_counter()
        else:
            self._durations[info["generation"]].add(perf_counter() - self._began)


PAUSES = Pauses()
"""Those of this process, which has one collector."""
