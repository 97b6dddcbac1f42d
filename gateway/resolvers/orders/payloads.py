"""The payloads of the mutations of orders."""

from asyncio import gather
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import strawberry

from gateway.errors import InvalidInput
from gateway.loaders.rows import Loaders
from gateway.model.tables import column_of
from gateway.resolvers.orders import user_errors
from gateway.resolvers.orders.user_errors import Errors, UserError, Wrong
from gateway.schema.business.catalog import Availability, Product
from gateway.schema.business.prices import Price, PriceBasis, PriceReason
from gateway.schema.business.promises import Promise, promise_of
from gateway.schema.business.quote_requests import QuoteRequest
from gateway.schema.business.sales import SalesOrder, SalesOrderLine
from gateway.schema.business.values import Money
from gateway.schema.context import Info

PRODUCT_KEY = column_of(Product, "_id")


@strawberry.enum(description="The outcome of a mutation.")
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
    """
    The members that the payloads have in common; each mutation has a type of its own, and a list of
    errors.
    """

    ERRORS: ClassVar[tuple[type[UserError], ...]]

    status: OperationStatus | None = strawberry.field(
        default=None, description="The outcome; null where `errors` says why there is none."
    )
    order: SalesOrder | None = strawberry.field(
        default=None, description="The order as it is now, where it could be read."
    )
    replayed: bool = strawberry.field(
        default=False, description="True if an earlier try had done it already."
    )
    operation: strawberry.ID | None = strawberry.field(
        default=None, description="The id to ask `operation` with, where the status is PENDING."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="The reasons for which nothing was written."
    )


P = TypeVar("P", bound=OrderPayload)
R = TypeVar("R", bound="OrderPayload | PreviewSalesOrderPayload | RequestQuotePayload")
Input = TypeVar("Input")
Mutating = Callable[[Info, Input], Coroutine[Any, Any, R]]
"""A mutation by its input."""


def refused(payload: type[R], errors: Sequence[UserError]) -> R:
    """The payload with `errors`, which must be in its list."""
    strangers = {type(error) for error in errors}.difference(payload.ERRORS)
    if strangers:
        raise TypeError(f"{payload.__name__} does not announce {strangers}")
    return payload(errors=list(errors))


def telling(payload: type[R]) -> Callable[[Mutating[Input, R]], Mutating[Input, R]]:
    """A decorator that turns what is wrong with an input into the `errors` of the payload."""

    def wrapped(mutation: Mutating[Input, R]) -> Mutating[Input, R]:
        async def told(info: Info, sent: Input) -> R:
            try:
                answer = await mutation(info, sent)
            except Wrong as wrong:
                answer = refused(payload, wrong.errors)
            except InvalidInput as error:
                # Found only where the row was written, as in an address that is copied.
                answer = refused(payload, [user_errors.invalid(error.message)])
            for errors in _reasons(answer):
                errors[:] = [each.told(info.context) for each in errors]
            return answer

        return told

    return wrapped


def _doc(errors: Sequence[type[UserError]]) -> str:
    return "Its errors: " + ", ".join(error.CODE for error in errors) + "."


_CREATING = (*user_errors.FOR_NEW_ORDERS, user_errors.OrderRefused, user_errors.IdempotencyMismatch)
_ACCEPTING = (
    user_errors.InvalidOrderInput,
    *user_errors.FOR_QUOTES,
    *user_errors.FOR_CREDIT,
    user_errors.AccountNotFound,
    user_errors.AddressNotFound,
    user_errors.MissingDefault,
    user_errors.OrderRefused,
)
_REQUESTING = (*user_errors.FOR_REQUESTS, user_errors.OrderRefused)
_REORDERING = (*_CREATING, user_errors.OrderNotFound)
_CHANGING_LINES = (*user_errors.FOR_LINES, *user_errors.FOR_CREDIT, *user_errors.FOR_CHANGES[1:])
_ADDING = (*_CHANGING_LINES, user_errors.IdempotencyMismatch)
_REMOVING = (*user_errors.FOR_CHANGES, user_errors.LineNotFound)
_LINE = (*_CHANGING_LINES, user_errors.LineNotFound)
_HEADER = (*user_errors.FOR_CHANGES, user_errors.AddressNotFound)


