"""What an order would be: the checks of a new order, its prices and what is in stock."""

import asyncio

from gateway.resolvers import buying, placing
from gateway.resolvers.creating import faults, load
from gateway.resolvers.inputs import PreviewSalesOrderInput
from gateway.resolvers.payloads import PreviewLine, PreviewSalesOrderPayload
from gateway.resolvers.placing import Item
from gateway.schema.catalog import Product
from gateway.schema.context import Context, Info
from gateway.schema.values import Money
from gateway.tables import paths


async def preview(info: Info, sent: PreviewSalesOrderInput) -> PreviewSalesOrderPayload:
    context = info.context
    context.principal.access("orders", "create")
    if errors := placing.check(sent):
        return PreviewSalesOrderPayload(errors=errors)
    account = buying.account_id(context, sent.account)
    basket = await load(context, account, sent)
    if errors := faults(basket, sent, context.unpriced):
        return PreviewSalesOrderPayload(errors=errors)
    lines = await asyncio.gather(*(_line(context, item) for item in basket.items))
    return PreviewSalesOrderPayload(
        lines=list(lines), total=_total(basket.items), complete=_complete(basket.items)
    )


async def _line(context: Context, item: Item) -> PreviewLine:
    product = await context.loaders.node(Product, (item.product._id,), paths(Product))
    if product is None:
        product = item.product
    price = item.unit_price
    return PreviewLine(
        product=product,
        quantity=item.line.quantity,
        unit_price=price,
        amount=Money(amount=item.amount, currency=price.currency) if price else None,
        availability=await product.availability(context.loaders),
    )


def _total(items: list[Item]) -> Money | None:
    """The sum of the lines with a price; all are in the currency of the same price list."""
    priced = [item for item in items if item.unit_price]
    if not priced:
        return None
    currencies = {item.unit_price.currency for item in priced if item.unit_price}
    return Money(amount=sum(item.amount for item in priced), currency=currencies.pop())  # type: ignore[arg-type]


def _complete(items: list[Item]) -> bool:
    return all(item.unit_price for item in items)
