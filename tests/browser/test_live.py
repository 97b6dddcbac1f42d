"""Open pages of the portal follow what they show, in real Chromium, on the real demo."""

from playwright.sync_api import Page, expect

from tests.browser.chromium import Chromium
from tests.browser.customers import advance, place, visiting
from tests.nightly import NIGHTLY

TABS = 50 if NIGHTLY else 6
"""Open tabs of one browser; it has six connections to a site."""
SLOWLY = 90_000
"""Milliseconds in which a page that has no stream has asked again, by its own clock."""
SAID = "This page has changed and now shows the latest."


def test_an_open_order_changes_before_ones_eyes_and_says_so(jane: Page, port: int) -> None:
    streams: list[str] = []
    jane.on(
        "request", lambda request: streams.append(request.url) if "/live/" in request.url else None
    )
    number = place(jane, "LIVE")
    status = jane.locator("#news")
    expect(status).to_be_empty()
    jane.locator("a", has_text="Change or cancel").focus()
    jane.evaluate("window.still = true")
    advance(port, number, "confirmed")

    expect(jane.locator("h1 .badge")).to_have_text("Confirmed", timeout=SLOWLY)
    expect(status).to_contain_text(SAID)
    expect(status).to_contain_text("Confirmed")
    assert status.get_attribute("role") == "status"
    assert jane.evaluate("window.still"), "the page was not loaded anew"
    assert any("/live/order?id=" in each for each in streams)


def test_lists_and_the_overview_follow(browser: Chromium, jane: Page, port: int) -> None:
    number = place(jane, "LISTED")
    with visiting(browser, port, "Jane Doe") as other:
        other.goto("/orders?q=LISTED")
        row = other.get_by_role("row", name=number)
        expect(row).to_contain_text("Open")
        jane.goto("/dashboard")
        advance(port, number, "delivered")
        expect(row).to_contain_text("Delivered", timeout=SLOWLY)
        expect(other.locator("#news")).to_contain_text(SAID)
    expect(jane.locator("#live")).to_contain_text("Delivered", timeout=SLOWLY)


def test_a_page_asks_where_streams_are_cut(jane: Page, port: int) -> None:
    jane.clock.install()
    jane.context.route("**/live/**", lambda route: route.abort())
    number = place(jane, "CUT")
    advance(port, number, "confirmed")
    for _ in range(2):  # the time for which it waits for its stream, and until it asks again
        jane.clock.fast_forward(SLOWLY)
        jane.wait_for_timeout(500)

    expect(jane.locator("h1 .badge")).to_have_text("Confirmed", timeout=SLOWLY)


def test_many_tabs_of_one_browser_leave_it_connections(jane: Page, port: int) -> None:
    jane.context.clock.install()
    number = place(jane, "TABS")
    tabs, following = [jane], {jane}
    for _ in range(TABS - 1):
        tabs.append(tab := jane.context.new_page())
        tab.on(
            "request",
            lambda asked: following.add(asked.frame.page) if "/live/" in asked.url else None,
        )
        tab.goto(jane.url)
    advance(port, number, "confirmed")

    for tab in tabs:
        if tab not in following:
            tab.clock.fast_forward(SLOWLY)
        expect(tab.locator("h1 .badge")).to_have_text("Confirmed", timeout=SLOWLY)
    held = jane.evaluate("navigator.locks.query().then((all) => all.held.length)")
    assert 1 <= held <= 3, "a few tabs have a stream, the others ask"
    tabs[-1].goto("/orders")
    expect(tabs[-1].get_by_role("heading", level=1)).to_have_text("Orders")
