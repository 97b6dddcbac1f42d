"""Changes of rows in Dataverse as the ERP makes them: past the gateway, and past its own checks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from emulator.store import Store
from emulator.values import guid_order
from tests.stack import Stack

Json = dict[str, Any]
QUIETLY = "load"
"""The origin of changes that no dual-write carries on."""
OURS, THEIRS = "US-001", "US-002"


def store_of(stack: Stack) -> Store:
    found: Store = stack.emulator.state.store
    return found


def rows(stack: Stack, name: str, /, **columns: Any) -> list[Json]:
    """The rows of an entity set whose columns have these values, in the order of their keys."""
    store = store_of(stack)
    table = store.catalog.tables[name]
    where = " AND ".join(f'"{column}" = ?' for column in columns) or "1 = 1"
    return store.select(table, f'{where} ORDER BY "{table.id}"', columns.values())


def keys(
    stack: Stack, name: str, where: str = "1 = 1", /, *values: str, order: str = ""
) -> list[str]:
    """
    The keys of the rows of an entity set for which a condition of SQL holds, in their order or by
    another column: whole rows of a large table take long to read.
    """
    store = store_of(stack)
    table = store.catalog.tables[name]
    place = f'"{table.sql}" WHERE {where} ORDER BY "{order or table.id}"'
    found = store.run(f'SELECT "{table.id}" FROM {place}', values)  # noqa: S608 - ours
    return [str(key) for (key,) in found]


def row(stack: Stack, name: str, key: str) -> Json:
    """One row."""
    table = store_of(stack).catalog.tables[name]
    (found,) = rows(stack, name, **{table.id: key})
    return found


def change(stack: Stack, name: str, key: str, /, **values: Any) -> None:
    table = store_of(stack).catalog.tables[name]
    with store_of(stack).transaction(QUIETLY) as made:
        made.update(table, row(stack, name, key), values)


def create(stack: Stack, name: str, like: Json, /, **values: Any) -> str:
    """A twin of a row with other values; its key."""
    table = store_of(stack).catalog.tables[name]
    key = guid_order(str(uuid4()))
    with store_of(stack).transaction(QUIETLY) as made:
        made.insert(table, {**like, **values, table.id: key})
    return key


def delete(stack: Stack, name: str, key: str) -> None:
    table = store_of(stack).catalog.tables[name]
    with store_of(stack).transaction(QUIETLY) as made:
        made.delete(table, row(stack, name, key))


@contextmanager
def untracked(stack: Stack, name: str) -> Iterator[None]:
    """Meanwhile Dataverse does not tell of changes of an entity set."""
    table = store_of(stack).catalog.tables[name]
    object.__setattr__(table, "tracked", False)
    try:
        yield
    finally:
        object.__setattr__(table, "tracked", True)


def account(stack: Stack, number: str = OURS) -> str:
    (found,) = rows(stack, "accounts", accountnumber=number)
    return str(found["accountid"])


def orders(stack: Stack, number: str = OURS) -> list[Json]:
    """The orders of an account, by their numbers."""
    found = rows(stack, "salesorders", _customerid_value=account(stack, number))
    return sorted(found, key=lambda row: row["ordernumber"])


def lines(stack: Stack, order: Json) -> list[Json]:
    return rows(stack, "salesorderdetails", _salesorderid_value=order["salesorderid"])


def feed_calls(stack: Stack) -> list[str]:
    """The requests for changes so far: one for all tables that are followed."""
    return [
        each.path
        for each in stack.emulator.state.log
        if any("deltatoken" in part.query for part in (each.parts or [each]))
    ]


def other_calls(stack: Stack) -> list[str]:
    """The other requests to Dynamics, but for those that find out who somebody is."""
    return [
        f"{each.path}?{each.query}"
        for each in stack.emulator.state.log
        if not any(
            "deltatoken" in part.query or "emailaddress1" in part.query or "adx_" in part.path
            for part in (each.parts or [each])
        )
    ]
