"""Errors that a caller can correct, in the field `errors` of a mutation's payload."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar

import strawberry

from gateway.loaders.hiding import shows
from gateway.model.tables import Row
from gateway.schema.business.accounts import Account
from gateway.schema.business.catalog import Product, Unit
from gateway.schema.business.order_settings import OrderSettings
from gateway.schema.business.sales import OrderStatus, SalesOrder
from gateway.schema.business.values import Money
from gateway.schema.context import Context
from gateway.schema.hidden_columns import veiled

HIDDEN = "null where your role does not show it."


Member = tuple[type[Row], str]
"""A member of a table, by its class and name."""
QUANTITIES: Member = (Product, "order_quantities")
"""The one place where products tell in what quantities they are sold."""


def seen(context: Context, members: Iterable[Member]) -> bool:
    """True if the caller's roles show all of these."""
    hidden = context.principal.rights.hidden
    return all(shows(cls.__table__, name, hidden) for cls, name in members)


@strawberry.interface(description="A problem that the caller can correct; nothing was written.")
class UserError:
    """One entry of a payload's `errors`."""

    CODE: ClassVar[str]

    FIGURE: ClassVar[str] = ""
    """The part of the error that tells what members of tables say; null where one is hidden."""
    SHOWN_BY: ClassVar[tuple[Member, ...]] = ()
    """These members."""
    WITHOUT: ClassVar[str] = ""
    """The mistake in words without the figure."""

    message: str = strawberry.field(description="The mistake in words, for people.")
    path: list[str] = strawberry.field(description="The place in the input, from `input` down.")

    code: str = strawberry.field(default="", description="A stable code; each type has its own.")

    def __post_init__(self) -> None:
        self.code = self.CODE

    def told(self, context: Context) -> "UserError":
        """The error as this caller may read it."""
        if not self.FIGURE or seen(context, self.SHOWN_BY):
            return self
        without: Any = {"message": self.WITHOUT, self.FIGURE: None}
        return replace(self, **without)


Errors = list[UserError]


class Wrong(Exception):
    """The mutation is refused for these errors; `payloads.telling` puts them into the payload."""

    def __init__(self, *errors: UserError) -> None:
        super().__init__(", ".join(error.code for error in errors))
        self.errors = list(errors)


@strawberry.type(description="A value of the input cannot be used. Code INVALID_INPUT.")
class InvalidOrderInput(UserError):
    """A mistake in a value of the input; `path` leads to it."""

    CODE = "INVALID_INPUT"


def invalid(message: str, *path: str) -> InvalidOrderInput:
    """The error for the value at `path` below `input`."""
    return InvalidOrderInput(message=message, path=["input", *path])


@strawberry.type(description="The account does not exist for you. Code ACCOUNT_NOT_FOUND.")
class AccountNotFound(UserError):
    """The account does not exist, or the caller may not order for it; the answer is the same."""

    CODE = "ACCOUNT_NOT_FOUND"


@strawberry.type(description="The contact does not exist for you. Code CONTACT_NOT_FOUND.")
class ContactNotFound(UserError):
    """The row is absent, hidden or of another account; the answer is the same."""

    CODE = "CONTACT_NOT_FOUND"


@strawberry.type(description="A product does not exist for you. Code PRODUCT_NOT_FOUND.")
class ProductNotFound(UserError):
    """The row does not exist, or the caller may not see it; the answer is the same."""

    CODE = "PRODUCT_NOT_FOUND"


@strawberry.type(
    description="A number stands for several products, such as the variants of an item. "
    "Code PRODUCT_AMBIGUOUS; name one of the candidates by its own number or id."
)
class ProductAmbiguous(UserError):
    """The gateway never chooses one of the candidates."""

    CODE = "PRODUCT_AMBIGUOUS"
    candidates: list[Product] = strawberry.field(description="The products that it stands for.")

    def told(self, context: Context) -> UserError:
        return replace(self, candidates=[veiled(context, each) for each in self.candidates])


@strawberry.type(description="A product is not for sale. Code PRODUCT_NOT_SELLABLE.")
class ProductNotSellable(UserError):
    """The product is retired, still a draft, or stopped by the selling company."""

    CODE = "PRODUCT_NOT_SELLABLE"


