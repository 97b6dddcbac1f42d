"""JSON values of the two services -> Python values, by the type that a column declares."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Self, Union, get_args, get_origin
from uuid import UUID

import strawberry
from strawberry.types.enum import EnumValueDefinition

from gateway.errors import UpstreamMismatch
from gateway.upstream.conditions import Value

Decode = Callable[[Any], Any]

DAY_LENGTH = len("2026-12-31")
NEVER = 1900
"""The year with which F&O writes that a date is not set."""


class OptionSet(Enum):
    """
    The base class of option sets (choices) of Dataverse, and of enumerations of F&O.

    Decorate the subclass with `enum`, give each member a value with `option`, and add the member
    `UNKNOWN = unknown()`: values that are not declared are read as it. DeclarationError at start
    without either.

    Example:

        @enum(description="The handling of goods.")
        class Handling(OptionSet):
            NORMAL = option(100000000, "As usual.")
            FRAGILE = option(100000001, "With care.")
            UNKNOWN = unknown()


        @extend(SalesOrder)
        class AcmeHandling:
            handling: Handling | None = column("acme_handling", "The handling of the goods.")

        # { orders(filter: { handling: { eq: FRAGILE } }) { nodes { handling } } }
    """

    @classmethod
    def read(cls, value: int | str) -> Self:
        try:
            return cls(value)
        except ValueError:
            return cls["UNKNOWN"]

    @property
    def is_unknown(self) -> bool:
        """True if this stands for the numbers that the option set does not declare."""
        return self.name == "UNKNOWN"


def option(value: int | str, description: str) -> EnumValueDefinition:
    """
    A member of an `OptionSet`: its number in Dataverse or its name in F&O, and its description in
    the schema.

    Example:

        @enum(description="The colour of a label.")
        class Colour(OptionSet):
            RED = option(1, "Red, for returns.")
            UNKNOWN = unknown()
    """
    return strawberry.enum_value(value, description=description)


def unknown() -> EnumValueDefinition:
    """
    The member of an `OptionSet` for all values that it does not declare; call it `UNKNOWN`.

    Example:

        @enum(description="The priority of a claim.")
        class Priority(OptionSet):
            HIGH = option(1, "Before all others.")
            UNKNOWN = unknown()
    """
    return option(-1, "A value that this version of the gateway does not know.")


def without_none(annotation: Any) -> tuple[Any, bool]:
    """`T | None` -> (T, True); anything without None -> (itself, False)."""
    if get_origin(annotation) not in (Union, UnionType):
        return annotation, False
    inner = tuple(part for part in get_args(annotation) if part is not NoneType)
    return Union[inner], len(inner) < len(get_args(annotation))  # noqa: UP007  # of a tuple


def incomplete(type_: type, /, **parts: Any) -> Any:
    """An object without the other parts: they are no attributes, so that reading one raises."""
    made: Any = object.__new__(type_)
    for part, value in parts.items():
        object.__setattr__(made, part, value)
    return made


def decoder(type_: Any) -> Decode:
    """
    The conversion of a JSON value into a `type_`; null stays None. TypeError for a type we cannot
    read.
    """
    if isinstance(type_, type) and issubclass(type_, OptionSet):
        return _checked(type_.read)
    try:
        return _checked(_DECODERS[type_])
    except (KeyError, TypeError):
        known = ", ".join(sorted(each.__name__ for each in _DECODERS))
        name = type_.__name__ if isinstance(type_, type) else str(type_)
        raise TypeError(f"a column cannot be of type {name}; it can be {known}") from None


def literal(type_: type, raw: Any) -> Value:
    """The typed value of a raw JSON value as a condition takes it: exact, unset dates included."""
    value: Value = _checked(_whole if issubclass(type_, Enum) else _LITERALS[type_])(raw)
    return value


def _checked(decode: Decode) -> Decode:
    def read(raw: Any) -> Any:
        if raw is None:
            return None
        try:
            return decode(raw)
        except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError):
            raise UpstreamMismatch("A column's value is not of its declared type.") from None

    return read


def _text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise TypeError
    return raw


def _boolean(raw: Any) -> bool:
    """Dataverse says true and false, F&O's NoYes says "Yes" and "No"."""
    return {True: True, False: False, "Yes": True, "No": False}[raw]


def _moment(raw: str) -> datetime:
    moment = datetime.fromisoformat(raw)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _day(raw: str) -> date:
    return date.fromisoformat(raw[:10])


def _day_or_moment(raw: str) -> date:
    """The exact content of a column for days: a bare day, or the instant that stands for one."""
    return date.fromisoformat(raw) if len(raw) == DAY_LENGTH else _moment(raw)


def _set(read: Callable[[str], date]) -> Decode:
    """As `read`, but with F&O's way to leave a date open as null."""

    def decode(raw: str) -> date | None:
        value = read(raw)
        return None if value.year == NEVER else value

    return decode


def _number(raw: Any) -> Decimal:
    number = raw if isinstance(raw, Decimal) else Decimal(str(raw))
    if not number.is_finite():
        raise ValueError
    return number


def _whole(raw: Any) -> int:
    number = int(raw)
    if number != raw:
        raise ValueError
    return number


_LITERALS: Mapping[type, Decode] = {
    str: _text,
    bool: _boolean,
    int: _whole,
    Decimal: _number,
    datetime: _moment,
    date: _day_or_moment,
    UUID: UUID,
}
_DECODERS = {**_LITERALS, datetime: _set(_moment), date: _set(_day)}


def sent(value: object) -> Any:
    """A value as a column holds it."""
    match value:
        case OptionSet():
            return value.value
        case UUID():
            return str(value)
        case str():
            return value if value.strip() else None
    return value
