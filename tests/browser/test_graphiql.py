"""GraphiQL in real Chromium, on the real demo: sign in, run the example, see rows."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import Chromium
from tests.gateway.test_demo import demo

EXPIRE = """() => {
    const session = JSON.parse(sessionStorage["graphiql.session"]);
    sessionStorage["graphiql.session"] = JSON.stringify({ ...session, expires: 0 });
}"""


@dataclass
class Visit:
    """A visitor's page, and what went wrong on it that nobody would see."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def sign_in(self, name: str) -> None:
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("button", name=name).click()
        expect(self.page.locator("header")).to_contain_text(name)

    def run(self) -> None:
        self.page.get_by_role("button", name=re.compile("Execute query")).click()

    @property
    def answer(self) -> str:
        """The text in the response pane, without the spaces that the editor makes of its own."""
        return self.page.locator(".graphiql-response .view-lines").inner_text().replace("\xa0", " ")


IS_UNREAD = "localStorage.getItem('graphiql:tabState').includes('RecentOrders')"
"""True until GraphiQL has read what was typed, and knows the operation of before no longer."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with demo() as (port, _):
        yield f"http://127.0.0.1:{port}/graphiql"


@contextmanager
def visiting(browser: Chromium, address: str) -> Iterator[Visit]:
    with browser.context(viewport={"width": 1360, "height": 860}) as context:
        visit = Visit(context.new_page())
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        visit.page.on("console", lambda said: _note(visit, said.type, said.text))
        visit.page.on("request", lambda request: visit.hosts.add(_host(request.url)))
        visit.page.goto(address)
        yield visit


def _note(visit: Visit, kind: str, text: str) -> None:
    if kind in {"error", "warning"}:
        visit.complaints.append(text)


def _host(url: str) -> str:
    return re.sub(r"^(\w+:)(?://([^:/]+))?.*", r"\1\2", url, flags=re.DOTALL)


@pytest.fixture
def visit(browser: Chromium, address: str) -> Iterator[Visit]:
    with visiting(browser, address) as visit:
        yield visit


def test_sign_in_run_the_example_and_see_rows(visit: Visit) -> None:
    visit.sign_in("Jane Doe")
    visit.run()

    expect(visit.page.locator(".graphiql-response")).to_contain_text("SO-")
    assert '"name": "Jane Doe"' in visit.answer
    assert re.search(r'"status": "[A-Z_]+"', visit.answer)
    assert '"errors"' not in visit.answer
    assert visit.complaints == []
    assert visit.hosts <= {"http:127.0.0.1", "data:", "blob:"}


def test_the_docs_explain_the_schema(visit: Visit) -> None:
    visit.sign_in("Jane Doe")
    visit.page.get_by_role("button", name="Show Documentation Explorer").click()
    visit.page.get_by_role("link", name="Query", exact=True).click()
    visit.page.get_by_role("link", name="orders", exact=True).click()

    expect(visit.page.locator(".graphiql-plugin")).to_contain_text("SalesOrderConnection")
    assert visit.complaints == []


def test_an_expired_session_asks_to_sign_in_again(visit: Visit) -> None:
    visit.sign_in("Jane Doe")
    visit.page.evaluate(EXPIRE)
    visit.run()

    expect(visit.page.locator("main [role=alert]")).to_contain_text("Sign in again")
    visit.sign_in("May Tanaka")
    visit.run()
    expect(visit.page.locator(".graphiql-response")).to_contain_text("May Tanaka")


def test_signing_out_leaves_nothing_behind(visit: Visit) -> None:
    visit.sign_in("Jane Doe")
    visit.page.get_by_role("button", name="Sign out").click()

    expect(visit.page.get_by_role("button", name="Sign in")).to_be_visible()
    assert visit.page.evaluate("sessionStorage.length") == 0


def test_a_subscription_is_followed(visit: Visit) -> None:
    visit.sign_in("Jane Doe")
    visit.page.locator(".graphiql-query-editor .view-lines").click()
    visit.page.keyboard.press("Control+A")
    visit.page.keyboard.insert_text("subscription { orders(first: 1) { nodes { number } } }")
    for _ in range(600):  # functions to wait for are against the page's policy
        if not visit.page.evaluate(IS_UNREAD):
            break
        visit.page.wait_for_timeout(50)
    visit.run()

    expect(visit.page.locator(".graphiql-response")).to_contain_text("SO-")
    visit.page.get_by_role("button", name=re.compile("Stop query")).click()
    assert visit.complaints == []
