"""
The making of a new order: checks of the input, defaults, and the row that is sent. All pure.

The defaults are those that Microsoft's customer portal takes from the signed-in contact; what the
contact lacks its account provides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

import msgspec

from gateway.auth.principal import Principal
from gateway.config.parsers import Unpriced
from gateway.model.tables import column_of, step_of
from gateway.resolvers.orders import own_values
from gateway.resolvers.orders.input_checks import (
    is_said,
    key_mistakes,
    plain,
)
from gateway.resolvers.orders.input_rules import InputRules
from gateway.resolvers.orders.inputs import (
    AddressInput,
    PreviewSalesOrderInput,
    SalesOrderLineInput,
)
from gateway.resolvers.orders.line_checks import Basket, Item, Sound, WantedLine, sound
from gateway.resolvers.orders.user_errors import AddressNotFound, Errors, MissingDefault
from gateway.resolvers.orders.user_errors import invalid as invalid
from gateway.resolvers.written_rows import row_of
from gateway.schema.business.accounts import Account, Contact
from gateway.schema.business.sales import ITEM_BASED, SalesOrder, SalesOrderLine
from gateway.schema.business.values import Address, Money
from gateway.upstream.conditions import same, value_at
from gateway.upstream.names import NestedRows

NAMESPACE = UUID("5e1b0b0e-6a0c-5f0e-9f0a-6f2d0c1e7a11")
"""Namespace of the ids that are derived from idempotency keys. Never changed."""
PARENT = column_of(Contact, "account")
"""The account that a contact acts for."""
CONTACT_COMPANY = column_of(Contact, "_company")
"""The legal entity of a contact."""
COUNTRY = column_of(SalesOrder, "ship_to", "country")
ORDER_NAME = "sales order"
ADDRESS_DESCRIPTION = "delivery address description"
LINES = f"{SalesOrderLine.__table__.entity}.{step_of(SalesOrderLine, 'order')}"
"""The way from an order to its lines."""
HEADER = {
    name: column_of(SalesOrder, name)
    for name in (
        "customer_reference",
        "requisition_number",
        "requested_shipping_date",
        "requested_receipt_date",
    )
}
"""Members of an input and the columns of a header that say the same."""
LINE = {
    name: column_of(SalesOrderLine, name)
    for name in ("quantity", "requested_shipping_date", "note")
}
"""The columns of a new line by the fields of its input."""


@dataclass(frozen=True, slots=True)
class Buyer:
    """The buyer of a new order, with the defaults of contact and account."""

    account: Account
    contact: Contact | None
    delivery: Address | None = None
    """The address of delivery, if the order names one of the account's by its id."""

    is_self: bool = True
    """True if the contact is the caller; otherwise the contact's own prices do not apply."""
    sold_by: str | None = None
    """The code of the company that sells to the account."""
    party: UUID | None = None
    """The contact's place at the account in the party model, where that is used."""
    language: int | None = None
    """The option of the language in which the ERP writes about the order."""

    @property
    def company(self) -> str | None:
        """The code of the legal entity that the order is of."""
        if self.sold_by is not None or self.contact is None:
            return self.sold_by
        code = value_at(self.contact.raw, CONTACT_COMPANY)
        return str(code).lower() if code else None

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
        terms = sides if self.is_self else [account]
        return {
            "COMPANY": account._company_id or (contact._company_id if contact else None),
            "CURRENCY": next((side._currency_id for side in terms if side._currency_id), None),
            "PRICE_LIST": next((s._price_list_id for s in terms if s._price_list_id), None),
            "SHIP_TO_COUNTRY": next((side._country for side in sides if side._country), None),
        }


def derived_id(principal: Principal, account: UUID, operation: str, key: str) -> UUID:
    """The one id that this key of this caller can make for this account and operation."""
    said = [*_caller(principal), str(account), operation, key]
    return uuid5(NAMESPACE, msgspec.json.encode(said).decode())


def _caller(principal: Principal) -> tuple[str, ...]:
    """
    The caller as the owner of idempotency keys: a person, however signed in, or a machine by the
    name its issuer gives it.
    """
    if principal.contact is not None:
        return ("contact", str(principal.contact.id))
    return (principal.kind.value, principal.issuer, principal.subject)


def line_id(identity: UUID, number: int) -> UUID:
    """The id of the line `number`, counted from 1, of what `identity` stands for."""
    return uuid5(identity, str(number))


def checked(order: PreviewSalesOrderInput, rules: InputRules) -> Sound:
    """The lines of a new order; Wrong with all that the input says wrong by itself."""
    header = [*key_mistakes(order), *rules.text_mistakes(order)]
    header += [*rules.address_mistakes(order), *rules.own_mistakes(order.own)]
    return sound(numbered(order.lines, "lines"), rules, "lines", besides=header)


