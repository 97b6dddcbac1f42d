"""Written lists open in spreadsheets of either convention, and nothing in them is ever run."""

import csv
import io
import re
import unicodedata
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spreadsheets.csv_output import COMMA, POINT, Cell, Convention, convention, harmless, line
from spreadsheets.lines import read

CONVENTIONS = pytest.mark.parametrize("written", [COMMA, POINT], ids=["comma", "point"])
SEPARATORS = (",", ";", "\t", "|", ":", "^", "~", " ", "\n")
UNSEEN = {"Cc", "Cf", "Zs", "Zl", "Zp"}
"""The categories of characters that nobody sees."""
AWKWARD = st.text(
    st.sampled_from("=+-@,;|: \t\r\n\"'a1\uff1d\u200b\ufeff\x00\x1c"),
    max_size=30,
)


def rows(text: str, separator: str) -> list[list[str]]:
    return [*csv.reader(io.StringIO(text, newline=""), delimiter=separator)]


def runs(cell: str) -> bool:
    """True if a spreadsheet might take a cell for a formula; numbers and lone signs are none."""
    seen = [each for each in cell if each != '"' and unicodedata.category(each) not in UNSEEN]
    bare = unicodedata.normalize("NFKC", "".join(seen[:1])) + "".join(seen[1:])
    number = re.fullmatch(r"[=+\-@\u2212]*|[+\u2212-][0-9][0-9.,]*", bare)
    return bare[:1] in set("=+-@\u2212") and number is None


@given(st.lists(AWKWARD | st.text(max_size=30), min_size=1, max_size=5))
@example(["a =1+1", "a -1+cmd|x", "a -1"])
@example(["x;=cmd|'/C calc'!A0"])
@example(['a";=cmd', "a =cmd", "\n=cmd", ' "=cmd'])
@example(["\u202e=cmd", "a;\u2066=cmd", "\u061c\ufe66cmd", "\U000e0020\u207ccmd", "\u2212cmd"])
def test_no_text_is_a_formula_whatever_a_line_is_cut_at(cells: list[str]) -> None:
    for written in (COMMA, POINT):
        text = line(cells, written)
        for separator in SEPARATORS:
            found = [cell for row in rows(text, separator) for cell in row]
            naive = re.split(f"[{re.escape(separator)}\r\n]", text)
            assert [cell for cell in [*found, *naive] if runs(cell)] == []


@given(st.lists(AWKWARD, min_size=1, max_size=5))
def test_a_text_loses_nothing_and_gains_apostrophes_alone(cells: list[str]) -> None:
    (row,) = rows(line(cells, COMMA), ";")

    for cell, shown in zip(cells, row, strict=True):
        kept = re.sub(r"[\x00\x1c]", "", cell)
        assert shown.replace("'", "") == kept.replace("'", "")


@CONVENTIONS
@pytest.mark.parametrize(
    "text", ["Desk - large", "A-1", "e-mail@b.nl", "1 + 2", "5' x 3\"", "-", ""]
)
def test_usual_words_stay_as_they_are(text: str, written: Convention) -> None:
    shown = rows(line([f"x {text}"], written), written.separator)

    assert shown == [[f"x {text}"]]


@given(st.decimals(-(10**9), 10**9, places=4))
def test_a_number_is_written_as_the_region_reads_it(value: Decimal) -> None:
    for written, pattern in ((POINT, r"-?\d+(\.\d+)?"), (COMMA, r"-?\d+(,\d+)?")):
        ((cell,),) = rows(line([value], written), written.separator)

        assert re.fullmatch(pattern, cell)
        assert Decimal(cell.replace(",", ".")) == value


def test_days_and_blanks_are_what_every_spreadsheet_knows() -> None:
    assert line([date(2026, 3, 1), None, 7, "", Decimal("1E+3")], POINT) == (
        '"2026-03-01","","7","","1000"\r\n'
    )


def test_people_with_decimal_commas_get_semicolons() -> None:
    assert (convention(","), convention("."), convention("\u066b")) == (COMMA, POINT, POINT)


@CONVENTIONS
def test_what_was_written_is_read_again(written: Convention) -> None:
    cells: list[Cell] = ["=5-PIPE", Decimal("1250.5"), "-2 in a box, or; =3"]
    text = line(["Product number", "Quantity", "Note"], written) + line(cells, written)

    (found,) = read(text).lines

    assert (found.number, found.quantity) == ("=5-PIPE", Decimal("1250.5"))
    assert harmless(found.note) == harmless("-2 in a box, or; =3")
