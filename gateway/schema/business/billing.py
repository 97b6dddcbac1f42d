"""Invoices and their lines, which dual-write brings from the ERP."""

from datetime import date
from decimal import Decimal

import strawberry

from gateway.loaders.rows import Loaders
from gateway.model.kinds import OptionSet, option, unknown
from gateway.model.rules import any_of, owned
from gateway.model.tables import Node, column, computed, link, table
from gateway.schema.business.accounts import Account
from gateway.schema.business.catalog import Product
from gateway.schema.business.papers import DOC, DocumentLink, PrintedReport, document_of
from gateway.schema.business.sales import ORDERED_BY, SalesOrder
from gateway.schema.business.settling import (
    InvoiceStanding,
    InvoiceTransaction,
    PaymentState,
    standing_of,
)
from gateway.schema.business.values import Address, Money, address, money
from gateway.upstream.names import lookup_value


@strawberry.enum(
    description="The state of an invoice in Dataverse; `payment` says how far it is paid."
)
class InvoiceState(OptionSet):
    """`invoice.statecode`; dual-write leaves it at active."""

    ACTIVE = option(0, "Sent to the customer.")
    CLOSED = option(1, "Closed.")
    PAID = option(2, "Paid.")
    CANCELED = option(3, "Canceled.")
    UNKNOWN = unknown()


INVOICED = {
    "account": lookup_value("customerid"),
    "party": lookup_value("msdyn_associatedcontact"),
}
"""The account that is invoiced, which may be another one than the account that ordered."""
_LEDGER = (
    "customerid_account/msdyn_company/cdm_companycode",
    "customerid_account/accountnumber",
    "msdyn_invoicenumber",
)
"""The columns by which the ERP's transactions of an invoice are found."""


@table(
    "invoice",
    key="invoiceid",
    rows=any_of(owned(**INVOICED), owned(**ORDERED_BY, through="salesorderid")),
    needs="invoices",
    order="-issued_on",
    root=("invoice", "invoices"),
)
class Invoice(Node):
    """An invoice to a customer account."""

    number: str | None = column("msdyn_invoicenumber", "The invoice number.")
    issued_on: date | None = column("msdyn_invoicedate", "The day of the invoice.")
    voucher: str | None = column("msdyn_ledgervoucher", "The voucher in the ledger.")
    state: InvoiceState | None = column("statecode", "The state of the invoice.")
    description: str | None = column("description", "The customer's own reference.")
    freight: Money | None = money("freightamount", "The charges on the invoice.")
    bill_to: Address | None = address("billto_", "The address to which the invoice went.")
    account: Account | None = link(
        "customerid",
        "The account that is invoiced.",
        back="invoices",
        back_doc="The invoices of the account, newest first.",
        polymorphic=True,
        inside="up",
    )
    order: SalesOrder | None = link(
        "salesorderid",
        "The order that is invoiced.",
        back="invoices",
        back_doc="The invoices of the order.",
    )

    _erp_total: Money | None = money("msdyn_totalamount", "The total as the ERP has it.")
    _own_total: Money | None = money("totalamount", "The total as older maps wrote it.")
    _erp_tax: Money | None = money("msdyn_totaltax", "The tax as the ERP has it.")
    _own_tax: Money | None = money("totaltax", "The tax as older maps wrote it.")

    @computed(
        "msdyn_totalamount",
        "totalamount",
        "transactioncurrencyid/isocurrencycode",
        doc="The total with tax.",
    )
    def total(self, loaders: Loaders) -> Money | None:
        return self._erp_total or self._own_total

    @computed(
        "msdyn_totaltax",
        "totaltax",
        "transactioncurrencyid/isocurrencycode",
        doc="The tax in the total.",
    )
    def tax(self, loaders: Loaders) -> Money | None:
        return self._erp_tax or self._own_tax

    _payer_company: str | None = column(_LEDGER[0], "The legal entity of the account.")
    _payer: str | None = column(_LEDGER[1], "The number of the account that is invoiced.")

    @computed(*_LEDGER, doc="The day by which it is to be paid.", reads=(InvoiceTransaction,))
    async def due_on(self, loaders: Loaders) -> date | None:
        return (await self._standing(loaders)).due_on

    @computed(
        *_LEDGER,
        doc="The amount that is open: what the ERP has posted less what is settled of it.",
        reads=(InvoiceTransaction,),
    )
    async def open(self, loaders: Loaders) -> Money | None:
        return (await self._standing(loaders)).open

    @computed(
        *_LEDGER,
        doc="The day on which the last of it was settled; null while something is open.",
        reads=(InvoiceTransaction,),
    )
    async def settled_on(self, loaders: Loaders) -> date | None:
        return (await self._standing(loaders)).settled_on

    @computed(
        *_LEDGER,
        doc="The state of its payment; null where the ERP has no transaction of it.",
        reads=(InvoiceTransaction,),
    )
    async def payment(self, loaders: Loaders) -> PaymentState | None:
        return (await self._standing(loaders)).payment

    @computed("invoiceid", *_LEDGER, doc=f"The invoice {DOC}", reads=(PrintedReport,))
    def document(self, loaders: Loaders) -> DocumentLink | None:
        return document_of(loaders, self) if self.number else None

    async def _standing(self, loaders: Loaders) -> InvoiceStanding:
        return await standing_of(loaders, self._payer_company, self._payer, self.number)


@table(
    "invoicedetail",
    key="invoicedetailid",
    rows=any_of(
        owned(**INVOICED, through="invoiceid"),
        owned(**ORDERED_BY, through="invoiceid/salesorderid"),
    ),
    needs="invoices",
    order="sequence",
    root=("invoiceLine", "invoiceLines"),
)
class InvoiceLine(Node):
    """A line of an invoice."""

    sequence: int | None = column("sequencenumber", "The place of the line in its invoice.")
    description: str | None = column("description", "The name of the product.")
    quantity: Decimal | None = column("quantity", "The quantity that is invoiced.")
    unit: str | None = column("uomid/msdyn_symbol", "The unit of the quantity.")
    unit_price: Money | None = money("priceperunit", "The price of one unit.")
    discount: Money | None = money("manualdiscountamount", "The discount on the line.")
    tax: Money | None = money("tax", "The tax on the line.")
    amount: Money | None = money("extendedamount", "The amount of the line.")
    invoice: Invoice | None = link(
        "invoiceid",
        "The invoice that the line belongs to.",
        back="lines",
        back_doc="The lines of the invoice.",
        inside="both",
    )
    product: Product | None = link("productid", "The product that is invoiced.", inside="up")
