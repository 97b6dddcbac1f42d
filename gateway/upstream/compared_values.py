"""The values of a condition on one column -> the same as the service holds them."""

from msgspec.structs import replace

from gateway.upstream.conditions import Choice, Compare, In, Like, Value

Comparison = Compare | In | Like
"""A condition on one column."""


def as_members(condition: Comparison, type_: str) -> Comparison:
    """The condition with its texts as members of an enumeration of F&O."""
    match condition:
        case Compare(_, _, value):
            return replace(condition, value=_member(type_, value))
        case In(_, values):
            return replace(condition, values=tuple(_member(type_, value) for value in values))
    return condition


def _member(type_: str, value: Value) -> Value:
    return Choice(type_, value) if isinstance(value, str) else value


def holds_for_null(condition: Comparison) -> bool:
    """True if the services find rows in which the column of a condition is empty."""
    match condition:
        case Compare(_, "eq", value):
            return value is None
        case Compare(_, "ne", value):
            return value is not None
        case In(_, values):
            return None in values
    return False
