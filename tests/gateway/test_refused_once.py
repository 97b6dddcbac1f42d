"""An operation for which no call may be made ends at once, with graphql-core's own answer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emulator.faults.actions import Fail, Throttle
from gateway.upstream import breaker
from tests.gateway.test_metrics import counted
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio

NEWER = {"Accept": "application/graphql-response+json"}
OLDER = {"Accept": "application/json"}
QUOTA = """
[roles.buyer]
extends = "buyer"
quota = 1
"""
ORDER, NODE = '{ order(id: "%s") { number lines { nodes { id } } } }', '{ node(id: "%s") { id } }'
STATUSES = {"used up": 429, "throttled": 503, "left alone": 200}
"""Reasons to make no call, and the status of a response that no field of was answered."""
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


@pytest.fixture(params=STATUSES)
def reason(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> "Reason":
    monkeypatch.setattr(breaker, "OPEN", 60.0)
    path = tmp_path / "policy.toml"
    path.write_text(QUOTA)
    return Reason(request.param, {"policy": str(path)} if request.param == "used up" else {})


@dataclass(frozen=True)
class Reason:
    """The reason to make no call."""

    name: str
    settings: dict[str, Any]

    @property
    def status(self) -> int:
        return STATUSES[self.name]

    async def begin(self, stack: Stack) -> str:
        """Let no call be made from now on; the id of an order."""
        answer = await stack.ask("{ orders(first: 1) { nodes { id } } }")
        if self.name != "used up":
            action = Fail() if self.name == "left alone" else Throttle("requests", 60)
            stack.emulator.state.faults.add(action, service="dataverse")
            for table in ("orders", "invoices"):
                for first in range(2, 2 + breaker.CALLS):
                    await stack.ask(f"{{ {table}(first: {first}) {{ nodes {{ id }} }} }}")
        return str(answer.data["orders"]["nodes"][0]["id"])


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


async def refused_answers(reason: Reason, *, plans: bool) -> list[dict[str, Any]]:
    """The answers to all queries of a caller for whom no call may be made."""
    async with running(emulator(), compiled_plans=plans, **reason.settings) as stack:
        order = await reason.begin(stack)
        asked = [each.replace("%s", order) for each in WHOLE + IN_PART]
        return [await answered(stack, each, accept) for each in asked for accept in (NEWER, OLDER)]


async def test_the_answer_is_that_of_graphql_core(reason: Reason) -> None:
    compiled = await refused_answers(reason, plans=True)
    core = await refused_answers(reason, plans=False)

    assert compiled == core
    statuses = [each["status"] for each in core]
    assert statuses == [reason.status, 200] * len(WHOLE) + [200] * 2 * len(IN_PART)


async def test_it_is_not_executed_again(reason: Reason) -> None:
    async with running(emulator(), metrics=True, **reason.settings) as stack:
        order = await reason.begin(stack)
        before = await counted(stack, "gateway_operations", "way", "reason")
        asked = [each.replace("%s", order) for each in WHOLE]
        refused = [(await answered(stack, each, NEWER))["status"] for each in asked]
        ways = await counted(stack, "gateway_operations", "way", "reason")

    assert refused == [reason.status] * len(WHOLE)
    assert ways == before | {("compiled", ""): before["compiled", ""] + len(WHOLE)}


async def test_fields_that_may_be_read_are_answered_beside_one_that_may_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(breaker, "OPEN", 60.0)
    async with running(emulator()) as stack:
        await Reason("left alone", {}).begin(stack)
        stack.emulator.state.faults.clear()
        answer = await stack.ask(
            "{ orders(first: 3) { nodes { id } } products(first: 3) { nodes { id } } }"
        )

    assert answer.codes == ["UPSTREAM_UNAVAILABLE"]
    assert answer.body["data"]["orders"] is None
    assert len(answer.body["data"]["products"]["nodes"]) == 3
