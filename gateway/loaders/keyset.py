"""
Keyset paging: a cursor is the place of a row in an order, and a page is what comes after it.

The order always ends in the table's key, so that no two rows share a place. Dataverse sorts nulls
as the smallest values (first ascending, last descending), as SQL Server does; F&O has no nulls.
"""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway import encoding
from gateway.errors import InvalidCursor, UpstreamMismatch
from gateway.model.kinds import literal
from gateway.model.tables import Table
from gateway.upstream.conditions import (
    NOTHING,
    All,
    AnyOf,
    Compare,
    Condition,
    Raw,
    Value,
    both,
    value_at,
)
from gateway.upstream.odata import Order

KeysetPlace = tuple[Value, ...]
"""The values of a row in the columns of an order."""


@lru_cache(maxsize=1024)
def total_order(table: Table, order: tuple[Order, ...]) -> tuple[Order, ...]:
    """`order` with the table's key as the tie-break."""
    asked = {item.column for item in order}
    return (*order, *(Order(column) for column in table.key if column not in asked))


def reverse(order: Sequence[Order]) -> tuple[Order, ...]:
    return tuple(replace(item, descending=not item.descending) for item in order)


def place(table: Table, order: Sequence[Order], row: Raw) -> KeysetPlace:
    """The place of `row` in `order`."""
    types = table.scalars
    return tuple(literal(types[item.column], value_at(row, item.column)) for item in order)


def beyond(table: Table, order: Sequence[Order], start: KeysetPlace) -> Condition:
    """The rows that come after `start`: larger in some column, equal in all before it."""
    alternatives = []
    equal: Condition = All()
    for item, value in zip(order, start, strict=True):
        alternatives.append(both(equal, _after(table, item, value)))
        equal = both(equal, Compare(item.column, "eq", value))
    return AnyOf(tuple(part for part in alternatives if part != NOTHING))


def _after(table: Table, item: Order, value: Value) -> Condition:
    nullable = table.dialect.has_nulls and item.column not in table.key
    if item.descending:
        if value is None:
            return NOTHING
        smaller = Compare(item.column, "lt", value)
        return AnyOf((smaller, Compare(item.column, "eq", None))) if nullable else smaller
    return Compare(item.column, "ne" if value is None else "gt", value)


def encode(table: Table, order: Sequence[Order], row: Raw) -> str:
    """The cursor of `row`: opaque to callers, and good for this list in this order alone."""
    values = [_portable(value_at(row, item.column)) for item in order]
    text = msgspec.json.encode([_signature(table, order), *values])
    return encoding.written(text)


def decode(table: Table, order: Sequence[Order], cursor: str) -> KeysetPlace:
    """The place that a cursor names; InvalidCursor for anything that `encode` did not make."""
    try:
        signature, *values = msgspec.json.decode(encoding.read(cursor), type=list[Any])
        if signature != _signature(table, order) or len(values) != len(order):
            raise ValueError
        types = table.scalars
        return tuple(
            literal(types[item.column], value) for item, value in zip(order, values, strict=True)
        )
    except (ValueError, TypeError, AttributeError, msgspec.DecodeError, UpstreamMismatch):
        # One answer for all: damaged, of another list, or of another order.
        raise InvalidCursor("This is not a cursor of this list in this order.") from None


def _signature(table: Table, order: Sequence[Order]) -> str:
    text = table.name + "".join(f"|{item.column} {item.descending}" for item in order)
    return sha256(text.encode()).hexdigest()[:12]


def _portable(raw: Any) -> Any:
    return str(raw) if isinstance(raw, Decimal) else raw
