"""The portal tells of money owed: on the overview, the invoices and the statement."""

import csv
import io
import re
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal

import pytest

from tests.portal.site import Visitor, visiting

pytestmark = pytest.mark.anyio


@pytest.fixture
async def rep(port: int) -> AsyncIterator[Visitor]:
    async with visiting(port, "rep") as visitor:
        yield visitor


async def test_the_overview_tells_what_is_open_and_leads_to_the_statement(rep: Visitor) -> None:
    page = (await rep.get("/dashboard")).text

    tile = re.findall(r'<li class="owed">(.*?)</li>', page, re.DOTALL)
    assert len(tile) == 1
    assert 'href="/statement"' in tile[0]
    assert re.search(r"\$[\d,]+\.\d\d", tile[0])
    assert "overdue" in tile[0]


async def test_the_invoices_begin_with_what_is_longest_overdue(rep: Visitor) -> None:
    page = (await rep.get("/invoices")).text

    days = [int(each) for each in re.findall(r"(\d+) days overdue", page)]
    assert len(days) == 10
    assert days == sorted(days, reverse=True)
    assert "days overdue" not in (await rep.get("/invoices?since=2000-01-01")).text


async def test_an_invoice_says_when_it_is_due_and_what_is_open(rep: Visitor) -> None:
    page = (await rep.get("/invoices?since=2000-01-01")).text
    address = re.findall(r'href="(/invoices/[\w-]{20,})"', page)[0]

    shown = (await rep.get(address)).text

    assert "<dt>Due on</dt>" in shown
    assert "<dt>Open</dt>" in shown


async def test_a_statement_adds_up_and_its_file_has_the_same_rows(rep: Visitor) -> None:
    period = "?since=2026-08-01&until=2026-10-31"
    page = (await rep.get(f"/statement{period}")).text
    answer = await rep.client.get(f"/statement.csv{period}&decimals=point")

    rows = [*csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"), newline=""))]
    before, *_ = re.findall(r"Balance before</td><td[^>]*>([^<]+)<", page)
    after, *_ = re.findall(r"Balance after</th><td[^>]*>([^<]+)<", page)
    moved = sum(Decimal(row["Amount"]) for row in rows)
    assert len(rows) > 20
    assert _amount(before) + moved == _amount(after) == Decimal(rows[-1]["Balance"])
    assert {row["Currency"] for row in rows} == {"USD"}
    assert {row["Kind"] for row in rows} >= {"Invoice", "Payment"}
    assert all(re.fullmatch(r"2026-\d\d-\d\d", row["Day"]) for row in rows)


async def test_the_spend_of_each_month_is_that_of_the_invoices_in_the_file(rep: Visitor) -> None:
    period = "?since=2026-08-01&until=2026-10-31"
    page = (await rep.get(f"/statement{period}")).text
    answer = await rep.client.get(f"/statement.csv{period}&decimals=point")

    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"), newline="")):
        if row["Kind"] in ("Invoice", "Credit note"):
            sums[date.fromisoformat(row["Day"]).strftime("%B %Y")] += Decimal(row["Amount"])
    table = re.findall(r'id="spend-USD">(.*?)</table>', page, re.DOTALL)[0]
    shown = re.findall(r'<th scope="row">(\w+ \d{4})</th><td class="figures">([^<]+)<', table)
    bars = [int(each) for each in re.findall(r'<rect width="(\d+)"', table)]
    assert {month: _amount(amount) for month, amount in shown} == sums
    assert len(shown) == len(bars) == 3
    assert max(bars) == 100


def _amount(text: str) -> Decimal:
    return Decimal(text.replace("$", "").replace(",", ""))


async def test_a_long_statement_shows_its_latest_entries(rep: Visitor) -> None:
    page = (await rep.get("/statement?since=2024-01-01")).text
    rows = (await rep.client.get("/statement.csv?since=2024-01-01")).text.splitlines()

    left_out = int(re.findall(r"(\d+) earlier entries are in the file", page)[0])
    assert left_out + 100 == len(rows) - 1


async def test_a_day_that_is_none_is_told_and_nothing_is_downloaded(rep: Visitor) -> None:
    shown = await rep.get("/statement?since=soon")
    answer = await rep.client.get("/statement.csv?since=soon")

    assert shown.status_code == 422
    assert "Enter a date" in shown.text
    assert answer.status_code == 400


async def test_a_buyer_sees_own_invoices_and_no_balance(jane: Visitor) -> None:
    overview, invoices = await jane.get("/dashboard"), await jane.get("/invoices")

    assert 'class="owed"' not in overview.text
    assert "/statement" not in invoices.text
    assert 'class="badge' in invoices.text
    assert "cannot be shown" not in invoices.text
    assert (await jane.get("/statement")).status_code == 404
