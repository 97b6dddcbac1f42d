"""
The inputs of the mutations of orders. Customer, company, currency and prices are never asked for.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import field, fields
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar

import msgspec
import strawberry

from gateway.model.members.column import Column

MAXIMUM_LINES = 500
"""Of an order, whichever way its lines come."""
MOST = {"SalesOrderLineInput": MAXIMUM_LINES, "QuoteRequestLineInput": MAXIMUM_LINES}
"""
The most items of an input type that a list of a mutation may have; each list is held to it there.
"""
MAXIMUM_KEY = 255
MAXIMUM_CSV = 65_536
LENGTHS = {
    "customer_reference": 60,
    "requisition_number": 20,
    "note": 255,
    "message": 2_000,
    "name": 200,
    "street": 250,
    "street_number": 20,
    "postal_code": 10,
    "city": 60,
    "state": 10,
    "country": 80,
}
"""
The length of each text, by the columns of Dataverse and those of the ERP, and as Dynamics counts:
in UTF-16 units.
"""
REFERENCE = f"Your own reference; at most {LENGTHS['customer_reference']} characters."
REQUISITION = f"Your requisition number; at most {LENGTHS['requisition_number']} characters."
NOTE = f"A note for the seller; at most {LENGTHS['note']} characters."
MESSAGE = f"Words to the seller; at most {LENGTHS['message']:,} characters."
SHIPPING = "The day on which it should be sent."
RECEIPT = "The day on which it should arrive."
CLEARS = " Null clears it."
KEY = f"Chosen by you, 1 to {MAXIMUM_KEY} characters; the same key never does the same thing twice."

Own = Mapping[Column, Any]
"""The values that an input has for members of extensions; a member that is not said is absent."""


@strawberry.input
class Extensible:
    """An input to which extensions may add members; see `own_inputs`."""

    LINE_MEMBERS: ClassVar[tuple[Column, ...]] = ()
    """The members of extensions that the new lines may have that it leads to."""
    own: strawberry.Private[Own] = field(default_factory=dict)


@strawberry.input(description="An address of delivery other than the account's own.")
class AddressInput:
    """A typed-in delivery address."""

    name: str | None = strawberry.field(
        default=None, description="The person or place at the address."
    )
    street: str = strawberry.field(description="The street.")
    street_number: str | None = strawberry.field(default=None, description="The number in it.")
    postal_code: str | None = strawberry.field(default=None, description="The postal code.")
    city: str = strawberry.field(description="The city.")
    state: str | None = strawberry.field(default=None, description="The state or province.")
    country: str | None = strawberry.field(
        default=None,
        description="The country as Dynamics spells it; the contact's unless said otherwise.",
    )


@strawberry.input(
    description="A new line; one of `product`, `number`, `itemNumber` and `customerItemNumber` "
    "names the product."
)
class SalesOrderLineInput(Extensible):
    """One product and how much of it."""

    product: strawberry.ID | None = strawberry.field(default=None, description="The product's id.")
    number: str | None = strawberry.field(default=None, description="The product number.")
    item_number: str | None = strawberry.field(
        default=None, description="The item number in the ERP."
    )
    customer_item_number: str | None = strawberry.field(
        default=None, description="The account's own number for the item."
    )
    quantity: Decimal = strawberry.field(description="The quantity.")
    unit: str | None = strawberry.field(
        default=None, description="The symbol of the unit; the product's own unless said otherwise."
    )
    requested_shipping_date: date | None = strawberry.field(default=None, description=SHIPPING)
    note: str | None = strawberry.field(default=None, description=NOTE)


@strawberry.input(description="An order to preview.")
class PreviewSalesOrderInput(Extensible):
    """Everything of a new order but the key."""

    lines: list[SalesOrderLineInput] = strawberry.field(
        description=f"The order lines: 1 to {MAXIMUM_LINES} lines."
    )
    account: strawberry.ID | None = strawberry.field(
        default=None, description="The account that buys; needed by those who act for several."
    )
    contact: strawberry.ID | None = strawberry.field(
        default=None, description="The contact that orders; you, unless said otherwise."
    )
    ship_to: AddressInput | None = strawberry.field(
        default=None,
        description="The address of delivery; the account's address unless said otherwise.",
    )
    ship_to_address: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of one of the account's `addresses`, instead of `shipTo`; it is copied "
        "to the order as it is now.",
    )
    requested_shipping_date: date | None = strawberry.field(default=None, description=SHIPPING)
    requested_receipt_date: date | None = strawberry.field(default=None, description=RECEIPT)
    customer_reference: str | None = strawberry.field(default=None, description=REFERENCE)
    requisition_number: str | None = strawberry.field(default=None, description=REQUISITION)


@strawberry.input(description="A new sales order.")
class CreateSalesOrderInput(PreviewSalesOrderInput):
    """Customer, company, currency, price list and prices are not asked for: they follow."""

    idempotency_key: str = strawberry.field(description=KEY)
    shared_key: bool | None = strawberry.field(
        default=None,
        description="True where the key is the account's: whoever orders for it and sends the key "
        "with this, it makes one order. Otherwise the key is yours alone.",
    )


@strawberry.input(
    description="An order like an earlier one: its lines with product, quantity, unit, "
    "note and shipping date, at today's prices. The header is said anew."
)
class ReorderInput(Extensible):
    """An order again; lines that cannot be taken along are listed in `leftOut` of the payload."""

    idempotency_key: str = strawberry.field(description=KEY)
    order: strawberry.ID = strawberry.field(description="The earlier order.")
    skip_unavailable: bool = strawberry.field(
        default=False,
        description="Order the other lines where some can no longer be bought; otherwise such a "
        "line is an error, and nothing is ordered.",
    )
    customer_reference: str | None = strawberry.field(default=None, description=REFERENCE)
    requested_receipt_date: date | None = strawberry.field(default=None, description=RECEIPT)


@strawberry.input(description="The quote that is accepted, all of it and as it was read.")
class AcceptQuoteInput(Extensible):
    """A quote becomes one order, however often and by whomever this is sent."""

    quote: strawberry.ID = strawberry.field(description="The quote.")
    version: str = strawberry.field(description="The `version` of the quote as you read it.")
    ship_to: AddressInput | None = strawberry.field(
        default=None,
        description="The address of delivery; the account's address unless said otherwise.",
    )
    ship_to_address: strawberry.ID | None = strawberry.field(
        default=None, description="The id of one of the account's `addresses`, instead of `shipTo`."
    )
    requested_receipt_date: date | None = strawberry.field(default=None, description=RECEIPT)
    customer_reference: str | None = strawberry.field(default=None, description=REFERENCE)
    requisition_number: str | None = strawberry.field(default=None, description=REQUISITION)


@strawberry.input(
    description="A line of a quote to ask for; one of `product`, `number`, `itemNumber` and "
    "`customerItemNumber` names the product."
)
class QuoteRequestLineInput:
    """One product and how much of it."""

    product: strawberry.ID | None = strawberry.field(default=None, description="The product's id.")
    number: str | None = strawberry.field(default=None, description="The product number.")
    item_number: str | None = strawberry.field(
        default=None, description="The item number in the ERP."
    )
    customer_item_number: str | None = strawberry.field(
        default=None, description="The account's own number for the item."
    )
    quantity: Decimal = strawberry.field(description="The quantity.")
    unit: str | None = strawberry.field(
        default=None, description="The symbol of the unit; the product's own unless said otherwise."
    )
    requested_shipping_date: date | None = strawberry.field(default=None, description=SHIPPING)
    note: str | None = strawberry.field(default=None, description=NOTE)


@strawberry.input(description="A quote to ask for; the seller says the prices.")
class RequestQuoteInput:
    """Customer, company, currency and price list are not asked for: they follow."""

    idempotency_key: str = strawberry.field(description=KEY)
    lines: list[QuoteRequestLineInput] = strawberry.field(
        description=f"The lines: 1 to {MAXIMUM_LINES} lines."
    )
    account: strawberry.ID | None = strawberry.field(
        default=None, description="The account that asks; needed by those who act for several."
    )
    contact: strawberry.ID | None = strawberry.field(
        default=None, description="The contact that asks; you, unless said otherwise."
    )
    message: str | None = strawberry.field(default=None, description=MESSAGE)
    ship_to: AddressInput | None = strawberry.field(
        default=None,
        description="The address of delivery; the account's address unless said otherwise.",
    )
    ship_to_address: strawberry.ID | None = strawberry.field(
        default=None, description="The id of one of the account's `addresses`, instead of `shipTo`."
    )
    requested_receipt_date: date | None = strawberry.field(default=None, description=RECEIPT)
    customer_reference: str | None = strawberry.field(default=None, description=REFERENCE)
    requisition_number: str | None = strawberry.field(default=None, description=REQUISITION)


@strawberry.input(description="Which order is changed, and from which version on.")
class ChangeInput(Extensible):
    """A change that is sent twice is made once: the first one moves the version."""

    order: strawberry.ID = strawberry.field(description="The order.")
    version: str = strawberry.field(description="The `version` of the order as you read it.")


@strawberry.input(description="Changes of an order; what is left out stays as it is.")
class UpdateSalesOrderInput(ChangeInput):
    """The members of the header that may be changed."""

    ship_to: AddressInput | None = strawberry.field(
        default=strawberry.UNSET,
        description="The address of delivery: all of it, but for a country that is left out.",
    )
    ship_to_address: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The id of one of the account's `addresses`, instead of `shipTo`; it is copied "
        "to the order as it is now.",
    )
    requested_shipping_date: date | None = strawberry.field(
        default=strawberry.UNSET, description=SHIPPING + CLEARS
    )
    requested_receipt_date: date | None = strawberry.field(
        default=strawberry.UNSET, description=RECEIPT + CLEARS
    )
    customer_reference: str | None = strawberry.field(
        default=strawberry.UNSET, description=REFERENCE + CLEARS
    )
    requisition_number: str | None = strawberry.field(
        default=strawberry.UNSET, description=REQUISITION + CLEARS
    )


@strawberry.input(description="Further lines of an order.")
class AddSalesOrderLinesInput(ChangeInput):
    """They come behind the lines that are there."""

    idempotency_key: str = strawberry.field(description=KEY)
    lines: list[SalesOrderLineInput] = strawberry.field(
        description=f"The order lines to add: 1 to {MAXIMUM_LINES} lines."
    )


@strawberry.input(description="Further lines of an order, as CSV text.")
class ImportSalesOrderLinesInput(ChangeInput):
    """
    A path of an error leads to the row: `input`, `csv`, and its number, the first below the names
    of the columns being 1.
    """

    idempotency_key: str = strawberry.field(description=KEY)
    csv: str = strawberry.field(
        description="A row names the columns: `number`, `itemNumber` or `customerItemNumber`, "
        "`quantity`, and if you like `unit`, `requestedShippingDate` and `note`. Without it they "
        "are number, quantity and note. Comma, semicolon or tab in between; a number that could be "
        "two is refused."
    )


@strawberry.input(description="Changes of one line; what is left out stays as it is.")
class UpdateSalesOrderLineInput(ChangeInput):
    """The product of a line does not change: remove the line and add another."""

    line: strawberry.ID = strawberry.field(description="The line.")
    quantity: Decimal | None = strawberry.field(
        default=strawberry.UNSET, description="The quantity, in the unit that the line has."
    )
    requested_shipping_date: date | None = strawberry.field(
        default=strawberry.UNSET, description=SHIPPING + CLEARS
    )
    note: str | None = strawberry.field(default=strawberry.UNSET, description=NOTE + CLEARS)


@strawberry.input(description="A line to be removed from an order.")
class RemoveSalesOrderLineInput(ChangeInput):
    """The last line cannot be removed: cancel the order."""

    line: strawberry.ID = strawberry.field(description="The line.")


@strawberry.input(description="An order to be canceled.")
class CancelSalesOrderInput(ChangeInput):
    """The whole order; lines are removed one by one."""


def fingerprint(sent: object, account: object) -> str:
    """
    SHA-256 of what an input says, in hexadecimal digits; its idempotency key and whose that is are
    no part of it.

    Values that are not given do not count, so that a new optional field changes no fingerprint.
    """
    said = _plain(sent)
    for name in ("idempotency_key", "shared_key"):
        said.pop(name, None)
    text = msgspec.json.encode([type(sent).__name__, str(account), said], order="sorted")
    return hashlib.sha256(text).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if hasattr(value, "__strawberry_definition__"):
        given = {each.name: getattr(value, each.name) for each in fields(value)}
        given.pop("own", None)  # they are fields of their own, too
        said = {name: each for name, each in given.items() if each is not strawberry.UNSET}
        return {name: _plain(each) for name, each in said.items() if each is not None}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, Decimal):
        return format(value.normalize(), "f") if value.is_finite() else str(value)
    return value
