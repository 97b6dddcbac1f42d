"""The changes that callers make of an order: what each expects, and what it sends."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import strawberry
from strawberry.utils.str_converters import to_camel_case

from gateway.model.tables import column_of, paths
from gateway.resolvers.orders import buyers, lookups, new_order, own_values
from gateway.resolvers.orders.expectations import Expected, added
from gateway.resolvers.orders.input_checks import (
    day_mistakes,
    given,
    is_said,
    key_if_named,
    key_of,
    today,
)
from gateway.resolvers.orders.input_rules import input_rules, key_mistakes
from gateway.resolvers.orders.inputs import (
    AddressInput,
    AddSalesOrderLinesInput,
    CancelSalesOrderInput,
    ChangeInput,
    RemoveSalesOrderLineInput,
    SalesOrderLineInput,
    UpdateSalesOrderInput,
    UpdateSalesOrderLineInput,
)
from gateway.resolvers.orders.line_checks import Basket, sound
from gateway.resolvers.orders.new_order import COUNTRY, LINE
from gateway.resolvers.orders.order_facts import ORDER, changing_of, deal_of, others_of
from gateway.resolvers.orders.order_ids import derived_id
from gateway.resolvers.orders.order_lines import Changing, WantedLine
from gateway.resolvers.orders.payloads import (
    AddSalesOrderLinesPayload,
    CancelSalesOrderPayload,
    P,
    RemoveSalesOrderLinePayload,
    UpdateSalesOrderLinePayload,
    UpdateSalesOrderPayload,
    telling,
)
from gateway.resolvers.orders.pipeline import BUYER, Change, Current
from gateway.resolvers.orders.user_errors import Errors, LineNotFound, StatusForbids, Wrong, invalid
from gateway.resolvers.written_rows import row_of
from gateway.schema import ids
from gateway.schema.business.accounts import AccountAddress
from gateway.schema.business.catalog import Product
from gateway.schema.business.sales import LineStatus, OrderStatus, SalesOrder, SalesOrderLine
from gateway.schema.business.values import Address
from gateway.schema.context import Info
from gateway.schema.hidden_columns import asked_by, unveiled
from gateway.upstream.conditions import Raw, same, value_at
from gateway.upstream.row_writes import Write

STATUS, SEQUENCE = (column_of(SalesOrderLine, name) for name in ("status", "sequence"))
LINE_OPEN = (None, LineStatus.NONE.value, LineStatus.BACKORDER.value)
EMPTY = "This field cannot be empty; leave it out to keep its value."
NOTHING = "Give at least one field to change."


@telling(UpdateSalesOrderPayload)
async def update(info: Info, sent: UpdateSalesOrderInput) -> UpdateSalesOrderPayload:
    await info.context.writer.begin("update")
    rules = input_rules(info.context)
    said = [*rules.own_mistakes(sent.own), *rules.text_mistakes(sent)]
    if errors := [*said, *rules.address_mistakes(sent), *_cleared(sent)]:
        raise Wrong(*errors)
    typed = new_order.columns_of(sent, new_order.HEADER) | own_values.columns(sent.own)
    values = typed | await _ship_to(info, sent)
    if not values and given(sent.ship_to_address) is None:
        raise Wrong(invalid(NOTHING))
    asked_by(info.context, SalesOrder, *values)
    change = Change(info, UpdateSalesOrderPayload, sent, Expected(header=values))

    async def build(current: Current) -> list[Write]:
        row, now = current.order.raw, _today(info)
        pairs = ((name, row.get(at), values.get(at)) for name, at in new_order.HEADER.items())
        same = [name for name, found, wanted in pairs if str(found) == str(wanted)]
        if passed := day_mistakes(sent, now, but=same):
            raise Wrong(*passed)
        return [current.patch(values)]

    return await change.make(build)


@telling(CancelSalesOrderPayload)
async def cancel(info: Info, sent: CancelSalesOrderInput) -> CancelSalesOrderPayload:
    await info.context.writer.begin("update")
    # The ERP owns the state of the row, and has the last word on what dual-write carries to it.
    values = row_of(SalesOrder, "update", status=OrderStatus.CANCELED)
    expected = Expected(header=values, canceled=True)
    change = Change(info, CancelSalesOrderPayload, sent, expected)

    async def build(current: Current) -> list[Write]:
        return [current.patch(values)]

    return await change.make(build)


@telling(UpdateSalesOrderLinePayload)
async def update_line(info: Info, sent: UpdateSalesOrderLineInput) -> UpdateSalesOrderLinePayload:
    context = info.context
    await context.writer.begin("update")
    key, rules = _line_key(sent.line), input_rules(context)
    values = new_order.columns_of(sent, new_order.LINE) | own_values.columns(sent.own)
    if not values:
        raise Wrong(invalid(NOTHING))
    asked_by(context, SalesOrderLine, *values)
    if sent.quantity is None:
        raise Wrong(invalid(EMPTY, "quantity"))
    sound([_other(sent, Changing(UUID(key), None, Decimal(), None, None, values))], rules)
    change = Change(info, UpdateSalesOrderLinePayload, sent, Expected(lines={key: values}))

    async def build(current: Current) -> list[Write]:
        day = _open_line(current, key).get(LINE["requested_shipping_date"])
        deal = await deal_of(context, current.key)
        wanted = _other(sent, await changing_of(context, UUID(key), deal, values), but=day)
        found = await lookups.found(context, deal, sound([wanted], rules))
        others = others_of(deal, (row for at, row in current.lines.items() if at != key))
        basket = await lookups.fill(context, deal, found, others=others)
        return [current.guard(), *_patches(current, basket)]

    return await change.make(build)


def _other(
    sent: UpdateSalesOrderLineInput, line: Changing, *, but: str | None = None
) -> WantedLine:
    """The line as it is to be; a day that it has already, `but`, may have passed."""
    product = ids.encode(Product.__table__, (line.product,)) if line.product else None
    day = given(sent.requested_shipping_date)
    wanted = SalesOrderLineInput(
        product=strawberry.ID(product) if product else None,
        quantity=sent.quantity if isinstance(sent.quantity, Decimal) else line.quantity,
        requested_shipping_date=None if day and day.isoformat() == but else day,
        note=given(sent.note),
        own=sent.own,
    )
    return WantedLine(wanted, (), line)


def _patches(current: Current, basket: Basket) -> list[Write]:
    """The writes to lines that are there already."""
    lines = [item.wanted.before for item in basket.items if item.wanted.before]
    return [current.patch_line(line.id, line.values) for line in lines]


@telling(RemoveSalesOrderLinePayload)
async def remove_line(info: Info, sent: RemoveSalesOrderLineInput) -> RemoveSalesOrderLinePayload:
    await info.context.writer.begin("update")
    key = _line_key(sent.line)
    change = Change(info, RemoveSalesOrderLinePayload, sent, Expected(lines={key: None}))

    async def build(current: Current) -> list[Write]:
        _open_line(current, key)
        if len(current.lines) == 1:
            raise Wrong(invalid("This is the only line; cancel the order instead.", "line"))
        return [current.guard(), Write("DELETE", SalesOrderLine.__table__.entity, key=UUID(key))]

    payload = await change.make(build)
    if payload.replayed:
        await _not_elsewhere(info, sent, UUID(key))
    return payload


@dataclass(frozen=True, slots=True)
class Addition:
    """Lines to be added, by whichever mutation, and where they stand in its input."""

    operation: str
    lines: list[SalesOrderLineInput]
    name: str = "lines"
    numbers: Sequence[int] = ()
    """The caller's numbers of the lines; without them, their places."""

    @property
    def wanted(self) -> list[WantedLine]:
        numbers = self.numbers or range(len(self.lines))
        pairs = zip(numbers, self.lines, strict=True)
        return [WantedLine(line, (self.name, str(number))) for number, line in pairs]


