import pytest
from starlette.applications import Starlette

from tests.stack import emulator


@pytest.fixture(scope="module")
def world() -> Starlette:
    """An emulator of their own for the tests of a module, which change its rows."""
    return emulator()
