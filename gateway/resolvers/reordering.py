"""A new order with the lines of an earlier one, at today's prices."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import strawberry

from gateway.resolvers import buying, creating, placing
from gateway.resolvers.buying import Seller
from gateway.resolvers.inputs import PreviewSalesOrderInput, ReorderInput, SalesOrderLineInput
from gateway.resolvers.mistakes import Errors, OrderNotFound
from gateway.resolvers.payloads import ReorderPayload, refused
from gateway.resolvers.reading import read_order
from gateway.schema import ids
from gateway.schema.catalog import Product
from gateway.schema.context import Context, Info
from gateway.schema.sales import SalesOrder, SalesOrderLine
from gateway.schema.selection import columns_under
from gateway.tables import paths
from gateway.upstream.conditions import value_at

LINE = paths(SalesOrderLine, "sequence", "quantity", "unit", "product", "note")


@dataclass(frozen=True, slots=True)
class Source:
    """The earlier order: its lines as they could be ordered again, and as rows."""

    account: UUID
    rows: list[SalesOrderLine]
    lines: list[SalesOrderLineInput]

    def without(self, gone: set[int]) -> list[SalesOrderLineInput]:
        return [line for n, line in enumerate(self.lines) if n not in gone]


async def reorder(info: Info, sent: ReorderInput) -> ReorderPayload:
    context = info.context
    marked = await context.writer.begin("create")
    if errors := [*placing.check_key(sent), *placing.check_header(sent)]:
        return refused(ReorderPayload, errors)
    source = await _source(info, sent)
    if source is None:
        said = OrderNotFound(message="There is no such order.", path=["input", "order"])
        return refused(ReorderPayload, [said])
    attempt = creating.new_attempt(
        info, ReorderPayload, source.account, "reorder", sent, marked=marked
    )
    gone = await _gone(context, source)
    payload = await attempt.earlier() or await _place(attempt, source, sent, gone)
    payload.unavailable = [source.rows[n] for n in sorted(gone)]
    return payload


async def _place(
    attempt: creating.Attempt[ReorderPayload],
    source: Source,
    sent: ReorderInput,
    gone: dict[int, Errors],
) -> ReorderPayload:
    if gone and not sent.skip_unavailable:
        return refused(ReorderPayload, [error for each in gone.values() for error in each])
    order = PreviewSalesOrderInput(
        lines=source.without(set(gone)),
        customer_reference=sent.customer_reference,
        requested_receipt_date=sent.requested_receipt_date,
    )
    if not order.lines:
        nothing = [placing.invalid("Nothing of the order can be bought any more.", "order")]
        return refused(ReorderPayload, nothing)
    basket = await creating.load(attempt.context, source.account, order)
    if errors := creating.faults(basket, order, attempt.context.unpriced):
        return refused(ReorderPayload, errors)
    return await creating.place(attempt, basket, order)


async def _source(info: Info, sent: ReorderInput) -> Source | None:
    context = info.context
    (key,) = ids.key(SalesOrder.__table__, sent.order)
    order = await read_order(context, UUID(str(key)), paths(SalesOrder, "account"))
    if order is None:
        return None
    below = columns_under(info._raw_info, "unavailable", SalesOrderLine.__table__)
    found = await context.loaders.matching(
        SalesOrderLine, {"_salesorderid_value": UUID(str(key))}, LINE | below
    )
    rows = sorted(found, key=lambda line: line.sequence or 0)
    account = UUID(value_at(order.raw, "_customerid_value"))
    return Source(buying.own_account(context, account), rows, [_line(row) for row in rows])


def _line(row: SalesOrderLine) -> SalesOrderLineInput:
    product = value_at(row.raw, "_productid_value")
    return SalesOrderLineInput(
        product=strawberry.ID(ids.encode(Product.__table__, (UUID(product),))) if product else None,
        number=None if product else "",
        quantity=row.quantity or Decimal(),
        unit=row.unit,
        note=row.note,
    )


async def _gone(context: Context, source: Source) -> dict[int, Errors]:
    """What is wrong today with the lines that cannot be bought again, by their place."""
    wrong: dict[int, Errors] = {}
    seller = Seller(buying.company(context, source.account), terms=None)
    for error in (await buying.items(context, source.lines, seller))[1]:
        place = int(error.path[2])
        error.path = ["input", "order", "lines", str(place)]
        wrong.setdefault(place, []).append(error)
    return wrong
