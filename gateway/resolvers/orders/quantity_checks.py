"""Checks of a quantity by the settings of the product's seller; all pure."""

from collections.abc import Iterator
from decimal import Decimal

from gateway.resolvers.orders.user_errors import (
    QuantityAboveMaximum,
    QuantityBelowMinimum,
    QuantityNotAllowed,
    QuantityNotMultiple,
    UserError,
)
from gateway.schema.business.order_settings import OrderQuantities


def too_fine(quantity: Decimal, decimals: int, path: list[str]) -> Iterator[UserError]:
    """The mistakes in the decimals of a quantity."""
    if quantity != round(quantity, decimals):
        said = f"quantity may have at most {decimals} decimals for this product."
        yield QuantityNotAllowed(message=said, path=path, decimals=decimals)


def not_sold_so(quantity: Decimal, sold: OrderQuantities, path: list[str]) -> Iterator[UserError]:
    """The mistakes in a quantity in the product's own unit."""
    if sold.minimum is not None and quantity < sold.minimum:
        said = f"quantity must be at least {sold.minimum.normalize():f}."
        yield QuantityBelowMinimum(message=said, path=path, minimum=sold.minimum)
    if sold.maximum is not None and quantity > sold.maximum:
        said = f"quantity may be at most {sold.maximum.normalize():f}."
        yield QuantityAboveMaximum(message=said, path=path, maximum=sold.maximum)
    if sold.multiple is not None and quantity % sold.multiple:
        said = f"quantity must be a multiple of {sold.multiple.normalize():f}."
        yield QuantityNotMultiple(message=said, path=path, multiple=sold.multiple)
