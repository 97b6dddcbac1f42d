"""A running demo that all tests share, and Jane signed in at its portal."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.gateway.test_demo import demo
from tests.portal.site import Visitor, visiting


@pytest.fixture(scope="session")
def port() -> Iterator[int]:
    with demo() as (port, _):
        yield port


@pytest.fixture
async def jane(port: int) -> AsyncIterator[Visitor]:
    async with visiting(port, "jane") as visitor:
        yield visitor
