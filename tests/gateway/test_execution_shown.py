"""`extensions.execution` says which way an operation went and why, to those who are to know."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from tests.stack import Stack, running

pytestmark = pytest.mark.anyio

ORDERS = "{ orders(first: 2) { nodes { number } } }"


@pytest.fixture
async def shown(small_world: Starlette) -> AsyncIterator[Stack]:
    async with running(small_world, show_execution=True) as found:
        yield found


async def ask(stack: Stack, query: str, as_: str, **body: Any) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {await stack.token(as_)}"}
    return await stack.gateway.post("/graphql", json={"query": query, **body}, headers=headers)


@pytest.mark.parametrize(
    ("query", "execution"),
    [
        (ORDERS, {"way": "compiled"}),
        ("{ __schema { queryType { name } } }", {"way": "core", "reason": "the field __schema"}),
        (
            'mutation { cancelSalesOrder(input: { order: "x", version: "1" }) { replayed } }',
            {"way": "core", "reason": "mutation"},
        ),
        ('{ order(id: "mine") { number } }', {"way": "fallback", "reason": "InvalidInput"}),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_an_answer_says_which_way_it_went_and_why(
    shown: Stack, query: str, execution: dict[str, str]
) -> None:
    body = (await ask(shown, query, "jane")).json()

    assert body["extensions"] == {"execution": execution}


async def test_without_plans_graphql_core_answers_all(small_world: Starlette) -> None:
    async with running(small_world, show_execution=True, compiled_plans=False) as stack:
        body = (await ask(stack, ORDERS, "jane")).json()

    assert body["extensions"]["execution"] == {"way": "core", "reason": "query"}


async def test_staff_are_told_beside_an_explanation_and_otherwise_not(stack: Stack) -> None:
    explained = (await ask(stack, ORDERS, "admin", extensions={"explain": True})).json()
    plain = (await ask(stack, ORDERS, "admin")).json()

    assert list(explained["extensions"]) == ["explain", "execution"]
    assert explained["extensions"]["execution"] == {"way": "compiled"}
    assert list(plain) == ["data"]


async def test_nobody_else_is_told_unless_it_is_shown_to_all(stack: Stack) -> None:
    plain = (await ask(stack, ORDERS, "jane")).json()
    refused = (await ask(stack, ORDERS, "jane", extensions={"explain": True})).json()

    assert list(plain) == ["data"]
    assert list(refused) == ["errors"]


async def test_a_reason_holds_nothing_that_a_caller_wrote(small_world: Starlette) -> None:
    canary = "canary"
    queries = [
        f"{{ {canary}: __schema {{ {canary}: queryType {{ name }} }} }}",
        f"query (${canary}: Int = 1) {{ {canary}: orders(first: ${canary}, last: 1) "
        "{ nodes { id } } }",
        f'{{ order(id: "{canary}") {{ {canary}: number }} }}',
        f'{{ node(id: "{canary}") {{ {canary}: id }} }}',
        f'{{ orders(after: "{canary}") {{ {canary}: nodes {{ id }} }} }}',
        f'{{ orders(filter: {{ number: {{ eq: "*{canary}" }} }}) {{ nodes {{ number }} }} }}',
    ]

    async with running(small_world, show_execution=True, metrics=True) as stack:
        for query in queries:
            body = (await ask(stack, query, "jane", variables={canary: 1})).json()
            told = json.dumps(body["extensions"]["execution"])

            assert "reason" in told or query == queries[-1]
            assert canary not in told
        counted = (await stack.gateway.get("/metrics")).text

    assert 'reason="the field __schema"' in counted
    assert canary not in counted
