"""What a service should not send spoils the row that it stands in, and no other."""

from collections.abc import Callable
from typing import Any

import httpx2
import msgspec
import pytest
from starlette.applications import Starlette

from emulator.faults.connections import InProcess
from tests.stack import Answer, running

pytestmark = pytest.mark.anyio
BROKEN: list[Any] = ["text", "", 7, 0.5, True, [], ["text"], [{}], {"value": {}}]
"""What may stand where a row or a key belongs; a row without its columns is none either."""
Change = Callable[[dict[str, Any]], None]
LINES = "{ orderLines(first: 9) { nodes { id product { number } } } }"


class Breaking(InProcess):
    """Changes the first line of each answer that holds order lines."""

    def __init__(self, app: Starlette, change: Change) -> None:
        super().__init__(app=app)
        self._change = change

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if "/salesorderdetails?" not in str(request.url):
            return response
        body = msgspec.json.decode(await response.aread())
        self._change(body["value"][0])
        return httpx2.Response(200, json=body)


async def asked(world: Starlette, change: Change, *, compiled: bool) -> tuple[list[Any], Answer]:
    """The lines as they are, and the answer where the first of them is changed."""
    async with running(world, compiled_plans=compiled) as whole:
        wanted = (await whole.ask(LINES)).data["orderLines"]["nodes"]
    async with running(world, Breaking(world, change), compiled_plans=compiled) as stack:
        return wanted, await stack.ask(LINES)


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "core"])
@pytest.mark.parametrize("broken", BROKEN, ids=str)
async def test_a_row_that_cannot_be_proved_the_callers_is_left_out(
    small_world: Starlette, broken: Any, compiled: bool
) -> None:
    wanted, answer = await asked(
        small_world, lambda line: line.update(salesorderid=broken), compiled=compiled
    )

    found = answer.data["orderLines"]["nodes"]
    assert wanted[0] not in found
    assert found[:7] == wanted[1:8]


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "core"])
@pytest.mark.parametrize("broken", [each for each in BROKEN if each != ""], ids=str)
async def test_a_key_that_is_none_leaves_the_links_of_other_rows_alone(
    small_world: Starlette, broken: Any, compiled: bool
) -> None:
    wanted, answer = await asked(
        small_world, lambda line: line.update(_productid_value=broken), compiled=compiled
    )

    assert answer.body["data"]["orderLines"]["nodes"] == [
        wanted[0] | {"product": None},
        *wanted[1:],
    ]
    (error,) = answer.body["errors"]
    assert error["path"] == ["orderLines", "nodes", 0, "product"]
    assert error["extensions"]["code"] == "UPSTREAM_MISMATCH"
