"""Returns on the site: a list, and each with its lines and the place to send them to."""

import re
from collections.abc import AsyncIterator

import pytest

from emulator.faults.actions import Fail
from tests.portal.site import Visitor, visiting
from tests.portal.test_hostile_world import visiting as in_front_of
from tests.stack import emulator, running

pytestmark = pytest.mark.anyio
LISTED = re.compile(r'href="(/returns/[\w-]{20,})">([^<]+)</a>\s*<span class="badge \w+">([^<]+)<')


@pytest.fixture
async def rep(port: int) -> AsyncIterator[Visitor]:
    async with visiting(port, "rep") as visitor:
        yield visitor


async def listed(visitor: Visitor, path: str = "/returns") -> list[tuple[str, str, str]]:
    """The address, number and badge of each return of a page."""
    found: list[tuple[str, str, str]] = LISTED.findall((await visitor.get(path)).text)
    return found


async def return_that_is(visitor: Visitor, badge: str) -> str:
    """The address of the first return with this badge."""
    return next(address for address, _, shown in await listed(visitor) if shown == badge)


async def test_the_list_begins_with_the_highest_number_and_goes_on(rep: Visitor) -> None:
    first = await listed(rep)
    page = rep.seen[-1].text
    onward = re.findall(r'rel="next" href="([^"]+)"', page)[0].replace("&amp;", "&")
    second = await listed(rep, f"/returns{onward}")

    numbers = [number for _, number, _ in [*first, *second]]
    assert 'href="/returns" aria-current="page"' in page
    assert numbers == sorted(set(numbers), reverse=True)
    assert len(numbers) > len(first)


async def test_a_return_is_found_by_its_numbers_and_days(rep: Visitor) -> None:
    (address, number, _), *others = await listed(rep)
    page = (await rep.get(address)).text
    (rma,) = set(re.findall(r"RMA-\d+", page))

    for wanted in (number, rma, number[-4:].lower()):
        found = await listed(rep, f"/returns?q={wanted}")
        assert address in [each for each, _, _ in found]
        assert len(found) < len(others)
    assert await listed(rep, "/returns?q=*") == await listed(rep)
    assert await listed(rep, f"/returns?q=RMA*{rma[-4:]}") == await listed(
        rep, f"/returns?q={rma[-4:]}"
    )
    assert "No return matches" in (await rep.get("/returns?q=nothing-like-it")).text
    assert "No return matches" in (await rep.get("/returns?until=2020-01-01")).text
    assert await listed(rep, "/returns?since=2020-01-01")


async def test_a_return_shows_where_and_until_when_it_can_be_sent_back(rep: Visitor) -> None:
    page = (await rep.get(await return_that_is(rep, "Waiting for the goods"))).text

    assert re.search(r"Please write RMA-\d+ on the parcel\.", page)
    assert re.search(r"Return by \w+ \d+, \d{4}", page)
    assert re.search(r"<address>\s*<span>[^<]+, returns</span>", page)
    assert re.search(r">Expected</span><span class=\"sub\">expected on ", page)


async def test_a_line_shows_quantities_without_a_sign_and_the_credit_with_its_own(
    rep: Visitor,
) -> None:
    page = (await rep.get(await return_that_is(rep, "Closed"))).text

    quantities = re.findall(r'data-label="(?:To return|Returned)" class="figures">([^<]*)<', page)
    amounts = re.findall(r'data-label="Amount" class="figures">([^<]*)<', page)
    prices = re.findall(r'data-label="Price" class="figures">([^<]*)<', page)
    assert len(quantities) == 2 * len(amounts) == 2 * len(prices) > 0
    assert all(re.match(r"[\d.,]+ \w+", each) for each in quantities)
    assert all(re.match(r"-\$[\d.,]+", each) for each in amounts)
    assert all(re.match(r"\$[\d.,]+", each) for each in prices)
    assert "on the parcel" not in page
    assert "Settled" in page


async def test_the_order_that_replaces_goods_is_one_click_away(rep: Visitor) -> None:
    for address, _, _ in await listed(rep):
        page = (await rep.get(address)).text
        if "Replaced by order" in page:
            break
    (order, number) = re.findall(
        r'Replaced by order</dt><dd><a href="(/orders/[^"]+)">([^<]+)<', page
    )[0]

    assert number in (await rep.get(order)).text


async def test_a_dutch_reader_sees_dutch_words(rep: Visitor) -> None:
    address = await return_that_is(rep, "Waiting for the goods")
    await rep.get("/language/nl")

    page = (await rep.get(address)).text

    for word in ("Retouren", "Wacht op de goederen", "Terug te sturen", "Retouradres"):
        assert word in page


async def test_a_buyer_has_no_returns_in_the_menu(port: int, rep: Visitor) -> None:
    address = await return_that_is(rep, "Closed")
    async with visiting(port, "jane") as jane:
        page = (await jane.get("/orders")).text
        direct = [(await jane.get(path)).status_code for path in ("/returns", address)]

    assert 'href="/returns"' not in page
    assert direct == [404, 404]


async def test_the_return_of_another_account_is_not_there(port: int, rep: Visitor) -> None:
    mine = {address for address, _, _ in await listed(rep)}
    async with visiting(port, "admin") as staff:
        theirs = [each for each, _, _ in await listed(staff) if each not in mine]

    answers = [(await rep.get(address)).status_code for address in theirs[:3]]

    assert answers == [404, 404, 404]


async def test_where_the_environment_has_no_returns_there_is_no_page_of_them(
    rep: Visitor,
) -> None:
    await rep.get("/orders")
    assert rep.session.user
    rep.session.user.viewer["viewer"]["capabilities"] = {"missing": ["ReturnOrder"]}

    page = (await rep.get("/orders")).text

    assert 'href="/returns"' not in page
    assert (await rep.get("/returns")).status_code == 404


async def test_a_return_whose_lines_may_not_be_read_shows_the_rest() -> None:
    world = emulator()
    world.state.faults.add(Fail(403), service="finops", set="ReturnOrderLinesV2")
    async with running(world) as stack, in_front_of(stack, "rep") as visitor:
        found = re.findall(r'href="(/returns/[\w-]{20,})"', (await visitor.get("/returns")).text)
        page = await visitor.get(found[0])

    assert page.status_code == 200
    assert "The lines cannot be shown right now." in page.text
    assert re.search(r"RMA-\d+", page.text)
