"""The data that a mutation loads for its input: buyer and terms, products, prices, limits."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace as confined
from decimal import Decimal
from uuid import UUID

import strawberry
from msgspec.structs import replace

from gateway.auth.principal import CallerAccount as Held
from gateway.errors import NotAvailableHere
from gateway.model.tables import column_of, paths
from gateway.resolvers.orders import credit_checks
from gateway.resolvers.orders.deal import Deal
from gateway.resolvers.orders.input_checks import key_of, today
from gateway.resolvers.orders.inputs import PreviewSalesOrderInput, SalesOrderLineInput
from gateway.resolvers.orders.line_checks import (
    Basket,
    Found,
    Item,
    OtherLines,
    Sound,
    WantedLine,
    filled,
    growth,
    is_sold_by,
    judged,
    unit_of,
)
from gateway.resolvers.orders.new_order import CONTACT_COMPANY, Buyer, missing
from gateway.resolvers.orders.order_facts import account_of, amounts_of, currency_of
from gateway.resolvers.orders.user_errors import (
    AccountNotFound,
    ContactNotFound,
    Errors,
    UserError,
    Wrong,
    invalid,
)
from gateway.schema.business.accounts import Account, AccountAddress, ActiveState, Contact
from gateway.schema.business.catalog import Product, Unit
from gateway.schema.business.order_settings import order_settings
from gateway.schema.business.sales import SalesOrder
from gateway.schema.business.values import Address, Money
from gateway.schema.context import Context
from gateway.schema.hidden_columns import asked_by, unveiled
from gateway.schema.identities import ContactForParty
from gateway.upstream.conditions import All, Compare, same, value_at
from gateway.upstream.odata import ODataQuery

BUYER = ("_id", "_company_id", "_currency_id", "_price_list_id", "_country", "_language")
PRODUCT = paths(
    Product,
    "_id",
    "_unit_id",
    "_units_id",
    "number",
    "item_number",
    "name",
    "company",
    "variant",
    "state",
    "decimals",
)
NO_OTHERS = OtherLines()
BUYS, ORDERS = (column_of(SalesOrder, name) for name in ("account", "contact"))


def account_id(context: Context, sent: strawberry.ID | None) -> UUID:
    """The account that the caller orders for; Wrong for one that is not the caller's."""
    mine = [account.id for account in context.principal.accounts]
    if sent is not None:
        return own_account(context, UUID(str(key_of(Account, sent, "account")[0])), "account")
    if len(mine) != 1:
        raise Wrong(invalid("account is required, because you can order for several.", "account"))
    return mine[0]


def own_account(context: Context, account: UUID, *path: str) -> UUID:
    """`account` if the caller may order for it; Wrong otherwise."""
    if account not in [mine.id for mine in context.principal.accounts]:
        raise _no_account(*path)
    return account


async def buyer(context: Context, account: UUID, order: PreviewSalesOrderInput) -> Buyer:
    """The account that buys and the contact that orders."""
    context = unveiled(context)
    select = paths(Account, *BUYER, "address")
    found = await context.loaders.node(Account, (account,), select)
    if found is None:
        raise _no_account("account")
    contact = await _contact(context, account, order.contact)
    key = str(contact._id) if contact else None
    named = {BUYS: str(account), ORDERS: key}
    context.loaders.reader.demand(SalesOrder.__table__, named, "create", seen=False)
    me, held = context.principal.contact, context.principal.held(account)
    return Buyer(
        found,
        contact,
        await delivery(context, account, order.ship_to_address),
        is_self=contact is None or (me is not None and me.id == contact._id),
        sold_by=held.company if held else None,
        party=await _party(context, account, contact),
        language=(contact and contact._language) or found._language or context.language,
    )


async def _party(context: Context, account: UUID, contact: Contact | None) -> UUID | None:
    """The contact's place at the account in the party model; None where that is not used."""
    table = ContactForParty.__table__
    if contact is None or not context.loaders.reader.has(table, *table.key):
        return None
    of_both = All(
        (
            Compare(table.scalar_of("contact"), "eq", contact._id),
            Compare(table.scalar_of("account"), "eq", account),
        )
    )
    query = ODataQuery(table.entity, tuple(paths(ContactForParty)), of_both)
    try:
        found = map(ContactForParty, await context.writer.facts(query))
    except NotAvailableHere:
        return None
    return next((each.id for each in found if each.state is ActiveState.ACTIVE), None)


async def deal(context: Context, buyer: Buyer, order: PreviewSalesOrderInput) -> Deal:
    """On what terms a new order is; Wrong where some are missing: they decide all the rest."""
    if errors := missing(buyer, order):
        raise Wrong(*errors)
    terms = buyer.defaults
    price_list, currency = terms["PRICE_LIST"], terms["CURRENCY"]
    return Deal(
        account=buyer.account._id,
        company=buyer.company,
        price_list=price_list if isinstance(price_list, UUID) else None,
        currency=await currency_of(context, currency) if isinstance(currency, UUID) else None,
    )


