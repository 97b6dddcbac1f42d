"""Lists of the ERP by its enumerations: found by each member, in the environment's own names."""

from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLEnumType

from emulator.faults.connections import InProcess
from gateway.model.tables import TABLES
from tests.emulator.trade import trading
from tests.environments import Undescribed, altered, dumped, rename_enumerations, written
from tests.gateway.test_filters import found
from tests.gateway.test_isolation import BUYER, SCHEMA, ids, walk
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio

ENUMERATIONS = [
    ("ReturnOrder", "status", "OPEN", "CLOSED"),
    ("Transaction", "type", "PAYMENT", "SALES"),
]


@pytest.mark.parametrize(("name", "member", "one", "other"), ENUMERATIONS)
async def test_lists_of_the_erp_are_filtered_by_its_enumerations(
    representatives: Stack, name: str, member: str, one: str, other: str
) -> None:
    table = TABLES[name]
    rows = await walk(representatives, table, BUYER, selection=f"id {member}")

    async def of(condition: dict[str, Any]) -> set[str]:
        return await found(representatives, table, condition)

    def having(*values: str) -> set[str]:
        return {row["id"] for row in rows if row[member] in values}

    assert having(one)
    assert having(other)
    assert await of({member: {"eq": one}}) == having(one)
    assert await of({member: {"in": [one, other]}}) == having(one, other)
    assert await of({"not": {member: {"eq": one}}}) == ids(rows) - having(one)
    assert await of({"not": {member: {"in": [one, other]}}}) == ids(rows) - having(one, other)
    assert await of({member: {"eq": None}}) == set()
    assert await of({member: {"in": []}}) == set()
    assert await of({member: {"eq": "UNKNOWN"}}) == having("UNKNOWN")


async def test_lines_of_returns_are_filtered_by_their_progress(
    representatives: Stack,
) -> None:
    asked = """query ($status: ReturnLineStatusFilter) { returns(first: 100) { nodes {
      number all: lines { nodes { sequence status } }
      lines(filter: { status: $status }) { nodes { sequence status } totalCount }
    } } }"""
    for wanted in (["INVOICED"], ["INVOICED", "AWAITING"]):
        status = {"in": wanted} if len(wanted) > 1 else {"eq": wanted[0]}
        answer = await representatives.ask(asked, as_=BUYER, status=status)
        returns = answer.data["returns"]["nodes"]
        assert any(each["lines"]["nodes"] for each in returns)
        for each in returns:
            kept = [line for line in each["all"]["nodes"] if line["status"] in wanted]
            assert each["lines"] == {"nodes": kept, "totalCount": len(kept)}


async def test_a_member_that_the_seller_added_to_an_enumeration_is_found_by_unknown() -> None:
    table, world = TABLES["ReturnOrder"], emulator()
    async with running(world, customer_roles=("representative",)) as stack:
        rows = await walk(stack, table, BUYER, selection="id status")
        closed = {row["id"] for row in rows if row["status"] == "CLOSED"}
        world.state.store.run(
            'UPDATE "finops.ReturnOrderHeadersV2" SET "ReturnStatus" = \'Inspected\' '
            "WHERE \"ReturnStatus\" = 'Closed'"
        )
        assert closed

        assert await found(stack, table, {"status": {"eq": "UNKNOWN"}}) == closed
        several = {"status": {"in": ["UNKNOWN", "OPEN"]}}
        others = {row["id"] for row in rows if row["status"] == "OPEN"}
        assert await found(stack, table, several) == closed | others
        assert await found(stack, table, {"not": several}) == ids(rows) - closed - others


@pytest.mark.parametrize("name", ["ReturnOrder", "Transaction", "ReturnOrderLine"])
def test_no_list_is_ordered_by_an_enumeration_of_the_erp(name: str) -> None:
    """The ERP compares them for equality alone, so no page could go on behind a row."""
    fields = SCHEMA.type_map[f"{name}OrderField"]
    assert isinstance(fields, GraphQLEnumType)

    assert {"STATUS", "TYPE"}.isdisjoint(fields.values)


async def closed_returns(stack: Stack) -> None:
    """Those that read as closed are found by it."""
    table = TABLES["ReturnOrder"]
    rows = await walk(stack, table, BUYER, selection="id status")
    closed = {row["id"] for row in rows if row["status"] == "CLOSED"}
    assert closed
    assert await found(stack, table, {"status": {"eq": "CLOSED"}}) == closed


async def test_enumerations_are_called_as_the_environment_calls_them(tmp_path: Path) -> None:
    async with trading() as trade:
        dump = altered(await dumped(trade.http), rename_enumerations)
    world = emulator(environment=written(tmp_path, dump))
    async with running(world, customer_roles=("representative",)) as stack:
        await closed_returns(stack)


async def test_enumerations_are_called_as_the_dictionary_has_them_without_metadata() -> None:
    world = emulator()
    way = Undescribed(InProcess(app=world))
    async with running(world, way, customer_roles=("representative",)) as stack:
        await closed_returns(stack)