@strawberry.type(description="A product is not sold in this unit. Code UNKNOWN_UNIT.")
class UnknownUnit(UserError):
    """`units` lists the units that the product is sold in."""

    CODE = "UNKNOWN_UNIT"
    units: list[str] = strawberry.field(
        description="The units that can be used; none where your role does not show units."
    )

    def told(self, context: Context) -> UserError:
        return self if seen(context, [(Unit, "symbol")]) else replace(self, units=[])


@strawberry.type(description="The quantity has too many decimals. Code QUANTITY_NOT_ALLOWED.")
class QuantityNotAllowed(UserError):
    """The quantity has more decimals than its product allows."""

    CODE = "QUANTITY_NOT_ALLOWED"
    FIGURE, SHOWN_BY = "decimals", ((Product, "decimals"),)
    WITHOUT = "Fewer decimals."
    decimals: int | None = strawberry.field(
        description=f"The number of decimals that the quantity may have; {HIDDEN}"
    )


@strawberry.type(description="The quantity is below the minimum. Code QUANTITY_BELOW_MINIMUM.")
class QuantityBelowMinimum(UserError):
    """The seller's default order settings do not allow the quantity."""

    CODE = "QUANTITY_BELOW_MINIMUM"
    FIGURE, SHOWN_BY = "minimum", ((OrderSettings, "minimum"), QUANTITIES)
    WITHOUT = "It is sold in larger quantities alone."
    minimum: Decimal | None = strawberry.field(
        description=f"The least that can be ordered; {HIDDEN}"
    )


@strawberry.type(description="The quantity is above the maximum. Code QUANTITY_ABOVE_MAXIMUM.")
class QuantityAboveMaximum(UserError):
    """The seller's default order settings do not allow the quantity."""

    CODE = "QUANTITY_ABOVE_MAXIMUM"
    FIGURE, SHOWN_BY = "maximum", ((OrderSettings, "maximum"), QUANTITIES)
    WITHOUT = "It is sold in smaller quantities alone."
    maximum: Decimal | None = strawberry.field(
        description=f"The most that can be ordered; {HIDDEN}"
    )


@strawberry.type(
    description="The product is sold in packs, and the quantity is not a multiple of one. "
    "Code QUANTITY_NOT_MULTIPLE."
)
class QuantityNotMultiple(UserError):
    """The seller's default order settings do not allow the quantity."""

    CODE = "QUANTITY_NOT_MULTIPLE"
    FIGURE, SHOWN_BY = "multiple", ((OrderSettings, "multiple"), QUANTITIES)
    WITHOUT = "It is sold in whole packs alone."
    multiple: Decimal | None = strawberry.field(
        description=f"The number that the quantity must be a multiple of; {HIDDEN}"
    )


@strawberry.type(description="You have no price for a product. Code PRICE_UNKNOWN.")
class PriceUnknown(UserError):
    """A line has no price, and the settings require one on every line."""

    CODE = "PRICE_UNKNOWN"


@strawberry.type(
    description="Neither contact nor account has a value that every order needs. "
    "Code MISSING_DEFAULT; the seller has to fill it in."
)
class MissingDefault(UserError):
    """`default` names what is missing."""

    CODE = "MISSING_DEFAULT"
    default: str = strawberry.field(description="COMPANY, CURRENCY, PRICE_LIST or SHIP_TO_COUNTRY.")


@strawberry.type(
    description="The account has no address of this id. Code ADDRESS_NOT_FOUND; `addresses` of the "
    "account lists those that it has."
)
class AddressNotFound(UserError):
    """The row is absent, hidden or of another account; the answer is the same."""

    CODE = "ADDRESS_NOT_FOUND"


@strawberry.type(description="The seller has put the account on hold. Code ACCOUNT_ON_HOLD.")
class AccountOnHold(UserError):
    """`msdyn_onholdstatus` is All."""

    CODE = "ACCOUNT_ON_HOLD"

    def told(self, context: Context) -> UserError:
        said = "The seller takes no orders of your account now; ask your seller."
        on_hold = seen(context, [(Account, "hold_status")])
        return self if on_hold else OrdersNotTaken(message=said, path=self.path)


@strawberry.type(
    description="The seller takes no orders of the account now, for a reason that your role does "
    "not show. Code ORDERS_NOT_TAKEN."
)
class OrdersNotTaken(UserError):
    """In place of `AccountOnHold`."""

    CODE = "ORDERS_NOT_TAKEN"


