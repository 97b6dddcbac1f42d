"""Chromium that does not close what it opened, as befell it after a download, holds nothing up."""

import os
import signal

import pytest

from tests.browser import chromium
from tests.browser.chromium import Chromium


def test_a_browser_that_closes_nothing_is_replaced(
    browser: Chromium, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chromium, "CLOSES", 1)
    with browser.context() as context:
        context.new_page().goto("data:text/html,first")
        for each in browser.processes():
            os.kill(each, signal.SIGSTOP)
    with browser.context() as context:
        page = context.new_page()
        page.goto("data:text/html,second")

        assert page.inner_text("body") == "second"
