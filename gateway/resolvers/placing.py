"""
What a new order is made of: checks of the input, defaults, and the row that is sent. All pure.

The defaults are those that Microsoft's customer portal takes from the signed-in contact; what the
contact lacks its account provides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from strawberry.utils.str_converters import to_camel_case

from gateway.auth.principal import Principal, Terms
from gateway.parsers import Unpriced
from gateway.resolvers.inputs import (
    MAXIMUM_KEY,
    MAXIMUM_LINES,
    AddressInput,
    PreviewSalesOrderInput,
    SalesOrderLineInput,
)
from gateway.resolvers.mistakes import (
    AccountOnHold,
    AddressNotFound,
    CreditLimitExceeded,
    Errors,
    InvalidOrderInput,
    MissingDefault,
    PriceUnknown,
)
from gateway.schema.accounts import Account, Contact, HoldStatus
from gateway.schema.catalog import Product
from gateway.schema.values import Address, Money
from gateway.upstream.conditions import same
from gateway.upstream.odata import row_url

NAMESPACE = UUID("5e1b0b0e-6a0c-5f0e-9f0a-6f2d0c1e7a11")
"""Namespace of the ids that are derived from idempotency keys. Never changed."""
PARENT = "_parentcustomerid_value"
"""The account that a contact acts for."""
ITEM_BASED = 192350000
"""`msdyn_ordertype` of the orders that dual-write carries."""
ORDER_NAME = "sales order"
ADDRESS_DESCRIPTION = "delivery address description"
LARGEST_QUANTITY = 100_000_000_000
"""What a decimal column of Dataverse holds."""
MAXIMUM_DECIMALS = 10
"""Of a decimal column; a million of them would be written out in full to compare inputs."""
MAXIMUM_REFERENCE = 50
ADDRESS_LENGTHS = {
    "name": 200,
    "street": 250,
    "street_number": 250,
    "postal_code": 20,
    "city": 80,
    "state": 50,
    "country": 80,
}
"""What the `shipto_` columns hold."""
MAXIMUM_NOTE = 255


@dataclass(frozen=True, slots=True)
class Buyer:
    """For whom an order is placed, with the defaults that contact and account give."""

    account: Account
    contact: Contact | None
    delivery: Address | None = None
    """Where the order goes, if it names an address of the account's by its id."""

    @property
    def defaults(self) -> dict[str, UUID | str | None]:
        """
        By the name that a MissingDefault has. A contact's own come first at its parent account,
        and after those of any other, as in `Principal.terms_of`.
        """
        contact, account = self.contact, self.account
        sides: list[Account | Contact] = [account]
        if contact is not None:
            sides.insert(0 if same(contact.raw[PARENT], account._id) else 1, contact)
        return {
            "COMPANY": account._company_id or (contact._company_id if contact else None),
            "CURRENCY": next((side._currency_id for side in sides if side._currency_id), None),
            "PRICE_LIST": next((s._price_list_id for s in sides if s._price_list_id), None),
            "SHIP_TO_COUNTRY": next((side._country for side in sides if side._country), None),
        }

    @property
    def terms(self) -> Terms | None:
        """On what terms the order is placed; None without a price list."""
        price_list, currency = self.defaults["PRICE_LIST"], self.defaults["CURRENCY"]
        if not isinstance(price_list, UUID):
            return None
        return Terms(price_list, currency if isinstance(currency, UUID) else None)


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the input with what was loaded for it."""

    line: SalesOrderLineInput
    product: Product
    unit: UUID | None
    unit_price: Money | None

    @property
    def amount(self) -> Decimal:
        """The estimated amount; 0 without a price."""
        return self.line.quantity * self.unit_price.amount if self.unit_price else Decimal()


def total(items: Sequence[Item]) -> Decimal:
    return sum((item.amount for item in items), Decimal())


def derived_id(principal: Principal, account: UUID, operation: str, key: str) -> UUID:
    """The one id that this key can make for this account and operation."""
    return uuid5(NAMESPACE, "\x1f".join((principal.issuer, str(account), operation, key)))


def line_id(identity: UUID, number: int) -> UUID:
    """The id of the line `number`, counted from 1, of what `identity` stands for."""
    return uuid5(identity, str(number))


def check(order: PreviewSalesOrderInput) -> Errors:
    """What is wrong with the input of a new order by itself."""
    return [*check_key(order), *check_header(order), *check_lines(order.lines)]


def check_key(sent: object) -> Errors:
    key = getattr(sent, "idempotency_key", " ")
    if 1 <= len(key) <= MAXIMUM_KEY:
        return []
    return [invalid(f"The key must have 1 to {MAXIMUM_KEY} characters.", "idempotencyKey")]


def check_header(sent: object) -> Errors:
    too_long = [
        invalid(f"At most {MAXIMUM_REFERENCE} characters.", to_camel_case(name))
        for name in ("customer_reference", "requisition_number")
        if len(getattr(sent, name, None) or "") > MAXIMUM_REFERENCE
    ]
    return [*too_long, *check_address(sent)]


def check_address(sent: object) -> Errors:
    typed: AddressInput | None = getattr(sent, "ship_to", None)
    if typed is None:
        return []
    if getattr(sent, "ship_to_address", None) is not None:
        return [invalid("Name an address or write one, not both.", "shipToAddress")]
    return [
        invalid(f"At most {length} characters.", "shipTo", to_camel_case(name))
        for name, length in ADDRESS_LENGTHS.items()
        if len(getattr(typed, name) or "") > length
    ]


def check_lines(lines: Sequence[SalesOrderLineInput]) -> Errors:
    if not 1 <= len(lines) <= MAXIMUM_LINES:
        return [invalid(f"There must be 1 to {MAXIMUM_LINES} lines.", "lines")]
    return [
        invalid(message, "lines", str(index), *path)
        for index, line in enumerate(lines)
        for message, *path in line_mistakes(line)
    ]


def line_mistakes(line: SalesOrderLineInput) -> Iterator[tuple[str, ...]]:
    """Message and path below the line."""
    if sum(name is not None for name in (line.product, line.number, line.item_number)) != 1:
        yield ("Name the product by one of 'product', 'number' and 'itemNumber'.",)
    yield from quantity_mistakes(line.quantity)
    if len(line.note or "") > MAXIMUM_NOTE:
        yield f"At most {MAXIMUM_NOTE} characters.", "note"


def quantity_mistakes(quantity: Decimal) -> Iterator[tuple[str, ...]]:
    """What is wrong with a quantity of whatever product."""
    if not quantity.is_finite() or not 0 < quantity <= LARGEST_QUANTITY:
        yield f"The quantity must be more than 0 and at most {LARGEST_QUANTITY:,}.", "quantity"
    elif quantity != round(quantity, MAXIMUM_DECIMALS):
        yield f"At most {MAXIMUM_DECIMALS} decimals.", "quantity"


def invalid(message: str, *path: str) -> InvalidOrderInput:
    return InvalidOrderInput(message=message, path=["input", *path])


def missing(buyer: Buyer, order: PreviewSalesOrderInput) -> Errors:
    """The defaults that neither contact nor account has."""
    named = order.ship_to or buyer.delivery
    return [
        MissingDefault(
            message=f"Your account has no {name.lower().replace('_', ' ')}; ask your seller.",
            path=["input"],
            default=name,
        )
        for name, value in buyer.defaults.items()
        if value is None and not (name == "SHIP_TO_COUNTRY" and named and named.country)
    ]


def astray(buyer: Buyer, order: PreviewSalesOrderInput) -> Errors:
    """An address that was named by its id and is not the account's."""
    named = order.ship_to_address is not None
    return [address_not_found()] if named and buyer.delivery is None else []


