"""Pasted or uploaded CSV -> product numbers, quantities and the line of every mistake. Pure."""

import csv
from dataclasses import dataclass
from typing import Final

from portal.words import N_

MAXIMUM: Final = 500
NUMBERS: Final = {
    "number",
    "product",
    "product number",
    "item",
    "item number",
    "artikel",
    "artikelnummer",
    "productnummer",
}
QUANTITIES: Final = {"quantity", "qty", "aantal", "hoeveelheid"}
BOTH_MISSING: Final = N_("A line needs a product number and a quantity.")
TOO_MANY: Final = N_("At most 500 lines at once.")


@dataclass(frozen=True, slots=True)
class Row:
    """One line as it was written."""

    line: int
    number: str
    quantity: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a line; `message` is for the catalogues."""

    line: int
    message: str
    value: str = ""


def decode(content: bytes) -> str:
    """A file of a spreadsheet: UTF-8, or what Windows saves."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def read(text: str) -> tuple[list[Row], list[Mistake]]:
    """Rows in any order of columns if there is a heading; else number, quantity, note."""
    rows: list[Row] = []
    mistakes: list[Mistake] = []
    at = (0, 1, 2)
    lines = text.replace("\ufeff", "").splitlines()
    for place, cells in _cells(lines):
        if place == 1 and (heading := _heading(cells)):
            at = heading
            continue
        number, quantity, note = (cells[n] if n < len(cells) else "" for n in at)
        if not number or not quantity:
            mistakes.append(Mistake(place, BOTH_MISSING, " ".join(cells)))
        elif len(rows) == MAXIMUM:
            return rows, [*mistakes, Mistake(place, TOO_MANY)]
        else:
            rows.append(Row(place, number, quantity, note[:200]))
    return rows, mistakes


def _cells(lines: list[str]) -> list[tuple[int, list[str]]]:
    """The cells of each line that is not blank, by its place in the text."""
    separator = _separator(lines)
    found = []
    for place, line in enumerate(lines, 1):
        if line.strip():
            cells = next(csv.reader([line], delimiter=separator))
            found.append((place, [cell.strip() for cell in cells]))
    return found


def _separator(lines: list[str]) -> str:
    first = next((line for line in lines if line.strip()), "")
    return next((sign for sign in ("\t", ";") if sign in first), ",")


def _heading(cells: list[str]) -> tuple[int, int, int] | None:
    """Where the columns are, if this line names them."""
    names = [cell.lower() for cell in cells]
    number = next((n for n, name in enumerate(names) if name in NUMBERS), None)
    quantity = next((n for n, name in enumerate(names) if name in QUANTITIES), None)
    if number is None or quantity is None:
        return None
    note = next((n for n, name in enumerate(names) if name in {"note", "notitie"}), len(names))
    return number, quantity, note
