"""
Functions for an adopter's mutations: find rows through the gate, make and change them.

The row rule of the table decides what may be written as it decides what may be read: nobody makes
a row, or changes one into a row, that would not be theirs.
"""

from typing import Any, TypeVar
from uuid import UUID

import msgspec
import strawberry

from gateway.auth.principal import Principal
from gateway.errors import InvalidInput, NotFound, UpstreamError, UpstreamRefused, UpstreamTimeout
from gateway.loaders.writer import DUPLICATES, Unsettled
from gateway.model.declarations import (
    Row,
    Table,
)
from gateway.model.tables import paths
from gateway.resolvers.orders.input_checks import key_mistakes
from gateway.resolvers.orders.inputs import MAXIMUM_KEY
from gateway.resolvers.orders.new_order import derived_id
from gateway.resolvers.written_rows import key_column, written
from gateway.schema import ids
from gateway.schema.context import Info
from gateway.upstream.service import Write

R = TypeVar("R", bound=Row)
NO_ACCOUNT = UUID(int=0)
"""Rows of an adopter's belong to whatever their row rule says."""
UNKNOWN = "Nobody knows yet whether it was done; send it again as it was."


def caller(info: Info) -> Principal:
    """The caller: `kind`, `contact` (None for staff and machines), `accounts`, `roles`."""
    return info.context.principal


async def find(info: Info, cls: type[R], id: strawberry.ID) -> R:
    """The row of a global id, with all its columns; NotFound unless the caller may see it."""
    found = await info.context.loaders.node(cls, ids.key(cls.__table__, id), _all(cls))
    if found is None:
        raise NotFound(f"There is no such {cls.__name__}.", argument="id")
    return found


async def create(info: Info, cls: type[R], *, key: str, **values: object) -> R | None:
    """
    Make a row, once for each idempotency key of a caller, and read it back through the gate.

    `values` are members that are declared as written: a link takes a row or the UUID of one. The
    same key and values give back the row that is there. Forbidden unless the caller may create it,
    InvalidInput for a key that cannot be used, UpstreamTimeout where the outcome is not known: then
    the same again tells. None where the caller may create what they may not see.
    """
    table, context = cls.__table__, info.context
    if key_mistakes(_Keyed(key)):
        said = f"The key must have 1 to {MAXIMUM_KEY} characters."
        raise InvalidInput(said, argument="idempotencyKey")
    row, seen = written(table, values, "create")
    context.loaders.reader.demand(table, seen, "create", seen=False)
    content = msgspec.json.encode(row, order="deterministic").decode()
    identity = derived_id(context.principal, NO_ACCOUNT, f"create {table.entity}", key + content)
    body = {name: value for name, value in row.items() if value is not None}
    problem: UpstreamError | None = None
    try:
        await _send(info, table, "create", body | {key_column(table): str(identity)})
    except UpstreamRefused as error:
        if error.details["reason"] not in DUPLICATES:
            raise
        problem = error
    except UpstreamTimeout as error:
        problem = error
    # Where the row is there, it was made: by this try, or by an earlier one of the same.
    found = await context.loaders.node(cls, (identity,), _all(cls))
    if found is None and problem is not None:
        raise problem
    return found


async def update(info: Info, row: R, **values: object) -> R | None:
    """
    Change members of a row that came through the gate, and read it back.

    Forbidden unless the caller may change it, before and after. The last change wins.
    """
    cls, table, context = type(row), row.__table__, info.context
    changes, seen = written(table, values, "update")
    context.loaders.reader.demand(table, row.raw, "update", seen=True)
    context.loaders.reader.demand(table, {**row.raw, **seen}, "update", seen=False)
    identity = UUID(row.raw[key_column(table)])
    await _send(info, table, "update", changes, identity)
    return await context.loaders.node(cls, (identity,), _all(cls))


async def _send(
    info: Info, table: Table, privilege: str, row: dict[str, Any], key: UUID | None = None
) -> None:
    writer = info.context.writer
    writer.allowance.extend(writer.writes.patience)
    method, match = ("POST", None) if key is None else ("PATCH", "*")
    change = Write(method, table.entity, row, match=match, key=key)  # type: ignore[arg-type]
    try:
        await writer.write(privilege, [change], needs=table.needs)
    except Unsettled:
        raise UpstreamTimeout(UNKNOWN) from None
    finally:
        info.context.loaders.forget()


def _all(cls: type[Row]) -> frozenset[str]:
    return paths(cls).union(cls.__table__.key)


class _Keyed(msgspec.Struct, frozen=True):
    idempotency_key: str
