"""Lines that repeat -> one of them in a while, with the number of those that were kept back."""

from collections.abc import Hashable
from typing import Final

QUIET: Final = 10.0
"""Seconds in which the same is told once."""
KINDS: Final = 1_000
"""Kinds that are remembered; beyond them all are forgotten."""


class Repeats:
    """The lines that were told lately."""

    def __init__(self) -> None:
        self._told: dict[Hashable, tuple[float, int]] = {}

    def untold(self, kind: Hashable, moment: float) -> int | None:
        """The number of lines of this kind that were kept back; None where this one is too."""
        last, kept = self._told.get(kind, (float("-inf"), 0))
        if moment < last + QUIET:
            self._told[kind] = last, kept + 1
            return None
        if len(self._told) >= KINDS:
            self._told.clear()
        self._told[kind] = moment, 0
        return kept


def suffix(untold: int) -> str:
    """The end of a line that stands for others."""
    return f" ({untold} more like this since)" if untold else ""
