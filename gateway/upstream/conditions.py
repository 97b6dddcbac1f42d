"""
Conditions on rows, as typed values: what a filter, a row rule or a key asks of a row.

They are built from values, never from text that a caller sent, and can also be asked whether a row
that came back satisfies them: `holds` compares exactly, so it is never wider than the service.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from gateway.errors import Forbidden

_GUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")

Operator = Literal["eq", "ne", "gt", "ge", "lt", "le"]
Match = Literal["startswith", "endswith", "contains"]
_OPPOSITE: Mapping[Operator, Operator] = {
    "eq": "ne",
    "ne": "eq",
    "gt": "le",
    "le": "gt",
    "ge": "lt",
    "lt": "ge",
}


class Choice(Struct, frozen=True):
    """A member of an F&O enumeration, for instance `Choice("SalesStatus", "Backorder")`."""

    type: str
    member: str


class Guid(str):
    """A GUID that was read from a row, in its one spelling: lower case, with hyphens."""

    __slots__ = ()

    def __new__(cls, text: str) -> "Guid":
        """ValueError for any other text."""
        if not _GUID.fullmatch(text):
            raise ValueError("not a GUID")
        return super().__new__(cls, text.lower())


class Code(str):
    """A text that names the same thing in any case, as the code of a legal entity does."""

    __slots__ = ()


Value = UUID | str | bool | int | Decimal | datetime | date | Choice | None
Raw = Mapping[str, Any]


class Compare(Struct, frozen=True):
    """One column against one value. A column may be a path: `salesorderid/_customerid_value`."""

    column: str
    op: Operator
    value: Value

    def holds(self, row: Raw) -> bool:
        if self.op != "eq":
            raise NotImplementedError("row rules compare by equality alone")
        return same(value_at(row, self.column), self.value)


class In(Struct, frozen=True):
    """A column's value is one of these."""

    column: str
    values: tuple[Value, ...]

    def holds(self, row: Raw) -> bool:
        found = value_at(row, self.column)
        return any(same(found, value) for value in self.values)


class Like(Struct, frozen=True):
    """A text column starts with, ends with or contains `text`, taken literally."""

    column: str
    match: Match
    text: str

    def holds(self, row: Raw) -> bool:
        raise NotImplementedError("row rules compare by equality alone")


class All(Struct, frozen=True):
    """Every part holds; without parts, always."""

    parts: tuple["Condition", ...] = ()

    def holds(self, row: Raw) -> bool:
        return all(part.holds(row) for part in self.parts)


class AnyOf(Struct, frozen=True):
    """At least one part holds; without parts, never."""

    parts: tuple["Condition", ...] = ()

    def holds(self, row: Raw) -> bool:
        return any(part.holds(row) for part in self.parts)


class Not(Struct, frozen=True):
    """The part does not hold."""

    part: "Condition"

    def holds(self, row: Raw) -> bool:
        return not self.part.holds(row)


class Spelled(Struct, frozen=True):
    """A condition that many queries hold, with its text in the one dialect that it is for."""

    condition: "Condition"
    text: str
    counted: int
    """The number of conditions that the service counts in it."""

    def holds(self, row: Raw) -> bool:
        return self.condition.holds(row)


Condition = Compare | In | Like | All | AnyOf | Not | Spelled
WITHHELD: Final = object()
"""Stands in a row where its reader may not learn a column, nor whether it is empty."""
BROKEN: Final = object()
"""
A placeholder for the values behind a lookup for which the service sent no row. It equals nothing
and cannot be decoded, so that it invalidates only its own row.
"""
EVERYTHING: Condition = All()
NOTHING: Condition = AnyOf()


def both(*parts: Condition) -> Condition:
    """Every one of `parts`, without empty wrappings; NOTHING absorbs the rest."""
    if NOTHING in parts:
        return NOTHING
    kept = tuple(part for part in parts if part != EVERYTHING)
    return kept[0] if len(kept) == 1 else All(kept)


def either(*parts: Condition) -> Condition:
    """At least one of `parts`, without empty wrappings; EVERYTHING absorbs the rest."""
    if EVERYTHING in parts:
        return EVERYTHING
    kept = tuple(part for part in parts if part != NOTHING)
    return kept[0] if len(kept) == 1 else AnyOf(kept)


def negated(part: Condition) -> Condition:
    """The opposite of `part`, as the service takes it."""
    if part in (EVERYTHING, NOTHING):
        return NOTHING if part == EVERYTHING else EVERYTHING
    return Not(part)


