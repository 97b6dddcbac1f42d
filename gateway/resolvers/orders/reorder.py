"""A new order with the lines of an earlier one, at today's prices."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from uuid import UUID

import strawberry

from gateway.model.members.column import Column
from gateway.model.tables import column_of, paths
from gateway.resolvers.orders import buyers, lookups
from gateway.resolvers.orders.attempts import new_attempt
from gateway.resolvers.orders.deal import Deal
from gateway.resolvers.orders.input_checks import (
    day_mistakes,
    key_of,
    today,
)
from gateway.resolvers.orders.input_rules import input_rules, key_mistakes
from gateway.resolvers.orders.inputs import (
    MAXIMUM_LINES,
    Own,
    PreviewSalesOrderInput,
    ReorderInput,
    SalesOrderLineInput,
)
from gateway.resolvers.orders.line_checks import Item, input_mistakes, sound
from gateway.resolvers.orders.order_facts import read_order, with_days
from gateway.resolvers.orders.order_lines import WantedLine
from gateway.resolvers.orders.own_values import kept
from gateway.resolvers.orders.payloads import LeftOut, LeftOutPart, ReorderPayload, refused, telling
from gateway.resolvers.orders.user_errors import Errors, OrderNotFound, UserError, Wrong, invalid
from gateway.schema import ids
from gateway.schema.business.catalog import Product
from gateway.schema.business.sales import SalesOrder, SalesOrderLine
from gateway.schema.context import Context, Info
from gateway.schema.hidden_columns import unveiled, veiled
from gateway.schema.selection import columns_of, columns_under, fields
from gateway.upstream.conditions import value_at

LINE = paths(
    SalesOrderLine, "sequence", "quantity", "unit", "product", "note", "requested_shipping_date"
)
TOO_MANY = f"An order may have at most {MAXIMUM_LINES} lines."


@dataclass(frozen=True, slots=True)
class EarlierOrder:
    """The earlier order: its account and its lines, of which members of extensions are kept."""

    account: UUID
    rows: list[SalesOrderLine]
    members: list[Column]


@dataclass(frozen=True, slots=True)
class Trial:
    """The earlier lines that can be ordered today, and those that cannot."""

    items: list[Item] = field(default_factory=list)
    gone: dict[int, Errors] = field(default_factory=dict)
    """The errors of the lines that cannot be ordered, by the place of the line."""
    undated: dict[int, Errors] = field(default_factory=dict)
    """The lines whose requested day has passed, with the errors."""

    def left_out(self, rows: Sequence[SalesOrderLine]) -> list[LeftOut]:
        parts = {LeftOutPart.LINE: self.gone, LeftOutPart.REQUESTED_SHIPPING_DATE: self.undated}
        return [
            LeftOut(line=rows[number], part=part, reasons=errors)
            for part, found in parts.items()
            for number, errors in sorted(found.items())
        ]


@telling(ReorderPayload)
async def reorder(info: Info, sent: ReorderInput) -> ReorderPayload:
    context = info.context
    marked = await context.writer.begin("create")
    rules = input_rules(context)
    own = rules.own_mistakes(sent.own)
    if errors := [*own, *key_mistakes(sent), *rules.text_mistakes(sent)]:
        raise Wrong(*errors)
    source = await _source(info, sent)
    attempt = new_attempt(info, ReorderPayload, source.account, "reorder", sent, marked=marked)
    order = PreviewSalesOrderInput(
        lines=[],
        customer_reference=sent.customer_reference,
        requested_receipt_date=sent.requested_receipt_date,
        own=sent.own,
    )
    payload, trial = await attempt.earlier(), Trial()
    try:
        buyer = await buyers.buyer(context, source.account, order)
        deal = await buyers.deal(context, buyer, order)
        trial = await _tried(context, deal, source)
        if payload is None:
            items = _taken(trial, skip=sent.skip_unavailable)
            besides = buyers.faults(context, buyer, order)
            basket = await lookups.fill(context, deal, items, besides=besides)
            payload = await attempt.place(buyer, order, basket)
    except Wrong as wrong:
        payload = payload or refused(ReorderPayload, wrong.errors)
    shown = [veiled(context, row) for row in source.rows]
    payload.unavailable = [shown[number] for number in sorted(trial.gone)]
    payload.left_out = trial.left_out(shown)
    return payload


def _taken(trial: Trial, *, skip: bool) -> list[Item]:
    if trial.gone and not skip:
        raise Wrong(*(error for _, each in sorted(trial.gone.items()) for error in each))
    if not trial.items:
        raise Wrong(invalid("No line of the order can be ordered any more.", "order"))
    return trial.items


async def _source(info: Info, sent: ReorderInput) -> EarlierOrder:
    context, raw = info.context, info._raw_info
    (key,) = key_of(SalesOrder, sent.order, "order")
    inside = unveiled(context)
    order = await read_order(inside, UUID(str(key)), paths(SalesOrder, "account"))
    if order is None:
        raise Wrong(OrderNotFound(message="There is no such order.", path=["input", "order"]))
    table = SalesOrderLine.__table__
    left_out = fields(raw, fields(raw, raw.field_nodes).get("leftOut", []))
    shown = columns_under(raw, "unavailable", table)
    shown |= columns_of(raw, table, left_out.get("line", []))
    rules = input_rules(context)
    members = [each for each in sent.LINE_MEMBERS if not rules.hides(each)]
    select = LINE | shown | {each.path for each in members}
    found = await inside.loaders.matching(
        SalesOrderLine, {column_of(SalesOrderLine, "order"): UUID(str(key))}, select
    )
    account = UUID(value_at(order.raw, column_of(SalesOrder, "account")))
    return EarlierOrder(
        buyers.own_account(context, account, "order"),
        sorted(found, key=lambda line: line.sequence or 0),
        members,
    )


async def _tried(context: Context, deal: Deal, source: EarlierOrder) -> Trial:
    """The fate of each line, in the order that they had, up to the most lines of an order."""
    trial, now = Trial(), today(context.writer.writes.clock())
    rules = input_rules(context)
    wanted: dict[int, WantedLine] = {}
    for number, row in enumerate(source.rows):
        line, path = _line(row, _own(context, row, source.members)), ("order", "lines", str(number))
        if passed := day_mistakes(line, now, *path):
            trial.undated[number], line.requested_shipping_date = passed, None
        wanted[number] = WantedLine(line, path)
    good = {number: line for number, line in wanted.items() if not input_mistakes(line, rules)}
    bad = wanted.keys() - good.keys()
    trial.gone.update({n: input_mistakes(wanted[n], rules) for n in bad})
    for numbers in _batches(good):
        lines = sound([good[number] for number in numbers], rules)
        for number, found in zip(numbers, await lookups.found(context, deal, lines), strict=True):
            _sort(trial, number, found)
    for number, errors in trial.gone.items():
        trial.undated.pop(number, None)
        for error in errors:
            # The caller wrote no member of the line.
            error.path = wanted[number].at()
    return trial


def _sort(trial: Trial, number: int, found: Item | UserError) -> None:
    if isinstance(found, UserError):
        trial.gone[number] = [found]
    elif len(trial.items) == MAXIMUM_LINES:
        trial.gone[number] = [invalid(TOO_MANY, *found.wanted.path)]
    else:
        trial.items.append(found)


def _batches(numbers: dict[int, WantedLine]) -> Iterator[list[int]]:
    left = iter(numbers)
    while batch := list(islice(left, MAXIMUM_LINES)):
        yield batch


def _own(context: Context, row: SalesOrderLine, members: Sequence[Column]) -> Own:
    """The values that a line has for members of extensions."""
    return kept(with_days(context, SalesOrderLine, row.raw), members) if members else {}


def _line(row: SalesOrderLine, own: Own) -> SalesOrderLineInput:
    product = value_at(row.raw, column_of(SalesOrderLine, "product"))
    return SalesOrderLineInput(
        product=strawberry.ID(ids.encode(Product.__table__, (UUID(product),))) if product else None,
        number=None if product else "",
        quantity=row.quantity or Decimal(),
        unit=row.unit,
        requested_shipping_date=row.requested_shipping_date,
        note=row.note,
        own=own,
    )
