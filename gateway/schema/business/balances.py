"""Accounts -> what they owe, how old it is, and what of their credit is left; by currency."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

import strawberry

from gateway.loaders.rows import Loaders
from gateway.model.tables import computed, extend, paths
from gateway.schema.business.accounts import Account
from gateway.schema.business.ledger import COMPANY, Transaction, TransactionKind, opened
from gateway.schema.business.settling import InvoiceTransaction, demand_amounts, today
from gateway.schema.business.values import CURRENCY, Money

AGES: Final = ((None, 0), (1, 30), (31, 60), (61, 90), (91, None))
"""The days since something was due, from and to, by which what is open is told apart."""
NUMBERED = (COMPANY, "accountnumber")
"""The columns by which the ERP knows an account."""
TABLE = Transaction.__table__
OWED = paths(Transaction, "amount", "settled", "due_on", "posted_on", "invoice_number", "type")
ITEMS: Final = 500
"""The number of open items that a balance lists at most."""


@strawberry.type(description="The open amount of one age.")
class Age:
    """Of an amount that is due on no day, as a credit note, nothing is overdue."""

    from_days: int | None = strawberry.field(
        description="Days overdue, from; null for what is not overdue."
    )
    to_days: int | None = strawberry.field(description="Days overdue, to; null without an end.")
    amount: Money = strawberry.field(description="The open amount of that age.")


@strawberry.type(description="The credit of an account.")
class Credit:
    """Debts count; orders that are not yet invoiced do not."""

    limit: Money = strawberry.field(description="The amount that may be owed.")
    used: Money = strawberry.field(description="The debts in the currency of the limit.")
    free: Money | None = strawberry.field(
        description="The limit less what is used; null where other currencies are owed too, as "
        "amounts of different currencies are never added."
    )


@strawberry.type(description="A transaction of which something is open.")
class OpenItem:
    """A line of what is owed; of credit notes and payments the amounts are negative."""

    kind: TransactionKind | None = strawberry.field(description="The kind of transaction.")
    invoice_number: str | None = strawberry.field(description="The number of the invoice.")
    posted_on: date | None = strawberry.field(description="The day of the transaction.")
    due_on: date | None = strawberry.field(description="The day by which it is to be paid.")
    days_overdue: int = strawberry.field(description="Days since then; 0 while it is not overdue.")
    amount: Money = strawberry.field(description="Its amount.")
    open: Money = strawberry.field(description="The open part of it.")


@strawberry.type(description="The debts of an account in one currency.")
class Balance:
    """Added up from the open parts of the account's transactions."""

    currency: str = strawberry.field(description="The ISO code of the currency.")
    open: Money = strawberry.field(
        description="The amount owed, less credit notes and payments that are not yet settled."
    )
    overdue: Money = strawberry.field(
        description="The amount that was due before today and is still open."
    )
    aging: list[Age] = strawberry.field(
        description="The open amounts by days overdue: the five ages together are `open`."
    )
    items: list[OpenItem] = strawberry.field(
        description=f"The open items, longest overdue first; at most {ITEMS}."
    )
    credit: Credit | None = strawberry.field(
        description="The credit; null in another currency than that of the credit limit, and "
        "without one."
    )


@extend(Account)
class AccountBalance:
    """The debts of an account, worked out from all of its transactions."""

    @computed(
        *NUMBERED,
        "creditlimit",
        CURRENCY,
        doc="The debts of the account, by currency; that of the credit limit comes first.",
        reads=(InvoiceTransaction,),
    )
    async def balance(self: Account, loaders: Loaders) -> list[Balance] | None:
        demand_amounts(loaders)
        rows = await transactions_of(loaders, self, OWED)
        if rows is None:
            return None
        limit = self.credit_limit
        if limit is not None and not limit.amount:
            limit = None  # the ERP writes zero where no limit is set
        items = [item for row in rows if (item := _item(loaders, row, today()))]
        return _balances(items, limit)


async def transactions_of(
    loaders: Loaders, account: Account, select: frozenset[str]
) -> list[Transaction] | None:
    """
    All transactions of an account that was read through the gate; None where the ERP has none such.

    Forbidden where the caller sees the account, but not what it owes.
    """
    if not account.company or not account.number:
        return None
    on = demand_owed(loaders, account.company, account.number)
    return await loaders.matching(Transaction, on, select)


def demand_owed(loaders: Loaders, company: str, number: str) -> dict[str, str]:
    """
    The key of an account's transactions. Forbidden where the caller may not see what it owes, which
    is another matter than seeing the account.
    """
    on = {"dataAreaId": company, "AccountNum": number}
    if loaders.reader.has(TABLE):
        loaders.reader.demand(TABLE, on, "read", seen=False)
    return on


def _item(loaders: Loaders, row: Transaction, day: date) -> OpenItem | None:
    """The open part of a transaction; None where nothing is open."""
    left = opened(row.amount, row.settled)
    if row.amount is None or left is None or not left.amount:
        return None
    return OpenItem(
        kind=row.kind(loaders),
        invoice_number=row.invoice_number or None,
        posted_on=row.posted_on,
        due_on=row.due_on,
        days_overdue=max((day - row.due_on).days, 0) if row.due_on else 0,
        amount=row.amount,
        open=left,
    )


def _balances(items: Sequence[OpenItem], limit: Money | None) -> list[Balance]:
    owed = {item.open.currency or "" for item in items}
    first = (limit.currency or "") if limit else ""
    balances = []
    for code in sorted({*owed, first} - {""}, key=lambda code: (code != first, code)):
        mine = [item for item in items if item.open.currency == code]
        limited = limit if code == first else None
        balances.append(_balance(code, mine, limited, alone=not owed - {first}))
    return balances


def _balance(code: str, items: Sequence[OpenItem], limit: Money | None, *, alone: bool) -> Balance:
    total = _money(code, items)
    free = Money(amount=limit.amount - total.amount, currency=code) if limit and alone else None
    by_age = sorted(items, key=lambda item: (-item.days_overdue, item.due_on or date.max))
    return Balance(
        currency=code,
        open=total,
        overdue=_money(code, (item for item in items if item.days_overdue)),
        aging=[
            Age(from_days=least, to_days=most, amount=_money(code, _of_age(items, least, most)))
            for least, most in AGES
        ],
        items=by_age[:ITEMS],
        credit=Credit(limit=limit, used=total, free=free) if limit else None,
    )


def _money(code: str, items: Iterable[OpenItem]) -> Money:
    return Money(amount=sum((item.open.amount for item in items), Decimal()), currency=code)


def _of_age(items: Iterable[OpenItem], least: int | None, most: int | None) -> Iterator[OpenItem]:
    """The items that are overdue by `least` to `most` days."""
    for item in items:
        if (least or 0) <= item.days_overdue and (most is None or item.days_overdue <= most):
            yield item
