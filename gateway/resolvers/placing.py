"""
What a new order is made of: checks of the input, defaults, and the rows that are sent. All pure.

The defaults are those that Microsoft's customer portal takes from the signed-in contact; what the
contact lacks its account provides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

import strawberry
from strawberry.utils.str_converters import to_camel_case

from gateway.auth.principal import Principal
from gateway.loaders.writer import NewRow
from gateway.schema.accounts import Account, Contact
from gateway.schema.catalog import Product

NAMESPACE = UUID("5e1b0b0e-6a0c-5f0e-9f0a-6f2d0c1e7a11")
"""Namespace of the order ids that are derived from idempotency keys. Never changed."""
OPERATION = "createSalesOrder"
ITEM_BASED = 192350000
"""`msdyn_ordertype` of the orders that dual-write carries."""
ORDER_NAME = "sales order"
ADDRESS_DESCRIPTION = "delivery address description"
MAXIMUM_LINES = 500
MAXIMUM_KEY = 255


@strawberry.input(description="Where an order goes, if not to the account's own address.")
class AddressInput:
    """A typed-in delivery address."""

    name: str | None = strawberry.field(default=None, description="Who or what is there.")
    street: str = strawberry.field(description="The street.")
    street_number: str | None = strawberry.field(default=None, description="The number in it.")
    postal_code: str | None = strawberry.field(default=None, description="The postal code.")
    city: str = strawberry.field(description="The city.")
    state: str | None = strawberry.field(default=None, description="The state or province.")
    country: str | None = strawberry.field(
        default=None,
        description="The country as Dynamics spells it; the contact's unless said otherwise.",
    )


@strawberry.input(description="A line of a new order; `product` or `number` names the product.")
class SalesOrderLineInput:
    """One product and how much of it."""

    product: strawberry.ID | None = strawberry.field(default=None, description="The product's id.")
    number: str | None = strawberry.field(default=None, description="The product number.")
    quantity: Decimal = strawberry.field(description="How much, in the product's own unit.")
    requested_shipping_date: date | None = strawberry.field(
        default=None, description="The day on which it should be sent."
    )
    note: str | None = strawberry.field(default=None, description="A note for the seller.")


@strawberry.input(description="A new sales order.")
class CreateSalesOrderInput:
    """Customer, company, currency, price list and prices are not asked for: they follow."""

    idempotency_key: str = strawberry.field(
        description="Chosen by you, 1 to 255 characters: the same key never makes a second order."
    )
    lines: list[SalesOrderLineInput] = strawberry.field(
        description=f"What is ordered: 1 to {MAXIMUM_LINES} lines."
    )
    account: strawberry.ID | None = strawberry.field(
        default=None, description="The account that buys; needed by those who act for several."
    )
    ship_to: AddressInput | None = strawberry.field(
        default=None, description="Where it goes; the account's address unless said otherwise."
    )
    requested_shipping_date: date | None = strawberry.field(
        default=None, description="The day on which it should be sent."
    )
    requested_receipt_date: date | None = strawberry.field(
        default=None, description="The day on which it should arrive."
    )
    customer_reference: str | None = strawberry.field(
        default=None, description="Your own reference; at most 50 characters."
    )
    requisition_number: str | None = strawberry.field(
        default=None, description="Your requisition number; at most 50 characters."
    )


@strawberry.interface(description="Why an order was not created.")
class UserError:
    """Something that the caller can put right; nothing was written."""

    code: str = strawberry.field(description="A stable code.")
    message: str = strawberry.field(description="What is wrong, for people.")
    path: list[str] = strawberry.field(description="The place in the input, from `input` down.")


@strawberry.type(description="A value of the input cannot be used. Code INVALID_INPUT.")
class InvalidOrderInput(UserError):
    """The caller's own mistake."""


@strawberry.type(description="A product does not exist for you. Code PRODUCT_NOT_FOUND.")
class ProductNotFound(UserError):
    """Absent, or not to be seen: never told apart."""


@strawberry.type(
    description="Neither contact nor account has a value that every order needs. "
    "Code MISSING_DEFAULT; the seller has to fill it in."
)
class MissingDefault(UserError):
    """`default` names what is missing."""

    default: str = strawberry.field(description="COMPANY, CURRENCY, PRICE_LIST or SHIP_TO_COUNTRY.")


@strawberry.type(description="Dynamics, or the ERP behind it, said no. Code ORDER_REFUSED.")
class OrderRefused(UserError):
    """Nothing was written on either side."""

    reason: str = strawberry.field(description="The code that Dynamics gave.")


USER_ERRORS = (InvalidOrderInput, ProductNotFound, MissingDefault, OrderRefused)
"""The closed list of what can be wrong with an order."""


