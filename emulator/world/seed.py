"""The source of a world's chance, ids and dates: a seed alone, never the clock or the system."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from hashlib import sha1
from random import Random
from typing import Any, Final, TypeVar

T = TypeVar("T")
Row = dict[str, Any]
Rows = Iterator[tuple[str, Row]]
"""Rows with the entity set or F&O collection that each belongs to."""

REFERENCE: Final = datetime(2026, 11, 2, 9, 0, 0)
"""The day on which every generated world stands still."""

FIRST_RECORD: Final = 5_637_144_576


class Seed:
    """One world's randomness and identifiers."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.random = Random(number)  # noqa: S311 - it must be repeatable, not secret

    def id(self, kind: str, *key: object) -> str:
        """The GUID of a row, always the same for the same seed, kind and key."""
        text = f"{self.number}/{kind}/{'/'.join(map(str, key))}"
        digest = sha1(text.encode(), usedforsecurity=False).hexdigest()
        variant = "89ab"[int(digest[16], 16) & 3]
        return (
            f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"
        )

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.random.randrange(len(choices))]

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def weighted(self, weights: dict[T, int]) -> T:
        return self.random.choices(list(weights), list(weights.values()))[0]

    def moment(self, days_back: int) -> datetime:
        """A working moment within `days_back` days before the reference date."""
        day = REFERENCE - timedelta(days=self.random.randrange(1, days_back))
        return day.replace(hour=self.random.randrange(6, 19), minute=self.random.randrange(60))


def stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def day(when: datetime | None) -> date | None:
    """A day, which each column keeps in a form of its own."""
    return when.date() if when else None