def address_not_found() -> AddressNotFound:
    said = "The account has no such address."
    return AddressNotFound(message=said, path=["input", "shipToAddress"])


def unpriced(items: Sequence[Item], rule: Unpriced) -> Errors:
    """The lines without a price, where that is an error."""
    if rule != "refuse":
        return []
    return [
        PriceUnknown(message="There is no price for you.", path=["input", "lines", str(index)])
        for index, item in enumerate(items)
        if item.unit_price is None
    ]


def blocked(account: Account, ordered: Decimal, amount: Decimal) -> Errors:
    """What the seller has stopped: everything for the account, or more than its credit limit."""
    if account.hold_status is HoldStatus.ALL:
        return [AccountOnHold(message="Your account is on hold; ask your seller.", path=["input"])]
    limit = account.credit_limit
    if not account.credit_limit_is_mandatory or limit is None:
        return []
    if ordered + amount <= limit.amount:
        return []
    over = "Open orders and this one exceed your credit limit."
    mine = Money(amount=ordered, currency=limit.currency)
    return [CreditLimitExceeded(message=over, path=["input"], limit=limit, ordered=mine)]


def order_row(
    identity: UUID,
    buyer: Buyer,
    order: PreviewSalesOrderInput,
    items: Sequence[Item],
    rule: Unpriced,
) -> dict[str, Any]:
    """The header with its lines inside, as it is sent: one insert, all of it or nothing."""
    header = _header(identity, buyer, order)
    lines = [
        line_row(line_id(identity, number), number, item, header["shipto_country"], rule)
        for number, item in enumerate(items, start=1)
    ]
    return header | {"order_details": lines}


