"""The portal in real Chromium, on the real demo: ordering, following, and everybody can use it."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.test_graphiql import FLAGS, PATIENCE
from tests.gateway.test_demo import demo

ROOT = Path(__file__).parents[2]
AXE = ROOT / "tests" / "browser" / "node_modules" / "axe-core" / "axe.min.js"
PICTURES = ROOT / ".cache" / "screenshots"
"""Every page in both languages and both themes, for people to look at."""
EMULATOR = Path(sys.executable).with_name("emulator")
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = {
    "dashboard": "/dashboard",
    "orders": "/orders",
    "orders-none": "/orders?q=nothing-like-it",
    "shipments": "/shipments",
    "invoices": "/invoices",
    "products": "/products",
    "account": "/account",
    "accounts": "/accounts",
    "profile": "/profile",
    "terms": "/terms",
    "not-found": "/nowhere",
    "new-1-information": "/orders/new",
    "new-2-items": "/orders/new/items?q=desk",
}
OPENED = {
    "order": "/orders?status=PARTIALLY_DELIVERED",
    "shipment": "/shipments",
    "invoice": "/invoices",
}
"""Pages that are reached by the first row of a list."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with demo() as (port, _):
        yield port


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "run scripts/install --browser"
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def visiting(browser: Browser, port: int, name: str | None, **options: Any) -> Iterator[Page]:
    """A page of somebody who is signed in; what went wrong unseen fails the test."""
    context: BrowserContext = browser.new_context(
        base_url=f"http://127.0.0.1:{port}", **{"locale": "en-US", **options}
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if _bad(said.text) else None)
    if name:
        page.goto("/sign-in")
        page.get_by_role("button", name=name).click()
        page.wait_for_url("**/dashboard")
    yield page
    context.close()
    assert complaints == []


def _bad(text: str) -> bool:
    return "Content Security Policy" in text or "Uncaught" in text


@pytest.fixture
def jane(browser: Browser, port: int) -> Iterator[Page]:
    with visiting(browser, port, "Jane Doe") as page:
        yield page


def place(page: Page, reference: str) -> str:
    """An order through all three steps; its number."""
    page.goto("/orders/new")
    page.get_by_label("Your reference").fill(reference)
    page.get_by_role("button", name="Continue to items").click()
    page.get_by_label("Name or number").fill("desk lamp")
    page.get_by_role("button", name="Search").click()
    page.locator(".found button").first.click()
    page.get_by_role("button", name="Continue to review").click()
    expect(page.get_by_role("heading", name="Order information")).to_be_visible()
    page.get_by_role("button", name="Place the order").click()
    expect(page.get_by_text("Thank you.")).to_be_visible()
    heading = page.get_by_role("heading", level=1).inner_text()
    return heading.split()[1]


