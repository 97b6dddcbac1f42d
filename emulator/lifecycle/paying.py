"""Payments of customers: each is a transaction of its own, and settles an invoice by its amount."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from emulator.lifecycle.documents import ledger_record
from emulator.scm.known_orders import number_of
from emulator.scm.sales import Rejected, Sales
from emulator.values import Row, fold
from emulator.world.ledger import TRANSACTIONS, Bill, Settled, payment, settlement

ORIGIN = "erp"


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment of an invoice, and what is open of it since."""

    invoice: str
    company: str
    currency: str
    amount: Decimal
    open: Decimal


class Payments:
    """Pays the invoices of one store."""

    def __init__(self, sales: Sales) -> None:
        self._sales = sales
        self._store = sales.store
        self._table = sales.store.catalog.tables[TRANSACTIONS]

    def pay(
        self,
        number: str | None = None,
        *,
        company: str | None = None,
        amount: Decimal | None = None,
    ) -> Paid:
        """Pay an invoice, by default the one longest due: the open amount, or `amount`."""
        found = self._found(number, company)
        left = self._open(found)
        paid = left if amount is None else amount
        places = self._sales.orders.places(found["CurrencyCode"])
        if not 0 < paid <= left or round(paid, places) != paid:
            most = round(left, places)
            raise Rejected(f"Of this invoice {most} {found['CurrencyCode']} can be paid.")
        now = self._store.clock().replace(tzinfo=None, microsecond=0)
        self._post(found, paid, left - paid, now)
        return Paid(
            invoice=str(found["Invoice"]),
            company=str(found["dataAreaId"]),
            currency=str(found["CurrencyCode"]),
            amount=round(paid, places),
            open=round(left - paid, places),
        )

    def _post(self, found: Row, paid: Decimal, left: Decimal, now: datetime) -> None:
        numbers = self._sales.numbers
        voucher = numbers.next("ARP-", 7, (TRANSACTIONS, "Voucher"))
        before = number_of(self._table, found, "SettleAmountCur")
        whole = now if not left else None
        settled = Settled(amount=before + paid, on=now, voucher=voucher, closed=whole)
        against = Settled(amount=-paid, on=now, voucher=str(found["Voucher"]), closed=now)
        bill = _bill(found, now)
        _, row = payment(bill, ledger_record(numbers), voucher, now, paid, against)
        with self._store.transaction(ORIGIN) as tx:
            tx.insert(self._table, self._store.kept(self._table, row))
            changed = self._store.kept(self._table, settlement(settled))
            names = set(settlement(settled))
            tx.update(self._table, found, {n: v for n, v in changed.items() if n in names})

    def _open(self, row: Row) -> Decimal:
        amounts = (number_of(self._table, row, name) for name in ("AmountCur", "SettleAmountCur"))
        amount, settled = amounts
        return amount - settled

    def _found(self, number: str | None, company: str | None) -> Row:
        where, values = ["\"Invoice\" <> ''", '"AmountCur" > "SettleAmountCur"'], []
        if number:
            where = ['fold("Invoice") = ?']
            values = [fold(number)]
        if company:
            where.append('fold("dataAreaId") = ?')
            values.append(fold(company))
        oldest = ' ORDER BY "DueDate", "SourceKey" LIMIT 2'
        found = self._store.select(self._table, " AND ".join(where) + oldest, values)
        if not found:
            raise Rejected("There is no such invoice in the ERP, or nothing is open.")
        if number and len(found) > 1:
            raise Rejected(f"Several companies have an invoice {number}; name one.")
        return found[0]


def _bill(found: Row, now: datetime) -> Bill:
    """The columns of a transaction that the payment settling it repeats."""
    return Bill(
        area=str(found["dataAreaId"]),
        number="",
        voucher="",
        posted=now,
        account=str(found["AccountNum"]),
        orderer=str(found["OrderAccount"]),
        currency=str(found["CurrencyCode"]),
        amount=Decimal(0),
        tax=Decimal(0),
    )
