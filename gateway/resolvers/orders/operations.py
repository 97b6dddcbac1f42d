"""
The outcome of a mutation that was unknown when its caller was answered.

Nothing is remembered here: the caller carries a sealed receipt, and the order itself tells.
"""

from typing import Any
from uuid import UUID

import msgspec
import strawberry

from gateway.auth.principal import Access, Principal
from gateway.errors import InvalidInput
from gateway.loaders.seals import Broken
from gateway.model.tables import column_of, paths
from gateway.resolvers.orders.expectations import Expected
from gateway.resolvers.orders.order_facts import (
    canceled_in_erp,
    made_by_anybody,
    read_lines,
    read_order,
    with_days,
)
from gateway.resolvers.orders.payloads import OperationStatus
from gateway.schema.business.sales import SalesOrder
from gateway.schema.context import Context, Info
from gateway.schema.hidden_columns import unveiled, veiled
from gateway.schema.selection import columns_under

VERSION = column_of(SalesOrder, "_version")
SETTLED_AFTER = 130.0
"""Seconds after the last possible send: dual-write's transactions end after 120, clocks differ."""


class Receipt(msgspec.Struct, frozen=True):
    """The facts that are needed to determine the outcome of a write."""

    order: UUID
    account: UUID
    until: float
    """Seconds since the epoch; after them nothing is sent for it."""
    fingerprint: str = ""
    """Of a new order; empty where orders do not carry one."""
    version: int | None = None
    """The version that a change started from; None for a new order."""
    expected: Expected = Expected()
    """The state to which a change leads."""


@strawberry.type(description="The outcome of a mutation.")
class Operation:
    """As of now; only PENDING can change."""

    status: OperationStatus = strawberry.field(
        description="The outcome as far as it is known for sure."
    )
    order: SalesOrder | None = strawberry.field(
        description="The order as it is now; null where it does not exist."
    )


def receipt_id(context: Context, receipt: Receipt) -> strawberry.ID:
    return strawberry.ID(context.writer.writes.seal.seal(msgspec.json.encode(receipt)))


async def operation(info: Info, id: strawberry.ID) -> Operation | None:
    """The outcome of the mutation that gave out `id`; None where it is somebody else's."""
    receipt = _opened(info.context, id)
    if not _mine(info.context.principal, receipt):
        return None
    if receipt.version is None:
        return await _created(info, receipt)
    return await _changed(info, receipt)


def _opened(context: Context, id: strawberry.ID) -> Receipt:
    try:
        return msgspec.json.decode(context.writer.writes.seal.open(id), type=Receipt)
    except (Broken, msgspec.DecodeError):
        raise InvalidInput(
            "Not a valid id of an operation; send `operation` as the mutation returned it.",
            argument="id",
        ) from None


def _mine(principal: Principal, receipt: Receipt) -> bool:
    access = principal.access("orders")
    mine = {account.id for account in principal.accounts_within(access)}
    return access is Access.ALL or receipt.account in mine


async def _created(info: Info, receipt: Receipt) -> Operation:
    context = info.context
    # The time must be taken first: an order that comes after the look may still come.
    settled = context.writer.writes.clock() >= receipt.until + SETTLED_AFTER
    found = await made_by_anybody(context, receipt.order, marked=bool(receipt.fingerprint))
    if found is None:
        status = OperationStatus.NOT_CREATED if settled else OperationStatus.PENDING
        return Operation(status=status, order=None)
    if found != receipt.fingerprint:
        return Operation(status=OperationStatus.NOT_CREATED, order=None)
    order = await read_order(context, receipt.order, _selected(info))
    return Operation(status=OperationStatus.CREATED, order=order)


async def _changed(info: Info, receipt: Receipt) -> Operation | None:
    context, expected = info.context, receipt.expected
    settled = context.writer.writes.clock() >= receipt.until + SETTLED_AFTER
    select = _selected(info) | expected.columns | paths(SalesOrder, "_version", "company", "number")
    inside = unveiled(context)
    order = await read_order(inside, receipt.order, select)
    if order is None:
        return None
    columns = expected.line_columns
    lines = await read_lines(inside, receipt.order, columns) if expected.lines else {}
    said = with_days(inside, SalesOrder, order.raw)
    status = _judged(receipt, said, lines, settled=settled)
    if status is OperationStatus.CHANGED and expected.canceled:
        status = await _canceled(inside, order, settled=settled)
    return Operation(status=status, order=veiled(context, order))


async def _canceled(context: Context, order: SalesOrder, *, settled: bool) -> OperationStatus:
    """The outcome of a cancelation that stands in Dataverse: the ERP decides."""
    if await canceled_in_erp(context, order):
        return OperationStatus.CHANGED
    return OperationStatus.NOT_CHANGED if settled else OperationStatus.PENDING


def _judged(
    receipt: Receipt, header: Any, lines: dict[str, Any], *, settled: bool
) -> OperationStatus:
    if receipt.expected.stands(header, lines):
        return OperationStatus.CHANGED
    if header[VERSION] != receipt.version:
        # Our write names the old version: it was made and undone, or it never can be made.
        return OperationStatus.OVERTAKEN
    return OperationStatus.NOT_CHANGED if settled else OperationStatus.PENDING


def _selected(info: Info) -> frozenset[str]:
    return columns_under(info._raw_info, "order", SalesOrder.__table__)
