"""Values that several tables share: money and addresses."""

from decimal import Decimal
from typing import Any

import strawberry

from gateway.model.declarations import Written
from gateway.model.tables import group


@strawberry.type(description="An amount in a currency.")
class Money:
    """Never negative zero, never a float: `amount` keeps the digits that Dynamics sent."""

    amount: Decimal = strawberry.field(description="The amount, exact, as decimal text.")
    currency: str | None = strawberry.field(
        description="The currency's ISO 4217 code; null where the row names none."
    )


@strawberry.type(description="A postal address. Which parts are filled differs by country.")
class Address:
    """An address as it stands on the row; not a row of its own."""

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
    """A money column with the currency of its row."""
    return group(Money, doc, essential="amount", written=written, amount=path, currency=CURRENCY)


def address(prefix: str, doc: str, *, written: Written = "never") -> Any:
    """The columns `<prefix>line1`, `<prefix>city` and so on as an address."""
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
