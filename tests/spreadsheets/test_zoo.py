"""A zoo of files as spreadsheets write them: each is read right, or refused with the row."""

import io
import zipfile
from dataclasses import dataclass
from decimal import Decimal

import pytest

from spreadsheets.files import File, read_file
from tests.spreadsheets.writers import (
    AMERICAN,
    DUTCH,
    FRENCH,
    SWISS,
    UNICODE,
    Convention,
    Rows,
    Write,
    excel,
    excel_macintosh,
    libreoffice,
)

D = Decimal


@dataclass(frozen=True)
class Content:
    """The content of somebody's spreadsheet, and the lines that it means."""

    name: str
    rows: Rows
    meant: tuple[tuple[str, str, str], ...]
    """Number, quantity, note."""


NOTE = 'Graag "blauw", niet; rood\nen één per doos'
CONTENTS = (
    Content(
        "plain",
        [["Number", "Quantity", "Note"], ["D1", D(3), NOTE], ["D2", D("2.5"), None]],
        (("D1", "3", NOTE), ("D2", "2.5", "")),
    ),
    Content(
        "dutch, columns in another order among others, blank rows and columns",
        [
            [None, None, None, None, None, None],
            [None, "Omschrijving", "Aantal", "Prijs", "ARTIKELNUMMER", "Opmerking"],
            [None, "Lamp, klein", D(3), D("12.50"), "D1", "café"],
            [None, None, None, None, None, None],
            [None, "Vaas; groot", D("0.75"), D("3.75"), "D2", None],
        ],
        (("D1", "3", "café"), ("D2", "0.75", "")),
    ),
    Content(
        "titles above the heading",
        [
            ["Bestelling van mei"],
            ["Hoge Bergen BV", "Utrecht"],
            [],
            ["Art. nr.", "Aantal (stuks)", "Eenheid"],
            ["D1", D(12), "ea"],
            ["D2", D("1.5"), "kg"],
        ],
        (("D1", "12", ""), ("D2", "1.5", "")),
    ),
    Content(
        "no heading",
        [["D1", D(3)], ["D2", D("2.5"), "voor de hal"], ["D3", D("1000")]],
        (("D1", "3", ""), ("D2", "2.5", "voor de hal"), ("D3", "1000", "")),
    ),
    Content(
        "numbers that look like something else",
        [
            ["SKU", "Qty", "Remarks"],
            ['="007"', D(1), "3-4"],
            ["1E5", D("10.25"), "=1+1"],
            ["M8x1,25;30", D(40), "a|b"],
        ],
        (("007", "1", "3-4"), ("1E5", "10.25", "=1+1"), ("M8x1,25;30", "40", "a|b")),
    ),
)
GROUPED = Content(
    "thousands with a mark, among decimals",
    [["Number", "Quantity"], ["D1", D("1250")], ["D2", D("1250.5")], ["D3", D("2500000")]],
    (("D1", "1250", ""), ("D2", "1250.5", ""), ("D3", "2500000", "")),
)
CONVENTIONS = (AMERICAN, DUTCH)

READ = [
    pytest.param(write(content.rows, at), content, id=f"{write.__name__}-{at.name}-{content.name}")
    for write in UNICODE
    for at in CONVENTIONS
    for content in CONTENTS
    # The clipboard does not quote what it should.
    if write.__name__ != "copied" or "look" not in content.name
] + [
    pytest.param(write(GROUPED.rows, at, show="grouped"), GROUPED, id=f"{write.__name__}-{at.name}")
    for write in (*UNICODE, excel)
    for at in (AMERICAN, DUTCH, FRENCH, SWISS)
    if write is not excel or at in CONVENTIONS
]

TOLD = [
    ("cp1252", excel, "café één, coördinatie"),
    ("cp1252", excel, "über größe \u2018straks\u2019"),
    ("cp1252", excel, "max € 50, 20 °C"),
    ("cp1250", excel, "Łódź, żółty"),
    ("cp1251", excel, "Стул и ножка, серый"),
    ("cp1251", libreoffice, "Стол дубовый"),
    ("cp1253", excel, "Καρέκλα ξύλινη"),
    ("cp850", excel, "café crème"),
    ("mac_roman", excel, "café crème"),
    ("utf-16-le", libreoffice, "Стул łańcuch één"),
    ("utf-16-be", libreoffice, "Стул łańcuch één"),
    ("utf-16", libreoffice, "Стул łańcuch één"),
]
ASKED = [
    ("cp1252", "gordijnen in crème"),
    ("cp1250", "žlutý kůň, čtyři"),
    ("cp1252", "Ø 50"),
    ("cp1254", "yeşil ağaç"),
    ("cp1257", "šaltas, žalias"),
    ("cp850", "café"),
]


def lines(file: File) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (line.number or line.item_number, f"{line.quantity.normalize():f}", line.note)
        for line in file.sheet.lines
    )


def noted(note: str) -> Rows:
    return [["Number", "Quantity", "Note"], ["D1", D(3), None], ["D2", D("2.5"), note]]


def test_the_zoo_has_sixty_files_and_more() -> None:
    assert len(READ) + len(TOLD) + len(ASKED) + len(WRONG) >= 100


@pytest.mark.parametrize(("content", "animal"), READ)
def test_files_are_read_as_they_were_meant(content: bytes, animal: Content) -> None:
    found = read_file(content)

    assert (lines(found), [each.sentence for each in found.sheet.problems]) == (animal.meant, [])


