"""
Leaves of an answer: how the value of a column travels from the decoder into the answer.

What JSON has already in its final form passes through, as its type was checked by the decoder. The
rest goes through the same decoding and output coercion as on graphql-core.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from graphql import GraphQLEnumType, GraphQLLeafType

from gateway.kinds import OptionSet, decoder
from gateway.tables import ServiceName

LARGEST_INT = 2**31 - 1
Int32 = Annotated[int, msgspec.Meta(ge=-LARGEST_INT - 1, le=LARGEST_INT)]
"""What GraphQL's `Int` has room for."""
Convert = Callable[[Any], Any]
DIGITS = "(str({0}) if {0}.__class__ is Decimal else {1}({0}))"
"""A number with decimals is a Decimal already; one without is none."""


class Unusual(Exception):
    """The rows do not fit a plan: graphql-core shall say what that means."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value of the answer: the type that the decoder checks, and what is done to the value."""

    carried: Any
    convert: Any = None
    """What `inline` needs; None where the value is in its final form."""
    exact: bool = True
    """Whether the decoder alone assures that the value can be decoded."""
    inline: str = "{1}({0})"
    """The conversion as an expression over the value and `convert`."""


def leaf_of(type_: type, output: GraphQLLeafType, service: ServiceName) -> Leaf:
    """How a column of `type_` becomes the leaf `output`."""
    if type_ is str:
        return Leaf(str)
    if type_ is int:
        return Leaf(Int32)
    if type_ is bool and service == "dataverse":
        return Leaf(bool)
    if issubclass(type_, OptionSet) and isinstance(output, GraphQLEnumType):
        return Leaf(int, Names(type_, output), inline="{1}[{0}]")
    convert = _converted(decoder(type_), output.coerce_output_value)
    if type_ is Decimal:
        return Leaf(Any, convert, exact=False, inline=DIGITS)
    return Leaf(Any, convert, exact=False)


def present(value: Any) -> Any:
    """`value`, which must not be null."""
    if value is None:
        raise Unusual("a null where none may be")
    return value


class Names(dict[int, str]):
    """The names of an option set's numbers; a number that it does not declare is unknown."""

    def __init__(self, type_: type[OptionSet], output: GraphQLEnumType) -> None:
        super().__init__({each.value: output.coerce_output_value(each) for each in type_})
        self._unknown = self[type_["UNKNOWN"].value]

    def __missing__(self, number: int) -> str:
        return self._unknown


def _converted(decode: Convert, coerce: Convert) -> Convert:
    def convert(raw: Any) -> Any:
        value = decode(raw)
        return None if value is None else coerce(value)

    return convert
