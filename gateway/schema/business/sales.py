"""Sales orders and their lines."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import strawberry

from gateway.loaders.rows import Loaders
from gateway.model.kinds import OptionSet, option, unknown
from gateway.model.rules import owned
from gateway.model.tables import Node, column, computed, link, lookup, table
from gateway.schema.business import languages
from gateway.schema.business.accounts import Account, Contact
from gateway.schema.business.catalog import Product
from gateway.schema.business.deliveries import DeliveredQuantity, ErpOrderLine, delivered
from gateway.schema.business.papers import DOC, DocumentLink, PrintedReport, document_of
from gateway.schema.business.prices import PriceBasis
from gateway.schema.business.syncing import SyncState, amounts_basis, sync_state
from gateway.schema.business.values import Address, Money, address, money
from gateway.upstream.names import lookup_value


@strawberry.enum(description="The progress of an order.")
class OrderStatus(OptionSet):
    """`msdyn_processingstatus`: the only status that dual-write keeps right."""

    ACTIVE = option(192350000, "Placed; not yet confirmed.")
    CONFIRMED = option(192350001, "Confirmed by the seller.")
    PICKED = option(192350002, "Being picked in the warehouse.")
    PARTIALLY_DELIVERED = option(192350003, "Part of it was sent.")
    DELIVERED = option(192350004, "All of it was sent.")
    INVOICED = option(192350005, "All of it was invoiced.")
    PARTIALLY_INVOICED = option(192350006, "Part of it was invoiced.")
    CANCELED = option(192350007, "Canceled.")
    DELIVERED_AND_PARTIALLY_INVOICED = option(192350008, "All of it was sent, part of it invoiced.")
    UNKNOWN = unknown()


OPEN = (
    OrderStatus.ACTIVE,
    OrderStatus.CONFIRMED,
    OrderStatus.PICKED,
    OrderStatus.PARTIALLY_DELIVERED,
    OrderStatus.DELIVERED,
    OrderStatus.PARTIALLY_INVOICED,
    OrderStatus.DELIVERED_AND_PARTIALLY_INVOICED,
)
"""The orders that are not settled yet."""
PRINTED = frozenset(OrderStatus) - {OrderStatus.ACTIVE, OrderStatus.CANCELED, OrderStatus.UNKNOWN}
"""The orders that the seller has confirmed, so that there is a confirmation."""


@strawberry.enum(description="The progress of an order line.")
class LineStatus(OptionSet):
    """`msdyn_linestatus`, which comes from the ERP alone."""

    NONE = option(192350000, "Nothing has happened yet.")
    BACKORDER = option(192350001, "Open.")
    DELIVERED = option(192350002, "Sent.")
    INVOICED = option(192350003, "Invoiced.")
    CANCELED = option(192350004, "Canceled.")
    UNKNOWN = unknown()


ITEM_BASED = 192350000
"""`msdyn_ordertype` of the orders that dual-write carries."""

ORDERED_BY = {
    "account": lookup_value("customerid"),
    "contact": lookup_value("msdyn_contactperson"),
    "party": lookup_value("msdyn_associatedcontact"),
}
"""The buyer: the account, and the person by the older model of contacts or by the newer."""
BUYER_NUMBER = "customerid_account/accountnumber"
"""The way from an order to the number of its account in the ERP."""


@table(
    "salesorder",
    key="salesorderid",
    essential=True,
    rows=owned(**ORDERED_BY),
    needs="orders",
    order="-placed_at",
    root=("order", "orders"),
    company="msdyn_company/cdm_companycode",
)
class SalesOrder(Node):
    """A sales order of one customer account."""

    number: str | None = column(
        "msdyn_salesordernumber", "The order number, the same in Dataverse and the ERP."
    )
    name: str | None = column("name", "The name of the order.", written="always")
    status: OrderStatus | None = column(
        "msdyn_processingstatus", "The progress of the order.", written="update"
    )
    placed_at: datetime | None = column("createdon", "The time at which the order was placed.")
    updated_at: datetime | None = column("modifiedon", "The time at which the order last changed.")
    company: str | None = column(
        "msdyn_company/cdm_companycode", "The code of the legal entity that sells."
    )
    total: Money | None = money("totalamount", "The total with tax, once the ERP worked it out.")
    tax: Money | None = money("totaltax", "The tax in the total.")
    discount: Money | None = money("discountamount", "The discount on the whole order.")
    freight: Money | None = money("freightamount", "The charges on the order.")
    requested_shipping_date: date | None = column(
        "requestdeliveryby", "The day on which the customer wants it sent.", written="always"
    )
    requested_receipt_date: date | None = column(
        "msdyn_requestedreceiptdate",
        "The day on which the customer wants to have it.",
        written="always",
    )
    confirmed_shipping_date: date | None = column(
        "msdyn_confirmedshippingdate", "The day on which the seller will send it."
    )
    confirmed_receipt_date: date | None = column(
        "msdyn_confirmedreceiptdate", "The day on which the customer will have it."
    )
    customer_reference: str | None = column(
        "msdyn_customersorderreference", "The customer's own reference.", written="always"
    )
    requisition_number: str | None = column(
        "msdyn_customerrequisitionnumber", "The customer's requisition number.", written="always"
    )
    quote_number: str | None = column(
        "msdyn_quotationnumber", "The number of the quote that it came of.", written="create"
    )
    email: str | None = column("emailaddress", "The e-mail address for mails about the order.")
    payment_terms: str | None = column(
        "msdyn_paymentterms/msdyn_description", "The terms of payment, in words."
    )
    delivery_mode: str | None = column(
        "msdyn_deliverymode/msdyn_description", "The way in which the order is sent, in words."
    )
    delivery_terms: str | None = column(
        "msdyn_deliveryterms/msdyn_termsdescription", "The terms of delivery, in words."
    )
    ship_to: Address | None = address("shipto_", "The address of delivery.", written="always")
    bill_to: Address | None = address("billto_", "The address to which the invoice goes.")
    account: Account | None = link(
        "customerid",
        "The account that buys.",
        back="orders",
        back_doc="The sales orders of the account, newest first.",
        polymorphic=True,
        inside="up",
        written="create",
    )
    contact: Contact | None = link(
        "msdyn_contactperson",
        "The person who placed the order, where it names one by the older model of contacts.",
        back="orders",
        back_doc="The sales orders that name the person as their `contact`, newest first.",
        written="create",
    )
    party_contact: Contact | None = link(
        {f"msdyn_associatedcontact/{lookup_value('msdyn_contactid')}": ""},
        "The person who placed the order, where it names one by the newer model of contacts.",
        back="party_orders",
        back_doc="The sales orders that name the person as their `partyContact`, newest first.",
    )
    _id: UUID = column("salesorderid", "The key.", written="create")
    _key: str | None = column(
        "gw_idempotencykey", "The key that keeps an order from being made twice.", written="create"
    )
    _fingerprint: str | None = column(
        "gw_fingerprint", "The hash of the input that made the order.", written="create"
    )
    _order_type: int | None = column(
        "msdyn_ordertype", "The kind of order; dual-write carries one kind.", written="create"
    )
    _party: UUID | None = lookup(
        "msdyn_associatedcontact",
        "The person, by the party model.",
        written="create",
        to="msdyn_contactforparty",
    )
    _invoiced: UUID | None = lookup(
        "msdyn_invoicecustomerid",
        "The account that is invoiced.",
        written="create",
        to="account",
        polymorphic=True,
    )
    _quote: UUID | None = lookup(
        "quoteid", "The quote that it came of.", written="create", to="quote"
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
    _version: int = column("versionnumber", "The version.")

    @computed(
        "msdyn_company/cdm_companycode",
        "msdyn_salesordernumber",
        "createdon",
        doc="The arrival of the order in the ERP.",
        loads=("ErpOrder",),
    )
    async def sync_state(self, loaders: Loaders) -> SyncState | None:
        return await sync_state(loaders, self.company, self.number, self.placed_at)

    @computed(
        "msdyn_company/cdm_companycode",
        "msdyn_salesordernumber",
        "totalamount",
        "transactioncurrencyid/isocurrencycode",
        doc="The basis of the amounts: estimated until the ERP has written its own back.",
        loads=("ErpOrder",),
    )
    async def amounts_basis(self, loaders: Loaders) -> PriceBasis | None:
        total = self.total.amount if self.total else None
        return await amounts_basis(loaders, self.company, self.number, total)

    @computed(
        "salesorderid",
        "msdyn_company/cdm_companycode",
        "msdyn_salesordernumber",
        "msdyn_processingstatus",
        doc=f"The confirmation of the order, once the seller has confirmed it, {DOC}",
        reads=(PrintedReport,),
    )
    def document(self, loaders: Loaders) -> DocumentLink | None:
        return document_of(loaders, self) if self.status in PRINTED else None

    @computed("msdyn_language", doc="The language in which the ERP writes about it, as `en-us`.")
    def language(self, loaders: Loaders) -> str | None:
        return languages.name(self._language)

    @computed("versionnumber", doc="The version of the order; a change must name it.")
    def version(self, loaders: Loaders) -> str:
        return str(self._version)


STATE = "statecode"
RUNNING = (0, 1)
"""The states of orders that are under way; what counts where the ERP has told no status yet."""
KEY = SalesOrder.__table__.scalar_of("_key")
FINGERPRINT = SalesOrder.__table__.scalar_of("_fingerprint")
"""The columns of ours on an order; the first has an alternate key of its own."""


@table(
    "salesorderdetail",
    key="salesorderdetailid",
    essential=True,
    rows=owned(**ORDERED_BY, through="salesorderid"),
    needs="orders",
    order="sequence",
    root=("orderLine", "orderLines"),
    company="salesorderid/msdyn_company/cdm_companycode",
)
class SalesOrderLine(Node):
    """A line of a sales order: how much of one product."""

    sequence: int | None = column(
        "sequencenumber", "The place of the line in its order.", written="create"
    )
    status: LineStatus | None = column("msdyn_linestatus", "The progress of the line.")
    description: str | None = column("description", "The product's name as it was ordered.")
    note: str | None = column("msdyn_linedescription", "The note on the line.", written="always")
    quantity: Decimal | None = column(
        "quantity", "The quantity that was ordered.", written="always"
    )
    unit: str | None = column("uomid/msdyn_symbol", "The unit of the quantity.")
    unit_price: Money | None = money("priceperunit", "The price of one unit.", written="create")
    discount: Money | None = money(
        "manualdiscountamount", "The discount on the line.", written="create"
    )
    tax: Money | None = money("tax", "The tax on the line.")
    amount: Money | None = money("extendedamount", "The amount of the line.")
    requested_shipping_date: date | None = column(
        "requestdeliveryby", "The day on which the customer wants it sent.", written="always"
    )
    requested_receipt_date: date | None = column(
        "msdyn_requestedreceiptdate", "The day on which the customer wants to have it."
    )
    confirmed_shipping_date: date | None = column(
        "msdyn_confirmedshippingdate", "The day on which the seller will send it."
    )
    confirmed_receipt_date: date | None = column(
        "msdyn_confirmedreceiptdate", "The day on which the customer will have it."
    )
    customer_item_number: str | None = column(
        "msdyn_externalitemnumber", "The customer's own number for the item."
    )
    order: SalesOrder | None = link(
        "salesorderid",
        "The order that the line belongs to.",
        back="lines",
        back_doc="The lines of the order.",
        inside="both",
        written="create",
    )
    product: Product | None = link(
        "productid", "The product that was ordered.", inside="up", written="create"
    )

    _id: UUID = column("salesorderdetailid", "The key.", written="create")
    _created_at: datetime | None = column("createdon", "The time at which the line was added.")
    _unit_id: UUID | None = lookup("uomid", "The unit.", written="create", to="uom")
    _quote_line: UUID | None = lookup(
        "quotedetailid", "The line of a quote that it came of.", written="create", to="quotedetail"
    )
    _price_is_ours: bool | None = column(
        "ispriceoverridden", "True if the price is the one that was sent.", written="create"
    )
    _country: str | None = column("shipto_country", "Where it goes.", written="create")
    _address_description: str | None = column(
        "msdyn_deliveryaddressdescription", "The name of the address.", written="create"
    )
    _order_number: str | None = column("salesorderid/msdyn_salesordernumber", "The order.")
    _company: str | None = column(
        "salesorderid/msdyn_company/cdm_companycode", "The legal entity that sells."
    )

    _product_number: str | None = column("productid/msdyn_productnumber", "The product.")
    _item_number: str | None = column("productid/msdyn_itemnumber", "The item.")

    @computed(
        "salesorderid/msdyn_salesordernumber",
        "salesorderid/msdyn_company/cdm_companycode",
        "sequencenumber",
        doc="The quantity sent, by the packing slips; null while the ERP does not know the line.",
        reads=(ErpOrderLine, DeliveredQuantity),
        loads=("ErpOrderLine", "DeliveredQuantity"),
    )
    async def delivered_quantity(self, loaders: Loaders) -> Decimal | None:
        return await delivered(loaders, self._company, self._order_number, self.sequence)

    @computed(
        "salesorderid/msdyn_salesordernumber",
        "salesorderid/msdyn_company/cdm_companycode",
        "sequencenumber",
        "quantity",
        doc="The quantity still to be sent; null while the ERP does not know the line.",
        reads=(ErpOrderLine, DeliveredQuantity),
        loads=("ErpOrderLine", "DeliveredQuantity"),
    )
    async def remaining_quantity(self, loaders: Loaders) -> Decimal | None:
        sent = await delivered(loaders, self._company, self._order_number, self.sequence)
        if sent is None or self.quantity is None:
            return None
        return max(self.quantity - sent, Decimal())
