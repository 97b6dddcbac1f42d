"""
A quote that is asked for: check -> load through the row rules -> one draft with its lines, sent
once -> read back as the customer sees it.

The id of the draft is derived from the idempotency key. Prices are the seller's: none is written,
and neither a credit limit nor an account on hold stands in the way of asking.
"""

from typing import Any, Final
from uuid import UUID

from gateway.errors import UpstreamError, UpstreamRefused
from gateway.loaders.writer import DUPLICATES, Unsettled
from gateway.model.tables import column_of, step_of
from gateway.resolvers.orders import buyers, lookups
from gateway.resolvers.orders.buyers import Buyer
from gateway.resolvers.orders.erp_messages import refusal
from gateway.resolvers.orders.header_checks import checked
from gateway.resolvers.orders.input_rules import input_rules, key_mistakes
from gateway.resolvers.orders.inputs import (
    PreviewSalesOrderInput,
    QuoteRequestLineInput,
    RequestQuoteInput,
    SalesOrderLineInput,
)
from gateway.resolvers.orders.line_checks import Basket, Item
from gateway.resolvers.orders.new_order import ADDRESS_DESCRIPTION, destination
from gateway.resolvers.orders.order_ids import derived_id, line_id
from gateway.resolvers.orders.payloads import (
    OperationStatus,
    RequestQuotePayload,
    refused,
    telling,
)
from gateway.resolvers.orders.user_errors import Wrong
from gateway.resolvers.written_rows import row_of, stated
from gateway.schema.business.quote_requests import DRAFT, MARK, QuoteRequest, QuoteRequestLine
from gateway.schema.business.quotes import STATE
from gateway.schema.business.sales import ITEM_BASED
from gateway.schema.context import Context, Info
from gateway.schema.selection import columns_under
from gateway.upstream.names import NestedRows
from gateway.upstream.row_writes import Write

NAME: Final = "quote request"
"""The name by which sellers find such a quote, in Dataverse and in the ERP."""
ENTITY: Final = QuoteRequest.__table__.entity
ID, ACCOUNT, PARTY, COUNTRY = (
    column_of(QuoteRequest, *path)
    for path in (("_id",), ("account",), ("_party",), ("ship_to", "country"))
)
LINES: Final = f"{QuoteRequestLine.__table__.entity}.{step_of(QuoteRequestLine, 'request')}"
"""The way from a quote to its lines."""
PENDING = RequestQuotePayload(status=OperationStatus.PENDING)


@telling(RequestQuotePayload)
async def request(info: Info, sent: RequestQuoteInput) -> RequestQuotePayload:
    context = info.context
    await context.writer.begin("create")
    context.principal.access(QuoteRequest.__table__.needs)
    order = _as_order(sent)
    rules = input_rules(context, is_quoted=True)
    if errors := [*key_mistakes(sent), *rules.text_mistakes(sent)]:
        raise Wrong(*errors)
    lines = checked(order, rules)
    account = buyers.account_id(context, sent.account)
    identity = derived_id(context.principal, account, "requestQuote", sent.idempotency_key)
    if await context.writer.exists(ENTITY, ID, identity):
        return await _made(info, identity, replayed=True)
    buyer, basket = await lookups.load_unpriced(context, account, order, lines)
    row = _row(identity, buyer, order, basket, sent.message)
    _demand_seen(context, buyer)
    return await _submit(info, identity, Write("POST", ENTITY, row, company=basket.deal.company))


def _as_order(sent: RequestQuoteInput) -> PreviewSalesOrderInput:
    """The order that would come of it, as the checks of orders take it."""
    return PreviewSalesOrderInput(
        lines=[_as_line(line) for line in sent.lines],
        account=sent.account,
        contact=sent.contact,
        ship_to=sent.ship_to,
        ship_to_address=sent.ship_to_address,
        requested_receipt_date=sent.requested_receipt_date,
        customer_reference=sent.customer_reference,
        requisition_number=sent.requisition_number,
    )


