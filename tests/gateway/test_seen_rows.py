"""While Dynamics cannot be asked, callers see again what they saw, if the policy says so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from tests.gateway.orders.ordering import PREVIEW
from tests.gateway.test_rows_in_outages import FAULTS, Failing
from tests.stack import Stack, running

pytestmark = pytest.mark.anyio

ORDERS = """{ orders(first: 5) { totalCount nodes {
  number account { number } lines(first: 3) { nodes { sequence product { number } } } } } }"""
ORDER = "query ($id: ID!) { order(id: $id) { number customerReference } }"
FIRST = "{ orders(first: 1) { nodes { id } } }"


@asynccontextmanager
async def allowed(
    world: Starlette, folder: Path, seconds: float = 600, **changes: Any
) -> AsyncIterator[tuple[Stack, Failing]]:
    """A gateway whose policy allows so many seconds, and its way to Dynamics."""
    policy = folder / "policy.toml"
    policy.write_text(f"[seen]\noutage = {seconds}\n")
    way = Failing(app=world)
    async with running(world, way, policy=str(policy), **changes) as stack:
        yield stack, way


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_list_of_orders_stands_and_tells_its_age(
    small_world: Starlette, tmp_path: Path, fault: str, compiled: bool
) -> None:
    async with allowed(small_world, tmp_path, compiled_plans=compiled) as (stack, way):
        before = await stack.ask(ORDERS)
        way.fault = FAULTS[fault]
        answer = await stack.ask(ORDERS)

    assert answer.codes == []
    assert answer.data == before.data
    assert "extensions" not in before.body
    assert "SalesOrder" in answer.body["extensions"]["age"]
    assert all(0 <= age < 60 for age in answer.body["extensions"]["age"].values())


async def test_one_order_stands_too(small_world: Starlette, tmp_path: Path) -> None:
    async with allowed(small_world, tmp_path) as (stack, way):
        (order,) = (await stack.ask(FIRST)).data["orders"]["nodes"]
        before = await stack.ask(ORDER, id=order["id"])
        way.fault = FAULTS["down"]
        answer = await stack.ask(ORDER, id=order["id"])

    assert answer.data == before.data
    assert answer.body["extensions"]["age"].keys() == {"SalesOrder"}


async def test_nobody_sees_what_a_colleague_saw(small_world: Starlette, tmp_path: Path) -> None:
    roles = ("representative",)
    async with allowed(small_world, tmp_path, customer_roles=roles) as (stack, way):
        await stack.ask("{ viewer { kind } }", as_="rep")
        await stack.ask(ORDERS, as_="jane")
        way.fault = FAULTS["down"]
        answer = await stack.ask(ORDERS, as_="rep")

    assert answer.codes


async def test_what_was_never_seen_is_not_shown(small_world: Starlette, tmp_path: Path) -> None:
    async with allowed(small_world, tmp_path) as (stack, way):
        await stack.ask(ORDERS)
        way.fault = FAULTS["down"]
        answer = await stack.ask("{ orders(first: 4) { nodes { number } } }")

    assert answer.codes == ["UPSTREAM_UNAVAILABLE"]


async def test_without_a_word_of_the_policy_nothing_is_shown_again(
    small_world: Starlette, tmp_path: Path
) -> None:
    async with allowed(small_world, tmp_path, 0) as (stack, way):
        await stack.ask(ORDERS)
        way.fault = FAULTS["down"]
        answer = await stack.ask(ORDERS)

    assert answer.codes


async def test_nothing_that_was_seen_decides_about_an_order(
    small_world: Starlette, tmp_path: Path
) -> None:
    async with allowed(small_world, tmp_path) as (stack, way):
        products = await stack.ask("{ products(first: 1) { nodes { id } } }")
        line = {"product": products.data["products"]["nodes"][0]["id"], "quantity": "1"}
        first = await stack.ask(PREVIEW, input={"lines": [line]})
        way.fault = FAULTS["down"]
        answer = await stack.ask(PREVIEW, input={"lines": [line]})

    assert first.codes == []
    assert answer.codes


async def test_who_asks_for_rows_anew_sees_none_from_before(
    small_world: Starlette, tmp_path: Path
) -> None:
    async with allowed(small_world, tmp_path) as (stack, way):
        await stack.ask(ORDERS)
        way.fault = FAULTS["down"]
        answer = await stack.ask(ORDERS, headers={"Cache-Control": "no-cache"})

    assert answer.codes
