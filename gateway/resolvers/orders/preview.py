"""The preview of an order: the checks of a new order, its prices and its stock."""

import asyncio
from decimal import Decimal

from gateway.model.tables import paths
from gateway.resolvers.orders import buyers, lookups
from gateway.resolvers.orders.header_checks import checked
from gateway.resolvers.orders.input_rules import input_rules
from gateway.resolvers.orders.inputs import PreviewSalesOrderInput
from gateway.resolvers.orders.line_checks import Basket, Item
from gateway.resolvers.orders.payloads import (
    PreviewDifference,
    PreviewLine,
    PreviewSalesOrderPayload,
    telling,
)
from gateway.schema.business.catalog import Product
from gateway.schema.business.prices import PriceBasis
from gateway.schema.business.values import Money
from gateway.schema.context import Context, Info
from gateway.schema.hidden_columns import veiled

ALWAYS = [PreviewDifference.TAX, PreviewDifference.CHARGES, PreviewDifference.DISCOUNTS]
"""The amounts that the ERP alone knows of any order."""


@telling(PreviewSalesOrderPayload)
async def preview(info: Info, sent: PreviewSalesOrderInput) -> PreviewSalesOrderPayload:
    context = info.context
    context.principal.access("orders", "create")
    lines = checked(sent, input_rules(context))
    account = buyers.account_id(context, sent.account)
    _, basket = await lookups.load(context, account, sent, lines)
    inside = lookups.within(context, basket.deal)
    shown = await asyncio.gather(*(_line(inside, basket, item) for item in basket.items))
    complete = all(item.price for item in basket.items)
    exact = all(item.calculated for item in basket.items)
    # The ERP takes a price of 0 for none, and looks for one of its own.
    certain = all(item.price and item.price.amount for item in basket.items)
    return PreviewSalesOrderPayload(
        lines=list(shown),
        sum=_total(basket),
        complete=complete,
        may_differ=ALWAYS if certain else [*ALWAYS, PreviewDifference.PRICES],
        basis=PriceBasis.CALCULATED if exact else PriceBasis.ESTIMATED,
    )


async def _line(context: Context, basket: Basket, item: Item) -> PreviewLine:
    assert item.product is not None, "a new line has one"  # noqa: S101
    product = await context.loaders.node(Product, (item.product._id,), paths(Product))
    product = product or veiled(context, item.product)
    price, exact = item.price, item.calculated
    amount, quantity = basket.amount(item), item.wanted.line.quantity
    listed = exact.before_discounts if exact else price
    off = basket.deal.amount(quantity, listed) - amount
    return PreviewLine(
        product=product,
        quantity=quantity,
        price=listed,
        total=Money(amount=amount, currency=price.currency) if price else None,
        off=Money(amount=off, currency=price.currency) if price and off else None,
        exact=exact,
        is_own_unit=item.unit == item.product._unit_id,
        loaders=context.loaders,
    )


def _total(basket: Basket) -> Money | None:
    """The sum of the lines with a price, which all are in the currency of the order."""
    priced = [item for item in basket.items if item.price]
    if not priced or basket.deal.currency is None:
        return None
    amount = sum((basket.amount(item) for item in priced), Decimal())
    return Money(amount=amount, currency=basket.deal.currency.code)
