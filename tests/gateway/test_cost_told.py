"""Callers are told what an operation cost, in calls to Dynamics, and how many they have left."""

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner
from starlette.applications import Starlette

from gateway.__main__ import main
from gateway.config.parsers import partners
from tests.gateway.test_rounds import Timed
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio

ORDERS = "{ orders(first: 2) { nodes { number account { name } invoices { nodes { id } } } } }"
QUOTA = """
[roles.buyer]
extends = "buyer"
quota = 30
"""
CREATE = 'mutation { reorder(input: {order: "x", idempotencyKey: "1"}) { errors { code } } }'


async def ask(stack: Stack, query: str, **asked: Any) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {await stack.token('jane')}"}
    return await stack.gateway.post("/graphql", json={"query": query} | asked, headers=headers)


def cost(response: httpx2.Response) -> dict[str, Any]:
    found: dict[str, Any] = response.json()["extensions"]["cost"]
    return found


async def test_who_asks_for_the_cost_is_told_it(stack: Stack) -> None:
    told = await ask(stack, ORDERS, extensions={"cost": True})
    others = [await ask(stack, ORDERS, extensions=sent) for sent in ({}, {"cost": 1})]

    found = cost(told)
    assert found.keys() == {"predicted", "actual", "remaining", "resetsIn"}
    # The account travels inside of its order; the invoices are read for both orders at once.
    assert found["predicted"] == found["actual"] == 2
    assert all("extensions" not in response.json() for response in others)
    assert all("RateLimit" not in response.headers for response in others)


async def test_a_setting_tells_everybody(small_world: Starlette) -> None:
    async with running(small_world, show_cost=True) as stack:
        told = [cost(await ask(stack, query)) for query in (ORDERS, "{ viewer { kind } }")]

    assert [(each["predicted"], each["actual"]) for each in told] == [(2, 2), (0, 0)]


async def test_a_query_that_no_plan_answers_has_a_cost_too(small_world: Starlette) -> None:
    async with running(small_world, show_cost=True, compiled_plans=False) as stack:
        found = cost(await ask(stack, ORDERS))

    assert found["predicted"] == found["actual"] == 3


@pytest.mark.parametrize("keep_rows", [0.0, 60.0])
async def test_a_plan_that_graphql_core_completes_costs_no_more(
    small_world: Starlette, keep_rows: float
) -> None:
    query = '{ products(first: 2) { nodes { number } } order(id: "mine") { number } }'
    async with running(small_world, show_cost=True, keep_rows=keep_rows) as stack:
        answers = [await stack.ask(query) for _ in range(3)]

    found = [answer.body["extensions"]["cost"] for answer in answers]
    assert [answer.codes for answer in answers] == [["INVALID_INPUT"]] * 3
    assert [each["actual"] for each in found] == [1, 1, 1]


async def test_a_list_of_which_no_row_can_be_the_callers_costs_nothing(
    small_world: Starlette,
) -> None:
    async with running(small_world, show_cost=True) as stack:
        answer = await stack.ask("{ postedInvoices { totalCount nodes { id } } }", as_="jane")

    assert answer.data == {"postedInvoices": {"totalCount": 0, "nodes": []}}
    cost = answer.body["extensions"]["cost"]
    assert (cost["predicted"], cost["actual"]) == (0, 0)


async def test_no_cost_of_a_mutation_is_predicted(stack: Stack) -> None:
    found = cost(await ask(stack, CREATE, extensions={"cost": True}))

    assert found["predicted"] is None
    assert found["actual"] >= 0


