"""A bounded memory whose entries expire on their own, for verified tokens and looked-up callers."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Expiring(Generic[K, V]):
    """At most `size` values, each until its own time on `clock`; the oldest gives way."""

    def __init__(self, clock: Callable[[], float], size: int = 10_000) -> None:
        self._clock = clock
        self._size = size
        self._entries: dict[K, tuple[float, V]] = {}

    def get(self, key: K) -> V | None:
        until, value = self._entries.get(key, (0.0, None))
        return value if self._clock() < until else None

    def put(self, key: K, value: V, *, until: float) -> None:
        self._entries.pop(key, None)
        while self._entries and (len(self._entries) >= self._size or self._oldest <= self._clock()):
            del self._entries[next(iter(self._entries))]
        self._entries[key] = (until, value)

    def items(self) -> list[tuple[K, V]]:
        """The values that are kept and good."""
        now = self._clock()
        return [(key, value) for key, (until, value) in self._entries.items() if now < until]

    @property
    def _oldest(self) -> float:
        """Until when the entry is good that was put first."""
        return next(iter(self._entries.values()))[0]

    def __len__(self) -> int:
        return len(self._entries)