async def add_lines(info: Info, sent: AddSalesOrderLinesInput) -> AddSalesOrderLinesPayload:
    await info.context.writer.begin("update")
    addition = Addition("addSalesOrderLines", sent.lines)
    return await add(info, AddSalesOrderLinesPayload, sent, addition)


async def add(info: Info, payload: type[P], sent: Any, addition: Addition) -> P:
    """Add lines behind those that are there; `sent` has order, version and idempotency key."""
    return await telling(payload)(partial(_add, payload, addition))(info, sent)


async def _add(payload: type[P], addition: Addition, info: Info, sent: Any) -> P:
    context = info.context
    rules = input_rules(context)
    lines = sound(addition.wanted, rules, addition.name, besides=key_mistakes(sent))
    lookups.ask_by_names(context, lines)
    identity = await _identity(info, sent, addition.operation)
    change = Change(info, payload, sent, added(identity, addition.lines))

    async def build(current: Current) -> list[Write]:
        deal = await deal_of(context, current.key)
        found = await lookups.found(context, deal, lines)
        others = others_of(deal, current.lines.values())
        basket = await lookups.fill(context, deal, found, others=others)
        return [current.guard(), *_new_lines(info, current, identity, basket)]

    return await change.make(build)


async def _identity(info: Info, sent: Any, operation: str) -> UUID:
    """The base of the ids of the lines: the key, for the account that the order is of."""
    (order,) = key_of(SalesOrder, sent.order, "order")
    account = await _account(info, sent)
    said = f"{operation}\x1f{order}"
    return derived_id(info.context.principal, account, said, sent.idempotency_key)