def line_row(
    identity: UUID, sequence: int, item: Item, country: str | None, rule: Unpriced
) -> dict[str, Any]:
    price = item.unit_price.amount if item.unit_price else Decimal() if rule == "zero" else None
    line = {
        "salesorderdetailid": str(identity),
        "productid@odata.bind": "/" + row_url("products", item.product._id),
        "uomid@odata.bind": "/" + row_url("uoms", item.unit) if item.unit else None,
        "sequencenumber": sequence,
        "quantity": item.line.quantity,
        "priceperunit": price,
        "ispriceoverridden": True if price is not None else None,
        "shipto_country": country,
        "msdyn_deliveryaddressdescription": ADDRESS_DESCRIPTION,
        "requestdeliveryby": day(item.line.requested_shipping_date),
        "msdyn_linedescription": item.line.note,
    }
    return {name: value for name, value in line.items() if value is not None}


def _header(identity: UUID, buyer: Buyer, order: PreviewSalesOrderInput) -> dict[str, Any]:
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
        **header_columns(order),
        **_ship_to(buyer, order.ship_to),
    }
    if buyer.contact is not None:
        header["msdyn_contactperson@odata.bind"] = f"/contacts({buyer.contact._id})"
    return {name: value for name, value in header.items() if value is not None}


def header_columns(order: Any) -> dict[str, Any]:
    """What a header says in columns of the same meaning, in a new order and in a change alike."""
    return {
        "msdyn_customersorderreference": order.customer_reference,
        "msdyn_customerrequisitionnumber": order.requisition_number,
        "requestdeliveryby": day(order.requested_shipping_date),
        "msdyn_requestedreceiptdate": day(order.requested_receipt_date),
    }


def address_columns(address: AddressInput | Address, country: object) -> dict[str, Any]:
    return {
        "shipto_name": address.name,
        "shipto_line1": address.street,
        "shipto_line2": address.street_number,
        "shipto_postalcode": address.postal_code,
        "shipto_city": address.city,
        "shipto_stateorprovince": address.state,
        "shipto_country": address.country or country,
    }


def _ship_to(buyer: Buyer, typed: AddressInput | None) -> dict[str, Any]:
    """The address as typed or named, else the account's; the country as the defaults have it."""
    address = typed or buyer.delivery or buyer.account.address
    country = buyer.defaults["SHIP_TO_COUNTRY"]
    if address is None:
        return {"shipto_country": country}
    return address_columns(address, country)


def day(value: date | None) -> str | None:
    return value.isoformat() if value else None
