"""Fixtures that tests of one module share. Not of all: Chromium's driver holds the event loop."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.browser.chromium import Chromium, chromium
from tests.browser.customers import visiting
from tests.gateway.test_demo import demo


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with demo() as (port, _):
        yield port


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def jane(browser: Chromium, port: int) -> Iterator[Page]:
    with visiting(browser, port, "Jane Doe") as page:
        yield page