def within(context: Context, deal: Deal) -> Context:
    """
    The caller as the buyer of this order: sees the prices of its list and the limits of its
    company, and no others.
    """
    currency = deal.currency.id if deal.currency else None
    account = Held(deal.account, None, deal.company, deal.price_list, currency)
    reader = context.loaders.reader
    me = confined(reader.principal, accounts=(account,), children=(), contact=None)
    return replace(context, principal=me, loaders=context.loaders.reading_by(reader.seen_by(me)))


async def found(context: Context, deal: Deal, lines: Sound) -> list[Item | UserError]:
    """Each line with its product, unit and price, or the first thing that is wrong with it."""
    inside = unveiled(within(context, deal))
    all_ = await asyncio.gather(*(_found(inside, deal, line) for line in lines.lines))
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
    standing = await _standing(context, deal, growth(deal, lines)) if _grows(lines) else []
    return filled(deal, lines, [*(besides or ()), *standing], others=others)


def _grows(lines: Sequence[Item | UserError]) -> bool:
    return any(isinstance(line, Item) and line.wanted.grows for line in lines)


async def _standing(context: Context, deal: Deal, more: Decimal) -> Errors:
    """The reasons for which the account cannot order for so much more."""
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
        if line.unit is not None:
            asked_by(context, Unit, Unit.__table__.scalar_of("symbol"))


async def _found(context: Context, deal: Deal, wanted: WantedLine) -> Found:
    rule, day = context.unpriced, today(context.writer.writes.clock())
    if wanted.before is not None and wanted.is_kept:
        return Found(wanted, rule, day, unit=wanted.before.unit, price=wanted.before.price)
    candidates = await _products(context, wanted.line, deal.company)
    if len(candidates) != 1:
        return Found(wanted, rule, day, candidates=candidates)
    (product,) = candidates
    named = wanted.line.unit is not None or wanted.before is not None
    units = await _units(context, product) if named else {}
    settings = await order_settings(context.loaders, product.item_number, deal.company)
    unit = unit_of(wanted, product, units)
    price = wanted.before.price if wanted.before else await _price(context, deal, product, unit)
    return Found(
        wanted,
        rule,
        day,
        product,
        company=deal.company,
        units=units,
        settings=settings,
        unit=unit,
        price=price,
    )


async def _price(context: Context, deal: Deal, product: Product, unit: UUID | None) -> Money | None:
    """The price in the order's list and currency; without either there is none."""
    terms = deal.terms
    return await product.price_in(context.loaders, unit, terms) if terms else None


async def delivery(context: Context, account: UUID, sent: strawberry.ID | None) -> Address | None:
    """The address of this id, if it is one of the account's and says anything."""
    if sent is None:
        return None
    key = key_of(AccountAddress, sent, "shipToAddress")
    select = paths(AccountAddress, "address", "account")
    found = await unveiled(context).loaders.node(AccountAddress, key, select)
    if found is None or UUID(found.raw[column_of(AccountAddress, "account")]) != account:
        return None
    address: Address | None = found.address
    return address


async def _contact(context: Context, account: UUID, sent: strawberry.ID | None) -> Contact | None:
    person = context.principal.contact
    if sent is not None:
        key = key_of(Contact, sent, "contact")
    elif person is not None:
        key = (person.id,)
    else:
        return None
    select = paths(Contact, *BUYER, "account", "state") | {CONTACT_COMPANY}
    found = await context.loaders.node(Contact, key, select)
    if sent is not None and (found is None or not _orders_for(found, account)):
        said = "There is no such contact."
        raise Wrong(ContactNotFound(message=said, path=["input", "contact"]))
    return found


def _orders_for(contact: Contact, account: UUID) -> bool:
    """True if the contact is active and of this account."""
    is_active = contact.state is ActiveState.ACTIVE
    return is_active and same(value_at(contact.raw, column_of(Contact, "account")), account)


def _no_account(*path: str) -> Wrong:
    return Wrong(AccountNotFound(message="There is no such account.", path=["input", *path]))


async def _products(
    context: Context, line: SalesOrderLineInput, company: str | None
) -> list[Product]:
    """The products that a line may mean, of those that the company of the order sells."""
    if line.product is not None:
        one = await context.loaders.node(Product, key_of(Product, line.product), PRODUCT)
        return [one] if one else []
    member = "number" if line.number is not None else "item_number"
    value = line.number if line.number is not None else line.item_number
    if value is None:
        return []
    column = Product.__table__.scalar_of(member)
    named = {column: value.rstrip(" ")}
    found = await context.loaders.matching(Product, named, PRODUCT, from_rows=False)
    sold = [each for each in found if is_sold_by(each, company)]
    # The company's own products come before products without a company.
    return [each for each in sold if each.company is not None] or sold


async def _units(context: Context, product: Product) -> dict[str, UUID]:
    """The units of the product's schedule by their symbols."""
    if product._units_id is None:
        return {}
    of_schedule = {column_of(Unit, "_schedule_id"): product._units_id}
    found = await context.loaders.matching(Unit, of_schedule, paths(Unit))
    return {unit.symbol: unit._id for unit in found if unit.symbol}
