"""
The ways that buyers go each day, timed and by keyboard where that matters, in both languages and
themes, on a phone and on a desk: every page of them is for everybody and under 100 KB.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import Chromium
from tests.browser.customers import to_review, visiting
from tests.browser.test_portal_pages import PICTURES, SCREENS, SPILLED, STANDARDS, violations
from tests.nightly import NIGHTLY

KILOBYTES = 100 * 1024
MINUTE = 60.0
STROKE = 80
"""Milliseconds between two keys of somebody who types well."""
QUICK = [(f"D{number:04}", "2") for number in range(1, 11)]
ALL = [
    (language, theme, screen)
    for language in ("en-US", "nl-NL")
    for theme in ("light", "dark")
    for screen in SCREENS
]
SOME = [("en-US", "light", "wide"), ("nl-NL", "dark", "phone")]
"""By day each way is gone once, and every other one of them on a phone in Dutch."""


@dataclass(frozen=True)
class Way:
    """A browser of one kind, and what was wrong with the pages that it came by."""

    page: Page
    name: str
    wrong: dict[str, Any]

    def seen(self, what: str) -> None:
        """The page that is shown is for everybody, fits and is small."""
        self.page.wait_for_load_state()
        found = violations(self.page, STANDARDS) + self.page.evaluate(SPILLED)
        size = len(self.page.context.request.get(self.page.url).body())
        if size > KILOBYTES:
            found.append(f"{size} bytes")
        if found:
            self.wrong[what] = found
        if NIGHTLY:
            path = PICTURES / "ways" / self.name / f"{what}.png"
            self.page.screenshot(path=path, full_page=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """All looks of each way at night; by day one, in turn."""
    ways = [name for name in vars(metafunc.module) if name.startswith("test_")]
    turn = SOME[ways.index(metafunc.function.__name__) % len(SOME)]
    metafunc.parametrize("way", ALL if NIGHTLY else [turn], ids="-".join, indirect=True)


@pytest.fixture
def way(request: pytest.FixtureRequest, browser: Chromium, port: int) -> Iterator[Way]:
    language, theme, screen = request.param
    options = {
        "locale": language,
        "color_scheme": theme,
        "viewport": SCREENS[screen],
        "reduced_motion": "reduce",
    }
    with visiting(browser, port, "Rita", **options) as page:
        way = Way(page, "-".join(request.param), {})
        yield way
        page.goto("/orders/new/discard")
        if page.locator("main form button").count():
            page.locator("main form button").first.click()
    assert way.wrong == {}


def test_ten_lines_are_ordered_by_keyboard_within_a_minute(way: Way) -> None:
    page, keys = way.page, way.page.keyboard
    page.goto("/dashboard")
    way.seen("overview")
    page.locator("#code-1").focus()

    began = time.monotonic()
    for number, amount in QUICK:
        keys.type(number, delay=STROKE)
        keys.press("Tab")
        keys.type(amount, delay=STROKE)
        keys.press("Enter")
    for _ in range(4):
        keys.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "BUTTON":
            break
    keys.press("Enter")
    page.wait_for_url("**/orders/new/items")
    took = time.monotonic() - began

    expect(page.locator("li[id^=line-]")).to_have_count(len(QUICK))
    way.seen("ten lines")
    assert took < MINUTE


def test_a_variant_is_found_looked_at_priced_and_ordered(way: Way) -> None:
    page = way.page
    page.goto("/products?q=D0193")
    way.seen("found")
    page.locator(".product h2 a").first.click()
    page.locator(".chips .chip").nth(1).wait_for()
    way.seen("variant")
    page.locator(".chips .chip:not([aria-current])").first.click()
    page.wait_for_load_state()
    expect(page.locator(".product-price")).to_contain_text(re.compile(r"\d"))
    page.locator("#quantity").fill("2")
    page.locator(".buy form[method=post] button").click()
    expect(page.locator(".ordered")).to_be_visible()
    way.seen("variant ordered")


def test_the_catalogue_is_sorted_by_keyboard_and_a_category_stays_sorted(way: Way) -> None:
    page, keys = way.page, way.page.keyboard
    page.goto("/products")
    page.locator("#sort").focus()
    for _ in range(2):
        keys.press("ArrowDown")
    page.wait_for_url("**sort=number*")
    first = page.locator(".product .muted").first
    expect(first).to_contain_text("D0001")
    expect(page.locator("#sort")).to_be_focused()
    way.seen("sorted")
    page.locator("nav.tree li a").first.click()
    page.wait_for_url("**category=*")

    expect(page.locator("#sort")).to_have_value("number")
    numbers = page.locator(".product h2 + .muted").all_text_contents()
    assert numbers == sorted(numbers)
    way.seen("sorted category")


def test_an_address_is_kept_changed_and_removed_by_keyboard(way: Way) -> None:
    page, keys = way.page, way.page.keyboard
    street = f"Pier {way.name}"
    page.goto("/addresses")
    way.seen("address book")
    page.locator("a[href='/addresses/new']").focus()
    keys.press("Enter")
    page.wait_for_url("**/addresses/new")
    page.locator("#name").focus()
    for typed in ("Dock", street, "4", "98052", "Redmond", "WA"):
        keys.type(typed)
        keys.press("Tab")
    keys.press("ArrowDown")
    way.seen("address to add")
    keys.press("Tab")
    keys.press("Enter")
    page.wait_for_url("**/addresses")
    card = page.locator("li.card", has_text=street)
    expect(card).to_have_count(1)
    card.locator("a").focus()
    keys.press("Enter")
    page.wait_for_url(re.compile(r"/addresses/[\w-]{20,}"))
    page.locator("details summary").last.focus()
    keys.press("Enter")
    way.seen("address to remove")
    keys.press("Tab")
    keys.press("Enter")
    page.wait_for_url("**/addresses")

    expect(page.locator("li.card", has_text=street)).to_have_count(0)


def test_a_colleague_is_invited_and_loses_access_by_keyboard(way: Way) -> None:
    page, keys = way.page, way.page.keyboard
    name = f"Noor {way.name}"
    page.goto("/account")
    page.locator("a[href='/colleagues/new']").focus()
    keys.press("Enter")
    page.wait_for_url("**/colleagues/new")
    page.locator("#email").focus()
    keys.type("may.tanaka@fabrikam.example")
    for typed in ("", name, "Visser", "Buyer"):
        keys.type(typed)
        keys.press("Tab")
    keys.type("+31 20 1234567")
    keys.press("Enter")
    expect(page.locator("#email-mistake")).to_be_visible()
    way.seen("colleague that cannot be invited")
    page.locator("#email").fill(f"{way.name}@contoso-retail.example")
    keys.press("Enter")
    page.wait_for_url("**/account")
    row = page.locator("tbody tr", has_text=name)
    expect(row).to_have_count(1)
    way.seen("colleague that was invited")
    row.locator("a").focus()
    keys.press("Enter")
    page.wait_for_url(re.compile(r"/colleagues/[\w-]{20,}"))
    way.seen("access to take away")
    page.locator("main button").focus()
    keys.press("Enter")
    page.wait_for_url("**/account?undo=*")
    way.seen("access that was taken away")
    page.locator("form[action='/colleagues/restore'] button").focus()
    keys.press("Enter")
    page.wait_for_url("**/account")

    expect(row.locator("a")).to_have_count(1)


def test_an_overdue_invoice_is_found_and_downloaded(way: Way) -> None:
    page = way.page
    page.goto("/dashboard")
    page.locator(".owed a").first.click()
    page.wait_for_url("**/statement")
    way.seen("statement")
    page.goto("/invoices")
    way.seen("invoices")
    page.locator("section[aria-labelledby^=overdue] tbody a").first.click()
    page.wait_for_url("**/invoices?q=*")
    page.locator("tbody th a").last.click()
    page.wait_for_url(re.compile(r"/invoices/[\w-]{20,}"))
    way.seen("invoice")
    with page.expect_download() as found:
        page.locator("a[href$='/document']").click()

    content = found.value.path().read_bytes()
    assert content.startswith(b"%PDF-")


def test_a_template_is_saved_and_ordered_again(way: Way) -> None:
    page = way.page
    page.goto("/orders?status=ACTIVE")
    page.locator("tbody th a").first.click()
    page.locator("a[href^='/templates/new']").click()
    page.locator("#name").fill(f"Weekly {way.name}")
    page.locator("input[name=shared][value=yes]").check()
    way.seen("template new")
    page.locator("main form.card button.primary").click()
    page.wait_for_url(re.compile(r"/templates/\w{32}"))
    way.seen("template")
    page.goto("/templates")
    way.seen("templates")
    page.goto("/dashboard")
    way.seen("overview with templates")
    page.locator("form[action^='/templates/'] button").first.click()
    page.wait_for_url(re.compile(r"/orders/new|/order$"))
    page.goto("/orders/new/items")

    expect(page.locator("li[id^=line-]").first).to_be_visible()
    way.seen("template ordered")


def test_a_quote_is_asked_for_and_is_seen_until_it_comes(way: Way) -> None:
    page, keys = way.page, way.page.keyboard
    page.goto("/products?q=D0225")
    page.locator("input[name=quantity]").fill("40")
    page.locator("button[name=add]").click()
    expect(page.locator(".ordered")).to_be_visible()
    page.goto("/orders/new/review")
    page.locator("details.card summary").focus()
    keys.press("Enter")
    way.seen("quote to ask for")
    page.locator("#message").focus()
    keys.type(f"For the shop of {way.name}.")
    keys.press("Tab")
    keys.press("Enter")
    page.wait_for_url("**/quotes")
    page.locator(".asked summary").first.click()

    expect(page.locator(".asked li").first).to_contain_text(f"For the shop of {way.name}.")
    way.seen("quote asked for")


def test_a_draft_is_shared_and_a_colleague_orders_it(
    way: Way, browser: Chromium, port: int
) -> None:
    """Jane, who shares it, has no JavaScript."""
    page = way.page
    page.goto("/drafts")
    way.seen("no drafts")
    with visiting(browser, port, "Jane Doe", java_script_enabled=False) as owner:
        to_review(owner, f"Shared {way.name}")
        owner.locator("button[name=share][value=yes]").click()
        owner.locator("button[name=share][value=no]").wait_for()
        page.goto("/dashboard")
        way.seen("overview with a shared draft")
        page.goto("/drafts")
        way.seen("shared drafts")
        page.locator("form[action$='/open'] button").first.click()
        page.wait_for_url("**/orders/new/items")
        way.seen("items of a colleague")
        page.locator("input[name^=line-]").first.fill("3")
        page.locator("button[name=next]").click()
        page.wait_for_url("**/orders/new/review")
        way.seen("review of a colleague")
        owner.goto("/orders/new/items")
        expect(owner.locator("form.notice")).to_contain_text("Rita")
        expect(owner.locator("input[name^=line-]")).to_have_value("3")
        page.goto("/orders/new")
        way.seen("information of a colleague")
        page.goto("/orders/new/review")
        page.locator("form.submit button").click()
        page.wait_for_url(re.compile(r"/orders/[\w-]{20,}"))
        owner.goto("/orders/new/items")
        expect(owner.locator("section[aria-labelledby=draft] .quiet")).to_contain_text("Rita")
