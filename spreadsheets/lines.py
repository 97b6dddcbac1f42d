"""The text of a list -> the lines of an order, and what is wrong with its rows."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from spreadsheets import problems
from spreadsheets.cells import LONGEST, SEPARATORS, CellTable, tables
from spreadsheets.headings import (
    AT,
    CUSTOMER_ITEM_NUMBER,
    DAY,
    ITEM_NUMBER,
    NOTE,
    NUMBER,
    NUMBERS,
    QUANTITY,
    UNIT,
    is_heading,
    named,
)
from spreadsheets.numerals import NumberColumn, column_of, meanings, spellings
from spreadsheets.problems import Problem, at

MAXIMUM_LINES: Final = 500
MAXIMUM: Final[Mapping[str, int]] = {**dict.fromkeys(NUMBERS, 100), UNIT: 100, NOTE: 255}
"""Characters that a cell of a column may have."""
ABOVE: Final = 20
"""Rows that may stand above the names of the columns: a title, an address, a date."""
COLUMNS: Final = (NUMBER, ITEM_NUMBER, CUSTOMER_ITEM_NUMBER, QUANTITY, UNIT, DAY, NOTE)
DAY_PATTERN: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

Cells = Mapping[str, str]
"""The cells of a row in the columns that are read."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a list: a product, by one of its numbers, and how much of it."""

    row: int
    """As a spreadsheet numbers it, from 1."""
    number: str
    item_number: str
    customer_item_number: str
    quantity: Decimal
    unit: str
    day: date | None
    note: str
    further: Cells
    """The cells of the further columns, as they are written."""


