"""Quotes on the site: those that were sent, with lines that can be ordered at today's prices."""

import re
from collections.abc import AsyncIterator

import pytest

from tests.portal.site import Visitor, visiting

pytestmark = pytest.mark.anyio


@pytest.fixture
async def rep(port: int) -> AsyncIterator[Visitor]:
    async with visiting(port, "rep") as visitor:
        yield visitor


async def quote_that_is(visitor: Visitor, state: str) -> str:
    """The address of the first quote whose badge says this."""
    page = (await visitor.get("/quotes")).text
    found: list[tuple[str, str]] = re.findall(
        r'href="(/quotes/[\w-]{20,})">[^<]*</a>\s*<span class="badge \w+">([^<]+)<', page
    )
    return next(address for address, badge in found if badge == state)


async def test_the_list_has_what_was_sent_and_no_draft(rep: Visitor) -> None:
    page = (await rep.get("/quotes")).text

    badges = set(re.findall(r'<span class="badge \w+">([^<]+)<', page))
    assert badges == {"Offered", "Accepted", "Closed"}
    assert 'href="/quotes"' in page
    assert "No quote matches" in (await rep.get("/quotes?q=nothing-like-it")).text


async def test_a_quote_shows_its_lines_and_until_when_it_is_valid(rep: Visitor) -> None:
    shown = (await rep.get(await quote_that_is(rep, "Offered"))).text

    assert "<dt>Valid until</dt>" in shown
    assert re.search(r"\$[\d,]+\.\d\d", shown)
    assert "Those of the quote hold once we confirm them." in shown


async def test_the_lines_of_an_offer_join_the_draft(rep: Visitor) -> None:
    address = await quote_that_is(rep, "Offered")
    page = (await rep.get(address)).text
    offered = set(re.findall(r'<span class="sub">(D\d{4}[^<]*)</span>', page))

    told = await rep.post(f"{address}/order")

    draft = (await rep.desk()).draft
    assert "were copied to your draft" in told.text
    assert {line.number for line in draft.lines} == offered
    assert {line.note for line in draft.lines} == {""}


async def test_only_what_is_offered_can_be_ordered(rep: Visitor) -> None:
    address = await quote_that_is(rep, "Closed")
    page = await rep.get(address)

    answer = await rep.post(f"{address}/order")

    assert "Order these lines" not in page.text
    assert answer.status_code == 404
    assert not (await rep.desk()).draft.lines


async def test_where_the_environment_has_no_quotes_there_is_no_page_of_them(rep: Visitor) -> None:
    assert rep.session.user
    rep.session.user.viewer["viewer"]["capabilities"] = {"missing": ["Quote"]}

    page = (await rep.get("/orders")).text

    assert 'href="/quotes"' not in page
    assert (await rep.get("/quotes")).status_code == 404