@strawberry.type(
    description="Open orders and this one would exceed a credit limit that the seller enforces. "
    "Code CREDIT_LIMIT_EXCEEDED; unpaid invoices come on top in the ERP."
)
class CreditLimitExceeded(UserError):
    """
    All open orders of the account count, even those that the caller may not see; figures that the
    caller may not read are null. The gateway does not know unpaid invoices, so the ERP may still
    refuse an order that passes this check.
    """

    CODE = "CREDIT_LIMIT_EXCEEDED"
    limit: Money | None = strawberry.field(
        description="The credit limit; null if your role may not read it."
    )
    ordered: Money | None = strawberry.field(
        description="The sum of the open orders, in the currency of the limit; null unless you "
        "see all orders of the account."
    )


@strawberry.type(description="Dynamics, or the ERP, refused the order. Code ORDER_REFUSED.")
class OrderRefused(UserError):
    """Nothing was written on either side."""

    CODE = "ORDER_REFUSED"
    reason: str = strawberry.field(description="The error code of Dynamics.")


@strawberry.type(description="The key was used with another input. Code IDEMPOTENCY_MISMATCH.")
class IdempotencyMismatch(UserError):
    """A changed input needs a new key; the order that the key made is not changed."""

    CODE = "IDEMPOTENCY_MISMATCH"


@strawberry.type(description="The order does not exist for you. Code ORDER_NOT_FOUND.")
class OrderNotFound(UserError):
    """The row does not exist, or the caller may not see it; the answer is the same."""

    CODE = "ORDER_NOT_FOUND"


@strawberry.type(description="The quote does not exist for you. Code QUOTE_NOT_FOUND.")
class QuoteNotFound(UserError):
    """The row does not exist, or the caller may not see it; the answer is the same."""

    CODE = "QUOTE_NOT_FOUND"


@strawberry.type(
    description="The quote was accepted, closed, or is no longer valid. Code QUOTE_NOT_OPEN."
)
class QuoteNotOpen(UserError):
    """Nothing was ordered by this try."""

    CODE = "QUOTE_NOT_OPEN"


@strawberry.type(
    description="The quote has changed since you read it. Code QUOTE_CHANGED; read it again, and "
    "decide if you still want it."
)
class QuoteChanged(UserError):
    """Nobody accepts what they have not seen."""

    CODE = "QUOTE_CHANGED"


@strawberry.type(description="The order has no such line. Code LINE_NOT_FOUND.")
class LineNotFound(UserError):
    """The line is absent, or belongs to another order."""

    CODE = "LINE_NOT_FOUND"


@strawberry.type(
    description="The order has changed since you read it. Code VERSION_CONFLICT; read it again, "
    "and decide if you still want the change."
)
class VersionConflict(UserError):
    """Nothing of the change was written."""

    CODE = "VERSION_CONFLICT"
    current_version: str = strawberry.field(description="The version that the order has now.")


@strawberry.type(description="The order or line can no longer be changed. Code STATUS_FORBIDS.")
class StatusForbids(UserError):
    """Checked before the write; the ERP checks again and may refuse as well."""

    CODE = "STATUS_FORBIDS"
    FIGURE, SHOWN_BY = "status", ((SalesOrder, "status"),)
    WITHOUT = "The order has come too far for this change."
    status: OrderStatus | None = strawberry.field(
        description=f"The progress of the order; {HIDDEN}"
    )


FOR_QUANTITIES = (
    QuantityNotAllowed,
    QuantityBelowMinimum,
    QuantityAboveMaximum,
    QuantityNotMultiple,
)
FOR_CREDIT = (AccountOnHold, OrdersNotTaken, CreditLimitExceeded)
FOR_LINES = (
    InvalidOrderInput,
    ProductNotFound,
    ProductAmbiguous,
    ProductNotSellable,
    UnknownUnit,
    *FOR_QUANTITIES,
    PriceUnknown,
)
FOR_NEW_ORDERS = (
    *FOR_LINES,
    *FOR_CREDIT,
    AccountNotFound,
    ContactNotFound,
    AddressNotFound,
    MissingDefault,
)
FOR_REQUESTS = tuple(each for each in FOR_NEW_ORDERS if each not in (*FOR_CREDIT, PriceUnknown))
FOR_CHANGES = (InvalidOrderInput, OrderNotFound, StatusForbids, VersionConflict, OrderRefused)
FOR_QUOTES = (QuoteNotFound, QuoteNotOpen, QuoteChanged)
ALL = (*FOR_NEW_ORDERS, *FOR_CHANGES[1:], *FOR_QUOTES, IdempotencyMismatch, LineNotFound)