@dataclass(frozen=True, slots=True)
class Buyer:
    """For whom an order is placed, with the defaults that contact and account give."""

    account: Account
    contact: Contact | None

    @property
    def defaults(self) -> dict[str, UUID | str | None]:
        """By the name that a MissingDefault has."""
        contact, account = self.contact, self.account
        return {
            "COMPANY": account._company_id or (contact._company_id if contact else None),
            "CURRENCY": (contact and contact._currency_id) or account._currency_id,
            "PRICE_LIST": (contact and contact._price_list_id) or account._price_list_id,
            "SHIP_TO_COUNTRY": (contact and contact._country) or account._country,
        }


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the input with what was loaded for it."""

    line: SalesOrderLineInput
    product: Product
    unit_price: Decimal | None


def order_id(principal: Principal, account: UUID, key: str) -> UUID:
    """The id of the one order that this key can make for this account."""
    return uuid5(NAMESPACE, "\x1f".join((principal.issuer, str(account), OPERATION, key)))


def check(order: CreateSalesOrderInput) -> list[UserError]:
    """What is wrong with the input by itself."""
    return [
        InvalidOrderInput(code="INVALID_INPUT", message=message, path=["input", *path])
        for message, *path in _mistakes(order)
    ]


def missing(buyer: Buyer, order: CreateSalesOrderInput) -> list[UserError]:
    """The defaults that neither contact nor account has."""
    typed = order.ship_to.country if order.ship_to else None
    return [
        MissingDefault(
            code="MISSING_DEFAULT",
            message=f"Your account has no {name.lower().replace('_', ' ')}; ask your seller.",
            path=["input"],
            default=name,
        )
        for name, value in buyer.defaults.items()
        if value is None and not (name == "SHIP_TO_COUNTRY" and typed)
    ]


def rows(
    identity: UUID, buyer: Buyer, order: CreateSalesOrderInput, items: Sequence[Item]
) -> list[NewRow]:
    """Header and lines as they are sent; the lines bind to the header as `$1`."""
    header = _header(identity, buyer, order)
    lines = [
        ("salesorderdetails", _line(identity, number, item, header["shipto_country"]))
        for number, item in enumerate(items, start=1)
    ]
    return [("salesorders", header), *lines]


def _mistakes(order: CreateSalesOrderInput) -> Iterator[tuple[str, ...]]:
    if not 1 <= len(order.idempotency_key) <= MAXIMUM_KEY:
        yield f"The key must have 1 to {MAXIMUM_KEY} characters.", "idempotencyKey"
    if not 1 <= len(order.lines) <= MAXIMUM_LINES:
        yield f"An order has 1 to {MAXIMUM_LINES} lines.", "lines"
    for name in ("customer_reference", "requisition_number"):
        if len(getattr(order, name) or "") > 50:
            yield "At most 50 characters.", to_camel_case(name)
    for index, line in enumerate(order.lines):
        if line.quantity <= 0 or not line.quantity.is_finite():
            yield "The quantity must be more than 0.", "lines", str(index), "quantity"
        if (line.product is None) == (line.number is None):
            yield "Name the product by 'product' or by 'number'.", "lines", str(index)


def _header(identity: UUID, buyer: Buyer, order: CreateSalesOrderInput) -> dict[str, Any]:
    defaults = buyer.defaults
    account = f"/accounts({buyer.account._id})"
    header = {
        "salesorderid": str(identity),
        "name": ORDER_NAME,
        "msdyn_ordertype": ITEM_BASED,
        "customerid_account@odata.bind": account,
        "msdyn_invoicecustomerid_account@odata.bind": account,
        "msdyn_company@odata.bind": f"/cdm_companies({defaults['COMPANY']})",
        "transactioncurrencyid@odata.bind": f"/transactioncurrencies({defaults['CURRENCY']})",
        "pricelevelid@odata.bind": f"/pricelevels({defaults['PRICE_LIST']})",
        "msdyn_deliveryaddressdescription": ADDRESS_DESCRIPTION,
        "msdyn_customersorderreference": order.customer_reference,
        "msdyn_customerrequisitionnumber": order.requisition_number,
        "requestdeliveryby": _day(order.requested_shipping_date),
        "msdyn_requestedreceiptdate": _day(order.requested_receipt_date),
        **_ship_to(buyer, order.ship_to),
    }
    if buyer.contact is not None:
        header["msdyn_contactperson@odata.bind"] = f"/contacts({buyer.contact._id})"
    return {name: value for name, value in header.items() if value is not None}


def _ship_to(buyer: Buyer, typed: AddressInput | None) -> dict[str, Any]:
    """The address as it was typed, else the account's; the country as the defaults have it."""
    address = typed or buyer.account.address
    country = buyer.defaults["SHIP_TO_COUNTRY"]
    if address is None:
        return {"shipto_country": country}
    return {
        "shipto_name": address.name,
        "shipto_line1": address.street,
        "shipto_line2": address.street_number,
        "shipto_postalcode": address.postal_code,
        "shipto_city": address.city,
        "shipto_stateorprovince": address.state,
        "shipto_country": address.country or country,
    }


def _line(identity: UUID, number: int, item: Item, country: str) -> dict[str, Any]:
    line = {
        "salesorderdetailid": str(uuid5(identity, str(number))),
        "salesorderid@odata.bind": "$1",
        "productid@odata.bind": f"/products({item.product._id})",
        "uomid@odata.bind": f"/uoms({item.product._unit_id})" if item.product._unit_id else None,
        "sequencenumber": number,
        "quantity": item.line.quantity,
        "priceperunit": item.unit_price,
        "ispriceoverridden": True if item.unit_price is not None else None,
        "shipto_country": country,
        "msdyn_deliveryaddressdescription": ADDRESS_DESCRIPTION,
        "requestdeliveryby": _day(item.line.requested_shipping_date),
        "msdyn_linedescription": item.line.note,
    }
    return {name: value for name, value in line.items() if value is not None}


def _day(value: date | None) -> str | None:
    return value.isoformat() if value else None
