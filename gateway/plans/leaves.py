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

from gateway.model.kinds import OptionSet, decoder
from gateway.upstream.odata import Dialect

LARGEST_INT = 2**31 - 1
Int32 = Annotated[int, msgspec.Meta(ge=-LARGEST_INT - 1, le=LARGEST_INT)]
"""The range of GraphQL's `Int`."""
Convert = Callable[[Any], Any]
CALLED, LOOKED_UP = "{convert}({bound})", "{convert}[{bound}]"
DIGITS = "({value} if {bound}.__class__ is Decimal else {convert}({value}))"
"""A number with decimals is a Decimal already, and encoded by its digits; one without is none."""


class Unusual(Exception):
    """The rows do not fit a plan: graphql-core shall say what that means."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value of the answer: the type that the decoder checks, and what is done to the value."""

    carried: Any
    convert: Any = None
    """
    The function that `inline` needs, which leaves a null as it is; None if the value is in its
    final form.
    """
    exact: bool = True
    """True if the decoder alone assures that the value can be decoded."""
    inline: str = CALLED
    """
    The conversion as an expression over the value: `bound` where it is evaluated, and from then on
    the variable `value`, if there is one.
    """

    @property
    def repeats(self) -> bool:
        """True if the conversion looks at the value more than once."""
        return self.convert is not None and "{value}" in self.inline


def leaf_of(type_: type, output: GraphQLLeafType, dialect: Dialect) -> Leaf:
    """The way from a column of `type_` to the leaf `output`."""
    if type_ is str:
        return Leaf(str)
    if type_ is int:
        return Leaf(Int32)
    if type_ is bool and dialect.has_booleans:
        return Leaf(bool)
    if issubclass(type_, OptionSet) and isinstance(output, GraphQLEnumType):
        wire = int if dialect.has_booleans else str
        return Leaf(wire, OptionNames(type_, output), inline=LOOKED_UP)
    convert = _converted(decoder(type_), output.coerce_output_value)
    if type_ is Decimal:
        return Leaf(Any, convert, exact=False, inline=DIGITS)
    return Leaf(Any, convert, exact=False)


def present(value: Any) -> Any:
    """`value`, which must not be null."""
    if value is None:
        raise Unusual("a null where none may be")
    return value


class OptionNames(dict[int | str | None, str | None]):
    """The names of an option set's values; a value that it does not declare is unknown."""

    def __init__(self, type_: type[OptionSet], output: GraphQLEnumType) -> None:
        super().__init__({each.value: output.coerce_output_value(each) for each in type_})
        self[None] = None
        self._unknown = self[type_["UNKNOWN"].value]

    def __missing__(self, value: int | str) -> str | None:
        return self._unknown


def _converted(decode: Convert, coerce: Convert) -> Convert:
    def convert(raw: Any) -> Any:
        value = decode(raw)
        return None if value is None else coerce(value)

    return convert
