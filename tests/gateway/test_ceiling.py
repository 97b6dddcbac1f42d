"""All that is kept of callers stays below one number of bytes; the least useful goes first."""

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette

from gateway.auth.expiring import Expiring
from gateway.auth.principal import CallerAccount, CallerContact, Kind, Principal
from gateway.ceiling import Ceiling, bytes_of
from gateway.loaders.prepared import PreparedByPrincipal
from tests.stack import Stack, running

pytestmark = pytest.mark.anyio
FOREVER = float("inf")

KINDS = {
    "documents",
    "rows",
    "seen",
    "tokens",
    "callers",
    "principals",
    "prepared",
    "prices",
    "pictures",
}


def shelf() -> Expiring[str, str]:
    return Expiring(lambda: 0.0, weigh=len)


def test_a_kind_takes_what_others_leave_and_gives_way_when_they_want_their_share() -> None:
    ceiling, greedy, modest = Ceiling(100_000), shelf(), shelf()
    ceiling.add("greedy", 1, greedy)
    ceiling.add("modest", 1, modest)

    for number in range(100):
        greedy.put(f"{number}", "x" * 1_500, until=FOREVER)
    alone = greedy.size
    for number in range(100):
        modest.put(f"{number}", "x" * 300, until=FOREVER)

    assert alone > 90_000
    assert len(modest) > 60, "it fills its half, and not at the cost of what it has itself"
    assert sum(ceiling.sizes.values()) <= ceiling.most
    assert (greedy.get("99"), greedy.get("0")) == ("x" * 1_500, None)


def test_nothing_is_kept_that_is_larger_than_all_there_is() -> None:
    ceiling, alone = Ceiling(1_000), shelf()
    ceiling.add("alone", 1, alone)

    alone.put("large", "x" * 5_000, until=FOREVER)

    assert (len(alone), alone.size) == (0, 0)


def account() -> CallerAccount:
    return CallerAccount(uuid4(), str(uuid4()), "usmf", uuid4(), None)


MADE: dict[str, Callable[[], Any]] = {
    "claims": lambda: {str(uuid4()): str(uuid4()), "roles": [str(uuid4()) for _ in range(9)]},
    "accounts": lambda: tuple(account() for _ in range(30)),
    "a contact": lambda: CallerContact(uuid4(), str(uuid4()), str(uuid4()), uuid4()),
}


@pytest.mark.parametrize("name", MADE)
def test_a_value_takes_no_more_than_is_counted_and_not_much_less(name: str) -> None:
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        made = [MADE[name]() for _ in range(200)]
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert taken <= 1.1 * sum(map(bytes_of, made)) <= 2 * taken


async def test_ever_new_documents_filters_and_callers_stay_below_the_ceiling(
    small_world: Starlette,
) -> None:
    async with running(small_world, memory=1, metrics=True) as stack:
        for number in range(150):
            await stack.ask(
                f'{{ orders(filter: {{ number: {{ eq: "SO-{number}" }} }}) {{ nodes {{ id }} }} }}'
            )
            await stack.ask(
                f"{{ a{number}: products(first: 20) {{ nodes {{ name description }} }} }}",
                as_=("jane", "sam", "may")[number % 3],
            )
        kept = await sizes(stack)

    assert kept.keys() == KINDS
    assert 500_000 < sum(kept.values()) <= 1024 * 1024
    assert min(kept["tokens"], kept["callers"], kept["principals"]) > 0, (
        "documents drive nobody out"
    )


async def sizes(stack: Stack) -> dict[str, float]:
    text = (await stack.gateway.get("/metrics")).text
    lines = [line for line in text.splitlines() if line.startswith("gateway_kept_bytes{")]
    return {line.split('"')[1]: float(line.split()[-1]) for line in lines}


def test_prepared_queries_count_with_the_plans_that_they_outlive() -> None:
    ceiling, caller = Ceiling(1_000_000), Principal(Kind.PARTNER, "issuer", "subject")
    prepared = PreparedByPrincipal()
    queries = prepared.of(caller)
    ceiling.add("prepared", 1, prepared)
    queries.expansions.prepared("a query", lambda: "prepared")

    prepared.count()
    prepared.outlived(900_000)
    prepared.count()
    counted, kept = prepared.size, len(queries)
    prepared.outlived(900_000)
    prepared.count()

    assert (counted > 900_000, kept) == (True, 1)
    assert (prepared.size, len(queries)) == (0, 0)


LITERALS = (
    '{{ orders(filter: {{ number: {{ eq: "{}" }} }}) {{ totalCount nodes {{ number }} }} }}',
    "{{ orders(first: {}, orderBy: [{{ field: NUMBER }}]) {{ nodes {{ number }} }} }}",
    '{{ orders(first: 2, after: "{}") {{ nodes {{ number }} }} }}',
    '{{ order(id: "{}") {{ number lines(first: 1) {{ nodes {{ quantity }} }} }} }}',
    '{{ node(id: "{}") {{ id __typename ... on SalesOrder {{ number }} }} }}',
)


async def test_a_document_with_other_literals_is_answered_as_if_it_were_alone(
    small_world: Starlette,
) -> None:
    async with running(small_world) as stack:
        orders = (
            await stack.ask("{ orders(first: 4) { nodes { id number } pageInfo { endCursor } } }")
        ).data["orders"]
        values = [
            *(node["id"] for node in orders["nodes"]),
            *(node["number"] for node in orders["nodes"]),
        ]
        values += [orders["pageInfo"]["endCursor"], "junk", "", "1", "2", "0", "101"]
        shared = [await answers(stack, value) for value in values]
    alone = []
    for value in values:
        async with running(small_world) as stack:
            alone.append(await answers(stack, value))

    assert shared == alone


async def answers(stack: Stack, value: str) -> list[dict[str, Any]]:
    """Answers of each document with a literal; no two of them share a plan."""
    return [(await stack.ask(document.format(value))).body for document in LITERALS]
