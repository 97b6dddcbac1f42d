"""Holds the names and types that the gateway relies on against the dictionary."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dynamics import dictionary
from dynamics.dictionary import KNOWN
from gateway.doctor.relied import Use, fits, options_of, relied
from gateway.metadata import assumed
from gateway.metadata.wire_names import named, wanted
from gateway.model.kinds import OptionSet
from gateway.model.tables import TABLES, Column, Group, Link, ServiceName, Spec, Table
from gateway.schema.business.sales import SalesOrder, SalesOrderLine
from gateway.upstream.names import Names
from gateway.upstream.odata import logical
from tests.gateway.orders.ordering import mutation, new_order
from tests.schema import shipped
from tests.stack import Stack

shipped()
OURS = ("gw_",)
"""The prefix of the columns that adopters add for us."""
PLATFORM = frozenset({"versionnumber"})
"""Columns that every table of Dataverse has."""


def tables(service: ServiceName) -> list[Table]:
    home = "gateway.schema"
    return [
        each
        for each in TABLES.values()
        if each.service == service and each.cls.__module__.startswith(home)
    ]


def uses(service: ServiceName) -> list[Any]:
    entities = assumed.dataverse() if service == "dataverse" else assumed.finops()
    mine = tables(service)
    found = relied(mine, Names(named(wanted(mine, entities), entities, {})))
    return [
        pytest.param(table, column, use, id=f"{table}.{column}")
        for table, columns in sorted(found.items())
        for column, use in sorted(columns.items())
    ]


@pytest.mark.parametrize(("table", "column", "use"), uses("dataverse"))
def test_columns_are_there_and_typed_as_the_dictionary_says(
    table: str, column: str, use: Use
) -> None:
    if column.startswith(OURS) or column in PLATFORM:
        return
    between = {each.intersect: each.columns for each in dictionary.many_to_many()}
    if table in between:
        assert column in (*between[table], f"{table}id")
        return
    if table not in dictionary.tables():
        # The dimensions of products are known by the maps alone, which name both.
        assert f"{table}.{column}" in {each.column for each in dictionary.maps()}
        return
    known = dictionary.tables()[table].columns[column]
    assert (
        not known.type
        or known.type_mark not in KNOWN
        or all(fits(type_, known.type, "dataverse") for type_ in use.types)
    ), known
    for type_ in use.types:
        if isinstance(type_, type) and issubclass(type_, OptionSet):
            options = {each.value for each in dictionary.options().get((table, column), ())}
            assert not options or options_of(type_) <= options


@pytest.mark.parametrize(("collection", "column", "use"), uses("finops"))
def test_columns_of_the_erp_are_there_and_typed_as_the_dictionary_says(
    collection: str, column: str, use: Use
) -> None:
    known = dictionary.collections()[collection].properties[column]

    assert known.mark in KNOWN
    assert all(fits(type_, known.edm, "finops") for type_ in use.types), known


@pytest.mark.parametrize("table", tables("finops"), ids=lambda table: table.name)
def test_keys_of_the_erp_are_those_of_the_dictionary(table: Table) -> None:
    assert tuple(table.key) == dictionary.collections()[table.entity].key


@pytest.mark.parametrize("table", tables("dataverse"), ids=lambda table: table.name)
def test_lookups_are_navigated_as_the_dictionary_says(table: Table) -> None:
    entities = assumed.dataverse()
    names = Names(named(wanted(tables("dataverse"), entities), entities, {}))
    known = {
        (each.table, each.column, each.target): each
        for each in dictionary.relationships()
        if each.mark in KNOWN
    }
    for link in (each for each in table.specs.values() if isinstance(each, Link) and each.lookup):
        target = f"_{link.target.entity}" if link.polymorphic else ""
        step = names.step(table.entity, f"{link.lookup}{target}")
        said = known.get((table.entity, link.lookup, link.target.entity))
        assert step is not None
        assert step.entity == link.target.entity
        if said is not None and said.navigation:
            assert step.navigation == said.navigation
        if said is not None and said.collection and link.inside == "both":
            back = names.step(link.target.entity, f"{table.entity}.{link.lookup}")
            assert back is not None
            assert back.navigation == said.collection


def written(table: Table, *when: str) -> dict[str, Spec]:
    """The columns that a declaration lets be written, by their logical names."""
    found: dict[str, Spec] = {}
    for spec in table.specs.values():
        if isinstance(spec, Column | Group | Link) and spec.written in (*when, "always"):
            found |= {logical(path): spec for path in spec.paths if "/" not in path}
    return found


@pytest.mark.parametrize("table", [SalesOrder.__table__, SalesOrderLine.__table__])
def test_what_is_written_can_be_written(table: Table) -> None:
    known = dictionary.tables()[table.entity].columns
    for column in written(table, "create"):
        assert column.startswith(OURS) or known[column].create != "no", column
    for column in written(table, "update"):
        assert column.startswith(OURS) or known[column].update != "no", column


@pytest.mark.anyio
async def test_nothing_is_written_but_what_is_declared_as_written(writable: Stack) -> None:
    stack = writable
    address = {"name": "A", "street": "B", "streetNumber": "1", "postalCode": "2", "city": "C",
               "state": "D", "country": "united states"}  # fmt: skip
    day = {"requestedShippingDate": "2027-07-15"}
    sent = await new_order(stack, shipTo=address, customerReference="r", requisitionNumber="q")
    sent |= day | {"requestedReceiptDate": "2027-07-20"}
    sent["lines"] = [each | day | {"note": "n"} for each in sent["lines"]]
    stack.emulator.state.log.clear()
    made = await _done(stack, "createSalesOrder", sent)
    line = made["lines"]["nodes"][0]

    async def change(name: str, **values: Any) -> None:
        nonlocal made
        target = {"order": made["id"], "version": made["version"]}
        made = await _done(stack, name, target | values)

    await change("updateSalesOrder", shipTo=address, customerReference="s", **day)
    await change("updateSalesOrderLine", line=line["id"], quantity="3", note="m")
    await change("addSalesOrderLines", idempotencyKey="more", lines=sent["lines"][:1])
    await change("cancelSalesOrder")

    rows = list(_rows(stack))
    assert {method for method, _, _ in rows} == {"POST", "PATCH"}
    for method, table, columns in rows:
        when = "create" if method == "POST" else "update"
        assert columns <= written(table, when).keys(), (method, table.name)


async def _done(stack: Stack, name: str, sent: dict[str, Any]) -> dict[str, Any]:
    answer = (await stack.ask(mutation(name), input=sent)).data[name]
    assert answer["errors"] == []
    return dict(answer["order"])


def _rows(stack: Stack) -> Iterator[tuple[str, Table, set[str]]]:
    """Yield the emulator's writes: method, table, and the columns by their logical names."""
    for each in stack.emulator.state.log.calls():
        if each.method in ("POST", "PATCH") and each.path.startswith("salesorder"):
            lines = each.path.startswith("salesorderdetail")
            table = (SalesOrderLine if lines else SalesOrder).__table__
            yield from _columns(each.method, table, json.loads(each.body))


def _columns(
    method: str, table: Table, body: dict[str, Any]
) -> Iterator[tuple[str, Table, set[str]]]:
    found = set()
    lookups = {
        name: column.name
        for column in dictionary.tables()[table.entity].columns.values()
        for name in column.navigation.values()
    }
    for name, value in body.items():
        if isinstance(value, list):
            for row in value:
                yield from _columns(method, SalesOrderLine.__table__, row)
        elif name.endswith("@odata.bind"):
            found.add(lookups[name.removesuffix("@odata.bind")])
        else:
            found.add(name)
    yield method, table, found
