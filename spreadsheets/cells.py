"""Text -> the cells of its rows, whichever character stands between them."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

SEPARATORS: Final = "\t;,|"
DECLARED: Final = re.compile(r'"?sep=([^"\w\r\n])"?[\t;,|]*\r?(?:\n|\Z)', re.IGNORECASE)
"""The first line by which a file tells Excel its separator; it is no row."""
LONGEST: Final = 32_767
"""Characters of a cell of Excel."""
AS_TEXT: Final = re.compile(r'="([^"]*)"')
"""The way in which people keep Excel from taking a number out of a cell: ="007"."""
INVISIBLE: Final = "\u200b\u200e\u200f\u2060\ufeff"


@dataclass(frozen=True, slots=True)
class CellTable:
    """The cells of all rows, blank ones too."""

    separator: str
    rows: list[list[str]]
    is_broken: bool = False
    """True if the row behind the last one could not be read."""
    is_too_long: bool = False
    """True if that is for a cell that is too long; else it is for its quotes."""


def tables(text: str) -> Iterator[CellTable]:
    """The text cut at each separator that it could have; the one that it declares alone."""
    text = text.removeprefix("\ufeff")
    declared = DECLARED.match(text)
    if declared:
        yield _table(text[declared.end() :], declared[1])
        return
    for separator in SEPARATORS:
        yield _table(text, separator)


def _table(text: str, separator: str) -> CellTable:
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True):
            if any(len(cell) > LONGEST for cell in row):
                return CellTable(separator, rows, is_broken=True, is_too_long=True)
            rows.append([_clean(cell) for cell in row])
    except csv.Error as error:
        return CellTable(separator, rows, is_broken=True, is_too_long="limit" in str(error))
    return CellTable(separator, rows)


def _clean(cell: str) -> str:
    """A cell without what is around its content; what our exports put before a sign goes too."""
    bare = cell.strip().strip(INVISIBLE).strip()
    quoted = AS_TEXT.fullmatch(bare)
    if quoted:
        return quoted[1].strip()
    return bare[1:] if re.match(r"'[=+\-@]", bare) else bare
