"""Fixtures that all tests share: asynchronous tests run on asyncio, as the gateway does."""

from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette

from tests.stack import Stack, emulator, running


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def small_world() -> Starlette:
    """An emulator with the small world, shared by all tests that only read."""
    return emulator()


@pytest.fixture(scope="module")
async def stack(small_world: Starlette) -> AsyncIterator[Stack]:
    """A gateway in front of the small world, shared by the tests of a module."""
    async with running(small_world) as found:
        yield found


@pytest.fixture(scope="session")
def changing_world() -> Starlette:
    """Another small world, for tests that write; none of them may count what is there."""
    return emulator()


@pytest.fixture(scope="module")
async def writable(changing_world: Starlette) -> AsyncIterator[Stack]:
    """A gateway in front of the world that changes, shared by the tests of a module."""
    async with running(changing_world) as found:
        yield found


@pytest.fixture(scope="module")
async def representatives(small_world: Starlette) -> AsyncIterator[Stack]:
    """As `stack`, but every customer sees all rows of their accounts."""
    async with running(small_world, customer_roles=("representative",)) as found:
        yield found
