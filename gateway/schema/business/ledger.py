"""
The account that a customer has with the seller: its transactions, and what the ERP has posted.

Dual-write carries neither payments nor invoices in free text nor credit notes; they are read here.
"""

from datetime import date
from enum import Enum

import strawberry

from gateway.loaders.rows import Loaders
from gateway.model.kinds import OptionSet, option, unknown
from gateway.model.rules import any_of, owned_by_number
from gateway.model.tables import Node, column, computed, group, link, table
from gateway.schema.business.accounts import Account
from gateway.schema.business.papers import DOC, DocumentLink, PrintedReport, document_of
from gateway.schema.business.sales import SalesOrder
from gateway.schema.business.settling import (
    InvoiceStanding,
    InvoiceTransaction,
    PaymentState,
    standing_of,
)
from gateway.schema.business.values import Money

COMPANY = "msdyn_company/cdm_companycode"


@strawberry.enum(description="The kinds of transactions.")
class TransactionKind(Enum):
    """By type, number and sign, as no column says it."""

    INVOICE = strawberry.enum_value("INVOICE", description="An invoice.")
    CREDIT_NOTE = strawberry.enum_value("CREDIT_NOTE", description="A credit note.")
    PAYMENT = strawberry.enum_value("PAYMENT", description="A payment.")
    OTHER = strawberry.enum_value("OTHER", description="Anything else, such as interest.")


@strawberry.enum(description="The types that the ERP gives to transactions.")
class TransactionType(OptionSet):
    """Members of F&O's `LedgerTransType`: those that accounts of customers have."""

    SALES = option("Sales", "An invoice or credit note of an order.")
    CUSTOMER = option("Cust", "Posted to the account by itself, as an invoice in free text is.")
    PAYMENT = option("Payment", "A payment.")
    INTEREST = option("Interest", "Interest.")
    COLLECTION_LETTER = option("CollectionLetter", "The fee of a reminder.")
    SETTLEMENT = option("Settlement", "A settlement of transactions.")
    CASH_DISCOUNT = option("CashDiscount", "A discount for early payment.")
    EXCHANGE_ADJUSTMENT = option("ExchAdjustment", "An adjustment to the rate of a currency.")
    WRITE_OFF = option("WriteOff", "An amount that the seller gave up.")
    UNKNOWN = unknown()


@table(
    "CustTransBiEntities",
    service="finops",
    key={"dataAreaId": str, "SourceKey": int},
    rows=owned_by_number(company="dataAreaId", account="AccountNum"),
    needs="balance",
    order="-posted_on",
    root=("transaction", "transactions"),
)
class Transaction(Node):
    """A transaction of a customer's account: an invoice, a credit note, a payment."""

    posted_on: date | None = column("TransDate", "The day of the transaction.")
    due_on: date | None = column("DueDate", "The day by which it is to be paid.")
    invoice_number: str | None = column("Invoice", "The number of the invoice; empty for others.")
    voucher: str | None = column("Voucher", "The voucher in the ledger.")
    description: str | None = column("Txt", "The text of the transaction.")
    company: str | None = column("dataAreaId", "The code of the legal entity that sells.")
    amount: Money | None = group(
        Money,
        "The amount that is owed by it; negative for what is owed less, as a payment.",
        essential="amount",
        amount="AmountCur",
        currency="CurrencyCode",
    )
    settled: Money | None = group(
        Money,
        "The part of the amount that is settled against other transactions.",
        essential="amount",
        amount="SettleAmountCur",
        currency="CurrencyCode",
    )
    last_settled_on: date | None = column("LastSettleDate", "The day of the last settlement.")
    type: TransactionType | None = column(
        "TransType", "Its type in the ERP, by which lists can be filtered."
    )
    account: Account | None = link(
        {"dataAreaId": COMPANY, "AccountNum": "accountnumber"},
        "The account that owes it.",
        back="transactions",
        back_doc="The transactions of the account, newest first.",
    )

    @computed(
        "AmountCur", "SettleAmountCur", "CurrencyCode", doc="The part of the amount that is open."
    )
    def open(self, loaders: Loaders) -> Money | None:
        return opened(self.amount, self.settled)

    @computed("TransType", "Invoice", "AmountCur", "CurrencyCode", doc="The kind of transaction.")
    def kind(self, loaders: Loaders) -> TransactionKind | None:
        if self.type is TransactionType.PAYMENT:
            return TransactionKind.PAYMENT
        if not self.invoice_number:
            return TransactionKind.OTHER
        credited = self.amount is not None and self.amount.amount < 0
        return TransactionKind.CREDIT_NOTE if credited else TransactionKind.INVOICE


