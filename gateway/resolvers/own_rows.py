"""
Functions for an adopter's mutations: find rows through the gate, make and change them.

The row rule of the table decides what may be written as it decides what may be read: nobody makes
a row, or changes one into a row, that would not be theirs.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import strawberry

from gateway.auth.principal import Principal
from gateway.errors import InvalidInput, NotFound, UpstreamError, UpstreamRefused, UpstreamTimeout
from gateway.loaders.writer import DUPLICATES, Unsettled
from gateway.model.declarations import (
    Column,
    DeclarationError,
    Group,
    Link,
    Row,
    Spec,
    Table,
    Written,
)
from gateway.model.kinds import OptionSet
from gateway.model.tables import paths
from gateway.resolvers.orders.input_checks import key_mistakes
from gateway.resolvers.orders.inputs import MAXIMUM_KEY
from gateway.resolvers.orders.new_order import derived_id
from gateway.schema import ids
from gateway.schema.context import Info
from gateway.upstream.names import Reference, lookup_value
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
    row, seen = _columns(table, values, "create")
    context.loaders.reader.demand(table, seen, "create", seen=False)
    content = msgspec.json.encode(row, order="deterministic").decode()
    identity = derived_id(context.principal, NO_ACCOUNT, f"create {table.entity}", key + content)
    body = {name: value for name, value in row.items() if value is not None}
    problem: UpstreamError | None = None
    try:
        await _send(info, table, "create", body | {_key(table): str(identity)})
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
    changes, seen = _columns(table, values, "update")
    context.loaders.reader.demand(table, row.raw, "update", seen=True)
    context.loaders.reader.demand(table, {**row.raw, **seen}, "update", seen=False)
    identity = UUID(row.raw[_key(table)])
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


def _columns(
    table: Table, values: Mapping[str, object], when: Written
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A row as it is written, and as the row rule would see it."""
    row: dict[str, Any] = {}
    seen: dict[str, Any] = {}
    for name, value in values.items():
        spec = _writable(table, name, when)
        if isinstance(spec, Link):
            row[_step(spec)], more = _linked(spec, value)
            seen |= more
        else:
            plain = dict(_plain(spec, value))
            row |= plain
            seen |= plain
    return row, seen


def _writable(table: Table, name: str, when: Written) -> Spec:
    spec = table.specs.get(name)
    if spec is None:
        raise DeclarationError(f"{table.name} has no member '{name}'")
    if getattr(spec, "written", "never") not in (when, "always"):
        raise DeclarationError(f'{spec.label} must be declared with `written="{when}"`')
    return spec


def _plain(spec: Spec, value: object) -> Iterator[tuple[str, Any]]:
    match spec:
        case Column():
            yield spec.path, _sent(value)
        case Group():
            for part, path in spec.parts.items():
                if "/" not in path:  # what stands on another row is not written here
                    yield path, _sent(getattr(value, part, None))


def _sent(value: object) -> Any:
    match value:
        case OptionSet():
            return value.value
        case UUID():
            return str(value)
        case str():
            return value if value.strip() else None
    return value


def _step(link: Link) -> str:
    """The lookup that a link follows, as it is written."""
    return f"{link.lookup}_{link.target.entity}" if link.polymorphic else link.lookup


def _linked(link: Link, value: object) -> tuple[Reference | None, dict[str, Any]]:
    column = lookup_value(link.lookup)
    if isinstance(value, Row):
        key = UUID(value.raw[_key(link.target)])
        return Reference(link.target.entity, key), {column: str(key), link.lookup: value.raw}
    if isinstance(value, UUID):
        return Reference(link.target.entity, value), {column: str(value)}
    return None, {column: None}


def _key(table: Table) -> str:
    (column,) = table.key
    return column


def _all(cls: type[Row]) -> frozenset[str]:
    return paths(cls).union(cls.__table__.key)


class _Keyed(msgspec.Struct, frozen=True):
    idempotency_key: str
