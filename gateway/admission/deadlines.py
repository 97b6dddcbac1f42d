"""The moment by which a request must be answered, counted from its first byte."""

from contextvars import ContextVar
from math import inf

_until: ContextVar[float] = ContextVar("until", default=inf)


def begin(until: float) -> None:
    """From here on, what runs belongs to a request that must be answered by `until`."""
    _until.set(until)


def due(latest: float) -> float:
    """`latest`, or when the request that runs must be answered, if that is sooner."""
    return min(latest, _until.get())
