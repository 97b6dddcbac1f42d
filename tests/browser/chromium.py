"""Real Chromium, without what a test machine lacks or a test must not wait for."""

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from playwright.sync_api import Browser, BrowserContext, Error, Playwright, expect, sync_playwright

FLAGS = [
    "--no-sandbox",  # CI is root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 30_000
"""Milliseconds; GraphiQL's editor alone is five megabytes, and the machine may be busy."""
CLOSES = 60
"""Seconds in which what was opened is closed; once in a while, Chromium never does."""


class Chromium:
    """A running Chromium; another one where it has ended."""

    def __init__(self, playwright: Playwright, program: str) -> None:
        self._playwright, self._program = playwright, program
        self._mark = f"--tests={uuid4().hex}"  # a flag that Chromium does not know
        self._browser: Browser | None = None

    @contextmanager
    def context(self, **options: Any) -> Iterator[BrowserContext]:
        """Cookies and pages of somebody, which are closed at the end."""
        context = self._running().new_context(**options)
        context.set_default_timeout(PATIENCE)
        try:
            yield context
        finally:
            with self._mortal(), suppress(Error):
                context.close()

    def close(self) -> None:
        if self._browser is not None:
            with self._mortal():
                self._browser.close()

    def processes(self) -> list[int]:
        """The processes of the browser itself, without which those of its pages end."""
        found = []
        for each in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):  # it has ended meanwhile
                if self._mark.encode() in each.read_bytes():
                    found.append(int(each.parent.name))
        return found

    def _running(self) -> Browser:
        if self._browser is None or not self._browser.is_connected():
            self._browser = self._playwright.chromium.launch(
                executable_path=self._program, args=[*FLAGS, self._mark]
            )
        return self._browser

    @contextmanager
    def _mortal(self) -> Iterator[None]:
        """Kill Chromium where this takes too long; Playwright waits for ever."""
        death = threading.Timer(CLOSES, self._kill)
        death.start()
        try:
            yield
        finally:
            death.cancel()

    def _kill(self) -> None:
        for each in self.processes():
            os.kill(each, signal.SIGKILL)


@contextmanager
def chromium() -> Iterator[Chromium]:
    found = shutil.which("chromium")
    assert found, "run scripts/install --browser"
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = Chromium(playwright, found)
        yield browser
        browser.close()