@dataclass(frozen=True, slots=True)
class Heading:
    """The columns that a list has."""

    columns: Mapping[int, str]
    """The columns that are read, by their places."""
    row: int = 0
    """The row that names them; 0 if none does."""
    names: Mapping[int, str] = field(default_factory=dict)
    """The names of all columns, by their places."""

    @property
    def strangers(self) -> list[str]:
        """The columns that are not read."""
        return [name for place, name in self.names.items() if place not in self.columns]

    def problems(self) -> Iterator[Problem]:
        read = [*self.columns.values()]
        for earlier, (place, column) in enumerate(self.columns.items()):
            if column in read[:earlier]:
                yield at(problems.TWICE, self.row, self.names[place])
        if self.row and QUANTITY not in read:
            yield Problem(problems.NO_QUANTITY, self.row)
        elif self.row and not NUMBERS & {*read}:
            yield Problem(problems.NO_NUMBER, self.row)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A list as it was read: the lines count only where there are no problems."""

    text: str
    heading: Heading
    rows: Mapping[int, Cells]
    """The rows with content."""
    lines: Sequence[Line]
    problems: Sequence[Problem]


def read(text: str, decimal_mark: str = "", further: Collection[str] = ()) -> Sheet:
    """
    All lines of a list of any separator, with a heading or without. `decimal_mark` is that of
    whoever sends it: semicolons are what a spreadsheet puts between cells where that is a comma.
    `further` columns may be named besides those that every list can have.
    """
    found = [(table, _heading(table, further)) for table in tables(text)]
    table, heading = max(found, key=lambda each: _fitness(*each))
    rows = {
        place: cells
        for place, row in enumerate(table.rows, start=1)
        if place > heading.row and any((cells := _cells(row, heading.columns)).values())
    }
    wrong = [*heading.problems(), *_damage(table)] or [*_amount([*rows])]
    if any(problem.row in {0, heading.row} for problem in wrong):
        return Sheet(text, heading, rows, [], wrong)
    leaning = "," if (decimal_mark, table.separator) == (",", ";") else None
    quantities = column_of((cells[QUANTITY] for cells in rows.values()), leaning)
    wrong += _strays(table, heading)
    for row, cells in rows.items():
        wrong += _mistakes(row, cells, quantities)
    bad = {problem.row for problem in wrong}
    read_too = [name for name in further if name in heading.columns.values()]
    lines = [
        _line(row, cells, quantities, read_too) for row, cells in rows.items() if row not in bad
    ]
    return Sheet(text, heading, rows, lines, sorted(wrong, key=lambda problem: problem.row))


def _fitness(table: CellTable, heading: Heading) -> tuple[bool, int, int]:
    """Rate a separator: by whether it gives a heading, then by its lines, then by its cells."""
    lines = sum(_is_line(row) for row in table.rows[: 5 * ABOVE])
    return is_heading(heading.columns), lines, len(table.rows[0]) if table.rows else 0


def _is_line(row: Sequence[str]) -> bool:
    """True if a row could be a line without a heading: a number behind something undivided."""
    first, second, *_ = [*filter(None, row), "", ""]
    return bool(meanings(second)) and not any(sign in first for sign in SEPARATORS)


def _heading(table: CellTable, further: Collection[str]) -> Heading:
    """The first row that names enough columns, or the first of all that names any."""
    filled = [(place, row) for place, row in enumerate(table.rows, start=1) if any(row)]
    whole = [each for each in filled[:ABOVE] if is_heading(named(each[1], further))]
    partly = [each for each in filled[:1] if named(each[1], further) and not _is_line(each[1])]
    for place, row in [*whole, *partly][:1]:
        return Heading(
            named(row, further), place, {at: cell for at, cell in enumerate(row) if cell}
        )
    used = sorted({place for _, row in filled for place, cell in enumerate(row) if cell})
    return Heading(dict(zip(used, AT, strict=False)))


def _cells(row: Sequence[str], columns: Mapping[int, str]) -> Cells:
    """The cells of a row by column, for all columns there can be."""
    there = {name: row[place] for place, name in columns.items() if place < len(row)}
    return dict.fromkeys(COLUMNS, "") | there


def _damage(table: CellTable) -> Iterator[Problem]:
    row, most = len(table.rows) + 1, {"most": f"{LONGEST}"}
    if table.is_too_long:
        yield Problem(problems.TOO_LONG, row, values=most)
    elif table.is_broken:
        yield Problem(problems.QUOTES, row)


def _amount(places: Sequence[int]) -> Iterator[Problem]:
    if not places:
        yield Problem(problems.NO_LINES)
    elif len(places) > MAXIMUM_LINES:
        values = {"most": str(MAXIMUM_LINES), "row": str(places[MAXIMUM_LINES])}
        yield Problem(problems.TOO_MANY, values=values)


def _strays(table: CellTable, heading: Heading) -> Iterator[Problem]:
    """Lines above the heading, and cells below it in no column: they would be lost."""
    known = {*heading.columns, *heading.names}
    for place, row in enumerate(table.rows, start=1):
        if place < heading.row and _is_complete(_cells(row, heading.columns)):
            yield Problem(problems.ABOVE, place)
        elif place > heading.row:
            strays = [cell for at, cell in enumerate(row) if cell and at not in known]
            yield from (at(problems.UNNAMED, place, cell) for cell in strays[:1])
            yield from _halves(place, row, table, heading)


def _halves(
    place: int, row: Sequence[str], table: CellTable, heading: Heading
) -> Iterator[Problem]:
    """A quantity and a note that may have been one number with a comma in it."""
    cells = _cells(row, heading.columns)
    halves = [cells[QUANTITY], cells[NOTE]]
    if table.separator == "," and not heading.row and all(half.isdecimal() for half in halves):
        yield at(problems.HALVES, place, ",".join(halves), QUANTITY)


def _is_complete(cells: Cells) -> bool:
    return bool(_names(cells) and meanings(cells[QUANTITY]))


def _names(cells: Cells) -> bool:
    """True if a row names a product by any of its numbers."""
    return any(cells[column] for column in NUMBERS)


def _mistakes(row: int, cells: Cells, quantities: NumberColumn) -> Iterator[Problem]:
    """Yield the problems of a row: of its letters, or else of what stands in it."""
    text = "".join(cells.values())
    if "\ufffd" in text:
        yield Problem(problems.LOST_LETTER, row)
    elif CONTROL.search(text):
        yield Problem(problems.CONTROL, row)
    elif not _names(cells) or not cells[QUANTITY]:
        yield Problem(problems.INCOMPLETE, row)
    else:
        yield from _misfits(row, cells, quantities)


def _misfits(row: int, cells: Cells, quantities: NumberColumn) -> Iterator[Problem]:
    """The cells that do not say what their column wants."""
    for column, most in MAXIMUM.items():
        if len(cells[column]) > most:
            yield Problem(problems.TOO_LONG, row, column, {"most": str(most)})
    quantity, day = cells[QUANTITY], cells[DAY]
    if quantities.number(quantity) is None:
        ways = spellings(quantity)
        if ways:
            larger, smaller = ways
            yield at(problems.TWO_WAYS, row, quantity, QUANTITY, larger=larger, smaller=smaller)
        else:
            yield at(problems.NO_NUMERAL, row, quantity, QUANTITY)
    if day and _day(day) is None:
        yield at(problems.NO_DAY, row, day, DAY)


def _line(row: int, cells: Cells, quantities: NumberColumn, further: Sequence[str]) -> Line:
    return Line(
        row=row,
        number=cells[NUMBER],
        item_number=cells[ITEM_NUMBER],
        customer_item_number=cells[CUSTOMER_ITEM_NUMBER],
        quantity=quantities.number(cells[QUANTITY]) or Decimal(),
        unit=cells[UNIT],
        day=_day(cells[DAY]),
        note=cells[NOTE],
        further={name: cells.get(name, "") for name in further},
    )


def _day(cell: str) -> date | None:
    try:
        return date.fromisoformat(cell) if DAY_PATTERN.fullmatch(cell) else None
    except ValueError:
        return None
