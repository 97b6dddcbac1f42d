"""An operation that is refused for want of calls ends at once, with graphql-core's own answer."""

from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from tests.gateway.test_metrics import counted
from tests.stack import Stack, running

pytestmark = pytest.mark.anyio

NEWER = {"Accept": "application/graphql-response+json"}
OLDER = {"Accept": "application/json"}
QUOTA = """
[roles.buyer]
extends = "buyer"
quota = 1
"""
ORDER, NODE = '{ order(id: "%s") { number lines { nodes { id } } } }', '{ node(id: "%s") { id } }'
WHOLE = [
    "{ orders { nodes { number } } }",
    "{\n  mine: orders(first: 1) { totalCount }\n  mine: orders(first: 1) { nodes { id } } }",
    "query { ...lists } fragment lists on Query { orders(first: 2) { nodes { id } } }",
    "{ orders(first: 3) { nodes { id } } invoices(first: 3) { nodes { id } } }",
    "query ($yes: Boolean = true) { b: orders { totalCount } a: orders @include(if: $yes) "
    "{ nodes { id } } c: invoices @skip(if: $yes) { totalCount } }",
    ORDER,
    NODE,
]
"""Queries of which nothing is left where no call may be made."""
IN_PART = [
    "{ __typename orders { nodes { number } } }",
    "{ viewer { kind contact { id } } }",
    'query { nodes(ids: ["%s"]) { id } }',
    'query { nodes(ids: ["%s"]) { id } orders { nodes { id } } }',
    '{ order(id: "none") { number } orders { nodes { id } } }',
]
"""Queries that have an answer without any call, or other errors."""


@pytest.fixture
def policy(tmp_path: Path) -> str:
    path = tmp_path / "policy.toml"
    path.write_text(QUOTA)
    return str(path)


async def answered(stack: Stack, query: str, accept: dict[str, str]) -> dict[str, Any]:
    """All that an answer says, but for the seconds."""
    who = {"Authorization": f"Bearer {await stack.token('jane')}"}
    answer = await stack.gateway.post("/graphql", json={"query": query}, headers=who | accept)
    body = answer.json()
    for error in body.get("errors", ()):
        error["extensions"].pop("retryAfter", None)
    kept = {name: answer.headers.get(name) for name in ("content-type", "ratelimit-policy")}
    return {"status": answer.status_code, "body": body, "after": "retry-after" in answer.headers,
            **kept}  # fmt: skip


async def refused_answers(world: Starlette, policy: str, *, plans: bool) -> list[dict[str, Any]]:
    """The answers to all queries of a caller whose quota is used up."""
    async with running(world, policy=policy, compiled_plans=plans) as stack:
        order = await used_up(stack)
        asked = [each.replace("%s", order) for each in WHOLE + IN_PART]
        return [await answered(stack, each, accept) for each in asked for accept in (NEWER, OLDER)]


async def used_up(stack: Stack) -> str:
    """The id of an order, for which the only call was made."""
    answer = await stack.ask("{ orders(first: 1) { nodes { id } } }")
    return str(answer.data["orders"]["nodes"][0]["id"])


async def test_the_answer_is_that_of_graphql_core(small_world: Starlette, policy: str) -> None:
    compiled = await refused_answers(small_world, policy, plans=True)
    core = await refused_answers(small_world, policy, plans=False)

    assert compiled == core
    statuses = [each["status"] for each in core]
    assert statuses == [429, 200] * len(WHOLE) + [200] * 2 * len(IN_PART)


@pytest.mark.parametrize("query", WHOLE)
async def test_it_is_not_executed_again(small_world: Starlette, policy: str, query: str) -> None:
    async with running(small_world, policy=policy, metrics=True) as stack:
        order = await used_up(stack)
        refused = await answered(stack, query.replace("%s", order), NEWER)
        ways = await counted(stack, "gateway_operations", "way", "reason")

    assert refused["status"] == 429
    assert ways == {("compiled", ""): 2}