def numbered(lines: Sequence[SalesOrderLineInput], *path: str) -> list[WantedLine]:
    """New lines, each called by its place in the list that stands at `path`."""
    return [WantedLine(line, (*path, str(number))) for number, line in enumerate(lines)]


def missing(buyer: Buyer, order: PreviewSalesOrderInput) -> Errors:
    """The defaults that neither contact nor account has."""
    named = order.ship_to or buyer.delivery
    return [
        MissingDefault(
            message=f"The account has no {name.lower().replace('_', ' ')}; ask the seller.",
            path=["input"],
            default=name,
        )
        for name, value in buyer.defaults.items()
        if value is None and not (name == "SHIP_TO_COUNTRY" and named and plain(named.country))
    ]


def astray(buyer: Buyer, order: PreviewSalesOrderInput) -> Errors:
    """An address that was named by its id and is not the account's."""
    named = order.ship_to_address is not None
    return [address_not_found()] if named and buyer.delivery is None else []


def address_not_found() -> AddressNotFound:
    said = "shipToAddress is not an address of the account; see its addresses."
    return AddressNotFound(message=said, path=["input", "shipToAddress"])


def order_row(
    identity: UUID, buyer: Buyer, order: PreviewSalesOrderInput, basket: Basket, rule: Unpriced
) -> dict[str, Any]:
    """The header with its lines inside, as it is sent: one insert, all of it or nothing."""
    header = _header(identity, buyer, order)
    rows = line_rows(identity, basket, header[COUNTRY], rule)
    return header | {LINES: NestedRows(tuple(rows))}


def line_rows(
    identity: UUID, basket: Basket, country: str | None, rule: Unpriced, *, behind: int = 0
) -> list[dict[str, Any]]:
    """New lines, with the ids that they have in what `identity` stands for."""
    return [
        _line(line_id(identity, number), behind + number, item, country, rule)
        for number, item in enumerate(basket.items, start=1)
    ]


def _line(
    identity: UUID, sequence: int, item: Item, country: str | None, rule: Unpriced
) -> dict[str, Any]:
    price = item.price or (Money(amount=Decimal(), currency=None) if rule == "zero" else None)
    line = row_of(
        SalesOrderLine,
        "create",
        _id=identity,
        product=item.product and item.product._id,
        _unit_id=item.unit,
        sequence=sequence,
        unit_price=price,
        _price_is_ours=True if price is not None else None,
        _country=country,
        _address_description=ADDRESS_DESCRIPTION,
    )
    said = columns_of(item.wanted.line, LINE) | own_values.columns(item.wanted.line.own)
    return {name: value for name, value in (line | said).items() if value is not None}


def _header(identity: UUID, buyer: Buyer, order: PreviewSalesOrderInput) -> dict[str, Any]:
    defaults = buyer.defaults
    header = row_of(
        SalesOrder,
        "create",
        _id=identity,
        name=ORDER_NAME,
        _order_type=ITEM_BASED,
        _language=buyer.language,
        account=buyer.account._id,
        _invoiced=buyer.account._id,
        _company_id=defaults["COMPANY"],
        _currency_id=defaults["CURRENCY"],
        _price_list_id=defaults["PRICE_LIST"],
        contact=buyer.contact and buyer.contact._id,
        _party=buyer.party,
        _address_description=ADDRESS_DESCRIPTION,
    )
    said = columns_of(order, HEADER) | own_values.columns(order.own)
    header |= said | _ship_to(buyer, order.ship_to)
    return {name: value for name, value in header.items() if value is not None}


def columns_of(sent: object, columns: Mapping[str, str]) -> dict[str, Any]:
    """The values of an input, nulls included, by these columns."""
    return {
        column: plain(getattr(sent, name))
        for name, column in columns.items()
        if is_said(sent, name)
    }


def address_columns(address: AddressInput | Address, country: object) -> dict[str, Any]:
    """The columns of an address of delivery; `country` is that of an address that names none."""
    row = row_of(SalesOrder, "create", ship_to=address)
    return row | {COUNTRY: row[COUNTRY] or country}


def _ship_to(buyer: Buyer, typed: AddressInput | None) -> dict[str, Any]:
    """The address as typed or named, else the account's; the country as the defaults have it."""
    address = typed or buyer.delivery or buyer.account.address
    country = buyer.defaults["SHIP_TO_COUNTRY"]
    if address is None:
        return {COUNTRY: country}
    return address_columns(address, country)