def opened(amount: Money | None, settled: Money | None) -> Money | None:
    """An amount less what is settled of it; None where one of them is not told."""
    if amount is None or settled is None:
        return None
    return Money(amount=amount.amount - settled.amount, currency=amount.currency)


_POSTED = ("dataAreaId", "InvoiceAccount", "InvoiceId")
"""The columns by which the transactions of a posted invoice are found."""


@table(
    "CustInvoiceJourBiEntities",
    service="finops",
    key={"dataAreaId": str, "SourceKey": int},
    rows=any_of(
        owned_by_number(company="dataAreaId", account="InvoiceAccount"),
        owned_by_number(company="dataAreaId", account="OrderAccount"),
    ),
    needs="invoices",
    order="-issued_on",
    root=("postedInvoice", "postedInvoices"),
)
class PostedInvoice(Node):
    """An invoice or credit note as the ERP posted it, in free text too, which names no contact."""

    number: str | None = column("InvoiceId", "The invoice number.")
    issued_on: date | None = column("InvoiceDate", "The day of the invoice.")
    due_on: date | None = column("DueDate", "The day by which it is to be paid.")
    order_number: str | None = column("SalesId", "The number of the order; empty without one.")
    voucher: str | None = column("LedgerVoucher", "The voucher in the ledger.")
    company: str | None = column("dataAreaId", "The code of the legal entity that sells.")
    customer_reference: str | None = column("CustomerRef", "The customer's own reference.")
    total: Money | None = group(
        Money,
        "The total with tax; negative for a credit note.",
        essential="amount",
        amount="InvoiceAmount",
        currency="CurrencyCode",
    )
    tax: Money | None = group(
        Money,
        "The tax in the total.",
        essential="amount",
        amount="SumTax",
        currency="CurrencyCode",
    )
    account: Account | None = link(
        {"dataAreaId": COMPANY, "InvoiceAccount": "accountnumber"},
        "The account that is invoiced.",
        back="posted_invoices",
        back_doc="The invoices that the ERP has posted for the account to pay, newest first.",
    )
    order: SalesOrder | None = link(
        {"dataAreaId": COMPANY, "SalesId": "msdyn_salesordernumber"},
        "The order that is invoiced; null for an invoice in free text.",
    )

    _account_number: str | None = column("InvoiceAccount", "The account that is invoiced.")

    @computed(*_POSTED, doc="The amount that is open.", reads=(InvoiceTransaction,))
    async def open(self, loaders: Loaders) -> Money | None:
        return (await self._standing(loaders)).open

    @computed(*_POSTED, doc="The state of its payment.", reads=(InvoiceTransaction,))
    async def payment(self, loaders: Loaders) -> PaymentState | None:
        return (await self._standing(loaders)).payment

    @computed(
        *_POSTED,
        "SourceKey",
        doc=f"The invoice or credit note {DOC}",
        reads=(PrintedReport,),
    )
    def document(self, loaders: Loaders) -> DocumentLink | None:
        return document_of(loaders, self) if self.number else None

    async def _standing(self, loaders: Loaders) -> InvoiceStanding:
        return await standing_of(loaders, self.company, self._account_number, self.number)
