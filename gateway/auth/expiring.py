"""A bounded memory whose entries expire on their own, for verified tokens and looked-up callers."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from gateway.ceiling import unheld

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

ENTRY = 500
"""Bytes that an entry takes besides its value, about."""


class Expiring(Generic[K, V]):
    """A number of values, each until its own time on `clock`; the oldest gives way."""

    def __init__(
        self,
        clock: Callable[[], float],
        most: int = 10_000,
        weigh: Callable[[V], int] = lambda value: 0,
    ) -> None:
        """`most`: the number of values; `weigh`: the bytes of one."""
        self._clock = clock
        self._most = most
        self._weigh = weigh
        self._entries: dict[K, tuple[float, V, int]] = {}
        self.grown: Callable[[], None] = unheld
        self.size = 0
        """Bytes of all values, about."""

    def get(self, key: K) -> V | None:
        until, value, _ = self._entries.get(key, (0.0, None, 0))
        return value if self._clock() < until else None

    def put(self, key: K, value: V, *, until: float) -> None:
        self._remove(key)
        while self._entries and (len(self._entries) >= self._most or self._is_over):
            self.drop()
        size = ENTRY + self._weigh(value)
        self._entries[key] = (until, value, size)
        self.size += size
        self.grown()

    def drop(self) -> None:
        """Let the value go that was put first."""
        if self._entries:
            self._remove(next(iter(self._entries)))

    def items(self) -> list[tuple[K, V]]:
        """The values that are kept and good."""
        now = self._clock()
        return [(key, value) for key, (until, value, _) in self._entries.items() if now < until]

    def _remove(self, key: K) -> None:
        gone = self._entries.pop(key, None)
        self.size -= gone[2] if gone else 0

    @property
    def _is_over(self) -> bool:
        """True if the value that was put first is good no longer."""
        return next(iter(self._entries.values()))[0] <= self._clock()

    def __len__(self) -> int:
        return len(self._entries)
