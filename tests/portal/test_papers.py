"""Invoices, confirmations and statements can be had as paper, and nobody else's."""

import re
from collections.abc import AsyncIterator
from html import unescape

import pytest

from tests.portal.site import Visitor, visiting

pytestmark = pytest.mark.anyio


@pytest.fixture
async def rep(port: int) -> AsyncIterator[Visitor]:
    async with visiting(port, "rep") as visitor:
        yield visitor


async def page_with(visitor: Visitor, listed: str, kind: str) -> str:
    """The address of the first row of a list."""
    found: list[str] = re.findall(
        rf'href="(/{kind}/[\w-]{{20,}})"', (await visitor.get(listed)).text
    )
    return found[0]


@pytest.mark.parametrize(
    ("listed", "kind", "words", "title"),
    [
        ("/invoices?since=2000-01-01", "invoices", "Download as PDF", b"Invoice"),
        ("/orders?status=INVOICED", "orders", "Confirmation as PDF", b"Order confirmation"),
    ],
)
async def test_a_page_leads_to_its_paper(
    rep: Visitor, listed: str, kind: str, words: str, title: bytes
) -> None:
    address = await page_with(rep, listed, kind)
    page = (await rep.get(address)).text

    answer = await rep.client.get(f"{address}/document")

    assert f'href="{address}/document"' in page
    assert words in page
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content.startswith(b"%PDF-")
    assert title in answer.content
    assert answer.content.rstrip().endswith(b"%%EOF")


async def test_invoices_without_an_order_have_a_page_and_their_papers(rep: Visitor) -> None:
    page = (await rep.get("/invoices-without-order")).text
    links = re.findall(r'href="(/invoices-without-order/[^"]+/document)"', page)

    answer = await rep.client.get(links[0])

    assert 'href="/invoices-without-order"' in (await rep.get("/invoices")).text
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert "Order SO-" not in answer.content.decode("latin-1")


async def test_a_statement_can_be_had_as_paper(rep: Visitor) -> None:
    period = "?since=2026-08-01&until=2026-10-31"
    page = (await rep.get(f"/statement{period}")).text

    answer = await rep.client.get(f"/statement.pdf{period}")

    assert "/statement.pdf?" in page
    assert b"Statement of account" in answer.content


async def test_an_order_that_is_not_confirmed_has_no_paper(rep: Visitor) -> None:
    address = await page_with(rep, "/orders?status=ACTIVE", "orders")

    assert "/document" not in (await rep.get(address)).text
    assert (await rep.client.get(f"{address}/document")).status_code == 404


async def test_the_papers_of_others_are_not_there(rep: Visitor, port: int) -> None:
    invoice = await page_with(rep, "/invoices?since=2000-01-01", "invoices")
    order = await page_with(rep, "/orders?status=INVOICED", "orders")

    async with visiting(port, "may") as may:
        answers = [await may.client.get(f"{each}/document") for each in (invoice, order)]

    assert [each.status_code for each in answers] == [404, 404]
    assert not any(b"%PDF" in each.content for each in answers)


async def test_while_the_gateway_is_away_a_page_says_so(rep: Visitor) -> None:
    address = await page_with(rep, "/invoices?since=2000-01-01", "invoices")
    rep.gateway.is_down = True

    answer = await rep.client.get(f"{address}/document")

    assert answer.status_code == 503
    assert b"%PDF" not in answer.content


async def _files_of_orders(rep: Visitor) -> list[str]:
    """Links to files of orders and of lines; the first page may show orders of other tests."""
    further, found = [""], list[str]()
    while len({link.split("/")[1] for link in found}) < 2:
        page = (await rep.get("/orders" + unescape(further[0]))).text
        for order in dict.fromkeys(re.findall(r'href="(/orders/[\w-]{20,})"', page)):
            shown = (await rep.get(order)).text
            found += re.findall(r'href="(/(?:orders|order-lines)/[\w-]+/files/[\w-]+)"', shown)
        further = re.findall(r'rel="next" href="([^"]+)"', page)
    return found


async def test_files_of_an_order_and_its_lines_are_saved_and_nobody_elses(
    port: int, rep: Visitor
) -> None:
    links = await _files_of_orders(rep)

    answers = [await rep.client.get(link) for link in links]
    async with visiting(port, "may") as stranger:
        refused = [(await stranger.client.get(link)).status_code for link in links]
    other = await rep.client.get(links[0].rpartition("/")[0] + "/nothing")

    assert len({link.split("/")[1] for link in links}) == 2
    for answer in answers:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8")
        assert answer.content
    assert set(refused) == {404}
    assert other.status_code == 404
