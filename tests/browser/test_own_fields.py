"""A field that an extension of the gateway adds to orders, in real Chromium without JavaScript."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import Chromium
from tests.browser.customers import visiting
from tests.gateway.test_demo import demo

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def acme() -> Iterator[int]:
    columns = str(ROOT / "examples" / "acme.toml")
    with demo("--extension", "examples.acme", "--metadata", columns, folder=ROOT) as (port, _):
        yield port


def test_it_is_filled_in_placed_and_changed(browser: Chromium, acme: int) -> None:
    with visiting(browser, acme, "Jane Doe", java_script_enabled=False) as page:
        page.goto("/orders/new")
        page.get_by_label("The project that the order is for").fill("Stadium")
        page.get_by_label("How urgent the order is").select_option("Before all others")
        page.get_by_role("button", name="Continue to items").click()
        page.locator("#q").fill("desk lamp")
        page.locator("form[role=search] button").click()
        page.locator(".found button").first.click()
        page.locator("button[name=next]").click()
        expect(page.get_by_text("Stadium")).to_be_visible()
        page.get_by_role("button", name="Place the order").click()
        expect(page.get_by_text("Before all others")).to_be_visible()
        page.get_by_role("link", name="Change or cancel").click()
        project = page.get_by_label("The project that the order is for")
        expect(project).to_have_value("Stadium")
        project.fill("Tower")
        page.get_by_role("button", name="Save changes").first.click(force=True)

        expect(project).to_have_value("Tower")
        expect(page.get_by_text("Your changes have been saved.")).to_be_visible()
