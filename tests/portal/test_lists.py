"""Lists of products that are pasted or uploaded, as people have them, through the whole site."""

import re

import pytest

from tests.portal.site import Visitor
from tests.spreadsheets.test_zoo import WRONG

pytestmark = pytest.mark.anyio


@pytest.fixture
async def jane(jane: Visitor) -> Visitor:
    """With a draft at hand."""
    await jane.get("/orders/new")
    return jane


async def upload(visitor: Visitor, content: bytes, name: str = "list.csv") -> str:
    """The page after a file was sent."""
    sent = await visitor.client.post(
        "/orders/new/import", data={"csrf": visitor.csrf}, files={"file": (name, content)}
    )
    page = await visitor.get(sent.headers["location"]) if sent.is_redirect else sent
    visitor.seen.append(page)
    assert page.status_code in {200, 422}, page.status_code
    return page.text


async def drafted(visitor: Visitor) -> list[tuple[str, str, str]]:
    lines = (await visitor.desk()).draft.lines
    return [(each.number, f"{each.quantity:f}", each.note) for each in lines]


@pytest.mark.parametrize(
    "content",
    [
        "number\tquantity\r\nD0023\t3\r\n".encode("utf-16"),
        b"sep=;\r\nAantal;Artikelnummer;;\r\n3;D0023;;\r\n;;;\r\n",
        b"\r\n;;\r\nD0023;3;\r\n",
        b"Product number,Quantity,Unit\r\nd0023,3.0,EA\r\n",
    ],
)
async def test_files_are_read_as_spreadsheets_save_them(jane: Visitor, content: bytes) -> None:
    await upload(jane, content)

    assert await drafted(jane) == [("D0023", "3", "")]


async def test_a_list_leads_to_its_first_line_that_is_not_sold_so(jane: Visitor) -> None:
    lines = [f"D0023,1,note {number}" for number in range(60)]

    sent = await jane.client.post(
        "/orders/new/import",
        data={"csrf": jane.csrf, "pasted": "\n".join([*lines, "D0225,7"])},
    )
    page = await jane.get(sent.headers["location"])

    place = sent.headers["location"].partition("#")[2]
    assert "page=2" in sent.headers["location"]
    assert f'id="{place}"' in page.text
    assert (await jane.desk()).draft.lines[60].number == "D0225"


async def test_no_file_breaks_the_page(jane: Visitor) -> None:
    for content, row, said in WRONG.values():
        if content:
            page = await upload(jane, content)
            assert said in page
            assert (f"Line {row}" in page) == bool(row)
    assert await drafted(jane) == []


@pytest.mark.parametrize(
    "pasted", ["", " ", "number;quantity", "D0023;1\0", "D0023," + "x" * 200_000]
)
async def test_what_is_pasted_is_answered_too(jane: Visitor, pasted: str) -> None:
    page = await jane.post("/orders/new/import", pasted=pasted)

    assert (page.status_code, 'role="alert"' in page.text) == (422, True)


async def test_letters_are_asked_for_and_the_answer_is_taken(jane: Visitor) -> None:
    await upload(jane, "artikel;aantal;opmerking\nD0023;1;žlutý kůň, čtyři\n".encode("cp1250"))
    assert await drafted(jane) == []
    file = re.findall(r'name="file" value="([^"]+)"', jane.seen[-1].text)[0]
    region = re.findall(r'value="(\w+)">[^<]*žlutý kůň, čtyři', jane.seen[-1].text)[0]

    await jane.post("/orders/new/import", file=file, region=region)

    assert await drafted(jane) == [("D0023", "1", "žlutý kůň, čtyři")]


async def test_a_number_that_can_be_two_is_asked_for_in_the_words_of_the_reader(
    jane: Visitor,
) -> None:
    await jane.client.get("/language/nl")
    page = await jane.post("/orders/new/import", pasted="D0023\t1.250")

    assert (
        "Regel 1: “1.250” kan op twee manieren worden gelezen; schrijf 1250 of 1.25." in page.text
    )
    assert "D0023\t1.250" in page.text


async def test_a_line_keeps_the_unit_and_the_day_of_its_row(jane: Visitor) -> None:
    rows = [
        "sku;qty;unit;ship date;note",
        "D0170;2;box;;blue",
        "D0170;3;;2099-01-02;",
        "D0170;4;;;",
    ]
    await jane.post("/orders/new", ship_to="account", reference="UNITS AND DAYS")
    page = await jane.post("/orders/new/import", pasted="\n".join(rows))
    found = (await jane.desk()).draft.lines
    await jane.get("/orders/new/review")
    placed = await jane.post("/orders/new/submit", key=jane.hidden("key"))

    assert "3 lines were added." in page.text
    assert [(f"{one.quantity}", one.unit, str(one.ships), one.note) for one in found] == [
        ("2", "box", "None", "blue"),
        ("3", found[0].own_unit, "2099-01-02", ""),
        ("4", found[0].own_unit, "None", ""),
    ]
    assert found[0].price != found[1].price
    assert "Thank you" in placed.text
    assert "2 box" in re.sub(r"\s+", " ", placed.text)


async def test_a_unit_or_a_day_that_cannot_be_is_refused_at_its_row(jane: Visitor) -> None:
    rows = ["sku;qty;unit;ship date", "D0170;2;box;", "D0023;1;pallet;", "D0023;1;;2020-01-01"]
    await jane.post("/orders/new", ship_to="account")
    page = (await jane.post("/orders/new/import", pasted="\n".join(rows))).text

    assert "Line 3 (pallet): This item is not sold in this unit. Available units: " in page
    assert "Line 4 (2020-01-01): This day has passed." in page
    assert "Line 2" not in page
    assert await drafted(jane) == []


async def test_columns_that_are_not_taken_over_are_named(jane: Visitor) -> None:
    page = await upload(jane, b"sku;qty;Price;Colour\nD0023;1;3,50;red\n")

    assert "These columns of the list are not part of the order: Price, Colour" in page


async def test_what_is_not_a_file_of_ours_is_read_as_text(jane: Visitor) -> None:
    await jane.post("/orders/new/import", file="D0023;1;één")

    assert await drafted(jane) == [("D0023", "1", "één")]


async def test_products_are_named_by_the_numbers_of_their_items_too(jane: Visitor) -> None:
    await jane.post("/orders/new/import", pasted="itemNumber;quantity\nd0023;2\nD0170;3")
    taken = [(line.number, str(line.quantity)) for line in (await jane.desk()).draft.lines]
    several = await jane.post("/orders/new/import", pasted="item number;quantity\nD0193;100")
    nothing = await jane.post("/orders/new/import", pasted="item number;quantity\nD0193-BLACK-L;1")
    both = "number;item number;quantity\nD0193-BLACK-L;D0193;100"
    strange = await jane.post("/orders/new/import", pasted=f"{both}\nD0023;D0170;1")
    await jane.post("/orders/new/import", pasted=both)

    assert taken == [("D0023", "2"), ("D0170", "3")]
    assert several.status_code == 422
    assert "Several products have this number." in several.text
    assert "D0193-BLACK-L" in several.text
    assert "There is no product with this number." in nothing.text
    assert "This product number belongs to another item." in strange.text
    assert [line.number for line in (await jane.desk()).draft.lines][2:] == ["D0193-BLACK-L"]
