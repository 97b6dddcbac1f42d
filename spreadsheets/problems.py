"""Problems of a list from a spreadsheet, in sentences that catalogues can translate."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

SHOWN: Final = 40
"""Letters of a cell that a sentence repeats."""


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for a marker
    return message


WORKBOOK: Final = N_(
    "This file is a workbook. Save it as CSV in your spreadsheet program and upload it."
)
DOCUMENT: Final = N_("This file is a document, not a list. Save the list as CSV and upload it.")
PICTURE: Final = N_("This file is a picture, not a list. Save the list as CSV and upload it.")
NO_TEXT: Final = N_("This file is not a text file. Save the list as CSV and upload it.")
NO_LINES: Final = N_("This list has no lines.")
TOO_MANY: Final = N_("A list may have at most %(most)s lines; row %(row)s is one too many.")
LETTERS: Final = N_(
    "The file does not name its character encoding, and this line can be read in several ways. "
    "Choose one, or save the list as “CSV UTF-8”."
)
LOST_LETTER: Final = N_("A character in this line was lost when the list was saved. Type it again.")
CONTROL: Final = N_("This line contains a character that cannot be used. Delete it.")
QUOTES: Final = N_(
    "The quotation marks in this line do not match. Close each one, and double a quotation mark "
    "inside quoted text."
)
TOO_LONG: Final = N_("A cell of this line is too long; at most %(most)s characters.")
NO_QUANTITY: Final = N_("Add a column with the quantity.")
NO_NUMBER: Final = N_("Add a column with the product number.")
TWICE: Final = N_("There are two columns “%(cell)s”.")
UNNAMED: Final = N_("“%(cell)s” is in a column without a name.")
ABOVE: Final = N_("This line is above the column names.")
INCOMPLETE: Final = N_("A line needs a product number and a quantity.")
NO_NUMERAL: Final = N_("“%(cell)s” is not a number; write it as 1250 or 1250.5.")
TWO_WAYS: Final = N_("“%(cell)s” can be read in two ways; write %(larger)s or %(smaller)s.")
HALVES: Final = N_(
    "“%(cell)s” can be one number, or a number and a note. Use a point for decimals, and put "
    "further text into the note."
)
NO_DAY: Final = N_("“%(cell)s” is not a date; write it as 2026-12-31.")


@dataclass(frozen=True, slots=True)
class Problem:
    """The reason why a list, or one row of it, is not read."""

    message: str
    row: int = 0
    """As a spreadsheet numbers it, from 1; 0 where it is the list as a whole."""
    column: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    """The values that the message names."""

    @property
    def sentence(self) -> str:
        return self.message % self.values


def at(message: str, row: int, cell: str, column: str = "", **values: str) -> Problem:
    """A problem with a cell, of which the sentence shows the beginning."""
    text = "".join(letter if letter.isprintable() else " " for letter in cell[: SHOWN + 1])
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    return Problem(message, row, column, {"cell": shown, **values})
