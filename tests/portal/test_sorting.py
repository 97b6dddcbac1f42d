"""The orders in which lists of the site are shown: those offered, and those that are chosen."""

import html
import re
from pathlib import Path

import pytest
from graphql import GraphQLEnumType

from portal.pages import order_list, products
from portal.sorting import Sorts
from portal.words import SOLD
from tests.gateway.test_hidden_columns import policy
from tests.portal.site import Visitor, visiting
from tests.portal.test_registries import SCHEMA
from tests.portal.test_templates import behind
from tests.stack import emulator, running

pytestmark = pytest.mark.anyio

NAMED = re.compile(r'<h2><a href="/products/[\w-]+">([^<]+)</a>')
NUMBERED = re.compile(r'<p class="muted">([\w-]+)')
OFFERED = re.compile(r'<option value="([\w-]+)"')
NEWEST = """query ($sold: ProductFilter) {
  products(first: 20, filter: $sold, orderBy: [{ field: ADDED_AT, direction: DESC }]) {
    nodes { number addedAt }
  }
}"""


def listed(page: str) -> str:
    return page.partition('<ul class="grid">')[2]


@pytest.mark.parametrize("sorts", [products.SORTS, order_list.SORTS], ids=["products", "orders"])
def test_the_gateway_can_sort_by_each_order_that_is_offered(sorts: Sorts) -> None:
    for sort in sorts.values():
        type_ = sort.member.partition(".")[0]

        fields = SCHEMA.type_map[f"{type_}OrderField"]
        assert isinstance(fields, GraphQLEnumType)
        assert sort.order["field"] in fields.values


async def test_the_catalogue_stays_sorted_from_page_to_page(jane: Visitor) -> None:
    shown: dict[str, list[str]] = {}
    for sort, part in (("name", NAMED), ("name-down", NAMED), ("number", NUMBERED)):
        address, shown[sort] = f"/products?q=d0&sort={sort}", []
        for _ in range(3):
            page = (await jane.get(address)).text
            assert f'<option value="{sort}" selected>' in page
            shown[sort] += part.findall(listed(page))
            following = html.unescape(re.findall(r'rel="next" href="([^"]+)"', page)[0])
            address = f"/products{following}"

    names, down = ([name.casefold() for name in shown[sort]] for sort in ("name", "name-down"))
    assert len(names) == len(set(shown["number"])) == 60
    assert shown["number"] == sorted(shown["number"])
    assert names == sorted(names)
    assert down == sorted(down, reverse=True)
    assert names != down


async def test_an_order_that_there_is_not_is_the_usual_one(jane: Visitor) -> None:
    usual, other = [await jane.get(f"/products{query}") for query in ("", "?sort=price")]

    assert other.status_code == 200
    assert NAMED.findall(other.text) == NAMED.findall(usual.text)


async def test_a_list_that_is_sorted_brings_links_that_stay_sorted(jane: Visitor) -> None:
    """A part of the page brings the tree too, whose links would forget the order."""
    part = await jane.client.get("/products?sort=number", headers={"HX-Request": "true"})
    whole = await jane.get("/products?sort=number")

    tree = part.text.partition('id="tree"')[2]
    assert 'hx-swap-oob="true"' in tree.partition(">")[0]
    assert "hx-swap-oob" not in whole.text
    links = re.findall(r'href="(/products[^"]*)"', tree)
    assert len(links) > 1
    assert all("sort=number" in link for link in links)


async def test_the_newest_products_come_first(tmp_path: Path) -> None:
    async with running(emulator()) as stack, behind(stack, "jane", tmp_path / "drafts") as jane:
        found = (await stack.ask(NEWEST, sold={"state": {"in": SOLD}})).data["products"]["nodes"]
        page = (await jane.get("/products?sort=newest")).text

    times = [each["addedAt"] for each in found]
    assert times == sorted(times, reverse=True)
    assert len(set(times)) > 10
    assert NUMBERED.findall(listed(page)) == [each["number"] for each in found]


@pytest.mark.parametrize(
    ("path", "member", "left"),
    [
        ("/products", "Product.addedAt", ["name", "name-down", "number"]),
        ("/products", "Product.name", ["number", "newest"]),
        ("/orders", "SalesOrder.total", ["newest", "oldest", "wanted", "number", "changed"]),
    ],
)
async def test_nobody_is_offered_an_order_by_what_is_hidden_from_them(
    tmp_path: Path, path: str, member: str, left: list[str]
) -> None:
    """And no address with one breaks the page."""
    rules = policy(tmp_path, [member])
    drafts = tmp_path / "drafts"
    async with (
        running(emulator(), policy=rules, customer_roles=()) as stack,
        behind(stack, "rep", drafts) as rep,
    ):
        pages = [await rep.get(f"{path}?sort={sort}") for sort in ("", "total", "name", "newest")]

    assert {page.status_code for page in pages} == {200}
    for page in pages:
        sorting = page.text.partition('id="sort"')[2].partition("</select>")[0]
        assert OFFERED.findall(sorting) == left
        assert re.search('<li class="card product"|<th scope="row"><a href="/orders/', page.text)


BADGE = re.compile(
    r'<th scope="row"><a href="/\w+/[^"]+">[^<]*</a>\s*<span class="badge \w+">([^<]+)'
)


@pytest.mark.parametrize(
    ("path", "status", "badge"),
    [
        ("/returns", "OPEN", "In process"),
        ("/returns", "CLOSED", "Closed"),
        ("/quotes", "WON", "Accepted"),
    ],
)
async def test_returns_and_quotes_are_narrowed_to_a_status(
    port: int, path: str, status: str, badge: str
) -> None:
    async with visiting(port, "rep") as rep:
        whole = (await rep.get(path)).text
        page = (await rep.get(f"{path}?status={status}")).text
        other = (await rep.get(f"{path}?status=NONSENSE")).text

    assert len(set(BADGE.findall(whole))) > 1
    assert set(BADGE.findall(page)) == {badge}
    assert f'<option value="{status}" selected>' in page
    assert BADGE.findall(other) == BADGE.findall(whole)


@pytest.mark.parametrize(
    ("path", "member"),
    [
        ("/orders", "SalesOrder.status"),
        ("/returns", "ReturnOrder.status"),
        ("/quotes", "Quote.state"),
    ],
)
async def test_no_list_is_narrowed_to_a_status_that_is_hidden(
    tmp_path: Path, path: str, member: str
) -> None:
    rules = policy(tmp_path, [member])
    async with (
        running(emulator(), policy=rules, customer_roles=()) as stack,
        behind(stack, "rep", tmp_path / "drafts") as rep,
    ):
        pages = [
            await rep.get(f"{path}?status={status}")
            for status in ("", "ACTIVE", "OPEN", "open", "overdue")
        ]

    assert {page.status_code for page in pages} == {200}
    assert all('id="status"' not in page.text for page in pages)
    assert all('<th scope="row"><a href="/' in page.text for page in pages)
