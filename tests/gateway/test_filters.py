"""Every operator on every column of every list, against a plain evaluation of the same rows."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from gateway.model.tables import TABLES, Spec, Table
from tests.gateway.test_isolation import BUYER, SCHEMA, Rows, ids, walk
from tests.nightly import NIGHTLY
from tests.stack import Stack, emulator, onward, running

pytestmark = pytest.mark.anyio


@pytest.fixture
def stack(representatives: Stack) -> Stack:
    """Lists of some length: those of an account, not of one buyer."""
    return representatives


LISTED = [table for table in TABLES.values() if table.root]
each_table = pytest.mark.parametrize("table", LISTED, ids=[table.name for table in LISTED])
SAMPLES = 3 if NIGHTLY else 2
"""Values of each column that are compared with."""

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, operand: value == operand,
    "in": lambda value, operand: value in operand,
    "gt": lambda value, operand: value > operand,
    "gte": lambda value, operand: value >= operand,
    "lt": lambda value, operand: value < operand,
    "lte": lambda value, operand: value <= operand,
    "startsWith": lambda value, operand: value.startswith(operand),
    "contains": lambda value, operand: operand in value,
}


def comparable(spec: Spec, value: Any) -> Any:
    """A value of an answer as Dynamics compares it: text without regard to case."""
    if isinstance(value, dict):
        value = value["amount"]
    if value is None:
        return None
    type_ = spec.scalar[1] if spec.scalar else str
    if type_ is Decimal:
        return Decimal(value)
    if type_ is datetime:
        return datetime.fromisoformat(value)
    if type_ is date:
        return date.fromisoformat(value)
    return value.casefold() if isinstance(value, str) else value


def sent(value: Any) -> Any:
    return value["amount"] if isinstance(value, dict) else value


def operands(operator: str, values: list[Any]) -> list[Any]:
    """The values to compare with: those that some rows have, and pieces of them."""
    samples = values[:: max(1, len(values) // SAMPLES)][:SAMPLES]
    match operator:
        case "in":
            return [samples, samples[:1]]
        case "startsWith":
            return [value[:3] for value in samples] + [value[:3].upper() for value in samples]
        case "contains":
            return [value[1:4] for value in samples]
        case _:
            return samples


async def found(stack: Stack, table: Table, condition: dict[str, Any]) -> set[str]:
    assert table.root
    query = (
        f"query ($filter: {table.name}Filter, $after: String) {{ {table.root[1]}(first: 100, "
        "filter: $filter, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }"
    )
    met: set[str] = set()
    after = None
    while True:
        page = (await stack.ask(query, as_=BUYER, filter=condition, after=after)).data[
            table.root[1]
        ]
        met |= ids(page["nodes"])
        if not page["pageInfo"]["hasNextPage"]:
            return met
        after = onward(page["pageInfo"], after)


def expected(rows: Rows, spec: Spec, name: str, operator: str, operand: Any) -> set[str]:
    wanted = (
        [comparable(spec, value) for value in operand]
        if operator == "in"
        else comparable(spec, operand)
    )
    return {
        row["id"]
        for row in rows
        if row[name] is not None and OPERATORS[operator](comparable(spec, row[name]), wanted)
    }


def operators_of(table: Table, name: str) -> list[str]:
    filter_type: Any = SCHEMA.type_map[f"{table.name}Filter"]
    operator_type: Any = filter_type.fields[name].type
    return list(operator_type.fields)


def conditions(table: Table, rows: Rows) -> Iterator[tuple[str, str, list[Any]]]:
    """
    Columns, operators and what to compare with: at night all of them, else each operator on one
    column of each type, and one operator on every column.
    """
    seen: set[tuple[Any, str]] = set()
    for name, spec in table.filterable.items():
        values = [sent(row[name]) for row in rows if spec.scalar and row[name] is not None]
        if not (spec.scalar and values):
            continue
        operators = operators_of(table, name)
        new = [each for each in operators if NIGHTLY or (spec.scalar[1], each) not in seen]
        seen |= {(spec.scalar[1], each) for each in operators}
        for operator in new or operators[:1]:
            yield name, operator, operands(operator, values)


@each_table
async def test_every_operator_means_what_it_says(stack: Stack, table: Table) -> None:
    rows = await walk(stack, table, BUYER)

    for name, operator, samples in conditions(table, rows):
        for operand in samples:
            met = await found(stack, table, {name: {operator: operand}})
            assert met == expected(rows, table.filterable[name], name, operator, operand), (
                f"{table.name}.{name} {operator} {operand!r}"
            )


@each_table
async def test_null_is_found_by_eq_null(stack: Stack, table: Table) -> None:
    rows = await walk(stack, table, BUYER)

    for name, spec in table.filterable.items():
        if spec.scalar:
            met = await found(stack, table, {name: {"eq": None}})
            assert met == {row["id"] for row in rows if sent(row[name]) is None}, name


@each_table
async def test_a_list_and_its_negation_add_up_to_the_whole(stack: Stack, table: Table) -> None:
    rows = await walk(stack, table, BUYER)
    whole = ids(rows)

    of_null: list[dict[str, Any]] = [{name: {"eq": None}} for name in table.filterable]
    of_values = ({name: {op: values[0]}} for name, op, values in conditions(table, rows))
    for condition in (*of_null, *of_values):
        met = await found(stack, table, condition)
        assert await found(stack, table, {"not": condition}) == whole - met, condition
        assert await found(stack, table, {"not": {"not": condition}}) == met, condition


async def test_the_negation_of_composed_conditions_names_all_the_others(stack: Stack) -> None:
    table = TABLES["SalesOrder"]
    whole = ids(await walk(stack, table, BUYER, selection="id"))
    late = {"confirmedShippingDate": {"gte": "2026-06-01"}}
    few = {"total": {"lt": "100"}, "status": {"in": ["ACTIVE", "INVOICED"]}}
    composed: list[dict[str, Any]] = [
        {"and": [late, few]},
        {"or": [late, few]},
        {"or": [late, {"not": few}]},
        {"and": []},
        {"or": []},
    ]

    for condition in composed:
        met = await found(stack, table, condition)
        assert await found(stack, table, {"not": condition}) == whole - met, condition


async def test_what_reads_as_unknown_is_found_by_unknown() -> None:
    """A number that the seller added to an option set is none of those that are declared."""
    table, world = TABLES["SalesOrder"], emulator()
    world.state.store.run(
        'UPDATE "dataverse.salesorders" SET msdyn_processingstatus = 192350077 '
        "WHERE msdyn_processingstatus IN (192350000, 192350003)"
    )
    async with running(world, customer_roles=("representative",)) as stack:
        rows = await walk(stack, table, BUYER, selection="id status")
        unknown = {row["id"] for row in rows if row["status"] == "UNKNOWN"}
        invoiced = {row["id"] for row in rows if row["status"] == "INVOICED"}
        assert unknown

        assert await found(stack, table, {"status": {"eq": "UNKNOWN"}}) == unknown
        both = {"status": {"in": ["UNKNOWN", "INVOICED"]}}
        assert await found(stack, table, both) == unknown | invoiced
        assert await found(stack, table, {"not": both}) == ids(rows) - unknown - invoiced


async def test_and_or_not_compose(stack: Stack) -> None:
    table = TABLES["SalesOrder"]
    rows = await walk(stack, table, BUYER, selection="id status number")
    canceled = {"status": {"eq": "CANCELED"}}
    some = {"number": {"startsWith": "SO-0001"}}

    async def of(condition: dict[str, Any]) -> set[str]:
        return await found(stack, table, condition)

    everything = ids(rows)
    assert await of({"not": canceled}) == everything - await of(canceled)
    assert await of({"and": [canceled, some]}) == await of(canceled) & await of(some)
    assert await of({"or": [canceled, some]}) == await of(canceled) | await of(some)
    assert await of({**canceled, **some}) == await of(canceled) & await of(some)
    assert await of({"or": []}) == set()
    assert await of({"status": {"in": []}}) == set()


async def test_rows_are_filtered_by_what_they_link_to(stack: Stack) -> None:
    query = "{ orders(first: 3) { nodes { id contact { id } lines { nodes { id } } } } }"
    orders = (await stack.ask(query, as_=BUYER)).data["orders"]["nodes"]

    for order in orders:
        lines = await found(stack, TABLES["SalesOrderLine"], {"order": {"eq": order["id"]}})
        assert lines == ids(order["lines"]["nodes"])


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ({"order": {"eq": "nonsense"}}, "INVALID_INPUT"),
        ({"description": {"startsWith": None}}, "INVALID_INPUT"),
        ({"and": None}, "INVALID_INPUT"),
        ({"description": {"contains": "a\u0000b"}}, None),
        ({"quantity": {"eq": "1E50000000"}}, "INVALID_INPUT"),
        ({"quantity": {"in": ["NaN"]}}, "INVALID_INPUT"),
        ({"quantity": {"in": ["sNaN"]}}, "INVALID_INPUT"),
        ({"quantity": {"gt": "sNaN"}}, "INVALID_INPUT"),
        ({"quantity": {"lt": "-Infinity"}}, "INVALID_INPUT"),
        ({"description": {"in": ["\u20ac" * 60] * 300 + ["\u20ac" * 61] * 200}}, None),
        ({"description": {"in": [f"{n}" + "\u20ac" * 60 for n in range(500)]}}, "INVALID_INPUT"),
        ({"unit": {"in": [str(n) for n in range(500)]}}, "INVALID_INPUT"),
    ],
)
async def test_what_cannot_be_searched_for_is_named(
    stack: Stack, condition: dict[str, Any], code: str | None
) -> None:
    query = "query ($f: SalesOrderLineFilter) { orderLines(filter: $f) { nodes { id } } }"

    assert (await stack.ask(query, f=condition)).codes == ([code] if code else [])
