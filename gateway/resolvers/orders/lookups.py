"""The data that a mutation loads for its input: products, units, prices and limits."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace as made_with
from decimal import Decimal
from uuid import UUID

from msgspec.structs import replace

from gateway.auth.principal import CallerAccount as Held
from gateway.loaders.rows import Loaders
from gateway.model.tables import column_of, paths
from gateway.resolvers.orders import buyers, credit_checks
from gateway.resolvers.orders.buyers import Buyer
from gateway.resolvers.orders.deal import Deal
from gateway.resolvers.orders.input_checks import key_of, today
from gateway.resolvers.orders.inputs import PreviewSalesOrderInput, SalesOrderLineInput
from gateway.resolvers.orders.line_checks import (
    Basket,
    Item,
    Sound,
    filled,
    growth,
    is_sold_by,
    judged,
    unit_of,
)
from gateway.resolvers.orders.order_facts import account_of, amounts_of
from gateway.resolvers.orders.order_lines import Found, OtherLines, WantedLine
from gateway.resolvers.orders.user_errors import (
    Errors,
    UserError,
)
from gateway.schema.business.catalog import Product, Unit
from gateway.schema.business.customer_items import CustomerItem, products_numbered
from gateway.schema.business.order_settings import order_settings
from gateway.schema.business.prices import Price, calculated
from gateway.schema.business.values import Money
from gateway.schema.context import Context
from gateway.schema.hidden_columns import asked_by, unveiled

PRODUCT = paths(
    Product,
    "_id",
    "_unit_id",
    "_units_id",
    "number",
    "item_number",
    "name",
    "unit",
    "company",
    "variant",
    "state",
    "decimals",
)
NO_OTHERS = OtherLines()


async def load(
    context: Context, account: UUID, sent: PreviewSalesOrderInput, lines: Sound
) -> tuple[Buyer, Basket]:
    """The buyer and the basket; Wrong with all that is wrong with either."""
    ask_by_names(context, lines)
    buyer, deal, besides = await _terms(context, account, sent)
    loaded = await found(context, deal, lines)
    return buyer, await fill(context, deal, loaded, besides=besides)


async def load_unpriced(
    context: Context, account: UUID, sent: PreviewSalesOrderInput, lines: Sound
) -> tuple[Buyer, Basket]:
    """As `load`, for what commits nobody: without prices, and whatever the account owes."""
    ask_by_names(context, lines)
    buyer, deal, besides = await _terms(context, account, sent)
    loaded = await found(context, deal, lines, is_priced=False)
    return buyer, filled(deal, loaded, besides, others=NO_OTHERS)


async def _terms(
    context: Context, account: UUID, sent: PreviewSalesOrderInput
) -> tuple[Buyer, Deal, Errors]:
    """The buyer, the terms of the order, and the mistakes in its header."""
    buyer = await buyers.buyer(context, account, sent)
    deal = await buyers.deal(context, buyer, sent)
    return buyer, deal, buyers.faults(context, buyer, sent)


def within(context: Context, deal: Deal) -> Context:
    """
    The caller as the buyer of this order: sees the prices of its list and the limits of its
    company, and no others.
    """
    currency = deal.currency.id if deal.currency else None
    account = Held(deal.account, deal.number, deal.company, deal.price_list, currency)
    reader = context.loaders.reader
    me = made_with(reader.principal, accounts=(account,), children=(), contact=None)
    return replace(context, principal=me, loaders=context.loaders.reading_by(reader.seen_by(me)))


async def found(
    context: Context, deal: Deal, lines: Sound, *, is_priced: bool = True
) -> list[Item | UserError]:
    """Each line with its product, unit and price, or the first thing that is wrong with it."""
    inside = unveiled(within(context, deal))
    find = _found if is_priced else _unpriced
    all_ = await asyncio.gather(*(find(inside, deal, line) for line in lines.lines))
    return [judged(each) for each in all_]


async def fill(
    context: Context,
    deal: Deal,
    lines: Sequence[Item | UserError],
    *,
    others: OtherLines = NO_OTHERS,
    besides: Errors | None = None,
) -> Basket:
    """
    Resolve the lines into a basket; `others` are those that the order has besides.
    Wrong with the errors of the lines and of the account, and with `besides`.
    """
    against = await standing(context, deal, growth(deal, lines)) if _grows(lines) else []
    return filled(deal, lines, [*(besides or ()), *against], others=others)


def _grows(lines: Sequence[Item | UserError]) -> bool:
    return any(isinstance(line, Item) and line.wanted.grows for line in lines)


async def standing(context: Context, deal: Deal, more: Decimal) -> Errors:
    """The reasons for which the account cannot order for `more` in addition."""
    account = await account_of(context, deal.account)
    if errors := credit_checks.held(account):
        return errors
    ordered = await amounts_of(context, deal.account) if account.limit is not None else []
    return credit_checks.exceeded(account, deal, ordered, more, context.principal)


def ask_by_names(context: Context, lines: Sound) -> None:
    """Forbidden where the caller names a product or unit by a column that is hidden."""
    for line in (each.line for each in lines.lines):
        if line.number is not None:
            asked_by(context, Product, Product.__table__.scalar_of("number"))
        if line.item_number is not None:
            asked_by(context, Product, Product.__table__.scalar_of("item_number"))
        if line.customer_item_number is not None:
            asked_by(context, CustomerItem, column_of(CustomerItem, "number"))
        if line.unit is not None:
            asked_by(context, Unit, Unit.__table__.scalar_of("symbol"))


async def _found(context: Context, deal: Deal, wanted: WantedLine) -> Found:
    rule, before = context.unpriced, wanted.before
    if before is not None and wanted.is_kept:
        day = today(context.writer.writes.clock())
        return Found(wanted, rule, day, unit=before.unit, price=before.price)
    found = await _unpriced(context, deal, wanted)
    if found.product is None or before is not None:
        return made_with(found, rule=rule, price=before.price if before else None)
    symbol = _symbol(found.product, found.unit, found.units)
    quantity = wanted.line.quantity
    exact = await _calculated(context, deal, found.product, symbol, quantity)
    price = exact.unit_price if exact else await _price(context, deal, found.product, found.unit)
    return made_with(found, rule=rule, price=price, calculated=exact)


async def _unpriced(context: Context, deal: Deal, wanted: WantedLine) -> Found:
    """A line with its product and unit; that it has no price matters nowhere."""
    day = today(context.writer.writes.clock())
    candidates = await _products(context, wanted.line, deal.company)
    if len(candidates) != 1:
        return Found(wanted, "omit", day, candidates=candidates)
    (product,) = candidates
    named = wanted.line.unit is not None or wanted.before is not None
    units = await _units(context, product) if named else {}
    return Found(
        wanted,
        "omit",
        day,
        product,
        company=deal.company,
        units=units,
        settings=await order_settings(context.loaders, product.item_number, deal.company),
        unit=unit_of(wanted, product, units),
    )


def _symbol(product: Product, unit: UUID | None, units: Mapping[str, UUID]) -> str | None:
    """The symbol of a unit that the product is sold in."""
    found = (symbol for symbol, key in units.items() if key == unit)
    return next(found, product.unit if unit == product._unit_id else None)


async def _calculated(
    context: Context, deal: Deal, product: Product, unit: str | None, quantity: Decimal
) -> Price | None:
    """The price by the ERP's engine, where it is in the currency of the order."""
    if unit is None or not deal.company or not deal.number or deal.currency is None:
        return None
    customer = deal.company.lower(), deal.number
    found = await calculated(
        context.loaders, customer, product.number, unit, quantity, listed=False
    )
    return found if found and found.unit_price.currency == deal.currency.code else None


