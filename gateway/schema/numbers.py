"""The scalar for exact numbers: its input and its output."""

from decimal import Decimal

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

LONGEST = 40
"""The digits of a number beyond which nothing is written out: no column holds it anyway."""


def parsed(sent: object) -> Decimal:
    """
    The number, without an exponent where it is a whole one.

    Python takes underscores and the digits of other scripts for numbers too; people who type them
    may mean something else.
    """
    text = str(sent)
    try:
        if not text.isascii() or "_" in text:
            raise ValueError(text)
        number = Decimal(text)
    except (ArithmeticError, ValueError):
        raise GraphQLError(f'Value cannot represent a Decimal: "{text[:LONGEST]}".') from None
    whole = number.is_finite() and "E+" in str(number) and number.adjusted() < LONGEST
    return Decimal(f"{number:f}") if whole else number


DECIMAL: ScalarDefinition = strawberry.scalar(
    name="Decimal",
    description="Decimal (fixed-point)",
    serialize=str,
    parse_value=parsed,
)
