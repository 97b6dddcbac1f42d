"""What the mutations of orders answer."""

from collections.abc import Sequence
from decimal import Decimal
from enum import Enum
from typing import ClassVar, TypeVar

import strawberry

from gateway.resolvers import mistakes
from gateway.resolvers.mistakes import UserError
from gateway.schema.catalog import Availability, PriceBasis, Product
from gateway.schema.sales import SalesOrder, SalesOrderLine
from gateway.schema.values import Money


@strawberry.enum(description="What has become of a mutation.")
class OperationStatus(Enum):
    """Never a guess."""

    CREATED = strawberry.enum_value("created", description="The order was created, once.")
    NOT_CREATED = strawberry.enum_value(
        "not_created", description="It was not created, and this try never will create it."
    )
    CHANGED = strawberry.enum_value("changed", description="The order is as you wanted it.")
    NOT_CHANGED = strawberry.enum_value(
        "not_changed", description="It was not changed, and this try never will change it."
    )
    OVERTAKEN = strawberry.enum_value(
        "overtaken",
        description="The order has changed, and is not as you wanted it: either somebody was "
        "faster, or has changed it again since. Read it.",
    )
    PENDING = strawberry.enum_value(
        "pending", description="Nobody can say yet. Ask `operation` with the id that you got."
    )


@strawberry.type
class OrderPayload:
    """What the mutations have in common; each has a type of its own, and a list of errors."""

    ERRORS: ClassVar[tuple[type[UserError], ...]]

    status: OperationStatus | None = strawberry.field(
        default=None, description="What has become of it; null where `errors` says why not."
    )
    order: SalesOrder | None = strawberry.field(
        default=None, description="The order as it is now, where it could be read."
    )
    replayed: bool = strawberry.field(
        default=False, description="Whether an earlier try had done it already."
    )
    operation: strawberry.ID | None = strawberry.field(
        default=None, description="The id to ask `operation` with, where the status is PENDING."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was written."
    )


P = TypeVar("P", bound=OrderPayload)


def refused(payload: type[P], errors: Sequence[UserError]) -> P:
    """The payload with `errors`, which must be in its list."""
    strangers = {type(error) for error in errors}.difference(payload.ERRORS)
    if strangers:
        raise TypeError(f"{payload.__name__} does not announce {strangers}")
    return payload(errors=list(errors))


def _doc(errors: Sequence[type[UserError]]) -> str:
    return "Its errors: " + ", ".join(error.CODE for error in errors) + "."


_CREATING = (*mistakes.FOR_NEW_ORDERS, mistakes.OrderRefused, mistakes.IdempotencyMismatch)
_REORDERING = (*_CREATING, mistakes.OrderNotFound)
_ADDING = (
    *mistakes.FOR_LINES,
    *mistakes.FOR_CREDIT,
    *mistakes.FOR_CHANGES[1:],
    mistakes.IdempotencyMismatch,
)
_REMOVING = (*mistakes.FOR_CHANGES, mistakes.LineNotFound)
_LINE = (*_REMOVING, *mistakes.FOR_QUANTITIES, *mistakes.FOR_CREDIT)
_HEADER = (*mistakes.FOR_CHANGES, mistakes.AddressNotFound)


@strawberry.type(description=f"The new order, or what is wrong. {_doc(_CREATING)}")
class CreateSalesOrderPayload(OrderPayload):
    """Of `createSalesOrder`."""

    ERRORS = _CREATING


@strawberry.type(description=f"The new order, or what is wrong. {_doc(_REORDERING)}")
class ReorderPayload(OrderPayload):
    """Of `reorder`."""

    ERRORS = _REORDERING
    unavailable: list[SalesOrderLine] = strawberry.field(
        default_factory=list,
        description="The lines of the earlier order that can no longer be bought.",
    )


@strawberry.type(description=f"The changed order, or what is wrong. {_doc(_HEADER)}")
class UpdateSalesOrderPayload(OrderPayload):
    """Of `updateSalesOrder`."""

    ERRORS = _HEADER


@strawberry.type(description=f"The order with its lines, or what is wrong. {_doc(_ADDING)}")
class AddSalesOrderLinesPayload(OrderPayload):
    """Of `addSalesOrderLines`."""

    ERRORS = _ADDING


@strawberry.type(description=f"The order with its lines, or what is wrong. {_doc(_ADDING)}")
class ImportSalesOrderLinesPayload(OrderPayload):
    """Of `importSalesOrderLines`."""

    ERRORS = _ADDING


@strawberry.type(description=f"The changed order, or what is wrong. {_doc(_LINE)}")
class UpdateSalesOrderLinePayload(OrderPayload):
    """Of `updateSalesOrderLine`."""

    ERRORS = _LINE


@strawberry.type(description=f"The changed order, or what is wrong. {_doc(_REMOVING)}")
class RemoveSalesOrderLinePayload(OrderPayload):
    """Of `removeSalesOrderLine`."""

    ERRORS = _REMOVING


@strawberry.type(description=f"The canceled order, or what is wrong. {_doc(mistakes.FOR_CHANGES)}")
class CancelSalesOrderPayload(OrderPayload):
    """Of `cancelSalesOrder`."""

    ERRORS = mistakes.FOR_CHANGES


@strawberry.type(description="A line as it would be ordered.")
class PreviewLine:
    """Price and availability of one line of the input."""

    product: Product = strawberry.field(description="The product.")
    quantity: Decimal = strawberry.field(description="How much.")
    unit_price: Money | None = strawberry.field(
        description="The price of one unit; null where it is not known."
    )
    amount: Money | None = strawberry.field(description="The price of all of it.")
    availability: Availability | None = strawberry.field(
        description="How much there is; null for what is not kept in stock."
    )


@strawberry.type(
    description=f"What an order would be, or what is wrong. {_doc(mistakes.FOR_NEW_ORDERS)}"
)
class PreviewSalesOrderPayload:
    """Nothing was written, whatever it says."""

    ERRORS: ClassVar[tuple[type[UserError], ...]] = mistakes.FOR_NEW_ORDERS

    lines: list[PreviewLine] = strawberry.field(
        default_factory=list, description="The lines, in the order of the input."
    )
    total: Money | None = strawberry.field(
        default=None, description="The sum of the amounts, without tax and freight."
    )
    complete: bool = strawberry.field(
        default=False, description="Whether every line has a price, and so is in the total."
    )
    basis: PriceBasis = strawberry.field(
        default=PriceBasis.ESTIMATED, description="How sure the amounts are."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why it could not be ordered."
    )
