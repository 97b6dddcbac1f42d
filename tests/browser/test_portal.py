"""The portal in real Chromium, on the real demo: ordering, following, changing."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import Chromium
from tests.browser.customers import advance, place, visiting


@pytest.mark.parametrize("name", ["Jane Doe", "Sam Okafor", "Rita Lindqvist", "May Tanaka"])
def test_customers_sign_in_and_out(browser: Chromium, port: int, name: str) -> None:
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
    jane.get_by_label("Quantity of").first.fill("15")
    jane.get_by_role("button", name="Save changes").click()
    expect(jane.get_by_text("Your changes have been saved.")).to_be_visible()
    jane.get_by_role("link", name="Cancel this order").click()
    jane.get_by_role("button", name="Yes, cancel the order").click()
    expect(jane.locator("h1 .badge")).to_have_text("Cancelled")
    jane.get_by_role("button", name="Order again").click()

    expect(jane.get_by_text("were copied to your draft")).to_be_visible()
    jane.goto("/orders/new/items")
    expect(jane.get_by_label("Quantity of").first).to_have_value("15")


def test_two_people_cannot_overwrite_each_other(browser: Chromium, port: int) -> None:
    with visiting(browser, port, "Rita") as one, visiting(browser, port, "Rita") as other:
        place(one, "SHARED")
        one.get_by_role("link", name="Change or cancel").click()
        other.goto(one.url)
        other.get_by_label("Your reference").fill("THEIRS")
        other.get_by_role("button", name="Save").click()
        expect(other.get_by_text("Your changes have been saved.")).to_be_visible()
        one.get_by_label("Your reference").fill("MINE")
        one.get_by_role("button", name="Save").click()

        expect(one.get_by_role("alert")).to_contain_text("Somebody else changed this order")
        expect(one.get_by_label("Your reference")).to_have_value("MINE")


def test_a_pasted_list_names_its_mistakes_and_is_kept(jane: Page) -> None:
    jane.goto("/orders/new")
    jane.get_by_role("button", name="Continue to items").click()
    jane.locator("summary", has_text="Paste").click()
    jane.get_by_label("One product per line").fill("D0225;2\nNOPE;1")
    jane.get_by_role("button", name="Add these lines").click()

    expect(jane.get_by_role("alert")).to_contain_text("Line 2 (NOPE)")
    expect(jane.get_by_label("One product per line")).to_have_value("D0225;2\nNOPE;1")


def test_searching_finds_while_typing(jane: Page) -> None:
    jane.goto("/products")
    jane.locator("#q").press_sequentially("battery")

    expect(jane.locator(".product h2").first).to_contain_text(re.compile("battery", re.IGNORECASE))
    expect(jane).to_have_url(re.compile("q=battery"))


def test_everything_works_without_script(browser: Chromium, port: int) -> None:
    with visiting(browser, port, "Jane Doe", java_script_enabled=False) as page:
        assert place(page, "NO SCRIPT")


STOPS = 40
"""The number of times that Tab may be pressed from the first step to the order."""


def test_the_keyboard_alone_can_place_an_order(jane: Page) -> None:
    jane.goto("/orders/new")
    stops = _tab_to(jane, "Your reference")
    jane.keyboard.type("KEYS")
    jane.keyboard.press("Enter")
    jane.wait_for_url("**/items")
    expect(jane.get_by_label("Name or number")).to_be_focused()
    jane.keyboard.type("desk lamp")
    jane.keyboard.press("Enter")
    expect(jane.locator(".found").first).to_be_visible()
    stops += _tab_to(jane, "Add")
    jane.keyboard.press("Enter")
    expect(jane.get_by_text("is on your order.")).to_be_visible()
    expect(jane.get_by_label("Name or number")).to_be_focused()
    stops += _tab_to(jane, "Continue to review")
    jane.keyboard.press("Enter")
    jane.wait_for_url("**/review")
    stops += _tab_to(jane, "Place the order")
    jane.keyboard.press("Enter")

    expect(jane.get_by_text("Thank you.")).to_be_visible()
    assert stops <= STOPS


def _tab_to(page: Page, name: str) -> int:
    """Press Tab until the element with this label or text has the focus, and can be seen."""
    said = """() => {
        const on = document.activeElement, label = on.labels?.[0]?.innerText ?? "";
        const box = on.getBoundingClientRect();
        return box.width > 1 ? `${label} ${on.innerText ?? ""}`.trim() : "";
    }"""
    for stop in range(1, STOPS + 1):
        page.keyboard.press("Tab")
        if page.evaluate(said).startswith(name):
            return stop
    raise AssertionError(f"the keyboard does not reach {name}")


def test_a_change_is_one_form_and_one_save(jane: Page) -> None:
    place(jane, "ONE SAVE")
    jane.get_by_role("link", name="Change or cancel").click()
    jane.get_by_label("Quantity of").first.fill("20")
    jane.get_by_label("Your reference").fill("x" * 61)
    jane.get_by_label("Product number").fill("D0023")
    jane.locator("#quantity").fill("3")
    jane.get_by_role("button", name="Save changes").click()
    expect(jane.get_by_text("This is too long.")).to_be_visible()
    expect(jane.get_by_label("Quantity of").first).to_have_value("20")
    jane.get_by_label("Your reference").fill("SHORT")
    jane.get_by_label("Quantity of").first.press("Enter")

    expect(jane.get_by_text("Your changes have been saved.")).to_be_visible()
    expect(jane.get_by_label("Quantity of")).to_have_count(2)
    assert [one.input_value() for one in jane.get_by_label("Quantity of").all()] == ["20", "3"]
    expect(jane.get_by_label("Your reference")).to_have_value("SHORT")


def test_what_is_added_in_the_catalogue_stays_in_sight(jane: Page) -> None:
    jane.goto("/products")
    cards = jane.locator(".product")
    name = cards.nth(9).locator("h2").inner_text()
    cards.nth(9).get_by_role("button", name="Add").click()

    expect(cards.nth(9).locator("h2")).to_have_text(name)
    expect(cards.nth(9).locator(".ordered")).to_be_in_viewport()


def test_a_row_of_a_list_is_a_target_for_a_thumb(browser: Chromium, port: int) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
    with visiting(browser, port, "Jane Doe", **phone) as page:
        page.goto("/orders")
        page.locator("tbody tr").first.locator("td").nth(2).tap(force=True)

        page.wait_for_url(re.compile(r"/orders/[\w-]{20,}"))
