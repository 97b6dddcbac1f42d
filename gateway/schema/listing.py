"""The arguments of a list, as GraphQL coerced them -> the window of rows that they mean."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from typing import Any

import strawberry

from gateway.loaders.reader import Reader
from gateway.loaders.windows import Slice, Window, window
from gateway.model.tables import Table
from gateway.schema import filters
from gateway.schema.account_ids import account_id
from gateway.schema.choosing import of_account
from gateway.schema.context import Context
from gateway.upstream.conditions import EVERYTHING, Condition, both
from gateway.upstream.odata import Order


@strawberry.enum(description="The direction of an order.")
class Direction(Enum):
    """Ascending or descending; nulls are the smallest values."""

    ASC = strawberry.enum_value("asc", description="Smallest first.")
    DESC = strawberry.enum_value("desc", description="Largest first.")


def window_of(
    table: Table, reader: Reader, arguments: Mapping[str, Any], *, counted: bool
) -> Window:
    """The window for one parent's list; raises InvalidInput or InvalidCursor."""
    paging = {name: value for name, value in arguments.items() if name in PAGING}
    sent, asked = arguments.get("filter"), arguments.get("order_by")
    order = _order(table, asked) if asked else ()
    return window(
        table,
        **paging,
        where=filters.condition(table, sent) if sent else EVERYTHING,
        order=order or reader.default_order(table),
        counted=counted,
    )


PAGING = ("first", "after", "last", "before")


async def read_root(
    table: Table,
    context: Context,
    arguments: Mapping[str, Any],
    read: Callable[[Window], Awaitable[Slice]],
    *,
    counted: bool,
) -> Slice:
    """
    The rows of a root list, which may be narrowed to one `account` and by further arguments.

    NotFound without the account. The rows that are most likely meant are read while it is found out
    which are.
    """
    wanted = window_of(table, context.loaders.reader, arguments, counted=counted)
    account = arguments.get("account")
    if account is not None:
        wanted = _within(wanted, [await of_account(context, table, account_id(account))])
    given = [
        (each, value)
        for name, each in table.narrowings.items()
        if (value := arguments.get(name)) is not None
    ]
    if not given:
        return await read(wanted)
    likely = [each.guess(context.loaders, value) for each, value in given if each.guess]
    finding = asyncio.gather(*(each.meaning(context.loaders, value) for each, value in given))
    if len(likely) < len(given):
        return await read(_within(wanted, await finding))
    meant, found = await asyncio.gather(finding, read(_within(wanted, likely)))
    return found if meant == likely else await read(_within(wanted, meant))


def _within(wanted: Window, conditions: Sequence[Condition]) -> Window:
    return replace(wanted, where=both(wanted.where, *conditions))


def _order(table: Table, sent: Sequence[Any]) -> tuple[Order, ...]:
    chosen = {
        table.scalar_of(item.field.value): item.direction is Direction.DESC
        for item in reversed(sent)
    }
    return tuple(Order(path, descending) for path, descending in reversed(chosen.items()))
