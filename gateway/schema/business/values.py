"""Values that several tables share: money and addresses."""

from decimal import Decimal
from typing import Any

import strawberry

from gateway.model.declarations import Written
from gateway.model.tables import group


@strawberry.type(description="An amount in a currency.")
class Money:
    """
    An amount with its currency; `amount` is a Decimal with the digits that Dynamics sent.

    Example:

        @query(needs="account")
        async def delivery_fee(info: Info) -> Money | None:
            '''The fee for an express delivery.'''
            return Money(amount=Decimal("12.50"), currency="USD")

        # { deliveryFee { amount currency } }
    """

    amount: Decimal = strawberry.field(description="The amount, exact, as decimal text.")
    currency: str | None = strawberry.field(
        description="The currency's ISO 4217 code; null where the row names none."
    )


@strawberry.type(description="A postal address. Which parts are filled differs by country.")
class Address:
    """
    A postal address that is stored in columns of a row; every part may be None.

    Example:

        @query(needs="account")
        async def showroom(info: Info) -> Address | None:
            '''The address of the showroom.'''
            return Address(
                name="Showroom", street="Main Street", street_number="1", postal_code="98052",
                city="Redmond", state="WA", country="USA",
            )

        # { showroom { street city } }
    """

    name: str | None = strawberry.field(description="The person or place at the address.")
    street: str | None = strawberry.field(description="The street.")
    street_number: str | None = strawberry.field(description="The number in the street.")
    postal_code: str | None = strawberry.field(description="The postal code.")
    city: str | None = strawberry.field(description="The city.")
    state: str | None = strawberry.field(description="The state or province.")
    country: str | None = strawberry.field(description="The country, as Dynamics spells it.")


CURRENCY = "transactioncurrencyid/isocurrencycode"
"""The path to the currency of a row."""


def money(path: str, doc: str, *, written: Written = "never") -> Any:
    """
    Declare a member of the type `Money`: the money column `path`, in the currency of its row.

    Lists can be filtered and sorted by it, by amount. `written` is as in `column`.

    Example:

        @extend(SalesOrder)
        class AcmeDeposit:
            deposit: Money | None = money("acme_deposit", "The deposit that was paid.")

        # { orders { nodes { deposit { amount currency } } } }
    """
    return group(Money, doc, essential="amount", written=written, amount=path, currency=CURRENCY)


def address(prefix: str, doc: str, *, written: Written = "never") -> Any:
    """
    Declare a member of the type `Address`, from columns with a common prefix.

    The columns are `<prefix>` with `name`, `line1` (street), `line2` (number), `postalcode`,
    `city`, `stateorprovince` and `country` behind it. `written` is as in `column`.

    Example:

        @extend(SalesOrder)
        class AcmeSite:
            site: Address | None = address("acme_site_", "The building site.")

        # { orders { nodes { site { street city } } } }
    """
    return group(
        Address,
        doc,
        written=written,
        name=f"{prefix}name",
        street=f"{prefix}line1",
        street_number=f"{prefix}line2",
        postal_code=f"{prefix}postalcode",
        city=f"{prefix}city",
        state=f"{prefix}stateorprovince",
        country=f"{prefix}country",
    )
