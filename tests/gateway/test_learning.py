"""A start at which the metadata cannot be read goes on with the names that are known."""

import pytest
from starlette.applications import Starlette

from emulator.faults.connections import InProcess
from tests.environments import Undescribed
from tests.stack import running

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
async def test_metadata_that_cannot_be_read_stops_no_start(
    small_world: Starlette, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    transport = Undescribed(InProcess(app=small_world), status)

    async with running(small_world, transport) as stack:
        orders = (await stack.ask("{ orders { nodes { company } } }")).data["orders"]

    assert orders["nodes"]
    assert transport.refused
    assert "the metadata cannot be read" in caplog.text
