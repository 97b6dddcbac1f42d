"""
The debts of customers as the ERP keeps them: invoice journal and customer transactions.

`posted` makes the rows of one invoice, `Ledger` those of a world: also invoices in free text,
credit notes, payments and what they settle. Chance comes from the documents' numbers, so that
nothing here moves what the rest of a world draws.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from random import Random
from typing import Any, Final

from emulator.days import NO_DAY, erp_day
from emulator.world.customers import Customer
from emulator.world.erp_rows import INVOICES
from emulator.world.products import places_of
from emulator.world.reference_rows import PAYMENT_TERMS
from emulator.world.seed import FIRST_RECORD, REFERENCE, Row, Rows, Seed, stamp

JOURNAL, TRANSACTIONS = "CustInvoiceJourBiEntities", "CustTransBiEntities"
USUAL_TERMS: Final = 30
PAYMENT_TEXT: Final = "Customer payment"


@dataclass(frozen=True, kw_only=True)
class Bill:
    """An invoice or, with a negative amount, a credit note."""

    area: str
    number: str
    voucher: str
    posted: datetime
    account: str
    orderer: str
    currency: str
    amount: Decimal
    tax: Decimal
    charges: Decimal = Decimal(0)
    discount: Decimal = Decimal(0)
    order: str = ""
    """The number of the order; empty for an invoice in free text."""
    reference: str = ""
    terms: str = ""
    text: str = ""

    @property
    def due(self) -> datetime:
        return self.posted + timedelta(days=PAYMENT_TERMS.get(self.terms, USUAL_TERMS))


@dataclass(frozen=True, kw_only=True)
class Settled:
    """The settled part of a transaction, the day of the last settlement, and its voucher."""

    amount: Decimal = Decimal(0)
    on: datetime | None = None
    voucher: str = ""
    closed: datetime | None = None
    """The day in `Closed`, which stands there for some transactions that are still open."""


UNSETTLED: Final = Settled()


def order_bill(header: Mapping[str, Any], invoice: Row, posted: datetime) -> Bill:
    """The bill of an `invoice` of an order with this V2 `header`."""
    return Bill(
        area=invoice["dataAreaId"],
        number=invoice["InvoiceNumber"],
        voucher=invoice["LedgerVoucher"],
        posted=posted,
        account=header["InvoiceCustomerAccountNumber"],
        orderer=header["OrderingCustomerAccountNumber"],
        currency=header["CurrencyCode"],
        amount=invoice["TotalInvoiceAmount"],
        tax=invoice["TotalTaxAmount"],
        charges=invoice["TotalChargeAmount"],
        discount=invoice["TotalDiscountAmount"],
        order=header["SalesOrderNumber"],
        reference=header["CustomersOrderReference"] or "",
        terms=header["PaymentTermsName"],
    )


def billed(rows: Iterable[tuple[str, Row]], header: Mapping[str, Any], posted: datetime) -> Bill:
    """The bill of the invoice header among the ERP's own rows of an invoice."""
    return order_bill(header, next(row for name, row in rows if name == INVOICES), posted)


def posted(bill: Bill, record: int, settled: Settled = UNSETTLED) -> Rows:
    """The rows of a bill under their `SourceKey`, the same in both collections."""
    yield JOURNAL, _journal(bill, record)
    yield TRANSACTIONS, transaction(bill, record, settled)


def _journal(bill: Bill, record: int) -> Row:
    return {
        "dataAreaId": bill.area,
        "SourceKey": record,
        "InvoiceId": bill.number,
        "InvoiceDate": erp_day(bill.posted),
        "DocumentDate": erp_day(bill.posted),
        "DueDate": erp_day(bill.due) if bill.amount > 0 else NO_DAY,
        "InvoiceAccount": bill.account,
        "OrderAccount": bill.orderer,
        "SalesId": bill.order,
        "SalesType": "ReturnItem" if bill.order and bill.amount < 0 else "Sales",
        "RefNum": "SalesOrder" if bill.order else "Cust",
        "CurrencyCode": bill.currency,
        "InvoiceAmount": bill.amount,
        "SumTax": bill.tax,
        "SumMarkup": bill.charges,
        "SumLineDisc": bill.discount,
        "SalesBalance": bill.amount - bill.tax - bill.charges + bill.discount,
        "LedgerVoucher": bill.voucher,
        "CustomerRef": bill.reference,
        "Payment": bill.terms,
        "CreatedOn": stamp(bill.posted),
    }


def transaction(bill: Bill, record: int, settled: Settled) -> Row:
    return {
        "dataAreaId": bill.area,
        "SourceKey": record,
        "AccountNum": bill.account,
        "OrderAccount": bill.orderer,
        "Invoice": bill.number,
        "Voucher": bill.voucher,
        "TransType": "Sales" if bill.order else "Cust",
        "TransDate": erp_day(bill.posted),
        "DocumentDate": erp_day(bill.posted),
        "DueDate": erp_day(bill.due) if bill.amount > 0 else NO_DAY,
        "CurrencyCode": bill.currency,
        "AmountCur": bill.amount,
        "PaymTermId": bill.terms,
        "Txt": bill.text or bill.reference,
        "CreatedOn": stamp(bill.posted),
    } | settlement(settled)


