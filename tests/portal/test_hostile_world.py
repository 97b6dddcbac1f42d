"""The site shows awkward texts of all tables, finds them again and leads to them."""

import html
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote, urljoin, urlsplit

import httpx2
import pytest
from starlette.applications import Starlette

from portal.app import create_app
from portal.sessions import Session, Tokens, User
from portal.sitemap import PAGES
from tests.gateway.test_hostile_world import AWKWARD, LISTED, spoil, spoil_links
from tests.nightly import NIGHTLY
from tests.portal.site import PUBLIC, settings
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio
OF_A_KIND = 30 if NIGHTLY else 2
"""Pages of one address that are asked for."""
SEARCHES = 100 if NIGHTLY else 8
"""Numbers of each list that are searched for."""
LEADING_AWAY = re.compile(r"/(sign-|language/|assets/|resume)|.*/document$")
"""Links out of the site's pages; the ERP prints documents by numbers, which it has not spoiled."""
DEAR = {"rep": re.compile(r".*\.csv\?.*decimals="), "admin": re.compile(r".*\.csv\b")}
"""Downloads that are left to the night: those with other decimals, and those of all customers."""
SEARCHED = {
    "/orders": "orders(first: 100) { nodes { id number } }",
    "/products": "products(first: 100, filter: { state: { eq: ACTIVE } }) { nodes { id number } }",
    "/invoices": "invoices(first: 100) { nodes { id number } }",
    "/returns": "returns(first: 100) { nodes { id number } }",
}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def hostile() -> Starlette:
    world = emulator()
    for table in LISTED:
        spoil(world.state.store, table)
    spoil_links(world.state.store)
    return world


@pytest.fixture(scope="module")
async def stack(hostile: Starlette) -> AsyncIterator[Stack]:
    async with running(hostile, deadline=60.0, read_timeout=60.0) as stack:
        yield stack


@asynccontextmanager
async def visiting(stack: Stack, name: str) -> AsyncIterator[httpx2.AsyncClient]:
    """The site, in front of this gateway, with somebody signed in."""
    assert stack.app
    app = create_app(settings(0, timeout=90.0), transport=httpx2.ASGITransport(app=stack.app))
    session = Session()
    tokens = Tokens(await stack.token(name), None, None, time.time() + 3_600)
    session.signed_in(User(name, tokens, time.time()))
    app.state.site.sessions.keep(session)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app),
            base_url=PUBLIC,
            cookies={"portal": session.id},
            follow_redirects=True,
        ) as client,
    ):
        yield client


def kind(path: str) -> str:
    """The entry of the site map that answers an address."""
    for page in PAGES:
        pattern = re.sub(r"\{\w+:path\}", ".+", page.path)
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), urlsplit(path).path):
            return page.path
    return "nowhere"


@pytest.mark.parametrize("name", ["rep", "admin"])
async def test_no_link_of_the_site_leads_astray(stack: Stack, name: str) -> None:
    asked: Counter[str] = Counter()
    seen, waiting = {"/dashboard"}, ["/dashboard"]

    async with visiting(stack, name) as visitor:
        while waiting:
            path = waiting.pop(0)
            page = await visitor.get(path)
            assert page.status_code == 200, (path, page.status_code, page.text[-1500:])
            for link in re.findall(r'href="([/?][^"]*)"', page.text):
                found = urljoin(path, html.unescape(link).partition("#")[0])
                if found in seen or LEADING_AWAY.match(found) or asked[kind(found)] >= OF_A_KIND:
                    continue
                if DEAR[name].match(found) and not NIGHTLY:
                    continue
                asked[kind(found)] += 1
                seen.add(found)
                waiting.append(found)

    assert not asked["nowhere"]
    assert {"/orders/{id}", "/products/{id}", "/invoices/{id}"} <= asked.keys()


@pytest.mark.parametrize("path", SEARCHED)
async def test_a_number_that_a_list_shows_is_found_by_its_search(stack: Stack, path: str) -> None:
    rows = (await stack.ask(f"{{ {SEARCHED[path]} }}", as_="rep")).data[path[1:]]["nodes"]
    numbered = [row for row in rows if row["number"] and row["number"].strip()]
    assert len(numbered) > len(AWKWARD) / 2

    async with visiting(stack, "rep") as visitor:
        for row in numbered[:: max(1, len(numbered) // SEARCHES)]:
            assert await _is_listed(visitor, f"{path}?q={quote(row['number'])}", row["id"]), row


async def test_a_word_that_is_awkward_is_searched_for_in_every_list(stack: Stack) -> None:
    lists = [page.path for page in PAGES if page.menu] + ["/invoices-without-order", "/bought"]

    async with visiting(stack, "rep") as visitor:
        for path in lists:
            for text in ("*", "a*b", "%", "'", "x" * 100):
                page = await visitor.get(f"{path}?q={quote(text)}")
                assert page.status_code == 200, (path, text)


async def _is_listed(visitor: httpx2.AsyncClient, path: str, id_: str) -> bool:
    """True if a page of a list, or one behind it, leads to a row."""
    page = await visitor.get(path)
    assert page.status_code == 200, path
    following = re.search(r'href="([^"]*[?&;]after=[^"]*)"', page.text)
    return f'/{id_}"' in page.text or bool(
        following and await _is_listed(visitor, urljoin(path, html.unescape(following[1])), id_)
    )
