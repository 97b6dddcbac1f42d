"""The changes that callers make of an order: what each expects, and what it sends."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from gateway.resolvers import buying, placing
from gateway.resolvers.buying import Seller
from gateway.resolvers.changing import Change, Current
from gateway.resolvers.expectations import Expected, added
from gateway.resolvers.inputs import (
    MAXIMUM_LINES,
    AddSalesOrderLinesInput,
    CancelSalesOrderInput,
    RemoveSalesOrderLineInput,
    SalesOrderLineInput,
    UpdateSalesOrderInput,
    UpdateSalesOrderLineInput,
)
from gateway.resolvers.mistakes import (
    Errors,
    LineNotFound,
    StatusForbids,
)
from gateway.resolvers.payloads import (
    AddSalesOrderLinesPayload,
    CancelSalesOrderPayload,
    P,
    RemoveSalesOrderLinePayload,
    UpdateSalesOrderLinePayload,
    UpdateSalesOrderPayload,
    refused,
)
from gateway.resolvers.placing import Item, invalid, line_id
from gateway.schema import ids
from gateway.schema.context import Info
from gateway.schema.sales import LineStatus, OrderStatus, SalesOrder, SalesOrderLine
from gateway.tables import paths
from gateway.upstream.conditions import value_at
from gateway.upstream.odata import row_url
from gateway.upstream.service import Write

LINE = paths(SalesOrderLine, "product", "quantity", "unit_price", "_unit_id", "_company")
LINE_OPEN = (None, LineStatus.NONE.value, LineStatus.BACKORDER.value)


async def update(info: Info, sent: UpdateSalesOrderInput) -> UpdateSalesOrderPayload:
    await info.context.writer.begin("update")
    if errors := placing.check_header(sent):
        return refused(UpdateSalesOrderPayload, errors)
    typed = _header_values(sent)
    if not typed and sent.ship_to_address is None:
        return refused(UpdateSalesOrderPayload, [invalid("Say what is to be changed.")])
    named, errors = await _named_address(info, sent)
    if errors:
        return refused(UpdateSalesOrderPayload, errors)
    values = typed | named
    change = Change(info, UpdateSalesOrderPayload, sent, Expected(header=values))
    return await change.make(lambda current: [current.patch(values)])


async def cancel(info: Info, sent: CancelSalesOrderInput) -> CancelSalesOrderPayload:
    await info.context.writer.begin("update")
    # The ERP owns the state of the row; dual-write carries this status to it.
    values = {"msdyn_processingstatus": OrderStatus.CANCELED.value}
    change = Change(info, CancelSalesOrderPayload, sent, Expected(header=values))
    return await change.make(lambda current: [current.patch(values)])


async def update_line(info: Info, sent: UpdateSalesOrderLineInput) -> UpdateSalesOrderLinePayload:
    await info.context.writer.begin("update")
    key, values = _line_key(sent.line), _line_values(sent)
    errors = _line_mistakes(sent, values)
    if errors:
        return refused(UpdateSalesOrderLinePayload, errors)
    change = Change(info, UpdateSalesOrderLinePayload, sent, Expected(lines={key: values}))
    misfits = await _misfits(info, sent, key)

    def build(current: Current) -> list[Write] | Errors:
        if problems := _line_problems(current, key) or misfits:
            return problems
        url = row_url("salesorderdetails", UUID(key))
        return [current.guard(), Write("PATCH", url, values, "*")]

    return await change.make(build)


async def remove_line(info: Info, sent: RemoveSalesOrderLineInput) -> RemoveSalesOrderLinePayload:
    await info.context.writer.begin("update")
    key = _line_key(sent.line)
    change = Change(info, RemoveSalesOrderLinePayload, sent, Expected(lines={key: None}))

    def build(current: Current) -> list[Write] | Errors:
        problems = _line_problems(current, key)
        if not problems and len(current.lines) == 1:
            problems = [invalid("It is the last line; cancel the order instead.", "line")]
        if problems:
            return problems
        return [current.guard(), Write("DELETE", row_url("salesorderdetails", UUID(key)))]

    return await change.make(build)


@dataclass(frozen=True, slots=True)
class Addition:
    """Lines to be added, by whichever mutation, and where they stand in its input."""

    operation: str
    lines: list[SalesOrderLineInput]
    name: str = "lines"
    numbers: Sequence[int] = range(MAXIMUM_LINES)
    """What the caller calls each line."""

    def rebased(self, errors: Errors) -> Errors:
        """The errors with their paths as the caller wrote the lines."""
        for error in errors:
            if error.path[1:2] == ["lines"] and len(error.path) > 2:
                number = self.numbers[int(error.path[2])]
                error.path = ["input", self.name, str(number), *error.path[3:]]
        return errors


async def add_lines(info: Info, sent: AddSalesOrderLinesInput) -> AddSalesOrderLinesPayload:
    await info.context.writer.begin("update")
    addition = Addition("addSalesOrderLines", sent.lines)
    return await add(info, AddSalesOrderLinesPayload, sent, addition)


async def add(info: Info, payload: type[P], sent: Any, addition: Addition) -> P:
    """Add lines behind those that are there; `sent` has order, version and idempotency key."""
    lines = addition.lines
    if errors := [*placing.check_key(sent), *placing.check_lines(lines)]:
        return refused(payload, addition.rebased(errors))
    identity = await _identity(info, sent, addition.operation)
    change = Change(info, payload, sent, added(identity, lines))
    items, errors = await buying.items(info.context, lines, await _seller(info, sent))
    blocked = await _blocked(info, sent, placing.total(items))
    errors = [*errors, *blocked, *placing.unpriced(items, info.context.unpriced)]

    def build(current: Current) -> list[Write] | Errors:
        if errors:
            return addition.rebased(errors)
        return [current.guard(), *_new_lines(info, current, identity, items)]

    return await change.make(build)


async def _identity(info: Info, sent: Any, operation: str) -> UUID:
    """What the ids of the lines are derived from: the key, for the account that the order is of."""
    (order,) = ids.key(SalesOrder.__table__, sent.order)
    account = await _account(info, sent)
    said = f"{operation}\x1f{order}"
    return placing.derived_id(info.context.principal, account, said, sent.idempotency_key)


async def _seller(info: Info, sent: Any) -> Seller:
    """Who sells what is added, on the terms of the account that the order is of."""
    principal = info.context.principal
    account = principal.held(await _account(info, sent))
    if account is None:
        return Seller(company=None, terms=None)
    return Seller(account.company, principal.terms_of(account))


async def _account(info: Info, sent: Any) -> UUID:
    """The account that an order is of; nobody's where the caller sees no such order."""
    key = ids.key(SalesOrder.__table__, sent.order)
    order = await info.context.loaders.node(SalesOrder, key, paths(SalesOrder, "account"))
    return UUID(value_at(order.raw, "_customerid_value")) if order else UUID(int=0)


