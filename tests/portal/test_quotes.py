"""Quotes on the site: those that were sent, with lines that can be ordered at today's prices."""

import re
from collections.abc import AsyncIterator

import pytest

from tests.portal.site import Visitor, visiting
from tests.portal.test_site import drafted, number_of_orders

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
    assert "A draft of its lines has the prices of today." in shown


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

    assert "Copy lines to a draft" not in page.text
    assert answer.status_code == 404
    assert not (await rep.desk()).draft.lines


async def open_quote(visitor: Visitor) -> str:
    """The address of a quote that can still be accepted, with its page seen."""
    listed = (await visitor.get("/quotes")).text
    for address in re.findall(r'href="(/quotes/[\w-]{20,})"', listed):
        if "Accept the quote</a>" in (await visitor.get(address)).text:
            return str(address)
    raise AssertionError("no quote is open")


async def test_a_quote_is_accepted_as_a_whole_and_leads_to_its_order(rep: Visitor) -> None:
    address = await open_quote(rep)
    total = re.findall(r'class="total">.*?(\$[\d,.]+)<', rep.seen[-1].text, re.DOTALL)[-1]
    form = await rep.get(f"{address}/accept")
    sent = {"version": rep.hidden("version"), "ship_to": "account", "reference": "PO 77"}

    order = await rep.post(f"{address}/accept", **sent)
    await rep.get("/quotes")
    again = await rep.post(f"{address}/accept", **sent)
    quote = await rep.get(address)
    late = await rep.get(f"{address}/accept")

    assert total in form.text
    assert "You accepted the quote" in order.text
    assert "PO 77" in order.text
    assert order.url.path == again.url.path
    assert order.url.path.startswith("/orders/")
    assert ">Accepted<" in quote.text
    assert "Accept the quote" not in quote.text
    assert late.url.path == address
    assert not (await rep.desk()).draft.lines


async def test_what_cannot_be_accepted_says_why_and_orders_nothing(rep: Visitor) -> None:
    address = await open_quote(rep)
    await rep.get(f"{address}/accept")
    version = rep.hidden("version")

    mistyped = await rep.post(f"{address}/accept", version=version, receipt_date="2020-01-01")
    stale = await rep.post(f"{address}/accept", version="1")
    still = await rep.get(address)

    assert mistyped.status_code == 422
    assert "This day has passed." in mistyped.text
    assert stale.status_code == 422
    assert "The quote was changed while you were viewing it." in stale.text
    assert "Accept the quote</a>" in still.text


async def test_an_acceptance_without_an_answer_is_not_called_done(rep: Visitor) -> None:
    address = await open_quote(rep)
    await rep.get(f"{address}/accept")
    sent = {"version": rep.hidden("version")}
    rep.gateway.refusals["Accept"] = "INTERNAL"

    unsure = await rep.post(f"{address}/accept", **sent)
    rep.gateway.refusals.clear()
    await rep.get(f"{address}/accept")
    sure = await rep.post(f"{address}/accept", **sent)

    assert "We cannot confirm this yet." in unsure.text
    assert unsure.url.path == address
    assert "You accepted the quote" in sure.text


async def test_where_the_environment_has_no_quotes_there_is_no_page_of_them(rep: Visitor) -> None:
    assert rep.session.user
    rep.session.user.viewer["viewer"]["capabilities"] = {"missing": ["Quote"]}

    page = (await rep.get("/orders")).text

    assert 'href="/quotes"' not in page
    assert (await rep.get("/quotes")).status_code == 404


async def requests(visitor: Visitor) -> int:
    """The requests that the list of quotes shows."""
    return (await visitor.get("/quotes")).text.count("<details")


async def test_a_draft_can_be_asked_as_a_quote_which_orders_nothing(jane: Visitor) -> None:
    key = await drafted(jane, "RFQ 1")
    review = jane.seen[-1].text
    sent = {"key": key, "seen": jane.hidden("seen")}

    told = await jane.post("/orders/new/quote", **sent, message="For the new shop.")

    assert "Ask for a quote" in review
    assert told.url.path == "/quotes", told.text
    assert "We have your request" in told.text
    assert "For the new shop." in told.text
    assert "RFQ 1" in told.text
    assert not (await jane.desk()).draft.lines
    assert await number_of_orders(jane, "RFQ 1") == 0


async def test_a_draft_that_was_changed_meanwhile_is_not_asked_for(jane: Visitor) -> None:
    key = await drafted(jane, "RFQ 2")
    old = {"key": key, "seen": jane.hidden("seen")}
    before = await requests(jane)
    await jane.post("/orders/new/items", **{"line-1": "20", "draft": key})

    changed = await jane.post("/orders/new/quote", **old)
    foreign = await jane.post("/orders/new/quote", key="of another", seen=old["seen"])

    for answer in (changed, foreign):
        assert "We have your request" not in answer.text
    assert await requests(jane) == before
    assert (await jane.desk()).draft.lines


async def test_a_request_without_an_answer_keeps_the_draft_and_is_one(jane: Visitor) -> None:
    key = await drafted(jane, "RFQ 3")
    sent = {"key": key, "seen": jane.hidden("seen")}
    before = await requests(jane)
    jane.gateway.loses = 1

    unsure = await jane.post("/orders/new/quote", **sent)
    kept = (await jane.desk()).draft.lines
    sure = await jane.post("/orders/new/quote", **sent)

    assert "We cannot confirm this yet. Ask again" in unsure.text
    assert kept
    assert "We have your request" in sure.text
    assert await requests(jane) == before + 1


async def test_what_cannot_be_asked_for_says_why(jane: Visitor) -> None:
    key = await drafted(jane, "RFQ 4")
    sent = {"key": key, "seen": jane.hidden("seen")}

    answer = await jane.post("/orders/new/quote", **sent, message="x" * 2_001)

    assert answer.status_code == 422
    assert "message may have at most 2000 characters" in answer.text
    assert "Your quote was not requested." in answer.text
    assert (await jane.desk()).draft.lines
