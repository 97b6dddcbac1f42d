"""
The steps of a change: load the order, check if it already has the requested values, check if it may
be changed, build the writes, send them under the order's version, read it back.

The version makes a change safe to repeat: the first write moves the version and a second is
refused; the values of the order then show if the first one succeeded.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal
from uuid import UUID

import strawberry

from gateway.errors import UpstreamError, UpstreamRefused
from gateway.loaders.writer import DUPLICATES, STALE, TELLING, Unsettled
from gateway.model.tables import Row, column_of, paths
from gateway.resolvers.orders.erp_messages import refusal
from gateway.resolvers.orders.expectations import Expected
from gateway.resolvers.orders.input_checks import key_of
from gateway.resolvers.orders.inputs import ChangeInput
from gateway.resolvers.orders.operations import Receipt, receipt_id
from gateway.resolvers.orders.order_facts import canceled_in_erp, read_lines, read_order, with_days
from gateway.resolvers.orders.payloads import OperationStatus, P, refused
from gateway.resolvers.orders.user_errors import (
    IdempotencyMismatch,
    OrderNotFound,
    StatusForbids,
    VersionConflict,
)
from gateway.resolvers.written_rows import row_of
from gateway.schema.business.sales import OrderStatus, SalesOrder, SalesOrderLine
from gateway.schema.context import Context, Info
from gateway.schema.hidden_columns import unveiled
from gateway.schema.selection import columns_under
from gateway.upstream.conditions import Raw, value_at
from gateway.upstream.row_writes import Write

BUYER, COMPANY = (column_of(SalesOrder, name) for name in ("account", "company"))
NAME = column_of(SalesOrder, "name")
CHANGEABLE = (OrderStatus.ACTIVE, OrderStatus.CONFIRMED)
"""The statuses before picking starts in the warehouse."""
HEADER = paths(SalesOrder, "_version", "status", "name", "number", "account", "company") | {
    column_of(SalesOrder, "ship_to", "country")
}


@dataclass(frozen=True, slots=True)
class Current:
    """The current order, before a change."""

    order: SalesOrder
    lines: Mapping[str, Raw]

    @property
    def key(self) -> UUID:
        return self.order._id

    @property
    def status(self) -> OrderStatus:
        return self.order.status or OrderStatus.ACTIVE

    def patch(self, values: Mapping[str, Any]) -> Write:
        """A change of the header, good only while the order has this version."""
        etag = f'W/"{self.order._version}"'
        return self._write("PATCH", SalesOrder, self.key, values, etag)

    def patch_line(self, key: UUID, values: Mapping[str, Any]) -> Write:
        """A change of a line that is there, to be sent along with `guard`."""
        return self._write("PATCH", SalesOrderLine, key, values, "*")

    def new_line(self, row: Mapping[str, Any]) -> Write:
        """A further line of the order."""
        parent = row_of(SalesOrderLine, "create", order=self.key)
        entity = SalesOrderLine.__table__.entity
        return Write("POST", entity, parent | dict(row), company=self.company)

    @property
    def company(self) -> str | None:
        """The code of the legal entity that sells."""
        code: str | None = value_at(self.order.raw, COMPANY)
        return code

    def _write(
        self,
        method: Literal["PATCH"],
        cls: type[Row],
        key: UUID,
        values: Mapping[str, Any],
        match: str,
    ) -> Write:
        return Write(method, cls.__table__.entity, dict(values), match, key, self.company)

    def guard(self) -> Write:
        """A change of the header that changes nothing but its version."""
        return self.patch({NAME: value_at(self.order.raw, NAME)})


Build = Callable[[Current], Awaitable[list[Write]]]
"""Builds the writes to send; raises Wrong where the change may not be."""


@dataclass(frozen=True, slots=True)
class Change(Generic[P]):
    """One try to change an order."""

    info: Info
    payload: type[P]
    sent: ChangeInput
    expected: Expected

    @property
    def context(self) -> Context:
        return self.info.context

    async def make(self, build: Build) -> P:
        current = await self._current()
        if current is None:
            return self._absent()
        if not self._is_new_removal(current) and self._stands(current):
            return await self._told(current, replayed=True)
        if problem := self._problem(current):
            return refused(self.payload, [problem])
        return await self._send(current, await build(current))

    async def _current(self) -> Current | None:
        (key,) = key_of(SalesOrder, self.sent.order, "order")
        context = unveiled(self.context)
        reader = context.loaders.reader
        select = HEADER | self.expected.columns | paths(SalesOrder, "_id")
        select |= reader.proof(SalesOrder.__table__, "update")
        order = await read_order(context, UUID(str(key)), select)
        if order is None:
            return None
        reader.demand(SalesOrder.__table__, order.raw, "update", seen=True)
        said = SalesOrder(with_days(context, SalesOrder, order.raw))
        columns = self.expected.line_columns
        return Current(said, await read_lines(context, order._id, columns))

    def _stands(self, current: Current) -> bool:
        return self.expected.stands(current.order.raw, current.lines)

    def _is_new_removal(self, current: Current) -> bool:
        """True if a line is to go that this version of the order does not have anyway."""
        same = str(current.order._version) == self.sent.version
        return same and None in self.expected.lines.values() and len(self.expected.lines) == 1

    def _problem(self, current: Current) -> Any:
        if self.expected.begun(current.lines) and hasattr(self.sent, "idempotency_key"):
            said = "idempotencyKey was used for other lines; use a new key for these."
            return IdempotencyMismatch(message=said, path=["input", "idempotencyKey"])
        if str(current.order._version) != self.sent.version:
            return _conflict(current)
        if current.status not in CHANGEABLE:
            status = current.status.name.lower().replace("_", " ")
            said = f"The order can no longer be changed: it is {status}."
            return StatusForbids(message=said, path=["input", "order"], status=current.status)
        return None

    async def _send(self, current: Current, writes: list[Write]) -> P:
        try:
            await self.context.writer.write("update", writes)
        except Unsettled as unsettled:
            return await self._looked(current, unsettled)
        except UpstreamRefused as error:
            if error.details["reason"] not in TELLING:
                return refused(self.payload, [refusal(error)])
            return await self._judged(current, error)
        return await self._told(current, replayed=False)

    async def _judged(self, before: Current, error: UpstreamRefused) -> P:
        """A refusal for what the rows are now: by this change, made before, or by others."""
        try:
            current = await self._current()
        except UpstreamError:
            return self._pending(before, self.context.writer.writes.clock())
        if current is None:
            return self._absent()
        if self._stands(current):
            return await self._told(current, replayed=not error.doubtful)
        if error.details["reason"] in DUPLICATES | {STALE}:
            return refused(self.payload, [self._problem(current) or _conflict(current)])
        return refused(self.payload, [_conflict(current)])

    async def _looked(self, before: Current, unsettled: Unsettled) -> P:
        try:
            current = await self._current()
        except UpstreamError:
            current = None
        if current is not None and self._stands(current):
            return await self._told(current, replayed=False)
        return self._pending(before, unsettled.until)

    async def _told(self, current: Current, *, replayed: bool) -> P:
        """CHANGED, or PENDING where the ERP must say so too and has not."""
        if self.expected.canceled and not await canceled_in_erp(
            unveiled(self.context), current.order
        ):
            return self._pending(current, self.context.writer.writes.clock())
        return await self._done(replayed=replayed)

    async def _done(self, *, replayed: bool) -> P:
        (key,) = key_of(SalesOrder, self.sent.order, "order")
        select = columns_under(self.info._raw_info, "order", SalesOrder.__table__)
        try:
            order = await read_order(self.context, UUID(str(key)), select)
        except UpstreamError:
            order = None
        return self.payload(status=OperationStatus.CHANGED, order=order, replayed=replayed)

    def _pending(self, before: Current, until: float) -> P:
        receipt = Receipt(
            order=before.key,
            account=UUID(value_at(before.order.raw, BUYER)),
            until=until,
            version=before.order._version,
            expected=self.expected.brief,
        )
        operation: strawberry.ID = receipt_id(self.context, receipt)
        return self.payload(status=OperationStatus.PENDING, operation=operation)

    def _absent(self) -> P:
        said = OrderNotFound(message="There is no such order.", path=["input", "order"])
        return refused(self.payload, [said])


def _conflict(current: Current) -> VersionConflict:
    return VersionConflict(
        message="The order has changed since you read it; read it again.",
        path=["input", "version"],
        current_version=str(current.order._version),
    )
