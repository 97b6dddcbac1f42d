"""
Functions for an adopter's mutations: find rows through the gate, make and change them.

The row rule of the table decides what may be written as it decides what may be read: nobody makes
a row, or changes one into a row, that would not be theirs.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec
import strawberry

from gateway.auth.principal import Principal
from gateway.errors import InvalidInput, NotFound, UpstreamError, UpstreamRefused, UpstreamTimeout
from gateway.loaders.writer import DUPLICATES, MISSING, Unsettled
from gateway.model.declarations import (
    Row,
    Table,
)
from gateway.model.tables import paths
from gateway.resolvers.orders.input_rules import key_mistakes
from gateway.resolvers.orders.inputs import MAXIMUM_KEY
from gateway.resolvers.orders.order_ids import derived_id
from gateway.resolvers.written_rows import written
from gateway.schema import ids
from gateway.schema.context import Info
from gateway.upstream.row_writes import Method, Write

R = TypeVar("R", bound=Row)
NO_ACCOUNT = UUID(int=0)
"""A placeholder: an adopter's rows belong to no account, only to their row rule."""
SENT: Final[Mapping[str, tuple[Method, str | None]]] = {
    "create": ("POST", None),
    "update": ("PATCH", "*"),
    "delete": ("DELETE", None),
}
"""The method by which a privilege is used, and the version that the row must have."""
UNKNOWN = "The outcome is not known yet; send the same mutation again."


def caller(info: Info) -> Principal:
    """
    The caller of the request, as a `Principal`.

    Example:

        @query(needs="account")
        async def greeting(info: Info) -> str | None:
            '''A greeting for the person who is signed in; null for staff and machines.'''
            contact = caller(info).contact
            return f"Hello, {contact.name}." if contact else None

        # { greeting }
    """
    return info.context.principal


async def find(info: Info, cls: type[R], id: strawberry.ID) -> R:
    """
    The row of the table `cls` with a global id, with all its columns.

    NotFound if the caller may not see the row or the id belongs to another table.

    Example:

        @query(needs="account")
        async def serial_of(info: Info, machine: ID) -> str | None:
            '''The serial number of a machine.'''
            return (await find(info, Machine, machine)).serial

        # query($machine: ID!) { serialOf(machine: $machine) }
    """
    found = await info.context.loaders.node(cls, ids.key(cls.__table__, id), _all(cls))
    if found is None:
        raise NotFound(f"There is no such {cls.__name__}.", argument="id")
    return found


async def create(info: Info, cls: type[R], *, key: str, **values: object) -> R | None:
    """
    Make a row of the table `cls` and read it back with all its columns.

    `key` is the caller's idempotency key, 1 to 100 characters: the same caller, key and values
    return the existing row. `values` are members declared with `written="create"` or "always"; a
    link accepts a row or a UUID. None if the caller may create the row but not see it. Forbidden if
    the caller may not create it, InvalidInput for a key that cannot be used, DeclarationError for a
    member that is not written. After UpstreamTimeout the outcome is unknown: send the same call
    again.

    Example:

        @mutation(needs="orders", privilege="create")
        async def ask_for_visit(info: Info, machine: ID, reason: str, key: str) -> Visit | None:
            '''Ask for a technician's visit.'''
            found, contact = await find(info, Machine, machine), caller(info).contact
            return await create(
                info, Visit, key=key, machine=found, account=found._account_id, reason=reason,
                contact=contact.id if contact else None,
            )

        # mutation($machine: ID!) {
        #   askForVisit(machine: $machine, reason: "It leaks.", key: "visit-1") { reason }
        # }
    """
    table, context = cls.__table__, info.context
    if key_mistakes(_Keyed(key)):
        said = f"idempotencyKey must have 1 to {MAXIMUM_KEY} characters."
        raise InvalidInput(said, argument="idempotencyKey")
    row, seen = written(table, values, "create")
    context.loaders.reader.demand(table, seen, "create", seen=False)
    content = msgspec.json.encode(row, order="deterministic").decode()
    identity = derived_id(context.principal, NO_ACCOUNT, f"create {table.entity}", key + content)
    body = {name: value for name, value in row.items() if value is not None}
    problem = await doubt(info, table, body | {table.key_column: str(identity)})
    # Where the row is there, it was made: by this try, or by an earlier one of the same.
    found = await context.loaders.node(cls, (identity,), _all(cls))
    if found is None and problem is not None:
        raise problem
    return found


async def update(info: Info, row: R, **values: object) -> R | None:
    """
    Change members of a row that `find` or a loader returned, and read it back.

    `values` are members declared with `written="update"` or "always". The last change wins: there
    is no version check. Forbidden if the caller may not change the row as it was, or as it will
    be. DeclarationError for a member that is not written.

    Example:

        @mutation(needs="orders", privilege="update")
        async def clear_note(info: Info, visit: ID) -> Visit | None:
            '''Remove the note of a visit.'''
            return await update(info, await find(info, Visit, visit), note=None)

        # mutation($visit: ID!) { clearNote(visit: $visit) { note } }
    """
    cls, table, context = type(row), row.__table__, info.context
    changes, seen = written(table, values, "update")
    context.loaders.reader.demand(table, row.raw, "update", seen=True)
    context.loaders.reader.demand(table, {**row.raw, **seen}, "update", seen=False)
    identity = UUID(row.raw[table.key_column])
    await _send(info, table, "update", changes, identity)
    return await context.loaders.node(cls, (identity,), _all(cls))


async def remove(info: Info, row: Row) -> None:
    """
    Delete a row that `find` or a loader returned; one that is gone already was removed before.

    Forbidden if the caller may not delete it.
    """
    table, context = row.__table__, info.context
    context.loaders.reader.demand(table, row.raw, "delete", seen=True)
    try:
        await _send(info, table, "delete", None, UUID(row.raw[table.key_column]))
    except UpstreamRefused as error:
        if error.details["reason"] != MISSING:
            raise


async def doubt(info: Info, table: Table, row: dict[str, Any]) -> UpstreamError | None:
    """Send a new row; the error, if any, after which the row may be there all the same."""
    try:
        await _send(info, table, "create", row)
    except UpstreamRefused as error:
        if error.details["reason"] not in DUPLICATES:
            raise
        return error
    except UpstreamTimeout as error:
        return error
    return None


async def _send(
    info: Info, table: Table, privilege: str, row: dict[str, Any] | None, key: UUID | None = None
) -> None:
    method, match = SENT[privilege]
    change = Write(method, table.entity, row, match=match, key=key)
    await send(info, privilege, change, needs=table.needs)


async def send(info: Info, privilege: str, change: Write, *, needs: str) -> None:
    """Make a change under a privilege of the permission `needs`; UpstreamTimeout if in doubt."""
    writer = info.context.writer
    writer.allowance.extend(writer.writes.patience)
    try:
        await writer.write(privilege, [change], needs=needs)
    except Unsettled:
        raise UpstreamTimeout(UNKNOWN) from None
    finally:
        info.context.loaders.forget()


def _all(cls: type[Row]) -> frozenset[str]:
    return paths(cls).union(cls.__table__.key)


class _Keyed(msgspec.Struct, frozen=True):
    idempotency_key: str
