"""What a mutation loads for its input, all of it through the row rules: buyer, products, prices."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from gateway.auth.principal import Terms
from gateway.errors import InvalidInput, NotFound
from gateway.loaders.reader import Ask
from gateway.resolvers import placing
from gateway.resolvers.inputs import PreviewSalesOrderInput, SalesOrderLineInput
from gateway.resolvers.mistakes import (
    Errors,
    ProductNotFound,
    ProductNotSellable,
    UnknownUnit,
    UserError,
)
from gateway.resolvers.placing import Buyer, Item
from gateway.resolvers.quantities import not_sold_so, too_fine
from gateway.schema import ids
from gateway.schema.accounts import Account, AccountAddress, Contact
from gateway.schema.catalog import Product, ProductState, Unit
from gateway.schema.context import Context
from gateway.schema.quantities import OrderSettings, order_settings
from gateway.schema.sales import OPEN, SalesOrder, SalesOrderLine
from gateway.schema.values import Address
from gateway.tables import paths
from gateway.upstream.conditions import All, Compare, one_of, same, value_at

BUYER = ("_id", "_company_id", "_currency_id", "_price_list_id", "_country")
SOLD = (ProductState.ACTIVE, ProductState.UNDER_REVISION)
PRODUCT = paths(Product, "_id", "_unit_id", "_units_id", "item_number", "state", "decimals")
CREDIT = ("hold_status", "credit_limit", "credit_limit_is_mandatory")


@dataclass(frozen=True, slots=True)
class Seller:
    """Who sells the lines of an order, and on what terms."""

    company: str | None
    terms: Terms | None


async def buyer(context: Context, account: UUID, order: PreviewSalesOrderInput) -> Buyer:
    """The account that buys and the contact that orders."""
    found = await _buying(context, account)
    contact = await _contact(context, account, order.contact)
    named = {"_customerid_value": str(account), "_msdyn_contactperson_value": _key(contact)}
    context.loaders.reader.demand(SalesOrder.__table__, named, "create", seen=False)
    return Buyer(found, contact, await delivery(context, account, order.ship_to_address))


async def _buying(context: Context, account: UUID) -> Account:
    select = paths(Account, *BUYER, *CREDIT, "address")
    found = await context.loaders.node(Account, (account,), select)
    if found is None:
        raise NotFound("There is no such account.", argument="account")
    return found


async def blocked(context: Context, account: UUID, amount: Decimal) -> Errors:
    """Why an account cannot order for so much more."""
    found = await _buying(context, account)
    return placing.blocked(found, await ordered(context, found), amount)


async def delivery(context: Context, account: UUID, sent: strawberry.ID | None) -> Address | None:
    """The address of this id, if it is one of the account's and says anything."""
    if sent is None:
        return None
    key = ids.key(AccountAddress.__table__, sent)
    found = await context.loaders.node(
        AccountAddress, key, paths(AccountAddress, "address", "account")
    )
    if found is None or UUID(found.raw["_parentid_value"]) != account:
        return None
    address: Address | None = found.address
    return address


def _key(contact: Contact | None) -> str | None:
    return None if contact is None else str(contact._id)


async def _contact(context: Context, account: UUID, sent: strawberry.ID | None) -> Contact | None:
    person = context.principal.contact
    if sent is None and person is None:
        return None
    key = ids.key(Contact.__table__, sent) if sent else (person.id,) if person else ()
    found = await context.loaders.node(Contact, key, paths(Contact, *BUYER, "account"))
    if sent is not None and (found is None or not _acts_for(found, account)):
        raise NotFound("There is no such contact.", argument="contact")
    return found


def _acts_for(contact: Contact, account: UUID) -> bool:
    return same(value_at(contact.raw, "_parentcustomerid_value"), account)


def account_id(context: Context, sent: strawberry.ID | None) -> UUID:
    """The account that the caller orders for; NotFound for one that is not the caller's."""
    mine = [account.id for account in context.principal.accounts]
    if sent is not None:
        return own_account(context, UUID(str(ids.key(Account.__table__, sent)[0])))
    if len(mine) != 1:
        raise InvalidInput("Say for which account you order.", argument="account")
    return mine[0]


