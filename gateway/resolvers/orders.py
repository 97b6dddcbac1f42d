"""
Orders as a customer places them.

check (pure) -> load every id through the row rules -> build (pure) -> send -> read back.
"""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import strawberry

from gateway.errors import (
    InvalidInput,
    NotFound,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway.loaders.writer import NewRow
from gateway.resolvers import placing
from gateway.resolvers.placing import (
    Buyer,
    CreateSalesOrderInput,
    Item,
    OrderRefused,
    ProductNotFound,
    SalesOrderLineInput,
    UserError,
)
from gateway.schema import ids
from gateway.schema.accounts import Account, Contact
from gateway.schema.catalog import Product
from gateway.schema.context import Context, Info
from gateway.schema.sales import SalesOrder
from gateway.schema.selection import columns_under
from gateway.tables import paths

PERMISSION = "orders"
DUPLICATE = "0x80040237"
"""Dataverse's code for a row whose key exists."""
BUYER = ("_id", "_company_id", "_currency_id", "_price_list_id", "_country")


@strawberry.type(description="The order, or what is wrong with the input.")
class CreateSalesOrderPayload:
    """Either `order` is set or `errors` has something to say."""

    order: SalesOrder | None = strawberry.field(description="The order as it was written.")
    errors: list[UserError] = strawberry.field(description="Why nothing was written.")


@strawberry.type(description="Everything that can be changed.")
class Mutation:
    """One line per mutation."""

    @strawberry.mutation(
        description="Place a sales order: all of it, or nothing. The same idempotency key gives "
        "back the order that it made before."
    )
    async def create_sales_order(
        self, info: Info, input: CreateSalesOrderInput
    ) -> CreateSalesOrderPayload:
        context = info.context
        context.principal.access(PERMISSION, "create")
        if errors := placing.check(input):
            return _refused(errors)
        buyer = await _buyer(context, input)
        items, errors = await _items(context, input.lines)
        if errors := [*placing.missing(buyer, input), *errors]:
            return _refused(errors)
        identity = placing.order_id(context.principal, buyer.account._id, input.idempotency_key)
        try:
            await _send(context, placing.rows(identity, buyer, input, items))
        except UpstreamRefused as error:
            return _refused([_refusal(error)])
        return CreateSalesOrderPayload(order=await _read_back(info, identity), errors=[])


async def _buyer(context: Context, order: CreateSalesOrderInput) -> Buyer:
    """The account that buys and the contact that orders, read through their row rules."""
    key = _account_id(context, order)
    account = await context.loaders.node(Account, (key,), paths(Account, *BUYER, "address"))
    if account is None:
        raise NotFound("There is no such account.", argument="account")
    person = context.principal.contact
    if person is None:
        return Buyer(account, None)
    contact = await context.loaders.node(Contact, (person.id,), paths(Contact, *BUYER))
    return Buyer(account, contact)


def _account_id(context: Context, order: CreateSalesOrderInput) -> UUID:
    mine = [account.id for account in context.principal.accounts]
    if order.account is not None:
        (key,) = ids.key(Account.__table__, order.account)
        if not isinstance(key, UUID) or key not in mine:
            raise NotFound("There is no such account.", argument="account")
        return key
    if len(mine) != 1:
        raise InvalidInput("Say for which account you order.", argument="account")
    return mine[0]


async def _items(
    context: Context, lines: Sequence[SalesOrderLineInput]
) -> tuple[list[Item], list[UserError]]:
    found = await asyncio.gather(*(_item(context, line) for line in lines))
    errors: list[UserError] = [
        ProductNotFound(
            code="PRODUCT_NOT_FOUND",
            message="There is no such product.",
            path=["input", "lines", str(index)],
        )
        for index, item in enumerate(found)
        if item is None
    ]
    return [item for item in found if item is not None], errors


async def _item(context: Context, line: SalesOrderLineInput) -> Item | None:
    product = await _product(context, line)
    if product is None:
        return None
    price = await product.price(context.loaders)
    return Item(line, product, price.unit_price.amount if price else None)


async def _product(context: Context, line: SalesOrderLineInput) -> Product | None:
    select = paths(Product, "_id", "_unit_id")
    if line.product is not None:
        return await context.loaders.node(Product, ids.key(Product.__table__, line.product), select)
    by_number = {"msdyn_productnumber": line.number}
    found = await context.loaders.matching(Product, by_number, select)
    return found[0] if len(found) == 1 else None


async def _send(context: Context, rows: Sequence[NewRow]) -> None:
    """Write the order. That it is there already, by an earlier try with its key, is no failure."""
    try:
        await context.writer.create(PERMISSION, rows)
    except UpstreamRefused as error:
        if error.details["reason"] != DUPLICATE:
            raise
    except (UpstreamTimeout, UpstreamUnavailable) as error:
        error.message += " Repeat with the same idempotencyKey to learn what became of the order."
        raise


async def _read_back(info: Info, identity: UUID) -> SalesOrder:
    """The order through its row rule: what the caller may not see, the caller has not written."""
    select = columns_under(info._raw_info, "order", SalesOrder.__table__)
    order = await info.context.loaders.node(SalesOrder, (identity,), select)
    if order is None:
        raise NotFound("The order cannot be read back.")
    return order


def _refusal(error: UpstreamRefused) -> OrderRefused:
    return OrderRefused(
        code="ORDER_REFUSED",
        message="Dynamics refused the order; nothing was written.",
        path=["input"],
        reason=str(error.details["reason"]),
    )


def _refused(errors: list[UserError]) -> CreateSalesOrderPayload:
    return CreateSalesOrderPayload(order=None, errors=errors)
