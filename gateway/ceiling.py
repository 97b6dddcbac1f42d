"""
Everything that a process keeps for later requests -> one number of bytes that all of it may take.

Each kind has a share of it. A kind may take more while others take less; above the number the kind
that is furthest beyond its share gives way, the least useful of its things first.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final, Protocol

MOST: Final = 64 * 1024 * 1024
"""Bytes that all of it takes at most where nobody says otherwise."""


class Shelf(Protocol):
    """The things of one kind that are kept."""

    grown: Callable[[], None]
    """Called after something was added."""

    @property
    def size(self) -> int:
        """Bytes that they take, about."""

    def drop(self) -> None:
        """Let the least useful go; nothing happens where there is none."""


def unheld() -> None:
    """The `grown` of a shelf without a ceiling."""


class Ceiling:
    """The bound of all shelves of a process together."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self._shelves: dict[str, tuple[int, list[Shelf]]] = {}

    def add(self, kind: str, share: int, *shelves: Shelf) -> None:
        """Hold these too; kinds share in the ratio of their numbers."""
        self._shelves[kind] = share, list(shelves)
        for each in shelves:
            each.grown = self.hold

    @property
    def sizes(self) -> Mapping[str, int]:
        """Bytes by kind."""
        return {kind: _size(shelves) for kind, (_, shelves) in self._shelves.items()}

    def hold(self) -> None:
        """Let things go until all of them fit."""
        over = sum(self.sizes.values()) - self.most
        while over > 0:
            shelves = max(self._shelves.values(), key=lambda each: _size(each[1]) / each[0])[1]
            largest = max(shelves, key=lambda each: each.size)
            before = _size(shelves)
            largest.drop()
            gone = before - _size(shelves)
            if gone <= 0:
                return
            over -= gone


def _size(shelves: Iterable[Shelf]) -> int:
    return sum(each.size for each in shelves)


def bytes_of(value: Any) -> int:
    """Bytes of a value that consists of Python's own types and of dataclasses, with all inside."""
    size = sys.getsizeof(value)
    match value:
        case str() | bytes() | int() | float() | None:
            return size
        case Mapping():
            return size + sum(bytes_of(key) + bytes_of(each) for key, each in value.items())
        case tuple() | list() | set() | frozenset():
            return size + sum(map(bytes_of, value))
    if is_dataclass(value):
        return size + sum(bytes_of(getattr(value, each.name)) for each in fields(value))
    return size + sys.getsizeof(1 << 100)  # a GUID holds a number, a Decimal its digits
