"""
The numbers of a column as people write them -> decimals.

Which of "." and "," is the decimal mark is told by the numbers that can be read in one way only.
A number that stays open is never guessed.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

MARKS: Final = ".,"
GAPS: Final = " '\u2019\u00a0\u202f"
"""The other characters that stand between groups of three digits."""
MINUS: Final = "\u2212"
LONGEST: Final = 40
"""Characters of a number."""


def _pattern(mark: str) -> re.Pattern[str]:
    """Digits, in groups of three or not, and decimals behind `mark`."""
    other = MARKS.replace(mark, "")
    groups = rf"[1-9][0-9]{{0,2}}([{other}{GAPS}])[0-9]{{3}}(?:\1[0-9]{{3}})*"
    return re.compile(rf"[+{MINUS}-]?(?:{groups}|[0-9]+|(?=\{mark}))(?:\{mark}[0-9]+)?")


PATTERNS: Final = {mark: _pattern(mark) for mark in MARKS}
"""The patterns of numbers, by their decimal mark."""


def meanings(cell: str) -> dict[str, Decimal]:
    """The values of a cell, by the decimal mark under which it has one."""
    if len(cell) > LONGEST:
        return {}
    return {mark: _value(cell, mark) for mark in MARKS if PATTERNS[mark].fullmatch(cell)}


def _value(cell: str, mark: str) -> Decimal:
    digits = re.sub(rf"[^0-9{mark}-]", "", cell.replace(MINUS, "-"))
    return Decimal(digits.replace(mark, "."))


def proved(cells: Iterable[str]) -> set[str]:
    """The decimal marks of the cells that can be read in one way only."""
    return {mark for cell in cells if len(found := meanings(cell)) == 1 for mark in found}


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """The rules by which the numbers of a column are read."""

    mark: str | None = None
    """The decimal mark that the column proves."""
    leaning: str | None = None
    """That of the people who write so, where it proves none; it never makes a number smaller."""

    def number(self, cell: str) -> Decimal | None:
        """The number in a cell where it is certain."""
        found = meanings(cell)
        if self.mark in found:
            return found[self.mark]
        largest = max(found.values(), default=None)
        is_certain = {*found.values()} == {largest} or found.get(self.leaning or "") == largest
        return largest if is_certain else None


def column_of(cells: Iterable[str], leaning: str | None = None) -> NumberColumn:
    """Work out the rules for reading a column with these cells."""
    marks = proved(cells)
    if not marks:
        return NumberColumn(leaning=leaning)
    return NumberColumn(marks.pop() if len(marks) == 1 else None)


def spellings(cell: str) -> tuple[str, str] | None:
    """For a number that can be read in two ways: how to write the larger and the smaller one."""
    found = sorted({*meanings(cell).values()})
    if len(found) < 2:
        return None
    smaller, larger = (f"{value.normalize():f}" for value in found)
    whole, _, decimals = smaller.partition(".")
    # Three decimals look like a group again; a fourth tells.
    return larger, f"{whole}.{decimals:0<4}" if len(decimals) == 3 else smaller
