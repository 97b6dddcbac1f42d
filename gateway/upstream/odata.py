"""
Conditions and queries -> OData text. Together with `dialects`, which has what each service spells
in its own way, the only place where a value becomes part of a URL.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Literal
from urllib.parse import quote
from uuid import UUID

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
ENUMERATIONS = "Microsoft.Dynamics.DataEntities."
"""The prefix of the types of F&O's enumerations; their members travel as texts."""
PLACES = 20
"""Decimals beyond which neither service keeps any."""

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


ServiceName = Literal["dataverse", "finops"]


@dataclass(frozen=True)
class Dialect:
    """
    A service that speaks OData: the spelling of queries, and the facts by which its rows differ
    from those of others. `gateway.upstream.dialects` has one for each service.
    """

    service: ServiceName
    label: str
    """The name of the service in the log and in the words of the doctor."""
    always: Mapping[str, str] = field(default_factory=dict)
    """Query options of every read."""
    has_nulls: bool = True
    """True if a column can be null; if not, a column that is left empty has a value of its type."""
    first_day: date | None = None
    """The first day that is one, where earlier ones stand for a day that was left open."""
    stores_days_as_times: bool = False
    """True if a day is stored, compared and ordered with a time."""
    has_booleans: bool = True
    """
    True if a boolean is one in JSON and a choice a number, and both can be ordered by; if not, they
    are enumerations, whose members are texts in JSON and compared for equality alone.
    """
    has_feeds: bool = False
    """True if it tells which rows of a table changed."""
    has_lookups: bool = False
    """True if columns lead to rows of other tables, as its metadata says."""
    keeps_logical_names: bool = False
    """True if metadata and errors name a table by its logical name, whatever its collection is."""
    takes_preferences: bool = False
    """True if it reads the header `Prefer`, which sizes pages and asks for annotations."""
    sorts_plainly: bool = False
    """True if its order can be repeated here: no nulls, and text without case and accents."""
    no_table: frozenset[str] = frozenset()
    """The codes of a 404 that say that it has no such table; empty if any 404 does."""

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
            case Compare(column, op, date() as day) if self._is_bare_day(day):
                return self.text(_within(column, op, day))
            case Compare(column, op, value):
                return self.compared(column, op, value)
            case In(column, values):
                return self.listed(column, values)
            case Like(column, match_, text):
                return self.like(column, match_, text)
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
            case In(column, values):
                return self.conditions_of_list(column, values)
        return 1

    def literal(self, value: Value) -> str:
        match value:
            case None:
                return "null"
            case bool():
                return self.truth(value=value)
            case UUID() | Guid():
                return str(value)
            case int() | Decimal():
                return _number(value)
            case datetime():
                return _instant(value)
            case date():
                return str(value)
            case Choice(type_, member):
                return f"{ENUMERATIONS}{type_}{quoted(member)}"
            case str():
                return quoted(value)

    def truth(self, *, value: bool) -> str:
        """A boolean."""
        return "true" if value else "false"

    def compared(self, column: str, op: Operator, value: Value) -> str:
        """A comparison of a column with a value."""
        return f"{column} {op} {self.literal(value)}"

    def listed(self, column: str, values: tuple[Value, ...]) -> str:
        """The condition that a column has one of these values."""
        return self.text(AnyOf(tuple(Compare(column, "eq", value) for value in values)))

    def conditions_of_list(self, column: str, values: tuple[Value, ...]) -> int:
        """The number of conditions that the service counts in `listed`."""
        return len(values)

    def like(self, column: str, match: Match, text: str) -> str:
        """The condition that a column begins with a text, ends with it or contains it."""
        return f"{match}({column},{quoted(text)})"

    def _is_bare_day(self, value: date) -> bool:
        """True if a day is compared with a column that holds times."""
        return self.stores_days_as_times and not isinstance(value, datetime)


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


def logical(column: str) -> str:
    """A column by its logical name: a lookup without what the Web API puts around it."""
    if column.startswith("_") and column.endswith("_value"):
        return column.removeprefix("_").removesuffix("_value")
    return column


def quoted(text: str) -> str:
    """A text as it stands in a condition."""
    return "'" + text.replace("'", "''") + "'"


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
