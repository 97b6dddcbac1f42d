"""
The numbers of a column as people write them -> decimals.

Which of "." and "," is the decimal mark is told by the numbers that can be read in one way only.
A number that stays open is never guessed.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

MARKS: Final = ".,"
GAPS: Final = " '\u2019\u00a0\u202f"
"""What else stands between groups of three digits."""
MINUS: Final = "\u2212"
LONGEST: Final = 40
"""Characters of a number."""


def _pattern(mark: str) -> re.Pattern[str]:
    """Digits, in groups of three or not, and decimals behind `mark`."""
    other = MARKS.replace(mark, "")
    groups = rf"[1-9][0-9]{{0,2}}([{other}{GAPS}])[0-9]{{3}}(?:\1[0-9]{{3}})*"
    return re.compile(rf"[+{MINUS}-]?(?:{groups}|[0-9]+|(?=\{mark}))(?:\{mark}[0-9]+)?")


PATTERNS: Final = {mark: _pattern(mark) for mark in MARKS}
"""How numbers are written with each decimal mark."""


def meanings(cell: str) -> dict[str, Decimal]:
    """What the cell says by the decimal mark under which it says something."""
    if len(cell) > LONGEST:
        return {}
    return {mark: _value(cell, mark) for mark in MARKS if PATTERNS[mark].fullmatch(cell)}


def _value(cell: str, mark: str) -> Decimal:
    digits = re.sub(rf"[^0-9{mark}-]", "", cell.replace(MINUS, "-"))
    return Decimal(digits.replace(mark, "."))


def decimal_mark(cells: Iterable[str]) -> str | None:
    """The mark that the cells prove; None where they prove none, or both."""
    proved = {mark for cell in cells if len(found := meanings(cell)) == 1 for mark in found}
    return proved.pop() if len(proved) == 1 else None


def number(cell: str, mark: str | None) -> Decimal | None:
    """The number in a cell where it is certain, given the mark that its column proves."""
    found = meanings(cell)
    if mark in found:
        return found[mark]
    return found.popitem()[1] if len({*found.values()}) == 1 else None


def spellings(cell: str) -> tuple[str, str] | None:
    """For a number that can be read in two ways: how to write the larger and the smaller one."""
    found = sorted({*meanings(cell).values()})
    if len(found) < 2:
        return None
    smaller, larger = (f"{value.normalize():f}" for value in found)
    whole, _, decimals = smaller.partition(".")
    # Three decimals look like a group again; a fourth tells.
    return larger, f"{whole}.{decimals:0<4}" if len(decimals) == 3 else smaller