async def _account(info: Info, sent: Any) -> UUID:
    """The account that an order is of; nobody's where the caller sees no such order."""
    key = key_of(SalesOrder, sent.order, "order")
    context = unveiled(info.context)
    order = await context.loaders.node(SalesOrder, key, paths(SalesOrder, "account"))
    return UUID(value_at(order.raw, BUYER)) if order else UUID(int=0)


def _new_lines(info: Info, current: Current, identity: UUID, basket: Basket) -> list[Write]:
    country = value_at(current.order.raw, COUNTRY)
    last = max((value_at(line, SEQUENCE) or 0 for line in current.lines.values()), default=0)
    rule = info.context.unpriced
    rows = new_order.line_rows(identity, basket, country, rule, behind=last)
    return [current.new_line(row) for row in rows]


def _cleared(sent: UpdateSalesOrderInput) -> Errors:
    """An address that is taken away and not replaced: every order goes somewhere."""
    pair = ("ship_to", "ship_to_address")
    said = [name for name in pair if is_said(sent, name)]
    if any(getattr(sent, name) is not None for name in said):
        return []
    return [invalid(EMPTY, to_camel_case(name)) for name in said]


async def _ship_to(info: Info, sent: UpdateSalesOrderInput) -> dict[str, Any]:
    """The columns of the address that is typed or named by its id; a country that stays is none."""
    address: AddressInput | Address | None = given(sent.ship_to)
    if address is None:
        key = key_if_named(AccountAddress, given(sent.ship_to_address), "shipToAddress")
        account = await _account(info, sent)
        if key is None or not account.int:
            return {}
        address = await buyers.delivery(info.context, account, key)
    if address is None:
        raise Wrong(buyers.address_not_found())
    columns = new_order.address_columns(address, None)
    return {name: v for name, v in columns.items() if v or name != COUNTRY}


def _line_key(sent: strawberry.ID) -> str:
    return str(key_of(SalesOrderLine, sent, "line")[0])


async def _not_elsewhere(info: Info, sent: ChangeInput, key: UUID) -> None:
    """Wrong where the line is another order's: it is not in this one, but was not removed."""
    select = paths(SalesOrderLine, "order")
    line = await unveiled(info.context).loaders.node(SalesOrderLine, (key,), select)
    (order,) = key_of(SalesOrder, sent.order, "order")
    if line is not None and not same(value_at(line.raw, ORDER), UUID(str(order))):
        raise _no_line()


def _no_line() -> Wrong:
    return Wrong(LineNotFound(message="There is no such line.", path=["input", "line"]))


def _open_line(current: Current, key: str) -> Raw:
    """The line as it is; Wrong where it is not there, or has come too far to be changed."""
    line = current.lines.get(key)
    if line is None:
        raise _no_line()
    if value_at(line, STATUS) not in LINE_OPEN:
        said = "The line has come too far for this change."
        raise Wrong(StatusForbids(message=said, path=["input", "line"], status=current.status))
    return line


def _today(info: Info) -> date:
    return today(info.context.writer.writes.clock())
