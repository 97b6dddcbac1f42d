"""A world whose changes are told, and a receiver that is told of them without long pauses."""

from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette

from gateway.deliveries import delivering
from gateway.telling import journal as journals
from tests.gateway.deliveries.receiving import Receiver, receiving
from tests.stack import emulator


@pytest.fixture(scope="module")
def world() -> Starlette:
    return emulator()


@pytest.fixture
async def receiver(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    monkeypatch.setattr(journals, "YOUNG", 0.0)
    monkeypatch.setattr(delivering, "FIRST_PAUSE", 0.05)
    async with receiving() as found:
        yield found
