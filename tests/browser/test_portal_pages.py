"""Every page of the portal in both languages and themes: for everybody, on every screen."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, ViewportSize

from tests.browser.chromium import Chromium
from tests.browser.customers import portal, to_review, visiting
from tests.nightly import NIGHTLY
from tests.portal.test_ordering import prepared

ROOT = Path(__file__).parents[2]
AXE = ROOT / "tests" / "browser" / "node_modules" / "axe-core" / "axe.min.js"
PICTURES = ROOT / ".cache" / "screenshots"
"""Every page in both languages and both themes, wide and on a phone, for people to look at."""
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
THEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
OPTIONS = {"resultTypes": ["violations"], "preload": False}
SCREENS: dict[str, ViewportSize] = {
    "wide": {"width": 1440, "height": 900},
    "phone": {"width": 360, "height": 740},
}
ADDRESSES = {
    "dashboard": "/dashboard",
    "orders": "/orders",
    "orders-none": "/orders?q=nothing-like-it",
    "orders-unreadable": "/orders?since=soon",
    "quotes": "/quotes",
    "templates": "/templates",
    "drafts": "/drafts",
    "shipments": "/shipments",
    "returns": "/returns",
    "returns-none": "/returns?q=nothing-like-it",
    "invoices": "/invoices",
    "statement": "/statement?since=2026-09-01",
    "statement-none": "/statement?since=2020-01-01&until=2020-01-02",
    "statement-unreadable": "/statement?since=soon",
    "products": "/products",
    "account": "/account",
    "addresses": "/addresses",
    "address-new": "/addresses/new",
    "colleague-new": "/colleagues/new",
    "accounts": "/accounts",
    "profile": "/profile",
    "terms": "/terms",
    "not-found": "/nowhere",
    "new-1-information": "/orders/new",
    "new-2-items": "/orders/new/items?q=desk",
}
OPENED = {
    "order": "/orders?status=PARTIALLY_DELIVERED",
    "order-cancelled": "/orders?status=CANCELED",
    "quote": "/quotes",
    "shipment": "/shipments",
    "return": "/returns",
    "invoice": "/invoices?since=2000-01-01",
}
"""Pages that are reached by the first row of a list."""
SPILLED = """() => {
    const cut = ({ clipPath, textOverflow }) => clipPath !== "none" || textOverflow === "ellipsis";
    const hidden = (one) =>
        one !== document.body && (cut(getComputedStyle(one)) || hidden(one.parentElement));
    const found = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let text; (text = texts.nextNode());) {
        const holder = text.parentElement;
        if (!text.data.trim() || !holder.checkVisibility() || hidden(holder)) continue;
        if (holder.closest(".tabs, .skip")) continue;
        const box = holder.closest(".card, .button, body").getBoundingClientRect();
        const range = document.createRange();
        range.selectNodeContents(text);
        for (const { left, right, width } of range.getClientRects())
            if (width && (left < box.left - 1 || right > box.right + 1)) found.push(text.data);
    }
    const [brand, end] = [".brand", ".top-end"].map((one) => document.querySelector(one));
    if (brand.lastElementChild.getBoundingClientRect().right > end.getBoundingClientRect().left)
        found.push("the header's parts lie over one another");
    if (document.documentElement.scrollWidth > innerWidth) found.push("wider than the screen");
    return found;
}"""
"""Text that leaves its card, its button or the screen."""


def violations(page: Page, rules: list[str]) -> list[str]:
    """The violations that axe finds, as their rule and the first element."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE.read_text())
    found = page.evaluate("asked => axe.run(asked)", {"runOnly": rules, **OPTIONS})
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found["violations"]]


def opened(page: Page, name: str) -> None:
    page.goto(OPENED[name])
    page.locator("tbody th a").first.click()
    page.wait_for_url(re.compile(r"/(orders|invoices|quotes|returns)/[\w-]{20,}"))


def accepting(page: Page) -> None:
    """The form of the first quote that can still be accepted."""
    page.goto("/quotes")
    addresses = page.locator("tbody th a").evaluate_all("links => links.map((a) => a.href)")
    for address in addresses:
        page.goto(address)
        if page.locator("a[href$='/accept']").count():
            page.locator("a[href$='/accept']").click()
            page.wait_for_url("**/accept")
            return
    raise AssertionError("no quote is open")


