"""
Quotes that customers have asked for and the seller is still working on: drafts without amounts.

A draft that the gateway makes has a mark of its own, by which it is told from those that sellers
begin. Nothing of it that a seller prepares is shown: the types have no amounts. Once it is sent, it
is a `Quote` of the same key.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from gateway.model.rules import marked, owned
from gateway.model.tables import Node, column, link, lookup, table
from gateway.schema.business.accounts import Account, Contact
from gateway.schema.business.catalog import Product
from gateway.schema.business.quotes import OFFERED_TO, STATE
from gateway.schema.business.values import Address, address
from gateway.upstream.names import lookup_value

MARK: Final = 20_261_130
"""
The value of `importsequencenumber` in what the gateway makes: the column tells which import has
made a row. It stands in no form, and no map of dual-write carries it. Never changed.
"""
DRAFT: Final = 0
"""The state of a quote that was not sent yet."""


@table(
    "quote",
    key="quoteid",
    rows=marked(
        marked(owned(**OFFERED_TO), column=STATE, value=DRAFT),
        column="importsequencenumber",
        value=MARK,
    ),
    needs="quotes",
    order="-created_at",
    root=("quoteRequest", "quoteRequests"),
)
class QuoteRequest(Node):
    """A quote that was asked for here, as long as the seller has not sent it."""

    number: str | None = column(
        "msdyn_quotenumber", "The number that the quote will have, once the ERP has given it one."
    )
    created_at: datetime | None = column("createdon", "The time at which it was asked for.")
    customer_reference: str | None = column(
        "msdyn_customersreference", "The customer's own reference.", written="create"
    )
    requisition_number: str | None = column(
        "msdyn_customerrequisitionnumber", "The customer's requisition number.", written="create"
    )
    requested_receipt_date: date | None = column(
        "msdyn_requestedreceiptdate", "The day on which the customer wants it.", written="create"
    )
    message: str | None = column("description", "The words to the seller.", written="create")
    ship_to: Address | None = address("shipto_", "The address of delivery.", written="create")
    account: Account | None = link(
        "customerid",
        "The account that asks.",
        back="quote_requests",
        back_doc="The quotes that the account has asked for and not got yet, newest first.",
        polymorphic=True,
        inside="up",
        written="create",
    )
    contact: Contact | None = link(
        {f"msdyn_associatedcontact/{lookup_value('msdyn_contactid')}": ""},
        "The person who asks.",
    )
    _id: UUID = column("quoteid", "The key.", written="create")
    _mark: int | None = column(
        "importsequencenumber", "The mark of what the gateway makes.", written="create"
    )
    _name: str | None = column("name", "Its name for the seller.", written="create")
    _order_type: int | None = column(
        "msdyn_ordertype", "The kind of quote; dual-write carries one kind.", written="create"
    )
    _party: UUID | None = lookup(
        "msdyn_associatedcontact",
        "The person, by the party model.",
        written="create",
        to="msdyn_contactforparty",
    )
    _company_id: UUID | None = lookup(
        "msdyn_company", "The legal entity.", written="create", to="cdm_company"
    )
    _currency_id: UUID | None = lookup(
        "transactioncurrencyid", "The currency.", written="create", to="transactioncurrency"
    )
    _price_list_id: UUID | None = lookup(
        "pricelevelid", "The price list.", written="create", to="pricelevel"
    )
    _language: int | None = column(
        "msdyn_language", "The language in which the ERP writes about it.", written="create"
    )
    _address_description: str | None = column(
        "msdyn_deliveryaddressdescription", "The name of the address.", written="create"
    )


@table(
    "quotedetail",
    key="quotedetailid",
    rows=marked(
        marked(owned(**OFFERED_TO, through="quoteid"), column=f"quoteid/{STATE}", value=DRAFT),
        column="quoteid/importsequencenumber",
        value=MARK,
    ),
    needs="quotes",
    order="sequence",
    root=("quoteRequestLine", "quoteRequestLines"),
)
class QuoteRequestLine(Node):
    """A line of a quote that was asked for: a quantity of one product."""

    sequence: int | None = column(
        "sequencenumber", "The place of the line in its request.", written="create"
    )
    quantity: Decimal | None = column(
        "quantity", "The quantity that is asked for.", written="create"
    )
    unit: str | None = column("uomid/msdyn_symbol", "The unit of the quantity.")
    note: str | None = column("msdyn_linedescription2", "The note on the line.", written="create")
    requested_shipping_date: date | None = column(
        "requestdeliveryby", "The day on which the customer wants it sent.", written="create"
    )
    request: QuoteRequest | None = link(
        "quoteid",
        "The request that the line belongs to.",
        back="lines",
        back_doc="The lines of the request.",
        inside="both",
    )
    product: Product | None = link(
        "productid", "The product that is asked for.", inside="up", written="create"
    )
    _id: UUID = column("quotedetailid", "The key.", written="create")
    _unit_id: UUID | None = lookup("uomid", "The unit.", written="create", to="uom")
    _country: str | None = column("shipto_country", "Where it goes.", written="create")
    _address_description: str | None = column(
        "msdyn_deliveryaddressdescription", "The name of the address.", written="create"
    )
