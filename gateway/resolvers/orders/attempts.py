"""
The sending of a new order: its id is derived from the idempotency key, so the service itself sees
to it that there is only one. Whatever is said of an outcome was read, or was answered by the
service.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic
from uuid import UUID

import strawberry

from gateway.errors import UpstreamError, UpstreamRefused
from gateway.loaders.writer import DUPLICATES, Unsettled
from gateway.resolvers.orders.buyers import Buyer
from gateway.resolvers.orders.erp_messages import refusal
from gateway.resolvers.orders.inputs import PreviewSalesOrderInput, fingerprint
from gateway.resolvers.orders.line_checks import Basket
from gateway.resolvers.orders.new_order import order_row
from gateway.resolvers.orders.operations import Receipt, receipt_id
from gateway.resolvers.orders.order_facts import made_by_anybody, read_order
from gateway.resolvers.orders.order_ids import derived_id, shared_id
from gateway.resolvers.orders.payloads import OperationStatus, P, refused
from gateway.resolvers.orders.user_errors import IdempotencyMismatch, UserError
from gateway.schema.business.sales import FINGERPRINT, KEY, SalesOrder
from gateway.schema.context import Context, Info
from gateway.schema.selection import columns_under
from gateway.upstream.row_writes import Write

CREATED = OperationStatus.CREATED


def other_order() -> UserError:
    """The mistake where a key has made another order before."""
    said = "idempotencyKey was used for another order; use a new key for this one."
    return IdempotencyMismatch(message=said, path=["input", "idempotencyKey"])


@dataclass(frozen=True, slots=True)
class Attempt(Generic[P]):
    """One try to make the one order that an idempotency key stands for."""

    info: Info
    payload: type[P]
    account: UUID
    identity: UUID
    fingerprint: str
    """Empty where orders do not carry one."""
    taken: Callable[[], UserError] = other_order
    """The mistake where its id is that of an order which the caller did not make by this."""
    is_shared: bool = False
    """True if colleagues may have made the order, whose rows the caller may not see."""

    @property
    def context(self) -> Context:
        return self.info.context

    async def earlier(self, *, replayed: bool = True) -> P | None:
        """
        The answer for an earlier try of the same mutation; None if nothing of it is there to be
        seen.
        """
        marked = {FINGERPRINT} if self.fingerprint else frozenset[str]()
        select = columns_under(self.info._raw_info, "order", SalesOrder.__table__) | marked
        order = await read_order(self.context, self.identity, select)
        if order is None:
            return await self._of_colleagues() if self.is_shared else None
        if marked and order.raw[FINGERPRINT] != self.fingerprint:
            return self._mismatch()
        return self.payload(status=CREATED, order=order, replayed=replayed)

    async def _of_colleagues(self) -> P | None:
        """The answer for an order that is there and that the caller may not see."""
        found = await made_by_anybody(self.context, self.identity, marked=bool(self.fingerprint))
        if found is None:
            return None
        if found != self.fingerprint:
            return self._mismatch()
        return self.payload(status=CREATED, order=None, replayed=True)

    async def place(self, buyer: Buyer, sent: PreviewSalesOrderInput, basket: Basket) -> P:
        """Send the order that the caller wishes for."""
        row = order_row(self.identity, buyer, sent, basket, self.context.unpriced)
        return await self.submit(row, basket.deal.company)

    async def submit(self, row: dict[str, Any], company: str | None, *along: Write) -> P:
        """
        Send the order, and what stands or falls with it; the answer states only what is known for
        certain.
        """
        marks = {KEY: str(self.identity), FINGERPRINT: self.fingerprint}
        body = row | (marks if self.fingerprint else {})
        try:
            order = Write("POST", SalesOrder.__table__.entity, body, company=company)
            await self.context.writer.write("create", [order, *along])
        except Unsettled as unsettled:
            return await self._looked(unsettled.until, replayed=False) or self._pending(unsettled)
        except UpstreamRefused as error:
            if error.details["reason"] in DUPLICATES:
                now = self.context.writer.writes.clock()
                found = await self._looked(now, replayed=not error.doubtful)
                return found or self._mismatch()
            if error.doubtful:
                return self._pending(Unsettled(self.context.writer.writes.clock()))
            return refused(self.payload, [refusal(error)])
        return await self._written()

    def _mismatch(self) -> P:
        return refused(self.payload, [self.taken()])

    async def _written(self) -> P:
        try:
            found = await self.earlier(replayed=False)
        except UpstreamError:
            found = None
        now = self.context.writer.writes.clock()
        return found or self.payload(status=CREATED, operation=self._receipt(now))

    async def _looked(self, until: float, *, replayed: bool) -> P | None:
        """As `earlier`, but PENDING where Dynamics does not even let us look."""
        try:
            return await self.earlier(replayed=replayed)
        except UpstreamError:
            return self._pending(Unsettled(until))

    def _pending(self, unsettled: Unsettled) -> P:
        return self.payload(
            status=OperationStatus.PENDING, operation=self._receipt(unsettled.until)
        )

    def _receipt(self, until: float) -> strawberry.ID:
        receipt = Receipt(self.identity, self.account, until, self.fingerprint)
        return receipt_id(self.context, receipt)


def new_attempt(
    info: Info, payload: type[P], account: UUID, operation: str, sent: Any, *, marked: bool
) -> Attempt[P]:
    key, is_shared = sent.idempotency_key, bool(getattr(sent, "shared_key", None))
    if is_shared:
        identity = shared_id(account, operation, key)
    else:
        identity = derived_id(info.context.principal, account, operation, key)
    said = fingerprint(sent, account) if marked else ""
    return Attempt(info, payload, account, identity, said, is_shared=is_shared)
