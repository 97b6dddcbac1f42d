"""
The services that the gateway reads, one class for each: its spelling of conditions, and the facts
by which its rows differ from those of the others.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Final

import msgspec

from gateway.errors import InvalidInput
from gateway.upstream.conditions import Choice, Guid, Match, Operator, Value
from gateway.upstream.odata import Dialect, ServiceName, logical, quoted

FIRST_DAY: Final = date(1901, 1, 1)
"""The first day of F&O; one of 1900 stands for a day that was left open."""
_LISTABLE = re.compile(r"""[^\x00-\x1f\x7f'"\[\]{}\\]*""")
"""
The texts that may stand in the lists of the query functions. A list is JSON inside of OData, whose
readers know neither quotes nor brackets of the other; any other text, and one with blanks at an
end, is compared by `eq`.
"""


class Dataverse(Dialect):
    """Dataverse, which has functions for lists of values, and wildcards in those for texts."""

    def listed(self, column: str, values: tuple[Value, ...]) -> str:
        if not _has_list(column):
            return super().listed(column, values)
        listed = ",".join([self._item(value) for value in values if _is_listable(value)])
        name = logical(column)
        text = f"Microsoft.Dynamics.CRM.In(PropertyName='{name}',PropertyValues=[{listed}])"
        others = [f"{column} eq {self.literal(each)}" for each in values if not _is_listable(each)]
        if not others:
            return text
        return "(" + " or ".join([text, *others] if listed else others) + ")"

    def conditions_of_list(self, column: str, values: tuple[Value, ...]) -> int:
        if not _has_list(column):
            return super().conditions_of_list(column, values)
        return 1 + sum(not _is_listable(value) for value in values)

    def like(self, column: str, match: Match, text: str) -> str:
        return super().like(column, match, _without_wildcards(text))

    def _item(self, value: Value) -> str:
        """A value as an item of a query function's list, which is a JSON text of texts."""
        if value.__class__ is Guid:
            return f'"{value}"'
        text = str(value) if isinstance(value, str) else self.literal(value)
        return msgspec.json.encode(text).decode()


class Finops(Dialect):
    """Finance & Operations, which has neither booleans nor nulls, and wildcards in equalities."""

    def truth(self, *, value: bool) -> str:
        return self.literal(Choice("NoYes", "Yes" if value else "No"))

    def compared(self, column: str, op: Operator, value: Value) -> str:
        if op in ("eq", "ne") and isinstance(value, str) and "*" in value:
            return _exactly(column, op, value)
        return super().compared(column, op, value)

    def like(self, column: str, match: Match, text: str) -> str:
        if "*" in text:
            raise InvalidInput("'*' cannot be searched for: the ERP reads it as a wildcard.")
        pattern = {"startswith": f"{text}*", "endswith": f"*{text}", "contains": f"*{text}*"}
        return f"{column} eq {quoted(pattern[match])}"


DATAVERSE: Final = Dataverse(
    "dataverse",
    "Dataverse",
    has_feeds=True,
    has_lookups=True,
    keeps_logical_names=True,
    takes_preferences=True,
    no_table=frozenset({"0x80060888", "0x8006088a"}),
)
FINOPS: Final = Finops(
    "finops",
    "F&O",
    {"cross-company": "true"},
    has_nulls=False,
    first_day=FIRST_DAY,
    stores_days_as_times=True,
    has_booleans=False,
    sorts_plainly=True,
)
DIALECTS: Final[Mapping[ServiceName, Dialect]] = {
    each.service: each for each in (DATAVERSE, FINOPS)
}


def _exactly(column: str, op: Operator, value: str) -> str:
    """An equality with a text that holds `*`, a wildcard beside `eq` and `ne` alone."""
    low, high, word = ("ge", "le", "and") if op == "eq" else ("lt", "gt", "or")
    text = quoted(value)
    return f"({column} {low} {text} {word} {column} {high} {text})"


def _has_list(column: str) -> bool:
    """True for a column that the query function takes, which takes no path."""
    return "/" not in column


def _is_listable(value: Value) -> bool:
    if not isinstance(value, str):
        return True
    return _LISTABLE.fullmatch(value) is not None and value == value.strip()


def _without_wildcards(text: str) -> str:
    """`%`, `_` and `[` are wildcards inside Dataverse's string functions; a class escapes them."""
    return "".join(f"[{character}]" if character in "%_[" else character for character in text)
