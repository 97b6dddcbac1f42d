"""
A row rule -> values of columns of which a row that it lets be seen has at least one, so that a
change is held against the rules that name its values, not against those of all watchers.
"""

from collections.abc import Hashable, Iterator
from typing import Any
from uuid import UUID

from gateway.upstream.conditions import (
    All,
    AnyOf,
    Choice,
    Code,
    Compare,
    Condition,
    Guid,
    In,
    Spelled,
    Value,
    values_of,
)

Anchors = frozenset[tuple[str, Hashable]]
"""Columns, each with a value in one spelling."""


def anchors(rule: Condition) -> Anchors | None:
    """The anchors of a rule; None for one that lets rows with any values be seen."""
    match rule:
        case AnyOf(parts):
            found = [anchors(part) for part in parts]
            known = [each for each in found if each is not None]
            return frozenset().union(*known) if len(known) == len(found) else None
        case All(parts):
            known = [each for part in parts if (each := anchors(part)) is not None]
            return min(known, key=len, default=None)
        case Spelled(part):
            return anchors(part)
        case Compare(column) | In(column):
            values = values_of(rule)
            if values and None not in values:
                return frozenset((column, _spelling(each)) for each in values)
    return None


def spellings(found: Any) -> Iterator[Hashable]:
    """The spellings in which an anchor may have a value that a row has."""
    yield found
    if isinstance(found, str):
        yield found.lower()
        yield found.casefold()


def _spelling(wanted: Value) -> Hashable:
    if isinstance(wanted, UUID | Guid):
        return str(wanted)
    if isinstance(wanted, Code):
        return wanted.casefold()
    return wanted.member if isinstance(wanted, Choice) else wanted
