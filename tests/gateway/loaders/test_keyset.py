"""Walking a list by cursors meets every row once, whatever the order, the nulls and the ties."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidCursor
from gateway.loaders import keyset
from gateway.model.tables import TABLES
from gateway.upstream.conditions import All, AnyOf, Compare, Condition, Raw, value_at
from gateway.upstream.odata import Order
from tests.schema import shipped

shipped()
ORDERS = TABLES["SalesOrder"]
COLUMNS = ("msdyn_salesordernumber", "totalamount", "createdon")
rows = st.lists(
    st.fixed_dictionaries(
        {
            "salesorderid": st.uuids().map(str),
            "msdyn_salesordernumber": st.none() | st.sampled_from("abc"),
            "totalamount": st.none() | st.decimals(0, 3, places=1),
            "createdon": st.none()
            | st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]),
        }
    ),
    max_size=12,
    unique_by=lambda row: row["salesorderid"],
)
orders = st.lists(
    st.builds(Order, st.sampled_from(COLUMNS), st.booleans()),
    max_size=3,
    unique_by=lambda order: order.column,
)


def typed(row: Raw, column: str) -> Any:
    return keyset.place(ORDERS, [Order(column)], row)[0]


def satisfies(row: Raw, condition: Condition) -> bool:
    """Apply a condition as the services do, written down once more, with their idea of null."""
    match condition:
        case All(parts):
            return all(satisfies(row, part) for part in parts)
        case AnyOf(parts):
            return any(satisfies(row, part) for part in parts)
        case Compare(column, "eq", value):
            return bool(typed(row, column) == value)
        case Compare(column, "ne", value):
            return bool(typed(row, column) != value)
        case Compare(column, op, value):
            found = typed(row, column)
            if found is None:
                return False
            return bool(found > value if op == "gt" else found < value)
    raise AssertionError(condition)


def sort(found: list[Raw], order: tuple[Order, ...]) -> list[Raw]:
    """As SQL Server sorts: null is the smallest value."""
    for item in reversed(order):
        column = item.column
        present = [row for row in found if value_at(row, column) is not None]
        absent = [row for row in found if value_at(row, column) is None]
        present.sort(key=lambda row: typed(row, column), reverse=item.descending)
        found = present + absent if item.descending else absent + present
    return found


@given(rows, orders)
def test_every_row_is_met_once(found: list[Raw], asked: list[Order]) -> None:
    order = keyset.total_order(ORDERS, tuple(asked))
    expected = sort(found, order)

    met: list[Raw] = []
    rest = expected
    while rest:
        met.append(rest[0])
        cursor = keyset.encode(ORDERS, order, rest[0])
        start = keyset.decode(ORDERS, order, cursor)
        rest = [row for row in expected if satisfies(row, keyset.beyond(ORDERS, order, start))]

    assert met == expected


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_anything_else_is_no_cursor(junk: str | bytes) -> None:
    text = junk if isinstance(junk, str) else junk.hex()

    with pytest.raises(InvalidCursor):
        keyset.decode(ORDERS, keyset.total_order(ORDERS, ()), text)


def test_a_cursor_is_good_for_its_own_order_alone() -> None:
    row = {"salesorderid": str(UUID(int=1)), "createdon": "2026-01-01T00:00:00Z"}
    newest = keyset.total_order(ORDERS, (Order("createdon", True),))
    cursor = keyset.encode(ORDERS, newest, row)

    with pytest.raises(InvalidCursor):
        keyset.decode(ORDERS, keyset.reverse(newest), cursor)


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity"])
def test_no_row_stands_at_what_is_no_number(number: str) -> None:
    order = keyset.total_order(ORDERS, (Order("totalamount"),))
    cursor = keyset.encode(ORDERS, order, {"totalamount": number, "salesorderid": str(UUID(int=1))})

    with pytest.raises(InvalidCursor):
        keyset.decode(ORDERS, order, cursor)