def complement(condition: Condition, *, nullable: bool) -> Condition:
    """
    The rows that do not meet `condition`, so that both together are all rows.

    With `nullable` columns a row whose column is null is named explicitly: the services compare a
    null as neither larger nor smaller than a value, and so would leave it out of both.
    """
    match condition:
        case All(parts):
            return either(*(complement(part, nullable=nullable) for part in parts))
        case AnyOf(parts):
            return both(*(complement(part, nullable=nullable) for part in parts))
        case Not(part) | Spelled(part) as known:
            return part if isinstance(known, Not) else complement(part, nullable=nullable)
        case Compare(column, op, None):
            return Compare(column, _OPPOSITE[op], None)
        case Compare(column, op, value):
            opposite: Condition = Compare(column, _OPPOSITE[op], value)
        case In(column) | Like(column):
            opposite = Not(condition)
    return either(opposite, Compare(column, "eq", None)) if nullable else opposite


def one_of(column: str, values: Iterable[Value]) -> Condition:
    """`column` is one of `values`; NOTHING where there are none."""
    unique = tuple(dict.fromkeys(values))
    match unique:
        case ():
            return NOTHING
        case (single,):
            return Compare(column, "eq", single)
        case _:
            return In(column, unique)


def keyed(columns: tuple[str, ...], keys: Iterable[tuple[Value, ...]]) -> Condition:
    """The composite key made of `columns` is one of `keys`, grouped by the leading columns."""
    first, rest = columns[0], columns[1:]
    if not rest:
        return one_of(first, (key[0] for key in keys))
    groups: dict[Value, list[tuple[Value, ...]]] = {}
    for key in keys:
        groups.setdefault(key[0], []).append(key[1:])
    parts = tuple(
        both(Compare(first, "eq", value), keyed(rest, group)) for value, group in groups.items()
    )
    return parts[0] if len(parts) == 1 else AnyOf(parts)


def columns(condition: Condition) -> frozenset[str]:
    """The columns and paths that a condition compares."""
    match condition:
        case All(parts) | AnyOf(parts):
            return frozenset().union(*map(columns, parts))
        case Not(part) | Spelled(part):
            return columns(part)
        case Compare(column, _, _) | In(column, _) | Like(column, _, _):
            return frozenset({column})


def prefixed(condition: Condition, navigation: str) -> Condition:
    """The condition rewritten for the row behind the lookup: its columns get the prefix."""
    return renamed(condition, {name: f"{navigation}/{name}" for name in columns(condition)})


def renamed(condition: Condition, names: Mapping[str, str]) -> Condition:
    """The condition on the columns that `names` has for its own."""
    match condition:
        case All(parts) | AnyOf(parts):
            return type(condition)(tuple(renamed(part, names) for part in parts))
        case Not(part):
            return Not(renamed(part, names))
        case Spelled(part):
            return renamed(part, names)
        case Compare() | In() | Like():
            return replace(condition, column=names[condition.column])


def narrows(known: Condition, column: str, wanted: Condition) -> bool:
    """True if `known` lets `column` have no values but those that `wanted` lets its own have."""
    match known:
        case All(parts):
            return any(narrows(part, column, wanted) for part in parts)
        case Compare() | In() if known.column == column:
            values = values_of(known)
            return bool(values) and set(values) <= set(values_of(wanted))
    return False


def values_of(condition: Condition) -> tuple[Value, ...]:
    """The values of the one column that a condition names; none where it says something else."""
    match condition:
        case Compare(_, "eq", value):
            return (value,)
        case In(_, values):
            return values
    return ()


def value_at(row: Raw, path: str) -> Any:
    """
    The value of a column or of a path through expanded rows; None where a step is missing, BROKEN
    where one is no row.

    Forbidden where the reader withheld the column from this caller.
    """
    found: Any = row
    for step in path.split("/"):
        if found is None:
            return None
        try:
            found = found.get(step)
        except AttributeError:
            return BROKEN
    if found is WITHHELD:
        raise Forbidden("Your role may not read this field.")
    return found


def same(found: object, wanted: Value) -> bool:
    """Exact equality of a JSON value and a typed one; GUIDs and codes in any spelling."""
    if isinstance(wanted, UUID | Guid) and isinstance(found, str):
        return found.lower() == str(wanted)
    if isinstance(wanted, Code) and isinstance(found, str):
        return found.casefold() == wanted.casefold()
    if isinstance(wanted, Choice):
        return found == wanted.member
    return found == wanted