def own_account(context: Context, account: UUID) -> UUID:
    """`account` if the caller may order for it; NotFound otherwise."""
    if account not in [mine.id for mine in context.principal.accounts]:
        raise NotFound("There is no such account.", argument="account")
    return account


def company(context: Context, account: UUID) -> str | None:
    """The legal entity that sells to one of the caller's accounts."""
    held = context.principal.held(account)
    return held.company if held else None


async def ordered(context: Context, account: Account) -> Decimal:
    """The total of the account's open orders that the caller sees; 0 where it does not matter."""
    if not account.credit_limit_is_mandatory:
        return Decimal()
    mine = Compare("_customerid_value", "eq", account._id)
    statuses: list[Any] = [status.value for status in OPEN]
    where = All((mine, one_of("msdyn_processingstatus", statuses)))
    ask = Ask(SalesOrder.__table__, frozenset({"totalamount"}), where)
    page = await context.loaders.reader.page(ask)
    return sum((Decimal(str(value_at(row, "totalamount") or 0)) for row in page.rows), Decimal())


async def items(
    context: Context, lines: Sequence[SalesOrderLineInput], seller: Seller
) -> tuple[list[Item], Errors]:
    """Each line with its product, unit and price, and what is wrong with the others."""
    found = await asyncio.gather(*(_item(context, n, line, seller) for n, line in enumerate(lines)))
    return (
        [each for each in found if isinstance(each, Item)],
        [each for each in found if isinstance(each, UserError)],
    )


async def _item(
    context: Context, index: int, line: SalesOrderLineInput, seller: Seller
) -> Item | UserError:
    path = ["input", "lines", str(index)]
    product = await _product(context, line)
    if product is None:
        return ProductNotFound(message="There is no such product.", path=path)
    settings = await order_settings(context.loaders, product.item_number, seller.company)
    if product.state not in SOLD or (settings and settings.is_stopped):
        return ProductNotSellable(message="The product is not sold.", path=path)
    units = await _units(context, product) if line.unit is not None else {}
    if line.unit is not None and line.unit not in units:
        return UnknownUnit(
            message="It is not sold in this unit.", path=[*path, "unit"], units=sorted(units)
        )
    unit = units[line.unit] if line.unit is not None else product._unit_id
    if wrong := _misfit(line.quantity, product, unit, settings, [*path, "quantity"]):
        return wrong
    terms = seller.terms
    price = await product.price_in(context.loaders, unit, terms) if terms else None
    return Item(line, product, unit, price)


async def misfit(context: Context, line: SalesOrderLine, quantity: Decimal) -> UserError | None:
    """What is wrong with another quantity of a line that was ordered."""
    key = value_at(line.raw, "_productid_value")
    product = await context.loaders.node(Product, (UUID(key),), PRODUCT) if key else None
    if product is None:
        return None
    settings = await order_settings(context.loaders, product.item_number, line._company)
    return _misfit(quantity, product, line._unit_id, settings, ["input", "quantity"])


def _misfit(
    quantity: Decimal,
    product: Product,
    unit: UUID | None,
    settings: OrderSettings | None,
    path: list[str],
) -> UserError | None:
    if wrong := too_fine(quantity, product.decimals or 0, path):
        return wrong
    # What the seller's limits are in another unit depends on conversions that the ERP has.
    if settings is None or unit != product._unit_id:
        return None
    return not_sold_so(quantity, settings.quantities, path)


async def _product(context: Context, line: SalesOrderLineInput) -> Product | None:
    if line.product is not None:
        return await context.loaders.node(
            Product, ids.key(Product.__table__, line.product), PRODUCT
        )
    column = "msdyn_productnumber" if line.number is not None else "msdyn_itemnumber"
    value = line.number if line.number is not None else line.item_number
    found = await context.loaders.matching(Product, {column: value}, PRODUCT)
    return found[0] if len(found) == 1 else None


async def _units(context: Context, product: Product) -> dict[str, UUID]:
    """The units of the product's schedule by their symbols."""
    if product._units_id is None:
        return {}
    of_schedule = {"_uomscheduleid_value": product._units_id}
    found = await context.loaders.matching(Unit, of_schedule, paths(Unit))
    return {unit.symbol: unit._id for unit in found if unit.symbol}
