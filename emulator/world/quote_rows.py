"""
Quotes of what the first orders of a world buy: offered, accepted, closed, and still a draft.

Nothing here draws from a world's chance, so that the rest of a world is the same with them.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum
from typing import Final

from emulator.world.order_rows import (
    ACCOUNT_NAMED,
    ITEM_BASED,
    exchange,
    party_columns,
    shipping_address,
)
from emulator.world.orders import WorldLine, WorldOrder
from emulator.world.product_rows import price_list_id
from emulator.world.products import product_id
from emulator.world.seed import REFERENCE, Row, Rows, Seed, day, stamp

FIRST: Final = 300
EACH: Final = 3
"""Of the first orders, one in so many has a quote."""
VALID: Final = timedelta(days=30)
BEFORE: Final = timedelta(days=6)
"""The time from a quote to the order that came of it."""


class State(IntEnum):
    """`quote.statecode`."""

    DRAFT = 0
    ACTIVE = 1
    WON = 2
    CLOSED = 3


STATES: Final = (State.ACTIVE, State.ACTIVE, State.WON, State.CLOSED, State.DRAFT)
"""The states of quotes in turn; the first buyer of a demo has an offer and a draft."""
REASONS: Final = {State.DRAFT: 1, State.ACTIVE: 3, State.WON: 4, State.CLOSED: 5}
CREATED, SENT, CONFIRMED, LOST = range(192350000, 192350004)
"""`msdyn_salesquotationstatus`."""
ERP_STATES: Final = {
    State.DRAFT: CREATED,
    State.ACTIVE: SENT,
    State.WON: CONFIRMED,
    State.CLOSED: LOST,
}


ASKED_FOR: Final = "11"
"""The end of the numbers of further orders whose customers asked for a quote."""
ASKED: Final[Row] = {
    "importsequencenumber": 20_261_130,
    "name": "quote request",
    "description": "Your best price for all of it, please.",
    "msdyn_customerrequisitionnumber": "RFQ",
    "msdyn_salesquotationexpirydate": None,
    "totallineitemamount": None,
    "totaltax": None,
    "freightamount": None,
    "totalamount": None,
}
"""A draft that a customer has asked for by the gateway, which nobody has priced yet."""
ASKED_LINE: Final[Row] = {
    "msdyn_linedescription2": "As last time",
    "priceperunit": None,
    "baseamount": None,
    "extendedamount": None,
    "manualdiscountamount": None,
    "tax": None,
    "ispriceoverridden": False,
}


def quote_rows(seed: Seed, order: WorldOrder) -> Rows:
    if order.index >= FIRST:
        return
    turn, rest = divmod(order.index, EACH)
    state = State.DRAFT if rest else STATES[turn % len(STATES)]
    if rest and not order.number.endswith(ASKED_FOR):
        return
    # Of the drafts in turn every second was asked for, the others are a seller's own.
    is_asked = state is State.DRAFT and (rest or turn // len(STATES) % 2)
    header, each = (ASKED, ASKED_LINE) if is_asked else ({}, {})
    yield "quotes", _quote(seed, order, state) | header
    for line in order.lines:
        yield "quotedetails", _line(seed, order, line, state) | each


def _made(order: WorldOrder, state: State) -> datetime:
    """The moment at which a quote was made; offers and drafts are of the last days."""
    if state in (State.WON, State.CLOSED):
        return order.placed - BEFORE
    return REFERENCE - timedelta(days=1 + order.index % 20)


def _quote_id(seed: Seed, order: WorldOrder) -> str:
    return seed.id("quotes", order.customer.company.code, order.number)


def _quote(seed: Seed, order: WorldOrder, state: State) -> Row:
    customer, made = order.customer, _made(order, state)
    number = order.number.replace("SO-", "QT-")
    return (
        shipping_address(customer, "shipto_")
        | party_columns(seed, order)
        | {
            "quoteid": _quote_id(seed, order),
            "name": f"Quote {number} for {customer.name}",
            "quotenumber": f"QUO-{customer.company.code}-{number}",
            "revisionnumber": 0,
            "msdyn_quotenumber": number,
            "msdyn_ordertype": ITEM_BASED,
            "msdyn_salesquotationstatus": ERP_STATES[state],
            "msdyn_salesquotationexpirydate": day(made + VALID),
            "msdyn_customersreference": order.reference,
            "statecode": int(state),
            "statuscode": REASONS[state],
            "exchangerate": exchange(customer.currency),
            "totallineitemamount": order.net,
            "totaltax": order.tax,
            "freightamount": order.freight,
            "discountamount": Decimal(0),
            "totalamount": order.total,
            "createdon": stamp(made),
            "_customerid_value": customer.id,
            f"_customerid_value{ACCOUNT_NAMED}": "account",
            "_accountid_value": customer.id,
            "_msdyn_company_value": seed.id("cdm_companies", customer.company.code),
            "_transactioncurrencyid_value": seed.id("transactioncurrencies", customer.currency),
            "_pricelevelid_value": price_list_id(seed, customer.currency, customer.price_list),
        }
    )


def _line(seed: Seed, order: WorldOrder, line: WorldLine, state: State) -> Row:
    customer, product = order.customer, line.product
    return {
        "quotedetailid": seed.id("quotedetails", customer.company.code, line.lot),
        "quotedetailname": product.name[:100],
        "description": product.name,
        "sequencenumber": line.number,
        "lineitemnumber": line.number,
        "quantity": line.quantity,
        "priceperunit": line.price,
        "baseamount": line.amount,
        "extendedamount": line.amount,
        "manualdiscountamount": line.discount_of(line.steps),
        "msdyn_linediscountpercentage": Decimal(line.discount),
        "msdyn_salespricequantity": Decimal(1),
        "msdyn_salesquotationstatus": ERP_STATES[state],
        "tax": line.tax,
        "ispriceoverridden": True,
        "producttypecode": 1,
        "propertyconfigurationstatus": 2,
        "exchangerate": exchange(customer.currency),
        "createdon": stamp(_made(order, state)),
        "_quoteid_value": _quote_id(seed, order),
        "_productid_value": product_id(seed, customer.company, product),
        "_uomid_value": seed.id("uoms", product.unit),
        "_transactioncurrencyid_value": seed.id("transactioncurrencies", customer.currency),
    }
