"""Rows by their ids: the prepared query of a plan is the one that graphql-core's way asks."""

from uuid import UUID

import pytest
from starlette.applications import Starlette

from gateway.errors import LimitExceeded
from gateway.loaders.asks import Ask
from gateway.model.tables import TABLES, Node, Table
from gateway.schema import ids
from gateway.upstream.conditions import Guid
from gateway.upstream.pages import Page
from tests.gateway.plans.test_expands import reader_of
from tests.stack import Stack, collection_of, running

pytestmark = pytest.mark.anyio
CALLERS = ("jane", "rep", "may", "partner", "admin")
SINGLES = [
    table
    for table in TABLES.values()
    if table.root and issubclass(table.cls, Node) and list(table.key.values()) == [UUID]
]


async def asked(stack: Stack, table: Table, id_: str, caller: str) -> tuple[object, list[str]]:
    """The answer, and the queries that travelled for it."""
    assert table.root
    await stack.ask("{ viewer { kind } }", as_=caller)
    stack.emulator.state.log.clear()
    name = table.root[0]
    answer = await stack.ask(f"query ($id: ID!) {{ {name}(id: $id) {{ id }} }}", as_=caller, id=id_)
    calls = [f"{call.path}?{call.query}" for call in stack.emulator.state.log.calls()]
    return answer.body, calls


@pytest.mark.parametrize("table", SINGLES, ids=lambda table: table.name)
async def test_each_is_asked_for_as_by_the_other_way(
    small_world: Starlette, stack: Stack, table: Table
) -> None:
    """Twice, for another row: what is kept of the first query must not be its key."""
    rows = (await stack.rows(f"{collection_of(table)}?$select={next(iter(table.key))}&$top=2"))[:2]
    keys = [row[next(iter(table.key))] for row in rows] + [str(UUID(int=7))]
    answered = False

    async with running(small_world, compiled_plans=False) as core:
        for caller in CALLERS:
            for key in keys:
                id_ = ids.encode(table, (UUID(key),))
                body, calls = await asked(stack, table, id_, caller)

                assert (body, calls) == await asked(core, table, id_, caller)
                assert all(key in call for call in calls)
                answered = answered or bool(calls)
                upper = ids.encode(table, (key.upper(),))
                # Another spelling of an id is none.
                other = [] if upper != id_ else calls
                assert (await asked(stack, table, upper, caller))[1] == other

    assert answered


async def test_a_question_without_an_answer_answers_no_other() -> None:
    """The next one may come to stand where the first one stood."""
    reader, key = reader_of("buyer"), Guid(str(UUID(int=7)))
    prices, products = TABLES["PriceListItem"], TABLES["Product"]

    assert await reader.row(Ask(prices, frozenset()), "productid", key) == Page([], 0)

    for other in [Ask(products, frozenset()) for _ in range(20)]:
        with pytest.raises(LimitExceeded):  # it asks, for which this reader has no allowance
            await reader.row(other, "productid", key)
