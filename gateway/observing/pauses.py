"""The times for which the collector of garbage stops everything else."""

import gc
from collections.abc import Iterator
from time import perf_counter, thread_time

from gateway.observing.durations import Durations


class Pauses:
    """The collections of this process since they are measured: how long each was, and its work."""

    def __init__(self) -> None:
        self._pauses = [Durations() for _ in gc.get_threshold()]
        self._work = [Durations() for _ in gc.get_threshold()]
        self._began = self._worked = 0.0

    def measure(self) -> None:
        """Measure from now on."""
        gc.callbacks.append(self._told)

    def spent(self) -> Iterator[tuple[tuple[str], Durations]]:
        """The pauses by generation."""
        return _by_generation(self._pauses)

    def worked(self) -> Iterator[tuple[tuple[str], Durations]]:
        """
        CPU time of the collections by generation, which is what they would take on a machine that
        does nothing else.
        """
        return _by_generation(self._work)

    def _told(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began, self._worked = perf_counter(), thread_time()
        else:
            generation = info["generation"]
            self._work[generation].add(thread_time() - self._worked)
            self._pauses[generation].add(perf_counter() - self._began)


def _by_generation(durations: list[Durations]) -> Iterator[tuple[tuple[str], Durations]]:
    for generation, each in enumerate(durations):
        yield (str(generation),), each


PAUSES = Pauses()
"""Those of this process, which has one collector."""
