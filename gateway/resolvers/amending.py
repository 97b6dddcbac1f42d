"""The changes that callers make of an order: what each expects, and what it sends."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import strawberry

from gateway.auth.principal import Terms
from gateway.resolvers import buying, placing
from gateway.resolvers.changing import Change, Current
from gateway.resolvers.expectations import Expected, added
from gateway.resolvers.inputs import (
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
    QuantityNotAllowed,
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
from gateway.upstream.conditions import Raw, value_at
from gateway.upstream.odata import row_url
from gateway.upstream.service import Write

LINE_OPEN = (None, LineStatus.NONE.value, LineStatus.BACKORDER.value)


async def update(info: Info, sent: UpdateSalesOrderInput) -> UpdateSalesOrderPayload:
    await info.context.writer.begin("update")
    values = _header_values(sent)
    errors = placing.check_header(sent)
    if not values:
        errors = [*errors, invalid("Say what is to be changed.")]
    if errors:
        return refused(UpdateSalesOrderPayload, errors)
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

    def build(current: Current) -> list[Write] | Errors:
        if problems := [*_line_problems(current, key), *_decimals(current, key, sent)]:
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
    """Lines to be added, by whichever mutation; `at` is where they stand in the input."""

    operation: str
    lines: list[SalesOrderLineInput]
    at: tuple[str, int] = ("lines", 0)

    def rebased(self, errors: Errors) -> Errors:
        """The errors with their paths as the caller wrote the lines."""
        name, first = self.at
        for error in errors:
            if error.path[1:2] == ["lines"] and len(error.path) > 2:
                error.path = ["input", name, str(int(error.path[2]) + first), *error.path[3:]]
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
    items, errors = await buying.items(info.context, lines, await _terms(info, sent))
    errors = [*errors, *placing.unpriced(items, info.context.unpriced)]

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


async def _terms(info: Info, sent: Any) -> Terms | None:
    """On what terms lines are added: those of the account that the order is of."""
    principal = info.context.principal
    account = principal.held(await _account(info, sent))
    return principal.terms_of(account) if account else None


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


def _decimals(current: Current, key: str, sent: UpdateSalesOrderLineInput) -> Errors:
    line: Raw = current.lines.get(key, {})
    decimals = value_at(line, "productid/quantitydecimal")
    if sent.quantity is None or decimals is None or sent.quantity == round(sent.quantity, decimals):
        return []
    said = f"At most {decimals} decimals."
    return [QuantityNotAllowed(message=said, path=["input", "quantity"], decimals=decimals)]
