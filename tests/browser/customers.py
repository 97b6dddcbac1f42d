"""People who visit the portal with Chromium, and what befalls them."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from playwright.sync_api import Page, expect
from starlette.applications import Starlette

from portal.app import create_app
from tests.browser.chromium import Chromium
from tests.portal.site import Counting, settings
from tests.ports import free_port

EMULATOR = Path(sys.executable).with_name("emulator")


@contextmanager
def visiting(browser: Chromium, port: int, name: str | None, **options: Any) -> Iterator[Page]:
    """A page of somebody who is signed in; what went wrong unseen fails the test."""
    complaints: list[str] = []
    options = {"base_url": f"http://127.0.0.1:{port}", "locale": "en-US", **options}
    with browser.context(**options) as context:
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if _bad(said.text) else None)
        if name:
            page.goto("/sign-in")
            page.get_by_role("button", name=name).click()
            page.wait_for_url("**/dashboard")
        yield page
    assert complaints == [], complaints


def _bad(text: str) -> bool:
    return "Content Security Policy" in text or "Uncaught" in text


def place(page: Page, reference: str) -> str:
    """An order through all three steps; its number."""
    to_review(page, reference)
    page.get_by_role("button", name="Place the order").click()
    expect(page.get_by_text("Thank you.")).to_be_visible()
    return number(page)


def to_review(page: Page, reference: str) -> None:
    """The three steps up to the last button, in any language."""
    page.goto("/orders/new")
    page.locator("#reference").fill(reference)
    page.locator("form.stack button.primary").click()
    page.locator("#q").fill("desk lamp")
    page.locator("form[role=search] button").click()
    page.locator(".found button").first.click()
    page.locator("button[name=next]").click()
    page.wait_for_url("**/orders/new/review")


def number(page: Page) -> str:
    """The number of the order that is shown."""
    return page.get_by_role("heading", level=1).inner_text().split()[1]


def advance(port: int, number: str, to: str) -> None:
    """Let the seller go on with an order of the demo."""
    url = f"http://127.0.0.1:{port + 1}"
    command = [str(EMULATOR), "advance", number, "--to", to, "--url", url]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


@dataclass(frozen=True)
class Portal:
    """A portal of the test's own, in front of the demo's gateway."""

    port: int
    app: Starlette
    gateway: Counting

    def forget(self, page: Page) -> None:
        """The session was left alone for longer than it lasts."""
        cookie = next(one for one in page.context.cookies() if one["name"] == "portal")
        session = self.app.state.site.sessions.find(cookie["value"])
        session.touched = 0.0


@contextmanager
def portal(port: int) -> Iterator[Portal]:
    """Served in a thread, so that the test reaches its sessions and its way to the gateway."""
    own, gateway = free_port(1), Counting()
    app = create_app(settings(port, public_url=f"http://127.0.0.1:{own}"), transport=gateway)
    config = uvicorn.Config(app, port=own, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        yield Portal(own, app, gateway)
    finally:
        server.should_exit = True
        thread.join(timeout=30)