def tour(page: Page) -> Iterator[str]:
    """Through everything that a representative can see; the name of each page on arriving."""
    for name, path in ADDRESSES.items():
        page.goto(path)
        yield name
    page.locator(".found button").first.click()
    yield "new-2-added"
    page.locator(".paste summary").click()
    page.locator("#pasted").fill("D0225;2\nNOPE;1\nD0023;x")
    page.locator("form[action$=import] button").click()
    yield "new-2-mistakes"
    page.goto("/orders/new/review")
    yield "new-3-review"
    page.locator("button[name=share]").click()
    page.locator("form.notice").wait_for()
    yield "new-2-shared"
    page.locator(".discard a.danger").click()
    page.wait_for_url("**/discard")
    yield "new-discard"
    page.locator("main form button").click()
    page.locator("main button.primary").wait_for()
    yield "new-discarded"
    for name in OPENED:
        opened(page, name)
        yield name
    accepting(page)
    yield "quote-accept"
    page.locator("input[value=other]").check()
    page.locator("form.stack button.primary").click()
    page.locator("#street-mistake").wait_for()
    yield "quote-accept-mistakes"
    page.goto("/products")
    page.locator(".product h2 a").first.click()
    page.wait_for_url("**/products/*")
    yield "product"
    page.goto("/products?q=D0225")
    page.locator("input[name=quantity]").fill("7")
    page.locator("button[name=add]").click()
    page.locator(".product .mistake").wait_for()
    yield "products-mistake"
    page.goto("/orders?status=ACTIVE")
    page.locator("tbody th a").first.click()
    page.locator("a[href$='/change']").click()
    page.wait_for_url("**/change")
    yield "change"
    page.locator("#reference").fill("x" * 61)
    page.locator("#number").fill("D0225")
    page.locator(".submit button").click()
    page.locator("#reference-mistake").wait_for()
    yield "change-mistakes"
    page.locator("a[href$='/cancel']").click()
    page.wait_for_url("**/cancel")
    yield "cancel"


def troubles(browser: Chromium, port: int, **options: str) -> Iterator[tuple[Page, str]]:
    """The pages that say that something is not as it should be."""
    with portal(port) as own, visiting(browser, own.port, "Rita", **options) as page:
        page.goto("/profile")
        own.forget(page)
        page.locator("main form button").click()
        page.get_by_role("button", name="Rita").click()
        page.wait_for_url("**/resume")
        yield page, "resume"
        own.gateway.is_down = True
        page.goto("/orders")
        yield page, "unavailable"
        own.gateway.is_down = False
        left_out(page, port)
        yield page, "new-reordered"
        to_review(page, "PICTURE")
        own.gateway.is_down = True
        page.locator("form.submit button").click()
        page.wait_for_url("**/checking?*")
        yield page, "new-3-checking"


def left_out(page: Page, port: int) -> None:
    """The page that says what cannot be ordered again: a product that is not sold any more."""
    to_review(page, "LEFT OUT")
    page.locator("form.submit button").click()
    page.wait_for_url(re.compile(r"/orders/[\w-]{20,}"))
    number = page.locator("tbody th .sub").first.inner_text().split()[0]
    with prepared(port) as dynamics:
        query = f"products?$filter=msdyn_productnumber eq '{number}'&$select=productid"
        key = dynamics.get(f"/api/data/v9.2/{query}").json()["value"][0]["productid"]
        path = f"/api/data/v9.2/products({key})"
        assert dynamics.patch(path, json={"statecode": 1}).is_success
        page.locator("form[action$='/reorder'] button").click()
        page.wait_for_url("**/reorder")
        assert dynamics.patch(path, json={"statecode": 0}).is_success


def everything(browser: Chromium, port: int, **options: str) -> Iterator[tuple[Page, str]]:
    with visiting(browser, port, None, **options) as page:
        page.goto("/")
        yield page, "home"
    with visiting(browser, port, "Ada", **options) as page:
        page.goto("/accounts")
        yield page, "accounts-of-staff"
        page.locator("tbody th a").first.click()
        page.locator("button[name=contact]").first.wait_for()
        yield page, "account-of-staff"
        page.locator("button[name=contact]").first.click()
        page.wait_for_url("**/dashboard")
        yield page, "seen-as-a-customer"
    with visiting(browser, port, "Rita", **options) as page:
        for name in tour(page):
            yield page, name
    yield from troubles(browser, port, **options)


@pytest.mark.parametrize("language", ["en", "nl"])
def test_every_page_is_for_everybody_and_fits(browser: Chromium, port: int, language: str) -> None:
    """
    Wide and on a phone nothing spills, in each language; axe finds no violation on the English
    pages in light. At night all of it in both languages and themes, with pictures.
    """
    found: dict[str, list[str]] = {}
    options = {"reduced_motion": "reduce", "locale": {"en": "en-US", "nl": "nl-NL"}[language]}
    for page, name in everything(browser, port, **options):
        page.wait_for_load_state()
        assert page.locator("html").get_attribute("lang") == language, name
        for theme in THEMES if NIGHTLY else THEMES[1:]:
            page.emulate_media(color_scheme=theme)
            if language == "en" or NIGHTLY:
                found[f"{name} {theme}"] = violations(page, STANDARDS)
            if NIGHTLY:
                pictures(page, name, f"{language}-{theme}")
        for screen, size in [*SCREENS.items()][::-1]:
            page.set_viewport_size(size)
            found[f"{name} {screen}"] = page.evaluate(SPILLED)

    assert {name: said for name, said in found.items() if said} == {}


def pictures(page: Page, name: str, folder: str) -> None:
    for screen, size in SCREENS.items():
        page.set_viewport_size(size)
        path = PICTURES / f"{folder}-{screen}" / f"{name}.png"
        page.screenshot(path=path, full_page=True)
    page.set_viewport_size(SCREENS["wide"])