async def test_what_is_left_is_that_of_the_callers_quota(
    small_world: Starlette, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(QUOTA)
    async with running(small_world, policy=str(policy), show_cost=True) as stack:
        answers = [await ask(stack, ORDERS) for _ in range(2)]

    for answer, left in zip(answers, (28, 26), strict=True):
        found = cost(answer)
        assert found["remaining"] == left
        assert 0 < found["resetsIn"] <= 300
        fields = answer.headers["RateLimit"], answer.headers["RateLimit-Policy"]
        assert fields == (f'"calls";r={left};t={found["resetsIn"]}', '"calls";q=30;w=300')


async def test_without_a_quota_it_is_what_the_service_says(small_world: Starlette) -> None:
    async with running(small_world, show_cost=True) as stack:
        answer = await ask(stack, ORDERS)

    found = cost(answer)
    assert (found["remaining"] is None) is ("RateLimit" not in answer.headers)
    assert found["remaining"] is None or 0 < found["remaining"] <= 6_000


STRANGER = partners("partner=US-002@usmf")


@pytest.fixture(scope="module")
def engines() -> Starlette:
    """A world whose ERP works out prices and promises."""
    return emulator(pricing=True, promising=True)


CATALOGUE = "{ products(first: 3) { nodes { number name } } }"


async def test_the_cost_and_the_quota_tell_nothing_of_what_colleagues_have_read(
    small_world: Starlette, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(QUOTA)
    told = []
    for seconds in (60.0, 0.0):
        changes = {"policy": str(policy), "show_cost": True, "keep_rows": seconds}
        async with running(small_world, **changes) as stack:
            for as_ in ("sam", "jane"):
                await stack.ask("{ viewer { kind } }", as_=as_)
            await stack.ask(CATALOGUE, as_="sam")
            stack.emulator.state.log.clear()
            told.append(cost(await ask(stack, CATALOGUE)))
            sent = len(stack.emulator.state.log.calls())
            assert sent == (0 if seconds else 1)

    warm, cold = told
    assert warm["predicted"] == warm["actual"] == cold["actual"] == 1
    assert warm["remaining"] == cold["remaining"] == 29


@pytest.mark.parametrize("asked", ["promise(quantity: 7) { on }", "price(quantity: 7) { unit }"])
@pytest.mark.parametrize("other", ["sam", "partner"])
async def test_the_cost_tells_nothing_of_what_others_have_asked_an_engine(
    engines: Starlette, tmp_path: Path, asked: str, other: str
) -> None:
    query = (
        f"{{ products(first: 3, filter: {{ state: {{ eq: ACTIVE }} }}) {{ nodes {{ {asked} }} }} }}"
    )
    policy = tmp_path / "policy.toml"
    policy.write_text(QUOTA)
    changes = {"policy": str(policy), "show_cost": True, "partners": STRANGER}
    told, sent = [], []
    for others in ((), (other,)):
        async with running(engines, **changes) as stack:
            await stack.ask("{ viewer { kind } }", as_="jane")
            for each in others:
                await stack.ask(query, as_=each)
            stack.emulator.state.log.clear()
            told.append(cost(await ask(stack, query)))
            sent.append(len(stack.emulator.state.log.calls()))

    alone, after = told
    assert after["actual"] == alone["actual"] > 1
    assert after["remaining"] == alone["remaining"]
    is_its_own = (other, asked[:5]) == ("partner", "price")
    assert (sent[1] == sent[0]) is is_its_own, "what is nobody's own is remembered for all"


async def test_a_read_that_another_has_under_way_costs_what_it_would_have_cost(
    small_world: Starlette,
) -> None:
    async with running(small_world, Timed(small_world), show_cost=True) as stack:
        await stack.ask("{ viewer { kind } }")
        stack.emulator.state.log.clear()
        answers = await asyncio.gather(*(ask(stack, CATALOGUE) for _ in range(5)))
        sent = len(stack.emulator.state.log.calls())

    assert [cost(each)["actual"] for each in answers] == [1] * 5
    assert sent < 5


def test_documents_that_are_dearer_than_the_budget_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.graphql").write_text("query Cheap { orders { nodes { id } } }")
    (tmp_path / "b.graphql").write_text(ORDERS)
    (tmp_path / "c.graphql").write_text(CREATE)

    passed = CliRunner().invoke(main, ["documents", str(tmp_path), "--budget", "3"])
    failed = CliRunner().invoke(main, ["documents", str(tmp_path), "--budget", "2"])

    assert passed.exit_code == 0
    assert len(passed.output.splitlines()) == 5
    assert failed.exit_code == 1
    named = f"{tmp_path / 'b.graphql'}: 3 calls\n1 of 2 queries pass 2 calls.\n"
    assert failed.output == named


def test_a_document_that_is_wrong_has_no_cost(tmp_path: Path) -> None:
    (tmp_path / "a.graphql").write_text("{ nothing }")

    found = CliRunner().invoke(main, ["documents", str(tmp_path), "--budget", "3"])

    assert found.exit_code == 2
    assert "a.graphql: Cannot query field 'nothing'" in found.output


async def test_the_cost_of_many_fields_is_that_of_each(stack: Stack) -> None:
    """More fields than are planned in one turn."""
    row = "id number status placedAt name company customerReference total { amount currency }"
    lists = [f"a{n}: orders(first: {n}) {{ nodes {{ {row} }} }}" for n in range(1, 11)]
    told = await ask(stack, f"{{ {' '.join(lists)} }}", extensions={"cost": True})

    assert "errors" not in told.json()
    assert cost(told)["predicted"] == cost(told)["actual"] == len(lists)


@pytest.fixture(scope="module")
def reckoning_world() -> Starlette:
    """A world whose ERP works out prices and promises."""
    return emulator(pricing=True, promising=True)


@pytest.mark.parametrize(
    ("selected", "calls"),
    [
        ("price { basis }", 2),
        ("a: price(quantity: 2) { basis } b: price(quantity: 9) { basis }", 2),
        ("promise(quantity: 3) { on }", 2),
        ("price { basis } promise { on }", 4),
    ],
)
async def test_the_calculations_of_the_erp_are_calls_too(
    reckoning_world: Starlette, selected: str, calls: int
) -> None:
    query = "{ products(first: 5, filter: { state: { eq: ACTIVE } }) { nodes { number %s } } }"
    async with running(reckoning_world, show_cost=True) as stack:
        first = await stack.ask(query % selected, as_="jane")
        await stack.ask("{ viewer { kind } }", as_="sam")
        stack.emulator.state.log.clear()
        again = await stack.ask(query % selected, as_="sam")
        sent = len(stack.emulator.state.log.calls())

    assert first.body.keys() == again.body.keys() == {"data", "extensions"}
    assert all(all(node.values()) for node in first.data["products"]["nodes"])
    # What is remembered of the minute before costs the same, as nobody is told who asked.
    for answer in (first, again):
        cost = answer.body["extensions"]["cost"]
        assert (cost["predicted"], cost["actual"]) == (1 + calls, 1 + calls)
    assert sent < 1 + calls


async def test_a_price_in_another_unit_looks_the_unit_up(small_world: Starlette) -> None:
    query = '{ products(first: 5) { nodes { price(unit: "pcs of another kind") { basis } } } }'
    async with running(small_world, show_cost=True) as stack:
        told = await stack.ask(query, as_="jane")

    cost = told.body["extensions"]["cost"]
    assert (cost["predicted"], cost["actual"]) == (3, 3)