async def _price(context: Context, deal: Deal, product: Product, unit: UUID | None) -> Money | None:
    """The price in the order's list and currency; without either there is none."""
    terms = deal.terms
    return await product.price_in(context.loaders, unit, terms) if terms else None


async def _products(
    context: Context, line: SalesOrderLineInput, company: str | None
) -> list[Product]:
    """The products that a line may mean, of those that the company of the order sells."""
    if line.product is not None:
        one = await context.loaders.node(Product, key_of(Product, line.product), PRODUCT)
        return [one] if one else []
    found = await _numbered(context.loaders, line)
    sold = [each for each in found if is_sold_by(each, company)]
    # The company's own products come before products without a company.
    return [each for each in sold if each.company is not None] or sold


async def _numbered(loaders: Loaders, line: SalesOrderLineInput) -> list[Product]:
    """The products with the number by which a line names one."""
    if line.customer_item_number is not None:
        return await products_numbered(loaders, line.customer_item_number, PRODUCT)
    member = "number" if line.number is not None else "item_number"
    value = line.number if line.number is not None else line.item_number
    if value is None:
        return []
    named = {Product.__table__.scalar_of(member): value.rstrip(" ")}
    return await loaders.matching(Product, named, PRODUCT, from_rows=False)


async def _units(context: Context, product: Product) -> dict[str, UUID]:
    """The units of the product's schedule by their symbols."""
    if product._units_id is None:
        return {}
    of_schedule = {column_of(Unit, "_schedule_id"): product._units_id}
    found = await context.loaders.matching(Unit, of_schedule, paths(Unit))
    return {unit.symbol: unit._id for unit in found if unit.symbol}
