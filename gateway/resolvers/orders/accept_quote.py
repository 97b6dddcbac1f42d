"""
A quote that is accepted: read it as the caller sees it -> one order of its lines, at its prices,
sent together with the quote's end.

The id of the order is derived from the quote, so that there is one at most, whoever accepts it and
however often. The lines are the seller's offer: they are ordered as they stand.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from gateway.model.tables import column_of, paths
from gateway.resolvers.orders import buyers, lookups
from gateway.resolvers.orders.attempts import Attempt
from gateway.resolvers.orders.buyers import Buyer
from gateway.resolvers.orders.deal import Deal
from gateway.resolvers.orders.input_checks import key_of, today
from gateway.resolvers.orders.input_rules import input_rules
from gateway.resolvers.orders.inputs import (
    MAXIMUM_LINES,
    AcceptQuoteInput,
    PreviewSalesOrderInput,
)
from gateway.resolvers.orders.new_order import ADDRESS_DESCRIPTION, COUNTRY, LINES, header_row
from gateway.resolvers.orders.order_facts import currency_of
from gateway.resolvers.orders.order_ids import accepting_id, line_id
from gateway.resolvers.orders.payloads import AcceptQuotePayload, telling
from gateway.resolvers.orders.user_errors import (
    QuoteChanged,
    QuoteNotFound,
    QuoteNotOpen,
    UserError,
    Wrong,
    invalid,
)
from gateway.resolvers.written_rows import row_of, stated
from gateway.schema.business.quotes import (
    VERSIONED,
    Quote,
    QuoteLine,
    QuoteState,
    lines_of,
    version_with,
)
from gateway.schema.business.sales import SalesOrder, SalesOrderLine
from gateway.schema.context import Context, Info
from gateway.schema.hidden_columns import unveiled
from gateway.upstream.conditions import value_at
from gateway.upstream.names import NestedRows
from gateway.upstream.odata import row_url
from gateway.upstream.row_writes import Write

ACCOUNT: Final = column_of(Quote, "account")
LINE: Final = VERSIONED | paths(
    QuoteLine, "_id", "_unit_id", "_product_id", "sequence", "quantity", "unit_price", "discount"
)
OF_QUOTE: Final = ("COMPANY", "CURRENCY", "PRICE_LIST")
"""The defaults of an order that the quote says."""
WIN: Final = "WinQuote"
WON_REASON: Final = 4
"""`quote.statuscode` of a quote that is won."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A quote with all its lines, past the columns that a role hides."""

    quote: Quote
    lines: list[QuoteLine]

    @property
    def amount(self) -> Decimal:
        """The amount of the lines, less their discounts."""
        return sum((_amount(line) for line in self.lines), Decimal())


@telling(AcceptQuotePayload)
async def accept(info: Info, sent: AcceptQuoteInput) -> AcceptQuotePayload:
    context = info.context
    marked = await context.writer.begin("create")
    order = _checked(context, sent)
    (key,) = key_of(Quote, sent.quote, "quote")
    quote = await _quote(context, UUID(str(key)))
    account = buyers.own_account(context, UUID(value_at(quote.raw, ACCOUNT)), "quote")
    attempt = Attempt(
        info,
        AcceptQuotePayload,
        account,
        accepting_id(quote._id),
        str(quote._id) if marked else "",
        _not_open,
    )
    if earlier := await attempt.earlier():
        return earlier
    _demand_open(context, quote)
    _demand_orderable(quote)
    offer = await _offer(context, quote, sent.version)
    buyer = await buyers.buyer(context, account, order)
    deal = await _deal(context, buyer, quote)
    against = await lookups.standing(context, deal, offer.amount)
    missing = buyers.missing(buyer, order, but=OF_QUOTE)
    if errors := [*buyers.faults(context, buyer, order), *missing, *against]:
        raise Wrong(*errors)
    row = _row(attempt.identity, buyer, order, offer)
    return await attempt.submit(row, deal.company, _win(context, quote))


def _checked(context: Context, sent: AcceptQuoteInput) -> PreviewSalesOrderInput:
    """The header of the order; Wrong with all that the input says wrong by itself."""
    rules = input_rules(context)
    if errors := [
        *rules.text_mistakes(sent),
        *rules.address_mistakes(sent),
        *rules.own_mistakes(sent.own),
    ]:
        raise Wrong(*errors)
    return PreviewSalesOrderInput(
        lines=[],
        ship_to=sent.ship_to,
        ship_to_address=sent.ship_to_address,
        requested_receipt_date=sent.requested_receipt_date,
        customer_reference=sent.customer_reference,
        requisition_number=sent.requisition_number,
        own=sent.own,
    )


