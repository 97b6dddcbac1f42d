"""The statement of an account: what was owed before a period, what came and went, and after it."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

import strawberry

from gateway.errors import InvalidInput
from gateway.model.tables import paths
from gateway.schema import ids
from gateway.schema.business.accounts import Account
from gateway.schema.business.balances import transactions_of
from gateway.schema.business.ledger import Transaction, TransactionKind
from gateway.schema.business.papers import DOC, DocumentLink, document_of
from gateway.schema.business.values import Money
from gateway.schema.context import Info

ENTRIES = 2_000
"""The number of entries that one statement has at most."""
INVOICED = TransactionKind.INVOICE, TransactionKind.CREDIT_NOTE
"""The kinds of transactions that are spend."""
TOLD = paths(
    Transaction,
    "posted_on",
    "due_on",
    "invoice_number",
    "voucher",
    "description",
    "amount",
    "type",
)


@strawberry.type(description="A transaction on a statement.")
class StatementEntry:
    """One line of a statement."""

    posted_on: date | None = strawberry.field(description="The day of the transaction.")
    due_on: date | None = strawberry.field(description="The day by which it is to be paid.")
    kind: TransactionKind | None = strawberry.field(description="The kind of transaction.")
    invoice_number: str | None = strawberry.field(description="The number of the invoice.")
    voucher: str | None = strawberry.field(description="The voucher in the ledger.")
    description: str | None = strawberry.field(description="The text of the transaction.")
    amount: Money = strawberry.field(description="Its amount; negative for what is owed less.")
    balance: Money = strawberry.field(description="The amount owed after it.")


@strawberry.type(description="The spend of one month.")
class MonthSpend:
    """Of a month in which the period begins or ends, the days of the period alone."""

    month: date = strawberry.field(description="The first day of the month.")
    amount: Money = strawberry.field(
        description="The invoices that were posted in it, with tax, less its credit notes."
    )


@strawberry.type(description="The statement of an account in one currency.")
class Statement:
    """Opening balance, entries and closing balance always add up."""

    currency: str = strawberry.field(description="The ISO code of the currency.")
    opening: Money = strawberry.field(description="The amount owed before the first day.")
    closing: Money = strawberry.field(description="The amount owed after the last day.")
    entries: list[StatementEntry] = strawberry.field(
        description=f"The transactions of the period, oldest first; at most {ENTRIES:,}."
    )
    spend: list[MonthSpend] = strawberry.field(
        description="The spend by months of the period, oldest first, without those in which "
        "nothing was invoiced."
    )
    document: DocumentLink | None = strawberry.field(
        description=f"The statement {DOC} The ERP prints all transactions of the account in all "
        "currencies, an adopter's archive may keep those of the period."
    )


async def statement(
    info: Info, account: strawberry.ID, first: date, last: date
) -> list[Statement] | None:
    """The statements of an account, by currency; None for an account that is not there."""
    if first > last:
        raise InvalidInput("The last day is before the first.", argument="to")
    info.context.principal.access(Transaction.__table__.needs)
    loaders = info.context.loaders
    key = ids.key(Account.__table__, account)
    row = await loaders.node(Account, key, paths(Account, "number", "company"))
    rows = await transactions_of(loaders, row, TOLD) if row else None
    if rows is None:
        return None
    within = sum(_within(row, first, last) for row in rows)
    if within > ENTRIES:
        raise InvalidInput("The period has too many transactions; shorten it.", argument="to")
    known = [row for row in rows if row.posted_on and row.amount and row.posted_on <= last]
    currencies = sorted({row.amount.currency or "" for row in known if row.amount} - {""})
    document = document_of(loaders, row, first, last) if row else None
    return [_of_currency(info, code, known, first, document) for code in currencies]


def _within(row: Transaction, first: date, last: date) -> bool:
    return row.posted_on is not None and first <= row.posted_on <= last


def _of_currency(
    info: Info, code: str, rows: Iterable[Transaction], first: date, document: DocumentLink | None
) -> Statement:
    mine = [row for row in rows if row.amount and row.amount.currency == code]
    days = [(row.posted_on or first, row) for row in mine]
    before = _sum([row for day, row in days if day < first])
    after, entries = before, []
    listed = [(day, row.voucher or "", row) for day, row in days if day >= first]
    for _, _, row in sorted(listed, key=lambda each: each[:2]):
        amount = row.amount.amount if row.amount else Decimal()
        after += amount
        entries.append(_entry(info, row, Money(amount=amount, currency=code), after))
    return Statement(
        currency=code,
        opening=Money(amount=before, currency=code),
        closing=Money(amount=after, currency=code),
        entries=entries,
        spend=_by_month(entries),
        document=document,
    )


def _by_month(entries: Iterable[StatementEntry]) -> list[MonthSpend]:
    """The invoices and credit notes among entries of one currency, which are in order."""
    months: dict[date, Decimal] = {}
    currency = None
    for entry in entries:
        if entry.kind in INVOICED and entry.posted_on is not None:
            month, currency = entry.posted_on.replace(day=1), entry.amount.currency
            months[month] = months.get(month, Decimal()) + entry.amount.amount
    return [
        MonthSpend(month=month, amount=Money(amount=amount, currency=currency))
        for month, amount in months.items()
    ]


def _sum(rows: Sequence[Transaction]) -> Decimal:
    return sum((row.amount.amount for row in rows if row.amount), Decimal())


def _entry(info: Info, row: Transaction, amount: Money, after: Decimal) -> StatementEntry:
    return StatementEntry(
        posted_on=row.posted_on,
        due_on=row.due_on,
        kind=row.kind(info.context.loaders),
        invoice_number=row.invoice_number or None,
        voucher=row.voucher,
        description=row.description or None,
        amount=amount,
        balance=Money(amount=after, currency=amount.currency),
    )
