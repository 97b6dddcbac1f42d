"""Conditions and queries -> OData text. The only place where a value becomes part of a URL."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Literal
from urllib.parse import quote
from uuid import UUID

import msgspec
from msgspec import Struct

from gateway.errors import InvalidInput
from gateway.upstream.conditions import (
    EVERYTHING,
    All,
    AnyOf,
    Choice,
    Compare,
    Condition,
    Guid,
    In,
    Like,
    Match,
    Not,
    Operator,
    Spelled,
    Value,
)

LARGEST = 2**63
"""The size of a number from which on neither service can hold it."""
PLACES = 20
"""Decimals beyond which neither service keeps any."""

_LISTABLE = re.compile(r"""[^\x00-\x1f\x7f'"\[\]{}\\]*""")
"""
The texts that may stand in the lists of the query functions. A list is JSON inside of OData, whose
readers know neither quotes nor brackets of the other; any other text, and one with blanks at an
end, is compared by `eq`.
"""
_PLAIN_URL = re.compile(r"[A-Za-z0-9_.\-~'(),/$=:@;*!%]*", re.ASCII)
"""The characters of a query string that need no encoding, and the percent sign of encoded ones."""
_COMMON = (("%", "%25"), (" ", "%20"), ('"', "%22"), ("[", "%5B"), ("]", "%5D"))
"""
Characters that are frequent in filters: replaced at once, which is far cheaper than letter by
letter.
"""


class Order(Struct, frozen=True):
    """One column of an ordering."""

    column: str
    descending: bool = False


class Expand(Struct, frozen=True):
    """Rows that travel inside of each row, by a navigation property; `top` of a collection."""

    navigation: str
    select: tuple[str, ...]
    order: tuple[Order, ...] = ()
    top: int | None = None


class ODataQuery(Struct, frozen=True):
    """
    A read of one table.

    `entity` is its logical name, or the public collection of F&O; `Names.query` puts the names of
    the environment in. `top` is the number of rows wanted, None for all of them. A path in `select`
    reads a column of a row that a lookup leads to and travels as `$expand`.
    """

    entity: str
    select: tuple[str, ...]
    where: Condition = EVERYTHING
    order: tuple[Order, ...] = ()
    top: int | None = None
    count: bool = False
    expands: tuple[Expand, ...] = ()


@dataclass(frozen=True, slots=True)
class Dialect:
    """The spelling of one service where the two differ."""

    service: Literal["dataverse", "finops"]
    always: Mapping[str, str] = field(default_factory=dict)
    """Query options of every read."""

    def url(self, query: ODataQuery) -> str:
        """The path and query string of `query`, percent-encoded, relative to the service root."""
        always = tuple(self.always.items())
        what = _asked_for(query.entity, query.select, query.expands, always)
        window = _window(query.order, query.top, counted=query.count)
        if query.where == EVERYTHING:
            return what + window
        return f"{what}&$filter={_encode(self.text(query.where))}{window}"

    def text(self, condition: Condition) -> str:
        """The `$filter` text of `condition`; every compound is parenthesised."""
        match condition:
            case Spelled(_, text):
                return text
            case All(parts):
                return "(" + " and ".join(map(self.text, parts)) + ")"
            case Compare(column, op, date() as day) if self._stores_times(day):
                return self.text(_within(column, op, day))
            case Compare(column, "eq" | "ne" as op, str() as value) if self._is_pattern(value):
                return self._exactly(column, op, value)
            case Compare(column, op, value):
                return f"{column} {op} {self.literal(value)}"
            case In(column, values):
                return self._in(column, values)
            case Like(column, match_, text):
                return self._like(column, match_, text)
            case AnyOf(parts):
                return "(" + " or ".join(map(self.text, parts)) + ")"
            case Not(part):
                return f"not ({self.text(part)})"

    def spelled(self, condition: Condition, named: Condition) -> Spelled:
        """The condition with the text of `named`, the same in the names of the service."""
        return Spelled(condition, self.text(named), self.conditions(named))

    def conditions(self, condition: Condition) -> int:
        """The number of conditions that the service counts in `condition`; Dataverse allows 500."""
        match condition:
            case Spelled(_, _, counted):
                return counted
            case All(parts) | AnyOf(parts):
                return sum(map(self.conditions, parts))
            case Not(part):
                return self.conditions(part)
            case In(column, values) if self._lists(column):
                return 1 + sum(not _is_listable(value) for value in values)
            case In(_, values):
                return len(values)
        return 1

    def literal(self, value: Value) -> str:
        match value:
            case None:
                return "null"
            case bool():
                return self._truth(value=value)
            case UUID() | Guid():
                return str(value)
            case int() | Decimal():
                return _number(value)
            case datetime():
                return _instant(value)
            case date():
                return str(value)
            case Choice(type_, member):
                return f"Microsoft.Dynamics.DataEntities.{type_}{_quoted(member)}"
            case str():
                return _quoted(value)

    def _truth(self, *, value: bool) -> str:
        # F&O has no booleans but an enumeration of two.
        if self.service == "finops":
            return self.literal(Choice("NoYes", "Yes" if value else "No"))
        return "true" if value else "false"

    def _stores_times(self, value: date) -> bool:
        """True if a day is compared with a column that holds times: F&O writes days as noon."""
        return self.service == "finops" and not isinstance(value, datetime)

    def _is_pattern(self, value: str) -> bool:
        """True if F&O would read an equality with `value` as one with a pattern."""
        return self.service == "finops" and "*" in value

    def _exactly(self, column: str, op: Operator, value: str) -> str:
        """An equality with a text that holds `*`, a wildcard beside `eq` and `ne` alone."""
        low, high, word = ("ge", "le", "and") if op == "eq" else ("lt", "gt", "or")
        text = _quoted(value)
        return f"({column} {low} {text} {word} {column} {high} {text})"

    def _in(self, column: str, values: tuple[Value, ...]) -> str:
        if not self._lists(column):
            return self.text(AnyOf(tuple(Compare(column, "eq", value) for value in values)))
        listed = ",".join([_listed(value) for value in values if _is_listable(value)])
        name = logical(column)
        text = f"Microsoft.Dynamics.CRM.In(PropertyName='{name}',PropertyValues=[{listed}])"
        others = [f"{column} eq {self.literal(each)}" for each in values if not _is_listable(each)]
        if not others:
            return text
        return "(" + " or ".join([text, *others] if listed else others) + ")"

    def _lists(self, column: str) -> bool:
        # The query function takes no path and exists on Dataverse alone.
        return self.service == "dataverse" and "/" not in column

    def _like(self, column: str, match_: Match, text: str) -> str:
        if self.service == "dataverse":
            return f"{match_}({column},{_quoted(_escape_like(text))})"
        if "*" in text:
            raise InvalidInput("'*' cannot be searched for: the ERP reads it as a wildcard.")
        pattern = {"startswith": f"{text}*", "endswith": f"*{text}", "contains": f"*{text}*"}
        return f"{column} eq {_quoted(pattern[match_])}"


DATAVERSE = Dialect("dataverse")
FINOPS = Dialect("finops", {"cross-company": "true"})


def _within(column: str, op: Operator, day: date) -> Condition:
    """A comparison with a day as comparisons with the instants at which it begins and ends."""
    if day == date.max:
        raise InvalidInput("The day in the filter is too late; 9999-12-30 is the last.")
    start = datetime.combine(day, time(), UTC)
    end = start + timedelta(days=1)
    match op:
        case "eq":
            return All((Compare(column, "ge", start), Compare(column, "lt", end)))
        case "ne":
            return AnyOf((Compare(column, "lt", start), Compare(column, "ge", end)))
        case "gt" | "le":
            return Compare(column, "ge" if op == "gt" else "lt", end)
        case "ge" | "lt":
            return Compare(column, op, start)


def row_url(collection: str, key: UUID) -> str:
    """The path of one Dataverse row below the service's root."""
    return f"{collection}({key})"


def _number(value: int | Decimal) -> str:
    """Digits without an exponent; what Dynamics has no room for is refused before it is written."""
    if not (isinstance(value, int) or value.is_finite()) or not -LARGEST < value < LARGEST:
        raise InvalidInput("The number in the filter is too large.")
    if isinstance(value, Decimal) and value.as_tuple().exponent < -PLACES:  # type: ignore[operator]
        raise InvalidInput(f"The number in the filter may have at most {PLACES} decimals.")
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _instant(value: datetime) -> str:
    """A moment in UTC; without a zone it is taken as UTC."""
    try:
        zoned = value if value.tzinfo else value.replace(tzinfo=UTC)
        return zoned.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError:
        raise InvalidInput("The time in the filter is out of range.") from None


def _plain(value: Value) -> str:
    """A value as an argument of a query function: always text."""
    return str(value) if isinstance(value, str) else DATAVERSE.literal(value)


def logical(column: str) -> str:
    """A column by its logical name: a lookup without what the Web API puts around it."""
    if column.startswith("_") and column.endswith("_value"):
        return column.removeprefix("_").removesuffix("_value")
    return column


def _listed(value: Value) -> str:
    """A value as an item of a query function's list, which is a JSON text."""
    if value.__class__ is Guid:
        return f'"{value}"'
    return msgspec.json.encode(_plain(value)).decode()


def _is_listable(value: Value) -> bool:
    if not isinstance(value, str):
        return True
    return _LISTABLE.fullmatch(value) is not None and value == value.strip()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _escape_like(text: str) -> str:
    """`%`, `_` and `[` are wildcards inside Dataverse's string functions; a class escapes them."""
    return "".join(f"[{character}]" if character in "%_[" else character for character in text)


def _ordering(order: Order) -> str:
    return f"{order.column} desc" if order.descending else order.column


def _encode(text: str) -> str:
    encoded = text
    for letter, code in _COMMON:
        encoded = encoded.replace(letter, code)
    return encoded if _PLAIN_URL.fullmatch(encoded) else quote(text, safe="'(),/$=:@;*!")


@lru_cache(maxsize=1024)
def _asked_for(
    collection: str,
    paths: tuple[str, ...],
    expands: tuple[Expand, ...],
    always: tuple[tuple[str, str], ...],
) -> str:
    """The part of a URL that names the columns to read: `$select` and `$expand`."""
    options = _projection(paths)
    if expands:
        own = [options["$expand"]] if "$expand" in options else []
        options["$expand"] = ",".join([*own, *map(_expanded, expands)])
    told = [f"{name}={_encode(value)}" for name, value in (*options.items(), *always)]
    return f"{collection}?{'&'.join(told)}"


@lru_cache(maxsize=1024)
def _window(order: tuple[Order, ...], top: int | None, *, counted: bool) -> str:
    """The part of a URL that says which rows, and in what order."""
    ordered = "&$orderby=" + _encode(",".join(map(_ordering, order))) if order else ""
    first = "" if top is None else f"&$top={top}"
    return ordered + first + ("&$count=true" if counted else "")


def _expanded(expand: Expand) -> str:
    options = [f"{name}={value}" for name, value in _projection(expand.select).items()]
    if expand.order:
        options.append("$orderby=" + ",".join(map(_ordering, expand.order)))
    if expand.top is not None:
        options.append(f"$top={expand.top}")
    return f"{expand.navigation}({';'.join(options)})"


def _projection(paths: tuple[str, ...]) -> dict[str, str]:
    """Columns and paths as `$select` and `$expand`."""
    columns, expands = _split(paths)
    options = {"$select": ",".join(columns)} if columns else {}
    if expands:
        options["$expand"] = ",".join(_expand(nav, inner) for nav, inner in expands.items())
    return options


def _expand(navigation: str, paths: list[str]) -> str:
    options = ";".join(f"{name}={value}" for name, value in _projection(tuple(paths)).items())
    return f"{navigation}({options})"


def _split(paths: Iterable[str]) -> tuple[list[str], dict[str, list[str]]]:
    columns: list[str] = []
    expands: dict[str, list[str]] = {}
    for path in sorted(set(paths)):
        navigation, slash, rest = path.partition("/")
        if slash:
            expands.setdefault(navigation, []).append(rest)
        else:
            columns.append(path)
    return columns, expands
