"""What a mutation loads for its input, all of it through the row rules: buyer, products, prices."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from gateway.auth.principal import Terms
from gateway.errors import InvalidInput, NotFound
from gateway.loaders.reader import Ask
from gateway.resolvers.inputs import PreviewSalesOrderInput, SalesOrderLineInput
from gateway.resolvers.mistakes import (
    Errors,
    ProductNotFound,
    ProductNotSellable,
    QuantityNotAllowed,
    UnknownUnit,
    UserError,
)
from gateway.resolvers.placing import Buyer, Item
from gateway.schema import ids
from gateway.schema.accounts import Account, Contact
from gateway.schema.catalog import Product, ProductState, Unit
from gateway.schema.context import Context
from gateway.schema.sales import OPEN, SalesOrder
from gateway.tables import paths
from gateway.upstream.conditions import All, Compare, one_of, same, value_at

BUYER = ("_id", "_company_id", "_currency_id", "_price_list_id", "_country")
SOLD = (ProductState.ACTIVE, ProductState.UNDER_REVISION)
CREDIT = ("hold_status", "credit_limit", "credit_limit_is_mandatory")


async def buyer(context: Context, account: UUID, order: PreviewSalesOrderInput) -> Buyer:
    """The account that buys and the contact that orders."""
    select = paths(Account, *BUYER, *CREDIT, "address")
    found = await context.loaders.node(Account, (account,), select)
    if found is None:
        raise NotFound("There is no such account.", argument="account")
    contact = await _contact(context, account, order.contact)
    named = {"_customerid_value": str(account), "_msdyn_contactperson_value": _key(contact)}
    context.loaders.reader.demand(SalesOrder.__table__, named, "create", seen=False)
    return Buyer(found, contact)


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
    context: Context, lines: Sequence[SalesOrderLineInput], terms: Terms | None
) -> tuple[list[Item], Errors]:
    """Each line with its product, unit and price, and what is wrong with the others."""
    found = await asyncio.gather(*(_item(context, n, line, terms) for n, line in enumerate(lines)))
    return (
        [each for each in found if isinstance(each, Item)],
        [each for each in found if isinstance(each, UserError)],
    )


async def _item(
    context: Context, index: int, line: SalesOrderLineInput, terms: Terms | None
) -> Item | UserError:
    path = ["input", "lines", str(index)]
    product = await _product(context, line)
    if product is None:
        return ProductNotFound(message="There is no such product.", path=path)
    if product.state not in SOLD:
        return ProductNotSellable(message="The product is not sold.", path=path)
    decimals = product.decimals or 0
    if line.quantity != round(line.quantity, decimals):
        return QuantityNotAllowed(
            message=f"At most {decimals} decimals.", path=[*path, "quantity"], decimals=decimals
        )
    units = await _units(context, product) if line.unit is not None else {}
    if line.unit is not None and line.unit not in units:
        return UnknownUnit(
            message="It is not sold in this unit.", path=[*path, "unit"], units=sorted(units)
        )
    unit = units[line.unit] if line.unit is not None else product._unit_id
    price = await product.price_in(context.loaders, unit, terms) if terms else None
    return Item(line, product, unit, price)


async def _product(context: Context, line: SalesOrderLineInput) -> Product | None:
    select = paths(Product, "_id", "_unit_id", "_units_id", "state", "decimals")
    if line.product is not None:
        return await context.loaders.node(Product, ids.key(Product.__table__, line.product), select)
    column = "msdyn_productnumber" if line.number is not None else "msdyn_itemnumber"
    value = line.number if line.number is not None else line.item_number
    found = await context.loaders.matching(Product, {column: value}, select)
    return found[0] if len(found) == 1 else None


async def _units(context: Context, product: Product) -> dict[str, UUID]:
    """The units of the product's schedule by their symbols."""
    if product._units_id is None:
        return {}
    of_schedule = {"_uomscheduleid_value": product._units_id}
    found = await context.loaders.matching(Unit, of_schedule, paths(Unit))
    return {unit.symbol: unit._id for unit in found if unit.symbol}
