"""
Current orders, read through the row rules before and after a change, and facts that checks need
independent of the caller: the terms of an order, and the credit of its account.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from gateway.errors import NotAvailableHere, UpstreamError
from gateway.model.tables import Row, column_of, path_of, paths, step_of
from gateway.resolvers.orders.credit_checks import AccountStanding, Amount
from gateway.resolvers.orders.deal import Currency, Deal
from gateway.resolvers.orders.line_checks import USUAL_DECIMALS
from gateway.resolvers.orders.order_lines import Changing, OtherLines
from gateway.schema.business.accounts import Account, HoldStatus
from gateway.schema.business.catalog import Product
from gateway.schema.business.currencies import (
    CODE,
    CURRENCIES,
    DECIMALS,
    KEY,
    OF_ROW,
    RATE,
    TOTAL_IN_OWN,
)
from gateway.schema.business.sales import (
    BUYER_NUMBER,
    FINGERPRINT,
    OPEN,
    RUNNING,
    STATE,
    SalesOrder,
    SalesOrderLine,
)
from gateway.schema.business.syncing import is_canceled
from gateway.schema.business.values import Money
from gateway.schema.context import Context
from gateway.upstream.conditions import All, AnyOf, Compare, Condition, Raw, one_of, value_at
from gateway.upstream.odata import ODataQuery

LINE = paths(
    SalesOrderLine,
    "_id",
    "sequence",
    "quantity",
    "note",
    "requested_shipping_date",
    "status",
    "product",
    "unit",
) | {path_of(SalesOrderLine, "product", Product, name) for name in ("number", "item_number")}
"""The columns of a line by which changes are judged."""
LINE_ID, ORDER, QUANTITY, PRICE, UNIT, PRODUCT = (
    column_of(SalesOrderLine, name)
    for name in ("_id", "order", "quantity", "unit_price", "_unit_id", "product")
)
BUYER, PRICE_LIST, COMPANY, STATUS, TOTAL, MONEY = (
    column_of(SalesOrder, name)
    for name in ("account", "_price_list_id", "company", "status", "total", "_currency_id")
)
ORDER_ID = column_of(SalesOrder, "_id")
HOLD, LIMIT, MANDATORY = (
    column_of(Account, name)
    for name in ("hold_status", "credit_limit", "credit_limit_is_mandatory")
)
TERMS = (BUYER, BUYER_NUMBER, PRICE_LIST, COMPANY, RATE)
STANDING = (HOLD, LIMIT, MANDATORY, RATE)
ORDERED = (TOTAL, TOTAL_IN_OWN, MONEY, RATE)
UP = f"{step_of(SalesOrderLine, 'order')}/"
"""The way from a line to the columns of its order."""
LINE_ORDERED = (QUANTITY, PRICE, f"{UP}{MONEY}", f"{UP}{RATE}")
CHANGING = (QUANTITY, PRICE, UNIT, PRODUCT)
HEADERS, LINES, ACCOUNTS = (each.__table__.entity for each in (SalesOrder, SalesOrderLine, Account))


async def read_order(context: Context, key: UUID, select: frozenset[str]) -> SalesOrder | None:
    context.loaders.forget()
    return await context.loaders.node(SalesOrder, (key,), select)


async def made_by_anybody(context: Context, key: UUID, *, marked: bool) -> str | None:
    """
    The fingerprint of an order, even if the caller may not see it, empty where orders are not
    `marked`; None where there is none. Only for ids derived for this caller or their account.
    """
    columns = (ORDER_ID, FINGERPRINT) if marked else (ORDER_ID,)
    found = await context.writer.facts(ODataQuery(HEADERS, columns, Compare(ORDER_ID, "eq", key)))
    return str(found[0].get(FINGERPRINT) or "") if found else None


async def read_lines(
    context: Context, order: UUID, columns: frozenset[str] = frozenset()
) -> dict[str, Raw]:
    """The lines of an order by their ids, their days as days; with these columns besides."""
    select = LINE | columns | {PRICE}
    found = await context.loaders.matching(SalesOrderLine, {ORDER: order}, select)
    return {
        line.raw[LINE_ID].lower(): with_days(context, SalesOrderLine, line.raw) for line in found
    }


def with_days(context: Context, cls: type[Row], raw: Raw) -> Raw:
    """A row with its days as callers say them, instead of the instants that stand for them."""
    table, reader = cls.__table__, context.loaders.reader
    days = {path: reader.day(table, path, raw) for path in table.days & set(raw)}
    return {**raw, **{path: day and day.isoformat() for path, day in days.items()}}


def others_of(deal: Deal, lines: Iterable[Raw]) -> OtherLines:
    """These lines of an order, as `read_lines` returns them, as those that stay as they are."""
    amounts = [
        deal.amount(_decimal(line.get(QUANTITY)) or Decimal(), _price(line)) for line in lines
    ]
    return OtherLines(len(amounts), sum(amounts, Decimal()))


async def canceled_in_erp(context: Context, order: SalesOrder) -> bool:
    """True if the ERP has canceled an order; False as long as it cannot be asked."""
    context.loaders.forget()
    try:
        return await is_canceled(context.loaders, order.company, order.number)
    except (UpstreamError, NotAvailableHere):
        return False


async def deal_of(context: Context, order: UUID) -> Deal:
    """On what terms an order is that the caller has been let to change."""
    key = Compare(ORDER_ID, "eq", order)
    (row,) = await context.writer.facts(ODataQuery(HEADERS, TERMS + OF_ROW, key))
    price_list = value_at(row, PRICE_LIST)
    return Deal(
        account=UUID(value_at(row, BUYER)),
        number=value_at(row, BUYER_NUMBER),
        company=_folded(value_at(row, COMPANY)),
        price_list=UUID(price_list) if price_list else None,
        currency=_currency(row, value_at(row, RATE)),
    )


async def changing_of(
    context: Context, key: UUID, deal: Deal, values: Mapping[str, Any]
) -> Changing:
    """A line that the caller has been let to change, and what is to be written of it."""
    where = Compare(LINE_ID, "eq", key)
    (row,) = await context.writer.facts(ODataQuery(LINES, CHANGING, where))
    return Changing(
        id=key,
        product=_key(row.get(PRODUCT)),
        quantity=_decimal(row.get(QUANTITY)) or Decimal(),
        unit=_key(row.get(UNIT)),
        price=_price(row, deal.currency.code if deal.currency else None),
        values=values,
    )


async def currency_of(context: Context, key: UUID) -> Currency:
    """A currency as a new order has it, at today's rate."""
    columns = (CODE, DECIMALS, RATE)
    where = Compare(KEY, "eq", key)
    found = await context.writer.facts(ODataQuery(CURRENCIES, columns, where, top=1))
    row = found[0] if found else {}
    decimals = row.get(DECIMALS)
    return Currency(
        key,
        row.get(CODE),
        USUAL_DECIMALS if decimals is None else int(decimals),
        _decimal(row.get(RATE)),
    )