async def _quote(context: Context, key: UUID) -> Quote:
    """The quote, if the row rule lets the caller see it."""
    select = paths(
        Quote,
        "_id",
        "_version",
        "_company_id",
        "_currency_id",
        "_price_list_id",
        "number",
        "state",
        "valid_until",
        "discount",
        "_discount_percentage",
        "account",
    )
    found = await unveiled(context).loaders.node(Quote, (key,), select)
    if found is None:
        raise Wrong(QuoteNotFound(message="There is no such quote.", path=["input", "quote"]))
    return found


def _demand_open(context: Context, quote: Quote) -> None:
    day, until = today(context.writer.writes.clock()), quote.valid_until
    if quote.state is not QuoteState.ACTIVE or (until is not None and until < day):
        raise Wrong(_not_open())


def _demand_orderable(quote: Quote) -> None:
    """Wrong for a discount on the whole quote: no map carries it, and the order would be dearer."""
    if (quote.discount and quote.discount.amount) or quote._discount_percentage:
        said = "No order can have a discount on the whole quote; ask the seller to order it."
        raise Wrong(invalid(said, "quote"))


def _not_open() -> UserError:
    said = "The quote is no longer open; ask the seller for another."
    return QuoteNotOpen(message=said, path=["input", "quote"])


async def _offer(context: Context, quote: Quote, version: str) -> Offer:
    """The quote with its lines, as the caller read it; Wrong where an order cannot have them."""
    found = await lines_of(unveiled(context).loaders, quote._id, LINE)
    if version_with(quote._version, found) != version:
        said = "The quote has changed since you read it; read it again."
        raise Wrong(QuoteChanged(message=said, path=["input", "version"]))
    if not 0 < len(found) <= MAXIMUM_LINES:
        said = f"The quote has no lines, or more than {MAXIMUM_LINES}; ask the seller to order it."
        raise Wrong(invalid(said, "quote"))
    if not all(line._product_id and line.quantity and line.unit_price for line in found):
        said = "A line of the quote has no product, quantity or price; ask the seller to order it."
        raise Wrong(invalid(said, "quote"))
    return Offer(quote, sorted(found, key=lambda line: line.sequence or 0))


async def _deal(context: Context, buyer: Buyer, quote: Quote) -> Deal:
    """The terms of the quote, which are those of the order."""
    currency = quote._currency_id
    return Deal(
        account=buyer.account._id,
        number=buyer.account.number,
        company=buyer.company,
        price_list=quote._price_list_id,
        currency=await currency_of(context, currency) if currency else None,
    )


def _row(
    identity: UUID, buyer: Buyer, order: PreviewSalesOrderInput, offer: Offer
) -> dict[str, Any]:
    """The order with its lines inside, as it is sent."""
    quote = offer.quote
    header = header_row(identity, buyer, order) | row_of(
        SalesOrder,
        "create",
        _quote=quote._id,
        quote_number=quote.number,
        _company_id=quote._company_id or buyer.defaults["COMPANY"],
        _currency_id=quote._currency_id,
        _price_list_id=quote._price_list_id,
    )
    rows = [
        _line(line_id(identity, number), number, line, header.get(COUNTRY))
        for number, line in enumerate(offer.lines, start=1)
    ]
    return stated(header) | {LINES: NestedRows(tuple(map(stated, rows)))}


def _line(identity: UUID, sequence: int, line: QuoteLine, country: Any) -> dict[str, Any]:
    return row_of(
        SalesOrderLine,
        "create",
        _id=identity,
        _quote_line=line._id,
        product=line._product_id,
        _unit_id=line._unit_id,
        sequence=sequence,
        quantity=line.quantity,
        unit_price=line.unit_price,
        discount=line.discount,
        _price_is_ours=True,
        _country=country,
        _address_description=ADDRESS_DESCRIPTION,
    )


def _amount(line: QuoteLine) -> Decimal:
    price, quantity = line.unit_price, line.quantity
    off = line.discount.amount if line.discount else Decimal()
    return price.amount * quantity - off if price and quantity else Decimal()


def _win(context: Context, quote: Quote) -> Write:
    """The end of the quote, which an order of its lines has won."""
    entity = Quote.__table__.entity
    url = row_url(context.writer.names.collection(entity), quote._id)
    close = {
        "@odata.type": "Microsoft.Dynamics.CRM.quoteclose",
        "subject": f"Accepted {quote.number or ''}".strip(),
        "quoteid@odata.bind": f"/{url}",
    }
    return Write("POST", entity, {"Status": WON_REASON, "QuoteClose": close}, action=WIN)