def _new_lines(info: Info, current: Current, identity: UUID, items: list[Item]) -> list[Write]:
    country = value_at(current.order.raw, "shipto_country")
    parent = {"salesorderid@odata.bind": "/" + row_url("salesorders", current.key)}
    places = [value_at(line, "sequencenumber") or 0 for line in current.lines.values()]
    last = max(places, default=0)
    rows = (
        placing.line_row(
            line_id(identity, number), last + number, item, country, info.context.unpriced
        )
        for number, item in enumerate(items, start=1)
    )
    return [Write("POST", "salesorderdetails", parent | row) for row in rows]


def _header_values(sent: UpdateSalesOrderInput) -> dict[str, Any]:
    values = {name: v for name, v in placing.header_columns(sent).items() if v is not None}
    if sent.ship_to is None:
        return values
    address = placing.address_columns(sent.ship_to, None)
    if address["shipto_country"] is None:
        del address["shipto_country"]
    return values | address


async def _named_address(info: Info, sent: UpdateSalesOrderInput) -> tuple[dict[str, Any], Errors]:
    """The columns of the address that is named by its id, or that the account has none such."""
    account = await _account(info, sent)
    if sent.ship_to_address is None or not account.int:
        return {}, []
    found = await buying.delivery(info.context, account, sent.ship_to_address)
    if found is None:
        return {}, [placing.address_not_found()]
    return placing.address_columns(found, None), []


def _line_values(sent: UpdateSalesOrderLineInput) -> dict[str, Any]:
    values = {
        "quantity": sent.quantity,
        "requestdeliveryby": placing.day(sent.requested_shipping_date),
        "msdyn_linedescription": sent.note,
    }
    return {name: value for name, value in values.items() if value is not None}


def _line_key(sent: strawberry.ID) -> str:
    return str(ids.key(SalesOrderLine.__table__, sent)[0])


def _line_mistakes(sent: UpdateSalesOrderLineInput, values: dict[str, Any]) -> Errors:
    if not values:
        return [invalid("Say what is to be changed.")]
    if len(sent.note or "") > placing.MAXIMUM_NOTE:
        return [invalid(f"At most {placing.MAXIMUM_NOTE} characters.", "note")]
    if sent.quantity is None:
        return []
    return [invalid(*mistake) for mistake in placing.quantity_mistakes(sent.quantity)]


def _line_problems(current: Current, key: str) -> Errors:
    line = current.lines.get(key)
    if line is None:
        return [LineNotFound(message="There is no such line.", path=["input", "line"])]
    if value_at(line, "msdyn_linestatus") not in LINE_OPEN:
        said = "The line has been sent or invoiced, or is canceled."
        return [StatusForbids(message=said, path=["input", "line"], status=current.status)]
    return []


async def _blocked(info: Info, sent: Any, amount: Decimal) -> Errors:
    """Why the account of an order cannot order for so much more; nothing where it is not seen."""
    account = await _account(info, sent)
    return await buying.blocked(info.context, account, amount) if account.int else []


async def _misfits(info: Info, sent: UpdateSalesOrderLineInput, key: str) -> Errors:
    """What is wrong with the new quantity of a line."""
    line = await info.context.loaders.node(SalesOrderLine, (UUID(key),), LINE)
    if sent.quantity is None or line is None:
        return []
    if wrong := await buying.misfit(info.context, line, sent.quantity):
        return [wrong]
    more = sent.quantity - (line.quantity or Decimal())
    price = line.unit_price.amount if line.unit_price else Decimal()
    return await _blocked(info, sent, more * price) if more > 0 else []
