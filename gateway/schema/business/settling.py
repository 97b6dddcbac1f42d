"""
Invoices -> what is open of them, by the customer's transactions in the ERP.

Open is the amount less what is settled of it, never a flag: a transaction may be marked as closed
and be open all the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum

import strawberry

from gateway.errors import NotAvailableHere
from gateway.loaders.rows import Loaders
from gateway.model.rules import with_parent
from gateway.model.tables import Row, column, group, paths, table
from gateway.schema.business.values import Money


@strawberry.enum(description="The state of payment of an invoice.")
class PaymentState(Enum):
    """Worked out on the day on which it is asked for, which is that of UTC."""

    OPEN = strawberry.enum_value("OPEN", description="Nothing is paid, and it is not yet overdue.")
    PARTLY_PAID = strawberry.enum_value(
        "PARTLY_PAID", description="A part is paid, and the rest is not yet overdue."
    )
    PAID = strawberry.enum_value("PAID", description="Nothing is open.")
    OVERDUE = strawberry.enum_value(
        "OVERDUE", description="Something is open, and it was due before today."
    )


@table(
    "CustTransBiEntities",
    service="finops",
    key={"dataAreaId": str, "SourceKey": int},
    rows=with_parent,
    needs="invoices",
)
class InvoiceTransaction(Row):
    """The transaction of an invoice in the customer's account."""

    amount: Money | None = group(
        Money, "The amount.", essential="amount", amount="AmountCur", currency="CurrencyCode"
    )
    settled: Decimal | None = column("SettleAmountCur", "The part that is settled.")
    due_on: date | None = column("DueDate", "The day by which it is to be paid.")
    last_settled_on: date | None = column("LastSettleDate", "The day of the last settlement.")


NEEDED = paths(InvoiceTransaction)
"""The columns without any of which nobody can tell what is open."""


@dataclass(frozen=True, slots=True)
class InvoiceStanding:
    """The standing of one invoice; empty where the ERP has no transaction of it."""

    open: Money | None = None
    due_on: date | None = None
    settled_on: date | None = None
    """The day on which the last of it was settled; None while something is open."""
    payment: PaymentState | None = None


NOT_KNOWN = InvoiceStanding()


async def standing_of(
    loaders: Loaders, company: str | None, account: str | None, number: str | None
) -> InvoiceStanding:
    """The standing of an invoice, by one call to the ERP for all of a list."""
    if not company or not account or not number:
        return NOT_KNOWN
    demand_amounts(loaders)
    on = {"dataAreaId": company, "AccountNum": account, "Invoice": number}
    rows = await loaders.matching(InvoiceTransaction, on, NEEDED)
    return _added_up(rows, today())


def demand_amounts(loaders: Loaders) -> None:
    """NotAvailableHere where the environment does not tell what is open."""
    if not loaders.reader.has(InvoiceTransaction.__table__, *NEEDED):
        raise NotAvailableHere("This environment does not tell what is open of transactions.")


def today() -> date:
    """The day by which something is overdue."""
    return datetime.now(UTC).date()


def _added_up(rows: Iterable[InvoiceTransaction], day: date) -> InvoiceStanding:
    """The standing by these transactions; not known without any, or where currencies differ."""
    rows = [row for row in rows if row.amount is not None]
    currencies = {row.amount.currency for row in rows if row.amount}
    if len(currencies) != 1:
        return NOT_KNOWN
    amount = sum((row.amount.amount for row in rows if row.amount), Decimal())
    settled = sum((row.settled or Decimal() for row in rows), Decimal())
    left = amount - settled
    due = [row.due_on for row in rows if row.due_on]
    last = [row.last_settled_on for row in rows if row.last_settled_on]
    due_on = min(due, default=None)
    return InvoiceStanding(
        open=Money(amount=left, currency=currencies.pop()),
        due_on=due_on,
        settled_on=max(last, default=None) if not left else None,
        payment=_payment(left, settled, late=due_on is not None and due_on < day),
    )


def _payment(left: Decimal, settled: Decimal, *, late: bool) -> PaymentState:
    if not left:
        return PaymentState.PAID
    if late and left > 0:
        return PaymentState.OVERDUE
    return PaymentState.PARTLY_PAID if settled else PaymentState.OPEN