@pytest.mark.parametrize("convention", CONVENTIONS, ids=lambda at: at.name)
@pytest.mark.parametrize(("encoding", "write", "note"), TOLD)
def test_letters_of_a_region_are_told_by_words(
    encoding: str, write: Write, note: str, convention: Convention
) -> None:
    found = read_file(write(noted(note), convention, encoding))

    assert (lines(found), found.sheet.problems) == ((("D1", "3", ""), ("D2", "2.5", note)), [])


@pytest.mark.parametrize("convention", CONVENTIONS, ids=lambda at: at.name)
@pytest.mark.parametrize(("encoding", "note"), ASKED)
def test_letters_that_words_leave_open_are_asked_for(
    encoding: str, note: str, convention: Convention
) -> None:
    content = excel(noted(note), convention, encoding)

    found = read_file(content)

    assert ([each.row for each in found.sheet.problems], lines(found)) == ([3], ())
    (answer,) = (each for each in found.readings if note in each.sample)
    assert lines(read_file(content, answer.region))[1] == ("D2", "2.5", note)


def test_letters_of_columns_that_are_not_read_are_no_question() -> None:
    rows: Rows = [["Number", "Quantity", "Description"], ["D1", D(3), "crème, Ø 50"]]

    assert lines(read_file(excel(rows, DUTCH))) == (("D1", "3", ""),)


def test_lines_that_end_as_on_old_macintoshes_are_lines() -> None:
    found = read_file(excel_macintosh(noted("klein"), DUTCH))

    assert lines(found) == (("D1", "3", ""), ("D2", "2.5", "klein"))


@pytest.mark.parametrize("convention", CONVENTIONS, ids=lambda at: at.name)
@pytest.mark.parametrize("write", UNICODE, ids=lambda write: write.__name__)
def test_a_number_that_can_be_two_is_refused_with_both(
    write: Write, convention: Convention
) -> None:
    rows = [["Number", "Quantity"], ["D1", D("3")], ["D2", D("1250")]]

    found = read_file(write(rows, convention, show="grouped"))

    (problem,) = found.sheet.problems
    assert (problem.row, problem.column) == (3, "quantity")
    assert problem.sentence.endswith("can be read in two ways; write 1250 or 1.25.")


def packed(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, "<xml/>")
    return out.getvalue()


WRONG = {
    "xlsx": (packed("xl/workbook.xml"), 0, "workbook"),
    "ods": (packed("content.xml"), 0, "workbook"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), 0, "workbook"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", 0, "document"),
    "html": (b"\r\n<html><table><tr><td>D1</td></tr></table>", 0, "document"),
    "rtf": (b"{\\rtf1\\ansi D1;3}", 0, "document"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(64), 0, "picture"),
    "jpeg": (b"\xff\xd8\xff\xe0\x00\x10JFIF", 0, "picture"),
    "gif": (b"GIF89a\x01\x00", 0, "picture"),
    "noise": (bytes(range(256)) * 8, 0, "not a text file"),
    "nothing": (b"", 0, "no lines"),
    "a mark alone": (b"\xef\xbb\xbf", 0, "no lines"),
    "blank": (b";;;\r\n;;;\r\n", 0, "no lines"),
    "heading alone": (b"number;quantity\r\n;\r\n", 0, "no lines"),
    "too many": (b"D1;1\r\n" * 501, 0, "row 501"),
    "nul": (b"number;quantity\r\nD1;1\r\nD\x002;1\r\n", 3, "character that cannot"),
    "long cell": (b"number;quantity\r\nD1;1\r\nD2;1" + b"x" * 200_000, 3, "too long"),
    "long number": (b"number;quantity\r\n" + b"D" * 101 + b";1\r\n", 2, "too long"),
    "long note": (b"D1;1;" + b"x" * 256, 1, "too long"),
    "open quote": (b'number;quantity\r\nD1;1\r\n"D2;1\r\nD3;1\r\n', 3, "quotation marks"),
    "stray quote": (b'number;quantity\r\n"D1"x;1\r\n', 2, "quotation marks"),
    "odd utf-16": ("number;quantity\r\nD1;1\r\nD2;1".encode("utf-16") + b"\x00", 3, "lost"),
    "damaged utf-8": (b"\xef\xbb\xbfnumber;quantity\r\nD\xff1;1\r\n", 2, "lost"),
    "lost before": ("number;quantity\r\nD\ufffd1;1\r\n".encode(), 2, "lost"),
    "no quantity": (b"artikelnummer;omschrijving\r\nD1;lamp\r\n", 1, "quantity"),
    "no number": (b"aantal;omschrijving\r\n3;lamp\r\n", 1, "product number"),
    "twice": (b"aantal;artikelnummer;Qty\r\n3;D1;4\r\n", 1, "Qty"),
    "no name": (b"number;quantity;\r\nD1;1;blue\r\n", 2, "without a name"),
    "above": (b"D1;5\r\nnumber;quantity\r\nD2;3\r\n", 1, "above"),
    "halves": (b"D1,3\r\nD2,1,5\r\n", 2, "one number"),
    "words": (b"D1;3\r\nD2;ten\r\n", 2, "not a number"),
    "incomplete": (b"D1;3\r\n\r\nD2\r\n", 3, "needs"),
    "day": (b"sku;qty;ship date\r\nD2;1;31-12-2026\r\n", 2, "not a date"),
}


@pytest.mark.parametrize(("content", "row", "said"), WRONG.values(), ids=[*WRONG])
def test_what_is_no_list_is_refused_in_a_sentence_with_the_row(
    content: bytes, row: int, said: str
) -> None:
    (problem,) = read_file(content).sheet.problems

    assert (problem.row, said in problem.sentence) == (row, True), problem.sentence
    assert problem.sentence.endswith(".")
