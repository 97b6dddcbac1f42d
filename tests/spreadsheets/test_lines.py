"""Texts of all sorts: what is read, what is refused, and that nothing else can happen."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spreadsheets.files import read_file
from spreadsheets.headings import VAGUE, WORDS
from spreadsheets.lines import MAXIMUM_LINES, read
from spreadsheets.numerals import column_of, meanings, spellings
from tests.spreadsheets.writers import (
    AMERICAN,
    DUTCH,
    FRENCH,
    SWISS,
    UNICODE,
    Convention,
    Write,
    excel,
)

LETTERS = st.text(st.characters(codec="utf-8"), max_size=300)
LISTLIKE = st.text(st.sampled_from("D1 .,;\t|\"\r\n='x0\u00e9\0"), max_size=200)


def quantities(text: str) -> list[tuple[str, str]]:
    sheet = read(text)
    assert [problem.sentence for problem in sheet.problems] == []
    return [(line.number, f"{line.quantity:f}") for line in sheet.lines]


@given(st.one_of(LETTERS, LISTLIKE))
def test_any_text_is_lines_or_sentences(text: str) -> None:
    sheet = read(text)

    assert sheet.lines or sheet.problems
    assert all(problem.sentence for problem in sheet.problems)
    assert all(line.row not in {each.row for each in sheet.problems} for line in sheet.lines)


@given(st.one_of(st.binary(max_size=300), LISTLIKE.map(lambda text: text.encode("cp1252"))))
def test_any_file_is_lines_or_sentences(content: bytes) -> None:
    file = read_file(content)

    assert file.sheet.lines or file.sheet.problems
    assert all(read_file(content, each.region).readings == () for each in file.readings)


@given(
    st.sampled_from([*UNICODE, excel]),
    st.sampled_from([AMERICAN, DUTCH, FRENCH, SWISS]),
    st.sampled_from(["shown", "grouped"]),
    st.lists(
        st.decimals(Decimal("0.001"), Decimal(10**7), places=3)
        | st.integers(1, 10**7).map(Decimal),
        min_size=1,
        max_size=20,
    ),
)
def test_a_number_is_read_right_or_refused(
    write: Write, convention: Convention, show: str, written: list[Decimal]
) -> None:
    if write is excel and convention in (FRENCH, SWISS):
        convention = DUTCH
    rows = [["Number", "Quantity"], *([f"D{n}", each] for n, each in enumerate(written))]

    sheet = read_file(write(rows, convention, show=show)).sheet

    assert all(line.quantity == written[line.row - sheet.heading.row - 1] for line in sheet.lines)
    refused = {problem.row for problem in sheet.problems}
    assert len(sheet.lines) + len(refused) == len(written)


@given(st.decimals(0, 10**9, places=4).map(lambda value: value.normalize()), st.sampled_from(".,"))
def test_how_to_write_a_number_is_read_as_it_is_meant(value: Decimal, mark: str) -> None:
    for way in spellings(f"{value:f}".replace(".", mark)) or ():
        assert len({*meanings(way).values()}) == 1


@pytest.mark.parametrize(
    ("cells", "read_as"),
    [
        (["1.250", "2,5"], ["1250", "2.5"]),
        (["1.250", "2.5"], ["1.250", "2.5"]),
        (["1,250", "1,250.50"], ["1250", "1250.50"]),
        (["1,250", "2.500.000"], ["1.250", "2500000"]),
        (["1.250", "0,5", "0.5"], [None, "0.5", "0.5"]),
        (["1 250", "1\u00a0250,5", "1'250"], ["1250", "1250.5", "1250"]),
        (["0.500", "1250,500", ".5", "+3", "\u22124"], ["0.500", "1250.500", "0.5", "3", "-4"]),
        (["1e3", "1_0", "\uff11", "5-", "1,2,3", "1.25.0", "10 st", "", "9" * 41], [None] * 9),
    ],
)
def test_marks_are_told_by_the_column(cells: list[str], read_as: list[str | None]) -> None:
    found = [column_of(cells).number(cell) for cell in cells]

    assert [each if each is None else f"{each:f}" for each in found] == read_as


@pytest.mark.parametrize(
    ("text", "decimal_mark", "read_as"),
    [
        ("D1;1.250", ",", ["1250"]),
        ("D1;1,250", ",", []),
        ("D1\t1.250", ",", []),
        ("D1;1.250\nD2;2.5", ",", ["1.250", "2.5"]),
        ("D1;1.250\nD2;2.5\nD3;2,5", ",", []),
        ("D1;1.250", ".", []),
        ('D1,"1,250"', ".", []),
    ],
)
def test_a_thousand_is_one_where_its_writer_and_the_separator_say_so(
    text: str, decimal_mark: str, read_as: list[str]
) -> None:
    sheet = read(text, decimal_mark)

    found = [f"{line.quantity:f}" for line in sheet.lines]
    assert (found if not sheet.problems else []) == read_as


@pytest.mark.parametrize(
    "text",
    [
        "D1,10\nD2,3",
        "D1, 10 \n\n D2, 3",
        "D1;10\r\nD2;3\r\n",
        "D1\t10\nD2\t3",
        "D1|10|a;b,c\nD2|3",
        "D1,10,a;b\nD2,3,c",
        "\ufeffquantity,number\n10,D1\n3,D2",
        "Artikelnummer;Aantal\nD1;10\n\nD2;3",
        ";;D1;10;\n;;;;\n;;D2;3;",
        "sep=^\nD1^10\nD2^3",
        'SEP=;\n"D1";"10"\n"D2";"3"',
        "Product;Productnr.;Qty. ordered\nLamp;D1;10\nVaas;D2;3",
        "'=D1;10\nD2;3".replace("'=D1", "\u200bD1\u200b"),
    ],
)
def test_lists_are_read_in_any_form(text: str) -> None:
    assert quantities(text) == [("D1", "10"), ("D2", "3")]


@pytest.mark.parametrize("word", [w for words in WORDS.values() for w in words.split()])
def test_every_name_of_a_column_names_it_in_any_case(word: str) -> None:
    column = next(name for name, words in WORDS.items() if word in words.split())
    for spelled in (word, word.upper(), f" {word.title()}. ", f"{word} (x)"):
        names = {"number": "sku", "quantity": "qty"} | {column: spelled}
        heading = read(f"{';'.join(names.values())}\nA;1;2026-12-31").heading

        assert heading.columns == dict(enumerate(names))


@pytest.mark.parametrize("word", [w for words in VAGUE.values() for w in words.split()])
def test_a_vague_name_gives_way_to_a_clear_one(word: str) -> None:
    column = next(name for name, words in VAGUE.items() if word in words.split())
    others = {"number": "sku", "quantity": "qty"}
    alone = read(";".join((others | {column: word}).values())).heading
    beside = read(";".join([*others.values(), "unit", word])).heading

    assert column in alone.columns.values()
    assert beside.strangers == [word]


def test_a_list_ends_at_its_limit() -> None:
    assert len(read("D1,1\n" * MAXIMUM_LINES).lines) == MAXIMUM_LINES
    assert len(read("D1,1\n" * MAXIMUM_LINES + "\n\n,\n").lines) == MAXIMUM_LINES
    assert read("D1,1\n" * (MAXIMUM_LINES + 1)).lines == []


def test_mistakes_name_their_rows_as_a_spreadsheet_does() -> None:
    sheet = read('sep=,\nnumber,quantity,note\nD1,10,"two\nlines"\n\nD2\n,5')

    assert ([line.row for line in sheet.lines], [each.row for each in sheet.problems]) == (
        [2],
        [4, 5],
    )