def advance(port: int, number: str, to: str) -> None:
    command = [
        str(EMULATOR),
        "advance",
        number,
        "--to",
        to,
        "--url",
        f"http://127.0.0.1:{port + 1}",
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def shade(port: int, theme: str, language: str) -> dict[str, Any]:
    return {"color_scheme": theme, "locale": {"en": "en-US", "nl": "nl-NL"}[language]}


def violations(page: Page) -> list[str]:
    """What axe finds, as its rule and the first element."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("tags => axe.run({ runOnly: tags })", STANDARDS)
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found["violations"]]


def opened(page: Page, name: str) -> None:
    page.goto(OPENED[name])
    page.locator("tbody th a").first.click()
    page.wait_for_url(re.compile(r"/(orders|invoices)/[\w-]{20,}"))


@pytest.mark.parametrize("name", ["Jane Doe", "Sam Okafor", "Rita Lindqvist", "May Tanaka"])
def test_customers_sign_in_and_out(browser: Browser, port: int, name: str) -> None:
    with visiting(browser, port, name) as page:
        expect(page.get_by_role("heading", level=1)).to_contain_text(name.split()[0])
        page.locator(".menu summary").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Your orders, always at hand")).to_be_visible()


def test_an_order_travels_from_the_wizard_to_its_tracking(jane: Page, port: int) -> None:
    number = place(jane, "TRAVELS")
    address = jane.url
    for status, shown in [("confirmed", "Confirmed"), ("picked", "Being picked")]:
        advance(port, number, status)
        jane.goto(address)
        expect(jane.locator("h1 .badge")).to_have_text(shown)
    advance(port, number, "delivered")
    jane.goto(address)

    expect(jane.locator("h1 .badge")).to_have_text("Delivered")
    sent = jane.get_by_role("region", name="Shipments").get_by_role("listitem")
    expect(sent).to_contain_text(re.compile(r"PS-\d+ · \w+.*· [A-Z0-9]{10,}", re.DOTALL))


def test_an_open_page_follows_its_order(jane: Page, port: int) -> None:
    number = place(jane, "FOLLOWED")
    advance(port, number, "confirmed")

    expect(jane.locator("h1 .badge")).to_have_text("Confirmed")


def test_an_order_is_changed_cancelled_and_ordered_again(jane: Page) -> None:
    place(jane, "CHANGES")
    jane.get_by_role("link", name="Change or cancel").click()
    jane.get_by_label("Quantity of").first.fill("7")
    jane.get_by_role("button", name="Change", exact=False).first.click()
    expect(jane.get_by_text("The quantity is changed.")).to_be_visible()
    jane.get_by_role("link", name="Cancel this order").click()
    jane.get_by_role("button", name="Yes, cancel it").click()
    expect(jane.locator("h1 .badge")).to_have_text("Cancelled")
    jane.get_by_role("button", name="Order again").click()

    expect(jane.get_by_text("are in your draft")).to_be_visible()
    jane.goto("/orders/new/items")
    expect(jane.get_by_label("Quantity of").first).to_have_value("7")


def test_two_people_cannot_overwrite_each_other(browser: Browser, port: int) -> None:
    with visiting(browser, port, "Rita") as one, visiting(browser, port, "Rita") as other:
        place(one, "SHARED")
        one.get_by_role("link", name="Change or cancel").click()
        other.goto(one.url)
        other.get_by_label("Your reference").fill("THEIRS")
        other.get_by_role("button", name="Save").click()
        expect(other.get_by_text("The order is changed.")).to_be_visible()
        one.get_by_label("Your reference").fill("MINE")
        one.get_by_role("button", name="Save").click()

        expect(one.get_by_role("alert")).to_contain_text("Somebody changed this order")
        expect(one.get_by_label("Your reference")).to_have_value("MINE")


def test_a_pasted_list_names_its_mistakes_and_is_kept(jane: Page) -> None:
    jane.goto("/orders/new")
    jane.get_by_role("button", name="Continue to items").click()
    jane.locator("summary", has_text="Paste").click()
    jane.get_by_label("One product a line").fill("D0225;2\nNOPE;1")
    jane.get_by_role("button", name="Add these lines").click()

    expect(jane.get_by_role("alert")).to_contain_text("Line 2 (NOPE)")
    expect(jane.get_by_label("One product a line")).to_have_value("D0225;2\nNOPE;1")


def test_searching_finds_while_typing(jane: Page) -> None:
    jane.goto("/products")
    jane.locator("#q").press_sequentially("battery")

    expect(jane.locator(".product h2").first).to_contain_text(re.compile("battery", re.IGNORECASE))
    expect(jane).to_have_url(re.compile("q=battery"))


def test_everything_works_without_script(browser: Browser, port: int) -> None:
    with visiting(browser, port, "Jane Doe", java_script_enabled=False) as page:
        assert place(page, "NO SCRIPT")


def test_the_keyboard_alone_can_place_an_order(jane: Page) -> None:
    jane.goto("/orders/new")
    _tab_to(jane, "Your reference")
    jane.keyboard.type("KEYS")
    jane.keyboard.press("Enter")
    jane.wait_for_url("**/items")
    _tab_to(jane, "Name or number")
    jane.keyboard.type("desk lamp")
    jane.keyboard.press("Enter")
    expect(jane.locator(".found").first).to_be_visible()
    _tab_to(jane, "Add")
    jane.keyboard.press("Enter")
    expect(jane.get_by_text("is on your order.")).to_be_visible()
    _tab_to(jane, "Continue to review")
    jane.keyboard.press("Enter")
    jane.wait_for_url("**/review")
    _tab_to(jane, "Place the order")
    jane.keyboard.press("Enter")

    expect(jane.get_by_text("Thank you.")).to_be_visible()


def _tab_to(page: Page, name: str) -> None:
    """Press Tab until the element with this label or text has the focus, and can be seen."""
    said = """() => {
        const on = document.activeElement, label = on.labels?.[0]?.innerText ?? "";
        const box = on.getBoundingClientRect();
        return box.width > 1 ? `${label} ${on.innerText ?? ""}`.trim() : "";
    }"""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate(said).startswith(name):
            return
    raise AssertionError(f"the keyboard does not reach {name}")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "nl"])
def test_no_page_keeps_anybody_out(browser: Browser, port: int, theme: str, language: str) -> None:
    """axe on every page, and a picture of each."""
    found: dict[str, list[str]] = {}
    folder = PICTURES / f"{language}-{theme}"
    folder.mkdir(parents=True, exist_ok=True)

    def look(page: Page, name: str) -> None:
        page.wait_for_load_state()
        page.screenshot(path=folder / f"{name}.png", full_page=True)
        found[name] = violations(page)
        assert page.locator("html").get_attribute("lang") == language

    with visiting(browser, port, None, **shade(port, theme, language)) as page:
        page.goto("/")
        look(page, "home")
    with visiting(browser, port, "Rita", **shade(port, theme, language)) as page:
        for name, path in PAGES.items():
            page.goto(path)
            look(page, name)
        page.locator(".found button").first.click()
        page.goto("/orders/new/review")
        look(page, "new-3-review")
        for name in OPENED:
            opened(page, name)
            look(page, name)
        page.goto("/products")
        page.locator(".product h2 a").first.click()
        page.wait_for_url("**/products/*")
        look(page, "product")
        page.goto("/orders?status=ACTIVE")
        page.locator("tbody th a").first.click()
        page.locator("a[href$='/change']").click()
        page.wait_for_url("**/change")
        look(page, "change")
        page.locator("a[href$='/cancel']").click()
        page.wait_for_url("**/cancel")
        look(page, "cancel")

    assert {name: said for name, said in found.items() if said} == {}


@pytest.mark.parametrize("name", [*PAGES, "home"])
def test_nothing_is_wider_than_a_phone(browser: Browser, port: int, name: str) -> None:
    options = {"viewport": {"width": 360, "height": 740}}
    with visiting(browser, port, "Rita" if name != "home" else None, **options) as page:
        page.goto(PAGES.get(name, "/"))

        assert page.evaluate("document.documentElement.scrollWidth") <= 360