@strawberry.type(description=f"The new order, or what is wrong. {_doc(_CREATING)}")
class CreateSalesOrderPayload(OrderPayload):
    """Of `createSalesOrder`."""

    ERRORS = _CREATING


@strawberry.type(description=f"The order of a quote, or what is wrong. {_doc(_ACCEPTING)}")
class AcceptQuotePayload(OrderPayload):
    """Of `acceptQuote`."""

    ERRORS = _ACCEPTING


@strawberry.type(description=f"The quote that was asked for, or what is wrong. {_doc(_REQUESTING)}")
class RequestQuotePayload:
    """Of `requestQuote`; where no outcome is known, the same key asks for it again."""

    ERRORS: ClassVar[tuple[type[UserError], ...]] = _REQUESTING

    status: OperationStatus | None = strawberry.field(
        default=None,
        description="CREATED, or PENDING: send it again with the same key. Null with `errors`.",
    )
    request: QuoteRequest | None = strawberry.field(
        default=None,
        description="The request as it is now; null once the seller has sent the quote.",
    )
    replayed: bool = strawberry.field(
        default=False, description="True if an earlier try had done it already."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="The reasons for which nothing was written."
    )


@strawberry.enum(description="The part of a line that is left out.")
class LeftOutPart(Enum):
    """A line without its day is ordered all the same."""

    LINE = strawberry.enum_value("line", description="All of the line.")
    REQUESTED_SHIPPING_DATE = strawberry.enum_value(
        "requested_shipping_date", description="The day alone; the rest of the line is taken along."
    )


@strawberry.type(description="Something of an earlier order that cannot be ordered again.")
class LeftOut:
    """Only a line that is left out whole is an error without `skipUnavailable`."""

    line: SalesOrderLine = strawberry.field(description="The line of the earlier order.")
    part: LeftOutPart = strawberry.field(description="The quantity.")
    reasons: list[UserError] = strawberry.field(
        description="The reasons; paths lead to the line by its place in the earlier order, from 0."
    )


