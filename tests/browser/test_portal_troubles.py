"""The portal in Chromium when things go wrong: nothing typed is lost, nothing ordered twice."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import Chromium
from tests.browser.customers import Portal, number, place, portal, to_review, visiting

DOWN = "We cannot reach our systems right now"


@pytest.fixture(scope="module")
def own(port: int) -> Iterator[Portal]:
    with portal(port) as found:
        yield found


@pytest.fixture
def sam(browser: Chromium, own: Portal) -> Iterator[Page]:
    with visiting(browser, own.port, "Sam Okafor") as page:
        yield page
    own.gateway.is_down, own.gateway.loses = False, 0


def again(page: Page, name: str = "Sam Okafor") -> None:
    """Back from the issuer, where the ended session led to."""
    page.get_by_role("button", name=name).click()


def orders(page: Page, reference: str) -> list[str]:
    """The orders with this reference."""
    page.goto(f"/orders?q={reference}")
    return page.locator("tbody th").all_inner_texts()


def test_a_session_that_ends_amid_a_form_loses_nothing(sam: Page, own: Portal) -> None:
    sam.goto("/orders/new")
    sam.get_by_label("Your reference").fill("ENDED")
    sam.get_by_label("Another address").check()
    sam.get_by_role("textbox", name="Street").fill("Quay 7")
    sam.get_by_role("textbox", name="City").fill("Oakland")
    own.forget(sam)
    sam.get_by_role("button", name="Continue to items").click()
    again(sam)
    expect(sam.get_by_role("heading", name="Nothing you typed is lost")).to_be_visible()
    sam.get_by_role("button", name="Continue").click()
    sam.wait_for_url("**/orders/new/items")
    sam.goto("/orders/new")

    expect(sam.get_by_label("Your reference")).to_have_value("ENDED")
    expect(sam.get_by_role("textbox", name="Street")).to_have_value("Quay 7")


def test_an_order_is_placed_after_its_session_ended(sam: Page, own: Portal) -> None:
    to_review(sam, "ENDED-LATE")
    own.forget(sam)
    sam.get_by_role("button", name="Place the order").click()
    again(sam)
    sam.get_by_role("button", name="Continue").click()

    expect(sam.get_by_text("Thank you.")).to_be_visible()
    assert len(orders(sam, "ENDED-LATE")) == 1


def test_somebody_else_gets_nothing_of_the_form(sam: Page, own: Portal) -> None:
    sam.goto("/orders/new")
    sam.get_by_label("Your reference").fill("PRIVATE")
    own.forget(sam)
    sam.get_by_role("button", name="Continue to items").click()
    again(sam, "May Tanaka")
    sam.wait_for_url("**/dashboard")
    sam.goto("/orders/new")

    expect(sam.get_by_label("Your reference")).to_have_value("")


def test_searching_after_the_session_ended_leads_to_signing_in(sam: Page, own: Portal) -> None:
    sam.goto("/products")
    own.forget(sam)
    sam.locator("#q").press_sequentially("lamp")

    sam.wait_for_url("**/issuer/**")
    again(sam)
    expect(sam.get_by_role("heading", name="Products")).to_be_visible()


def test_while_the_gateway_is_down_pages_say_so_and_can_be_tried_again(
    sam: Page, own: Portal
) -> None:
    own.gateway.is_down = True
    sam.goto("/orders?q=lamp")
    expect(sam.get_by_role("heading", name=DOWN, level=2)).to_be_visible()
    expect(sam.get_by_text("+1 555 0100")).to_be_visible()
    own.gateway.is_down = False
    sam.get_by_role("link", name="Try again").click()

    expect(sam.get_by_role("heading", name="Orders", exact=True)).to_be_visible()
    expect(sam.locator("#q")).to_have_value("lamp")


def test_a_form_that_the_gateway_missed_is_sent_again(sam: Page, own: Portal) -> None:
    sam.goto("/orders/new")
    sam.get_by_role("button", name="Continue to items").click()
    sam.locator("summary", has_text="Paste").click()
    own.gateway.is_down = True
    sam.get_by_label("or a CSV file").set_input_files(
        {"name": "list.csv", "mimeType": "text/csv", "buffer": b"D0225,3\nD0023,4\n"}
    )
    sam.get_by_role("button", name="Add these lines").click()
    expect(sam.get_by_role("heading", name=DOWN, level=2)).to_be_visible()
    own.gateway.is_down = False
    sam.get_by_role("button", name="Send again").click()

    expect(sam.get_by_text("2 lines were added.")).to_be_visible()
    assert [one.input_value() for one in sam.get_by_label("Quantity of").all()] == ["3", "4"]


def test_searching_while_the_gateway_is_down_says_so(sam: Page, own: Portal) -> None:
    sam.goto("/products")
    own.gateway.is_down = True
    sam.locator("#q").press_sequentially("lamp")

    expect(sam.get_by_role("heading", name=DOWN, level=2)).to_be_visible()


def test_a_lost_answer_is_checked_until_the_order_shows(sam: Page, own: Portal) -> None:
    to_review(sam, "UNHEARD")
    own.gateway.loses = 2
    sam.get_by_role("button", name="Place the order").click()
    expect(sam.get_by_role("heading", name="Your order is being checked", level=2)).to_be_visible()

    expect(sam.get_by_text("Thank you.")).to_be_visible()
    assert len(orders(sam, "UNHEARD")) == 1


def test_an_order_that_never_arrived_is_placed_when_it_can_be(sam: Page, own: Portal) -> None:
    to_review(sam, "UNSENT")
    own.gateway.is_down = True
    sam.get_by_role("button", name="Place the order").click()
    expect(sam.get_by_role("heading", name="Your order is being checked", level=2)).to_be_visible()
    own.gateway.is_down = False
    sam.get_by_role("link", name="Check now").click()

    expect(sam.get_by_text("Thank you.")).to_be_visible()
    assert len(orders(sam, "UNSENT")) == 1


def test_a_double_click_a_reload_and_another_tab_order_once(sam: Page) -> None:
    to_review(sam, "TWICE")
    other = sam.context.new_page()
    other.goto("/orders/new/review")
    sam.get_by_role("button", name="Place the order").dblclick()
    expect(sam.get_by_text("Thank you.")).to_be_visible()
    placed = number(sam)
    sam.reload()
    other.get_by_role("button", name="Place the order").click()

    assert number(other) == placed
    assert orders(sam, "TWICE") == [placed]


def test_going_back_after_an_order_starts_no_other(sam: Page) -> None:
    place(sam, "BACK")
    sam.go_back()

    expect(sam.get_by_text("Your order is empty.")).to_be_visible()
    assert len(orders(sam, "BACK")) == 1


def test_without_script_a_lost_answer_resolves_too(browser: Chromium, own: Portal) -> None:
    with visiting(browser, own.port, "Sam", java_script_enabled=False) as page:
        to_review(page, "PLAIN")
        own.gateway.loses = 2
        page.get_by_role("button", name="Place the order").click()

        expect(page.get_by_text("Thank you.")).to_be_visible()
        assert len(orders(page, "PLAIN")) == 1
