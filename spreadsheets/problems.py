"""Problems of a list from a spreadsheet, in sentences that catalogues can translate."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

SHOWN: Final = 40
"""Letters of a cell that a sentence repeats."""


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for a marker
    return message


WORKBOOK: Final = N_("This is a workbook. Save it as CSV in your spreadsheet, and send that.")
DOCUMENT: Final = N_("This is a document and no list. Save the list as CSV, and send that.")
PICTURE: Final = N_("This is a picture and no list. Save the list as CSV, and send that.")
NO_TEXT: Final = N_("This file is not text. Save the list as CSV, and send that.")
NO_LINES: Final = N_("There are no lines in this list.")
TOO_MANY: Final = N_("At most %(most)s lines at once; row %(row)s is one too many.")
LETTERS: Final = N_(
    "The file does not say how its letters are stored, and this line can be read in several ways. "
    "Choose one, or save the list as “CSV UTF-8”."
)
LOST_LETTER: Final = N_("A letter of this line was lost when the list was saved. Write it again.")
CONTROL: Final = N_("There is a sign in this line that cannot be written. Delete it.")
QUOTES: Final = N_(
    "The quotes of this line do not fit. Close a quote that was opened, and write a quote inside "
    "of quotes twice."
)
TOO_LONG: Final = N_("A cell of this line is too long; at most %(most)s characters.")
NO_QUANTITY: Final = N_("There must be a column for the quantity.")
NO_NUMBER: Final = N_("There must be a column for the number of the product.")
TWICE: Final = N_("There are two columns “%(cell)s”.")
UNNAMED: Final = N_("“%(cell)s” stands in a column without a name.")
ABOVE: Final = N_("This line stands above the names of the columns.")
INCOMPLETE: Final = N_("A line needs a product number and a quantity.")
NO_NUMERAL: Final = N_("“%(cell)s” is no number; write it as 1250 or 1250.5.")
TWO_WAYS: Final = N_("“%(cell)s” can be read in two ways; write %(larger)s or %(smaller)s.")
HALVES: Final = N_(
    "“%(cell)s” can be one number, or a number and a note. Write decimals behind a point, and say "
    "more in the note."
)
NO_DAY: Final = N_("“%(cell)s” is no day; write it as 2026-12-31.")


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