@strawberry.type(description=f"The new order, or what is wrong. {_doc(_REORDERING)}")
class ReorderPayload(OrderPayload):
    """Of `reorder`."""

    ERRORS = _REORDERING
    unavailable: list[SalesOrderLine] = strawberry.field(
        default_factory=list,
        description="The lines of the earlier order that cannot be ordered again; `leftOut` says "
        "why.",
    )
    left_out: list[LeftOut] = strawberry.field(
        default_factory=list,
        description="The lines of the earlier order that cannot be taken along, and why.",
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


@strawberry.type(
    description=f"The canceled order, or what is wrong. {_doc(user_errors.FOR_CHANGES)}"
)
class CancelSalesOrderPayload(OrderPayload):
    """Of `cancelSalesOrder`."""

    ERRORS = user_errors.FOR_CHANGES


@strawberry.enum(
    description="A reason for which an order may come to another amount than its preview."
)
class PreviewDifference(Enum):
    """
    Amounts that only the ERP knows. Unit prices, quantities and amounts of lines do not differ
    else.
    """

    TAX = strawberry.enum_value("tax", description="Tax comes on top.")
    CHARGES = strawberry.enum_value("charges", description="Freight and charges come on top.")
    DISCOUNTS = strawberry.enum_value(
        "discounts", description="The ERP may give discounts by its trade agreements."
    )
    PRICES = strawberry.enum_value(
        "prices", description="Some line has no price here, or one of 0; the ERP may find another."
    )


def _priced(info: Info, value: Money | None) -> Money | None:
    """The amount in a preview; Forbidden where the caller's roles hide what makes it."""
    for table, member in (("Product", "price"), ("PriceListItem", "price")):
        info.context.principal.show(table, member)
    return value


@strawberry.type(description="A line as it would be ordered.")
class PreviewLine:
    """Price and availability of one line of the input."""

    product: Product = strawberry.field(description="The product.")
    quantity: Decimal = strawberry.field(description="The quantity.")
    price: strawberry.Private[Money | None]
    total: strawberry.Private[Money | None]
    off: strawberry.Private[Money | None]
    exact: strawberry.Private[Price | None]
    is_own_unit: strawberry.Private[bool]
    loaders: strawberry.Private[Loaders]
    """Those of the buyer of this order."""

    @strawberry.field(
        description="The price of one unit before discounts; null where it is not known."
    )
    def unit_price(self, info: Info) -> Money | None:
        return _priced(info, self.price)

    @strawberry.field(
        description="The price of all of it, rounded to the decimals of its currency."
    )
    def amount(self, info: Info) -> Money | None:
        return _priced(info, self.total)

    @strawberry.field(
        description="The discount that is taken off the price of all of it; null where there is "
        "none, or the ERP alone knows it."
    )
    def discount(self, info: Info) -> Money | None:
        return _priced(info, self.off)

    @strawberry.field(description="The basis of the price.")
    def basis(self, info: Info) -> PriceBasis:
        return PriceBasis.ESTIMATED if self.exact is None else self.exact.basis

    @strawberry.field(
        description="The steps that led to the price, in their order; empty where the ERP did not "
        "work it out."
    )
    def because(self, info: Info) -> list[PriceReason]:
        _priced(info, None)
        return self.exact.because if self.exact else []

    @strawberry.field(
        description="The day on which all of it can be sent; null where the ERP does not say, and "
        "for a unit other than the one that the product is sold in."
    )
    async def promise(self, info: Info) -> Promise | None:
        info.context.principal.show("Product", "promise")
        return await self.promised()

    async def promised(self) -> Promise | None:
        """The promise of the ERP, whoever asks."""
        if not self.is_own_unit:
            return None
        key = UUID(self.product.raw[PRODUCT_KEY])
        return await promise_of(self.loaders, key, self.quantity, listed=False)

    @strawberry.field(description="The stock; null for a product that is not kept in stock.")
    async def availability(self, info: Info) -> Availability | None:
        info.context.principal.show("Product", "availability")
        there: Availability | None = await self.product.availability(self.loaders)
        return there


@strawberry.type(
    description="The preview of an order, or the mistakes in it. "
    + _doc(user_errors.FOR_NEW_ORDERS)
)
class PreviewSalesOrderPayload:
    """The payload of a preview; a preview never writes."""

    ERRORS: ClassVar[tuple[type[UserError], ...]] = user_errors.FOR_NEW_ORDERS

    lines: list[PreviewLine] = strawberry.field(
        default_factory=list, description="The lines, in the order of the input."
    )
    sum: strawberry.Private[Money | None] = None

    @strawberry.field(description="The sum of the amounts, without tax and freight.")
    def total(self, info: Info) -> Money | None:
        return _priced(info, self.sum)

    @strawberry.field(
        description="The earliest day on which all lines can be sent; null where the ERP does not "
        "say it of each."
    )
    async def full_delivery(self, info: Info) -> date | None:
        info.context.principal.show("Product", "promise")
        promised = await gather(*(line.promised() for line in self.lines))
        days = [each.on for each in promised if each and each.on]
        return max(days) if days and len(days) == len(promised) else None

    may_differ: list[PreviewDifference] = strawberry.field(
        default_factory=list, description="By what the order may come to another amount."
    )
    complete: bool = strawberry.field(
        default=False, description="True if every line has a price, and so is in the total."
    )
    basis: PriceBasis = strawberry.field(
        default=PriceBasis.ESTIMATED, description="The basis of the amounts."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="The reasons for which it could not be ordered."
    )


def _reasons(
    payload: OrderPayload | PreviewSalesOrderPayload | RequestQuotePayload,
) -> Iterator[Errors]:
    """All lists of errors of a payload."""
    yield payload.errors
    if isinstance(payload, ReorderPayload):
        yield from (each.reasons for each in payload.left_out)
