"""What every test shares: asynchronous tests run on asyncio, as the gateway does."""

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