def settlement(settled: Settled) -> Row:
    """The columns of a transaction that say what settled it."""
    return {
        "SettleAmountCur": settled.amount,
        "LastSettleDate": erp_day(settled.on),
        "LastSettleVoucher": settled.voucher,
        "Closed": erp_day(settled.closed),
    }


def payment(
    bill: Bill, record: int, voucher: str, on: datetime, amount: Decimal, settled: Settled
) -> tuple[str, Row]:
    """The transaction of a payment; its own amount is negative, as less is owed."""
    own = replace(
        bill,
        number="",
        voucher=voucher,
        posted=on,
        amount=-amount,
        order="",
        terms="",
        text=PAYMENT_TEXT,
    )
    return TRANSACTIONS, transaction(own, record, settled) | {"TransType": "Payment"}


class Ledger:
    """Posts a world's bills, and decides what was paid of each by the day it stands still on."""

    def __init__(self, seed: Seed) -> None:
        self._seed = seed
        self._records = count(FIRST_RECORD)
        self._vouchers = count(1)

    def rows(self, bill: Bill) -> Rows:
        """A bill with the payment that settled it, wholly or in part."""
        chance = Random(self._seed.id("payments", bill.area, bill.number))  # noqa: S311 - repeatable
        share = _share(bill, chance)
        paid = _part(bill.amount, share, bill.currency)
        if not paid:
            # A day in `Closed` proves nothing: one in fifty open transactions has one.
            closed = bill.posted if chance.random() < 0.02 else None
            yield from posted(bill, next(self._records), Settled(closed=closed))
            return
        on = min(_paid_on(bill, chance), REFERENCE - timedelta(days=1))
        voucher = f"ARP-{next(self._vouchers):07d}"
        whole = paid == bill.amount
        mine = Settled(amount=paid, on=on, voucher=voucher, closed=on if whole else None)
        yield from posted(bill, next(self._records), mine)
        theirs = Settled(amount=-paid, on=on, voucher=bill.voucher, closed=on)
        yield payment(bill, next(self._records), voucher, on, paid, theirs)

    def other_rows(self, customers: Iterable[Customer]) -> Rows:
        """All that no order led to: invoices in free text, credit notes, payments on account."""
        numbers, credits = count(1), count(1)
        for customer in customers:
            chance = Random(self._seed.id("ledger", customer.company.code, customer.number))  # noqa: S311
            for _ in range(chance.randrange(4)):
                yield from self.rows(_free(customer, f"FTI-{next(numbers):06d}", chance, sign=1))
            for _ in range(chance.randrange(3)):
                bill = _free(customer, f"FCN-{next(credits):06d}", chance, sign=-1)
                yield from posted(bill, next(self._records))
            if chance.random() < 0.2:
                yield self._on_account(customer, chance)

    def _on_account(self, customer: Customer, chance: Random) -> tuple[str, Row]:
        """A payment that nobody has settled against anything yet."""
        bill = _free(customer, "", chance, sign=1)
        voucher = f"ARP-{next(self._vouchers):07d}"
        record = next(self._records)
        return payment(bill, record, voucher, bill.posted, bill.amount, UNSETTLED)


SUBJECTS: Final = ("Annual service", "Training on site", "Pallets not returned", "Repair")


def _free(customer: Customer, number: str, chance: Random, *, sign: int) -> Bill:
    net = _rounded(Decimal(sign * chance.randrange(2_000, 250_000)) / 100, customer.currency)
    home = customer.country is customer.company.home
    tax = _rounded(net * customer.company.tax, customer.currency) if home else Decimal(0)
    moment = REFERENCE - timedelta(days=chance.randrange(1, 400), hours=chance.randrange(4))
    return Bill(
        area=customer.company.area,
        number=number,
        voucher=f"V{number}",
        posted=moment,
        account=customer.number,
        orderer=customer.number,
        currency=customer.currency,
        amount=net + tax,
        tax=tax,
        terms=customer.terms,
        text=chance.choice(SUBJECTS),
    )


def _share(bill: Bill, chance: Random) -> Decimal:
    """The share of a bill that is paid by the reference day: old ones are, nearly all of them."""
    late = (REFERENCE - bill.due).days
    whole, part = (96, 2) if late > 60 else (75, 10) if late > 0 else (15, 5)
    drawn = chance.randrange(100)
    if drawn < whole:
        return Decimal(1)
    return Decimal(chance.randrange(10, 90)) / 100 if drawn < whole + part else Decimal(0)


def _paid_on(bill: Bill, chance: Random) -> datetime:
    term = (bill.due - bill.posted).days
    return bill.posted + timedelta(days=max(1, term + chance.randrange(-12, 25)))


def _part(amount: Decimal, share: Decimal, currency: str) -> Decimal:
    return amount if share == 1 else _rounded(amount * share, currency)


def _rounded(amount: Decimal, currency: str) -> Decimal:
    return round(amount, places_of(currency))
