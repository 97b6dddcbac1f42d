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

SIGNS: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20"
"""With what a formula begins, in Asian width too."""
UNSEEN: Final = '"\\s\u00ad\u200b-\u200f\u2060\ufeff'
"""Characters that spreadsheets may take away in front of it."""
FORMULA: Final = re.compile(
    rf"((?:^|[,;|:^~\t\r\n])[{UNSEEN}]*)(?=[{SIGNS}])"
    rf"|(\s)(?=[{SIGNS}]\S)(?![+-][0-9][0-9.,]*(?:\s|$))"
)
"""The places where a formula would begin, whichever character a spreadsheet cuts the text at."""
CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


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
