"""While a service cannot be asked, cached reference data is shown as long as the policy says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette

from emulator.faults.connections import InProcess
from tests.gateway.orders.ordering import PREVIEW
from tests.stack import Answer, Stack, running

pytestmark = pytest.mark.anyio

YOUNG = 0.2
"""Seconds for which cached rows are used without an outage."""
CATALOGUE = "{ products(first: 5) { nodes { id number name } totalCount } }"
ORDERS = "{ orders(first: 5) { nodes { number } } }"
POLICY = "[rows]\noutage = {seconds}\n"
FAULTS = {
    "down": httpx2.Response(503),
    "throttled": httpx2.Response(
        429,
        headers={"Retry-After": "1"},
        json={"error": {"code": "0x80072322", "message": "Number of requests exceeded the limit."}},
    ),
}


class Failing(InProcess):
    """A way upstream on which Dataverse may answer with a fault alone."""

    fault: httpx2.Response | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.fault is not None and "/api/data/" in str(request.url):
            return httpx2.Response(
                self.fault.status_code, headers=self.fault.headers, content=self.fault.content
            )
        return await super().handle_async_request(request)


@asynccontextmanager
async def warm(
    world: Starlette, folder: Path, seconds: float
) -> AsyncIterator[tuple[Stack, Failing, Answer]]:
    """A gateway that has read a catalogue, its way to Dynamics, and what it read."""
    policy = folder / "policy.toml"
    policy.write_text(POLICY.format(seconds=seconds))
    way = Failing(app=world)
    async with running(world, way, keep_rows=YOUNG, policy=str(policy)) as stack:
        before = await stack.ask(CATALOGUE)
        assert before.codes == []
        assert "extensions" not in before.body
        await asyncio.sleep(2 * YOUNG)
        yield stack, way, before


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_list_of_cached_rows_stands_and_tells_its_age(
    small_world: Starlette, tmp_path: Path, fault: str
) -> None:
    async with warm(small_world, tmp_path, 600) as (stack, way, before):
        way.fault = FAULTS[fault]
        answer = await stack.ask(CATALOGUE)
        way.fault = None

    assert answer.codes == []
    assert answer.data == before.data
    assert answer.body["extensions"]["age"].keys() == {"Product"}
    assert 0 <= answer.body["extensions"]["age"]["Product"] < 60


async def test_without_a_word_of_the_policy_no_old_row_is_shown(
    small_world: Starlette, tmp_path: Path
) -> None:
    async with warm(small_world, tmp_path, 0) as (stack, way, _):
        way.fault = FAULTS["down"]
        answer = await stack.ask(CATALOGUE)

    assert answer.codes == ["UPSTREAM_UNAVAILABLE"]


async def test_old_rows_are_shown_no_longer_than_the_policy_says(
    small_world: Starlette, tmp_path: Path
) -> None:
    async with warm(small_world, tmp_path, 1) as (stack, way, _):
        way.fault = FAULTS["down"]
        await asyncio.sleep(1)
        answer = await stack.ask(CATALOGUE)

    assert answer.codes == ["UPSTREAM_UNAVAILABLE"]


async def test_what_is_not_cached_and_what_decides_about_an_order_is_never_old(
    small_world: Starlette, tmp_path: Path
) -> None:
    anew = {"Cache-Control": "no-cache"}
    async with warm(small_world, tmp_path, 600) as (stack, way, before):
        product = before.data["products"]["nodes"][0]["id"]
        wanted = {"lines": [{"product": product, "quantity": "1"}]}
        way.fault = FAULTS["down"]
        orders = await stack.ask(ORDERS)
        preview = await stack.ask(PREVIEW, input=wanted)
        fresh = await stack.ask(CATALOGUE, headers=anew)

    for answer in (orders, preview, fresh):
        assert answer.codes
        assert all(code.startswith(("UPSTREAM", "OVERLOADED")) for code in answer.codes)
        assert "age" not in answer.body.get("extensions", {})
