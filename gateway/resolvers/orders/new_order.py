"""The rows of a new order, made of its input, its buyer and its basket. All pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from gateway.config.parsers import Unpriced
from gateway.model.tables import column_of, step_of
from gateway.resolvers.orders import own_values
from gateway.resolvers.orders.buyers import Buyer
from gateway.resolvers.orders.input_checks import (
    is_said,
    plain,
)
from gateway.resolvers.orders.inputs import (
    AddressInput,
    PreviewSalesOrderInput,
)
from gateway.resolvers.orders.line_checks import Basket, Item
from gateway.resolvers.orders.order_ids import line_id
from gateway.resolvers.written_rows import row_of
from gateway.schema.business.sales import ITEM_BASED, SalesOrder, SalesOrderLine
from gateway.schema.business.values import Address, Money
from gateway.upstream.names import NestedRows

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


def order_row(
    identity: UUID, buyer: Buyer, order: PreviewSalesOrderInput, basket: Basket, rule: Unpriced
) -> dict[str, Any]:
    """The header with its lines inside, as it is sent: one insert, all of it or nothing."""
    header = header_row(identity, buyer, order)
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
    if item.calculated is not None:
        # The ERP takes the discounts off by itself.
        price = item.calculated.before_discounts
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


def header_row(identity: UUID, buyer: Buyer, order: PreviewSalesOrderInput) -> dict[str, Any]:
    """The header alone, without what has no value."""
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
    goes_to = destination(buyer, order.ship_to)
    header |= columns_of(order, HEADER) | own_values.columns(order.own) | goes_to
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


def destination(buyer: Buyer, typed: AddressInput | None) -> dict[str, Any]:
    """The address as typed or named, else the account's; the country as the defaults have it."""
    address = typed or buyer.delivery or buyer.account.address
    country = buyer.defaults["SHIP_TO_COUNTRY"]
    if address is None:
        return {COUNTRY: country}
    return address_columns(address, country)
