"""The examples that docs/partners.md shows to partners work as they stand there."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from graphql import parse, validate
from starlette.applications import Starlette

from gateway.config.parsers import partners
from gateway.errors import GatewayError
from tests.schema import shipped
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio

GUIDE = (Path(__file__).parents[2] / "docs" / "partners.md").read_text()
BLOCKS = re.findall(r"```graphql\n(.*?)```(?:\s+```json\n(.*?)```)?", GUIDE, re.DOTALL)
QUERIES = [
    (query, variables)
    for query, variables in BLOCKS
    if query.startswith("query") and "$id" not in query
]
MUTATIONS = [(query, variables) for query, variables in BLOCKS if query.startswith("mutation")]
PARTNER = {"partners": partners("partner=US-001@usmf")}


async def run(stack: Stack, query: str, variables: str) -> dict[str, Any]:
    return (await stack.ask(query, as_="partner", **json.loads(variables or "{}"))).data


def test_the_guide_shows_queries_and_mutations() -> None:
    assert (len(BLOCKS), len(QUERIES), len(MUTATIONS)) == (6, 3, 2)
    for query, _ in BLOCKS:
        assert validate(shipped(), parse(query)) == []


async def test_the_queries_give_a_partner_rows(small_world: Starlette) -> None:
    async with running(small_world, **PARTNER) as stack:
        for query, variables in QUERIES:
            for found in (await run(stack, query, variables)).values():
                assert found.get("nodes", True)


async def test_the_same_order_twice_is_one_order() -> None:
    query, variables = MUTATIONS[0]
    async with running(emulator(), **PARTNER) as stack:
        first = await run(stack, query, variables)
        again = await run(stack, query, variables)

    made, seen = first["createSalesOrder"], again["createSalesOrder"]
    assert (made["errors"], made["status"], made["replayed"]) == ([], "CREATED", False)
    assert made["order"]["id"]
    assert seen == made | {"replayed": True}


async def test_a_secret_buys_a_token_as_the_guide_says(small_world: Starlette) -> None:
    form = dict(re.findall(r"-d (\w+)=(\S+)", GUIDE))
    async with running(small_world, **PARTNER) as stack:
        answer = await stack.upstream.post("/issuer/token", data=form)
        stack.tokens["partner"] = answer.json()["access_token"]

        assert (await stack.ask("{ viewer { kind } }", as_="partner")).data == {
            "viewer": {"kind": "partner"}
        }


def test_every_code_that_a_caller_may_get_is_explained() -> None:
    codes = set(re.findall(r"`([A-Z_]{6,})`", GUIDE))
    pending = GatewayError.__subclasses__()
    while pending:
        error = pending.pop()
        pending += error.__subclasses__()
        assert "code" not in vars(error) or error.code in codes
    assert {"BAD_REQUEST", "INTERNAL"} <= codes
