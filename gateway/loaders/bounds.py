"""The rows of one table that one caller may see: asked for in each query, checked in each row."""

from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct

from gateway.upstream.conditions import (
    EVERYTHING,
    NOTHING,
    All,
    Condition,
    columns,
    values_of,
)
from gateway.upstream.odata import Dialect
from gateway.upstream.row_keys import R, meeting, values_at

Accepted = tuple[tuple[str, frozenset[str]], ...]
"""Columns, and texts with which each of them certainly meets the rule."""


class Bounds(Struct, frozen=True):
    """The row rule of a table for a caller."""

    rule: Condition
    proof: frozenset[str]
    """The columns that prove the rule of a row."""
    asked: Condition
    """The row rule as a filter for queries."""
    accepted: Accepted | None
    """With every column among its texts a row meets the rule; None where nothing is certain."""

    def meeting(self, rows: Sequence[R]) -> Sequence[R]:
        """The rows that meet the rule, compared exactly."""
        return rows if self._certain(rows) else meeting(self.rule, rows)

    def _certain(self, rows: Sequence[R]) -> bool:
        if self.accepted is None:
            return False
        try:
            for column, texts in self.accepted:
                if not texts.issuperset(values_at(rows, column)):
                    return False
        except TypeError:  # a service sent an object or a list where a value belongs
            return False
        return True


def bounded_by(rule: Condition, named: Condition, dialect: Dialect) -> Bounds:
    """
    The bounds that a rule sets; `named` is the same in the names of the environment. InvalidInput
    where no query can hold it.
    """
    plain = named in (EVERYTHING, NOTHING)
    asked = named if plain else dialect.spelled(rule, named)
    return Bounds(rule, columns(rule), asked, _accepted(rule))


def _accepted(rule: Condition) -> Accepted | None:
    parts = rule.parts if isinstance(rule, All) else (rule,)
    found = []
    for part in parts:
        values = values_of(part)
        if not values or not all(isinstance(value, str | UUID) for value in values):
            return None
        (column,) = columns(part)
        found.append((column, frozenset(map(str, values))))
    return tuple(found)