def _as_line(sent: QuoteRequestLineInput) -> SalesOrderLineInput:
    return SalesOrderLineInput(
        product=sent.product,
        number=sent.number,
        item_number=sent.item_number,
        customer_item_number=sent.customer_item_number,
        quantity=sent.quantity,
        unit=sent.unit,
        requested_shipping_date=sent.requested_shipping_date,
        note=sent.note,
    )


def _demand_seen(context: Context, buyer: Buyer) -> None:
    """Forbidden where the caller would not see the quote that comes of it."""
    row = {
        ACCOUNT: str(buyer.account._id),
        PARTY: str(buyer.party) if buyer.party else None,
        column_of(QuoteRequest, "_mark"): MARK,
        STATE: DRAFT,
    }
    context.loaders.reader.demand(QuoteRequest.__table__, row, "read", seen=False)


async def _submit(info: Info, identity: UUID, quote: Write) -> RequestQuotePayload:
    """Send the draft; the answer states only what is known for certain."""
    try:
        await info.context.writer.write("create", [quote])
    except Unsettled:
        return await _looked(info, identity)
    except UpstreamRefused as error:
        if error.details["reason"] in DUPLICATES:
            return await _made(info, identity, replayed=not error.doubtful)
        if error.doubtful:
            return PENDING
        return refused(RequestQuotePayload, [refusal(error)])
    return await _made(info, identity, replayed=False)


async def _looked(info: Info, identity: UUID) -> RequestQuotePayload:
    try:
        if await info.context.writer.exists(ENTITY, ID, identity):
            return await _made(info, identity, replayed=False)
    except UpstreamError:
        pass
    return PENDING


async def _made(info: Info, identity: UUID, *, replayed: bool) -> RequestQuotePayload:
    """The draft that is there, as far as it can be read and is not sent yet."""
    loaders = info.context.loaders
    loaders.forget()
    select = columns_under(info._raw_info, "request", QuoteRequest.__table__)
    try:
        found = await loaders.node(QuoteRequest, (identity,), select)
    except UpstreamError:
        found = None
    return RequestQuotePayload(status=OperationStatus.CREATED, request=found, replayed=replayed)


def _row(
    identity: UUID,
    buyer: Buyer,
    order: PreviewSalesOrderInput,
    basket: Basket,
    message: str | None,
) -> dict[str, Any]:
    """The draft with its lines inside: one insert, all of it or nothing."""
    defaults = buyer.defaults
    header = row_of(
        QuoteRequest,
        "create",
        _id=identity,
        _mark=MARK,
        _name=NAME,
        _order_type=ITEM_BASED,
        _language=buyer.language,
        account=buyer.account._id,
        _company_id=defaults["COMPANY"],
        _currency_id=defaults["CURRENCY"],
        _price_list_id=defaults["PRICE_LIST"],
        _party=buyer.party,
        _address_description=ADDRESS_DESCRIPTION,
        message=message,
        customer_reference=order.customer_reference,
        requisition_number=order.requisition_number,
        requested_receipt_date=order.requested_receipt_date,
    ) | destination(buyer, order.ship_to)
    lines = [
        stated(_line(line_id(identity, number), number, item, header.get(COUNTRY)))
        for number, item in enumerate(basket.items, start=1)
    ]
    return stated(header) | {LINES: NestedRows(tuple(lines))}


def _line(identity: UUID, sequence: int, item: Item, country: Any) -> dict[str, Any]:
    line = item.wanted.line
    return row_of(
        QuoteRequestLine,
        "create",
        _id=identity,
        product=item.product and item.product._id,
        _unit_id=item.unit,
        sequence=sequence,
        quantity=line.quantity,
        note=line.note,
        requested_shipping_date=line.requested_shipping_date,
        _country=country,
        _address_description=ADDRESS_DESCRIPTION,
    )
