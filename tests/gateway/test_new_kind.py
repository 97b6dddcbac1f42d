"""A kind of member that the gateway does not have is one module: this one declares it and asks."""

from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette

from tests.extensions import written
from tests.stack import Stack, running

pytestmark = pytest.mark.anyio

KIND = '''
"""Members that read several texts as one."""

from dataclasses import dataclass
from typing import Any

from gateway.extension import Account, extend
from gateway.model.ways_to_values import Answering, Planning, Write
from gateway.model.declarations import Row, Spec
from gateway.model.selected import selected


def joined(*columns: str, doc: str) -> Any:
    return Joined(doc, columns)


@dataclass(eq=False)
class Joined(Spec):
    """The texts of several columns, with blanks between them."""

    columns: tuple[str, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        return self.columns

    def plan(self, planning: Planning) -> Write:
        return planning.worked(self.text, self.loaded)

    def answer(self, row: Row, answering: Answering) -> Any:
        return answering.worked(self.text, row)

    def text(self, row: Row, loaders: object) -> str | None:
        texts = [selected(row.raw, column) for column in self.columns]
        return " ".join(filter(None, texts)) or None


@extend(Account)
class AcmeAddressing:
    addressed: str | None = joined("accountnumber", "name", doc="Number and name of the account.")
'''
QUERY = "{ accounts(first: 2) { nodes { number name addressed } } }"


@pytest.fixture(scope="module", params=[True, False], ids=["compiled", "graphql-core"])
async def extended(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    small_world: Starlette,
) -> AsyncIterator[Stack]:
    changes = {"compiled_plans": request.param, "show_execution": True, "show_cost": True}
    with written(tmp_path_factory.mktemp("kind"), KIND, "acme_addressing") as module:
        async with running(small_world, extensions=(module,), **changes) as found:
            yield found


async def test_a_new_kind_is_answered_whichever_way_an_operation_goes(
    extended: Stack, request: pytest.FixtureRequest
) -> None:
    body = (await extended.ask(QUERY)).body

    nodes = body["data"]["accounts"]["nodes"]
    assert nodes
    assert [f"{each['number']} {each['name']}" for each in nodes] == [
        each["addressed"] for each in nodes
    ]
    way = "compiled" if "compiled" in request.node.name else "core"
    assert body["extensions"]["execution"]["way"] == way


async def test_a_new_kind_costs_what_it_reads(extended: Stack) -> None:
    cost = (await extended.ask(QUERY)).body["extensions"]["cost"]

    assert cost["predicted"] == cost["actual"] == 1


async def test_a_new_kind_is_in_the_schema(extended: Stack) -> None:
    query = '{ __type(name: "Account") { fields { name description } } }'

    fields = (await extended.ask(query)).data["__type"]["fields"]

    found = {each["name"]: each["description"] for each in fields}
    assert found["addressed"] == "Number and name of the account."
