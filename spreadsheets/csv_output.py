"""Values -> lines of CSV that open right in spreadsheets of a region and run in none."""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

Cell = str | Decimal | int | date | None

SIGNS: Final = (
    "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"
    "\u207c\u207a\u207b\u208c\u208a\u208b\u2212\ufb29\u2a75\u2a76"
)
"""With what a formula begins, in any width and form that something may take for the usual one."""
UNSEEN: Final = (
    '"\\s\u00ad\u061c\u115f\u1160\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800'
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
    "\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
)
"""Characters that spreadsheets may take away in front of it, or that nobody sees there."""
FORMULA: Final = re.compile(
    rf"((?:^|[,;|:^~\t\r\n])[{UNSEEN}]*)(?=[{SIGNS}])"
    rf"|(\s)(?=[{SIGNS}]\S)(?![+\u2212-][0-9][0-9.,]*(?:\s|$))"
)
"""The places where a formula would begin, whichever character a spreadsheet cuts the text at."""
CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Convention:
    """The cell separator and the decimal mark in spreadsheets of a region."""

    separator: str
    decimal: str


POINT: Final = Convention(",", ".")
COMMA: Final = Convention(";", ",")
"""The convention of decimals behind a comma: semicolons separate the cells."""


def convention(decimal_mark: str) -> Convention:
    """That of people who write decimals behind this mark."""
    return COMMA if decimal_mark == COMMA.decimal else POINT


def line(cells: Iterable[Cell], written: Convention) -> str:
    """One line; all cells are quoted, so that a program that cuts at any separator keeps them."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=written.separator, quoting=csv.QUOTE_ALL)
    writer.writerow(_cell(cell, written) for cell in cells)
    return out.getvalue()


def _cell(cell: Cell, written: Convention) -> str:
    """Days as all spreadsheets know them; numbers without groups and exponents."""
    if isinstance(cell, Decimal | int):
        return f"{Decimal(cell):f}".replace(".", written.decimal)
    if isinstance(cell, date):
        return cell.isoformat()
    return harmless(cell or "")


def harmless(text: str) -> str:
    """The text with an apostrophe in front of whatever could be run."""
    return FORMULA.sub(r"\1\2'", CONTROL.sub("", text))
