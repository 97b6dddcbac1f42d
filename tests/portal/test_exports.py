"""Downloads of lists and of their lines, for people and their spreadsheets."""

import csv
import io
import re
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from babel import Locale

from portal.language import languages
from portal.pages.exports import EXPORTS, ORDER
from tests.portal.site import Visitor, visiting

pytestmark = pytest.mark.anyio
NAMES = [*EXPORTS]
FIGURES = {
    "Total",
    "Amount",
    "Price",
    "Tax",
    "Discount",
    "Quantity",
    "Freight",
    "Line",
    "Remaining",
    "To return",
    "Returned",
}
DAYS = {
    "Placed on",
    "Requested date",
    "Confirmed for",
    "Shipped on",
    "Issued on",
    "Requested date of the line",
    "Return by",
    "Expected on",
    "Arrived on",
}


@pytest.fixture
async def rep(port: int) -> AsyncIterator[Visitor]:
    async with visiting(port, "rep") as visitor:
        yield visitor


async def table(visitor: Visitor, path: str, separator: str = ",") -> list[dict[str, str]]:
    answer = await visitor.client.get(path)
    assert answer.status_code == 200
    assert answer.text.startswith("\ufeff")
    return [*csv.DictReader(io.StringIO(answer.text[1:], newline=""), delimiter=separator)]


@pytest.mark.parametrize("name", NAMES)
async def test_a_download_has_words_days_and_numbers(rep: Visitor, name: str) -> None:
    rows = await table(rep, f"/{name}.csv")

    assert rows
    assert [*rows[0]] == [*EXPORTS[name].columns]
    for row in rows:
        figures = [value for key, value in row.items() if key in FIGURES and value]
        days = [value for key, value in row.items() if key in DAYS and value]
        assert [value for value in figures if not re.fullmatch(r"-?\d+(\.\d+)?", value)] == []
        assert [value for value in days if not re.fullmatch(r"\d{4}-\d\d-\d\d", value)] == []
        assert row.get("Status", "").isupper() is False


@pytest.mark.parametrize("name", NAMES)
async def test_a_dutch_reader_gets_dutch_words_and_decimal_commas(rep: Visitor, name: str) -> None:
    english = await table(rep, f"/{name}.csv")
    await rep.client.get("/language/nl")

    dutch = await table(rep, f"/{name}.csv", ";")
    point = await table(rep, f"/{name}.csv?decimals=point")

    assert len(dutch) == len(english)
    assert {*dutch[0]}.isdisjoint(
        {"Order", "Placed on", "Packing slip", "Issued on", "Quantity", "Return by"}
    )
    assert [*point[0]] == [*dutch[0]]
    for one, other in zip(english, dutch, strict=True):
        amounts = [*zip(one.items(), other.values(), strict=True)]
        assert [(v, w) for (k, v), w in amounts if k in FIGURES and v.replace(".", ",") != w] == []


async def test_lines_add_up_to_their_orders_and_invoices(rep: Visitor) -> None:
    for name, key in (("order", "Order"), ("invoice", "Invoice")):
        heads = {row[key]: row for row in await table(rep, f"/{name}s.csv")}
        lines = await table(rep, f"/{name}-lines.csv")

        assert {row[key] for row in lines} <= {*heads}
        assert len(lines) > len(heads)
        row = next(each for each in lines if each["Discount"] and Decimal(each["Discount"]))
        price, quantity = Decimal(row["Price"]), Decimal(row["Quantity"])
        assert price * quantity - Decimal(row["Discount"]) <= Decimal(row["Amount"])


async def test_downloads_follow_the_search_of_the_list(rep: Visitor) -> None:
    page = await rep.get("/orders?status=CANCELED")
    links = re.findall(r'href="(/[a-z-]+\.csv\?status=CANCELED[^"]*)"', page.text)

    assert len(links) == 4
    found = await table(rep, links[1].replace("&amp;", "&"))
    assert {row["Status"] for row in found} == {"Cancelled"}
    for name in ("shipments", "returns", "invoices"):
        page = await rep.get(f"/{name}")
        assert f'href="/{name}.csv' in page.text
        assert f'href="/{name[:-1]}-lines.csv' in page.text


@pytest.mark.parametrize("name", NAMES)
async def test_a_search_that_cannot_be_read_is_no_download(rep: Visitor, name: str) -> None:
    for query in ("since=yesterday", "until=9999-12-31", f"q={'x' * 101}"):
        answer = await rep.client.get(f"/{name}.csv?{query}")

        assert (answer.status_code, answer.headers["content-type"]) == (
            400,
            "text/html; charset=utf-8",
        )


async def place(visitor: Visitor, pasted: str, reference: str) -> None:
    await visitor.get("/orders/new")
    await visitor.post("/orders/new", ship_to="account", reference=reference)
    await visitor.post("/orders/new/import", pasted=pasted)
    page = await visitor.get("/orders/new/review")
    key = re.findall(r'name="key" value="([^"]+)"', page.text)[0]
    await visitor.post("/orders/new/submit", key=key)


async def test_nothing_that_somebody_wrote_is_a_formula(rep: Visitor) -> None:
    await place(rep, "sku;qty;note\nD0023;10;=1+1, or: -2", "x;=cmd|'/C calc'!A0")

    for name in ("orders", "order-lines"):
        text = (await rep.client.get(f"/{name}.csv?q=calc")).text
        assert "x;'=cmd|" in text
        for cut in (",", ";", "\t", "|"):
            assert [cell for cell in text.split(cut) if cell.strip('" ').startswith("=")] == []


async def test_an_order_of_many_lines_is_written_whole(rep: Visitor) -> None:
    numbers, path = list[str](), "/products"
    while len(numbers) < 105:
        page = (await rep.get(path)).text
        numbers += re.findall(r">(D0[\w-]+)", page)
        path = "/products" + re.findall(r'href="(\?after=[^"]+)"', page)[-1].replace("&amp;", "&")

    await place(rep, "\n".join(f"{number};100" for number in numbers), "LONG ONE")

    rows = await table(rep, "/order-lines.csv?q=LONG ONE")
    assert {row["Product number"] for row in rows} == {*numbers}


def test_a_day_is_that_of_the_reader() -> None:
    (west,) = languages([Locale("en")], [], "America/Los_Angeles")

    shown = ORDER["Placed on"](west, {"order": {"placedAt": "2026-10-30T06:43:00Z"}})

    assert str(shown) == "2026-10-29"


async def test_nobody_downloads_what_they_may_not_see(port: int) -> None:
    async with visiting(port, "jane") as jane, visiting(port, "rep") as rep:
        mine = await table(jane, "/order-lines.csv")
        all_of_us = await table(rep, "/order-lines.csv")

    assert {row["Order"] for row in mine} < {row["Order"] for row in all_of_us}