async def account_of(context: Context, key: UUID) -> AccountStanding:
    """The state of an account, even if the caller may not see it."""
    where = Compare(column_of(Account, "_id"), "eq", key)
    (row,) = await context.writer.facts(ODataQuery(ACCOUNTS, STANDING + OF_ROW, where))
    hold = value_at(row, HOLD)
    mandatory = value_at(row, MANDATORY)
    return AccountStanding(
        id=key,
        on_hold=hold == HoldStatus.ALL.value,
        limit=_decimal(value_at(row, LIMIT)) if mandatory else None,
        currency=_currency(row, value_at(row, RATE)),
    )


async def amounts_of(context: Context, account: UUID) -> list[Amount]:
    """The amounts of all open orders of an account, no matter who placed them."""
    facts = context.writer.facts
    rows = await facts(ODataQuery(HEADERS, ORDERED, _open(account)))
    known = [_amount(row, TOTAL, row.get(TOTAL_IN_OWN)) for row in rows]
    if all(row.get(TOTAL) is not None for row in rows):
        return known
    # The ERP has not added these up yet.
    untold = All((_open(account, UP), Compare(f"{UP}{TOTAL}", "eq", None)))
    lines = await facts(ODataQuery(LINES, LINE_ORDERED, untold))
    return known + [_line_amount(row) for row in lines]


def _open(account: UUID, path: str = "") -> Condition:
    status = f"{path}{STATUS}"
    untold = All((Compare(status, "eq", None), one_of(f"{path}{STATE}", RUNNING)))
    statuses: list[Any] = [each.value for each in OPEN]
    known = one_of(status, statuses)
    return All((Compare(f"{path}{BUYER}", "eq", account), AnyOf((known, untold))))


def _amount(row: Raw, column: str, base: Any) -> Amount:
    return Amount(
        _decimal(row.get(column)) or Decimal(),
        _key(row.get(MONEY)),
        _decimal(base),
        _decimal(row.get(RATE)),
    )


def _line_amount(row: Raw) -> Amount:
    price, quantity = (_decimal(row.get(name)) or Decimal() for name in (PRICE, QUANTITY))
    currency, rate = (value_at(row, name) for name in LINE_ORDERED[2:])
    return Amount(price * quantity, _key(currency), None, _decimal(rate))


def _price(line: Raw, currency: str | None = None) -> Money | None:
    price = _decimal(line.get(PRICE))
    return None if price is None else Money(amount=price, currency=currency)


def _currency(row: Raw, rate: Any) -> Currency | None:
    """The currency of a row, at the rate that the row has; at today's where it has none."""
    key, code, decimals, today = (value_at(row, column) for column in OF_ROW)
    if key is None:
        return None
    places = USUAL_DECIMALS if decimals is None else int(decimals)
    return Currency(UUID(key), code, places, _decimal(rate if rate is not None else today))


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _key(value: Any) -> UUID | None:
    return None if value is None else UUID(value)


def _folded(code: str | None) -> str | None:
    return code.lower() if code else None
