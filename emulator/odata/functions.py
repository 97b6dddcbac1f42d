"""Compiles Dataverse's query functions, `Microsoft.Dynamics.CRM.In(...)` and its sixty relatives.

Their property is named by its logical name and their values are text, whatever the column's type.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from emulator.ddl import comparable
from emulator.errors import BadQuery, NotImplementedHere, Refusal
from emulator.metadata import Column, Table, Type
from emulator.odata.literals import spelled
from emulator.odata.periods import ALWAYS, NEVER, Period, midnight, period
from emulator.odata.syntax import Call, Kind, Literal
from emulator.values import Stored

PREFIX = "Microsoft.Dynamics.CRM."
HIERARCHY = {"Under", "UnderOrEqual", "NotUnder", "Above", "AboveOrEqual", "ChildOf"}


@dataclass(frozen=True, slots=True)
class Context:
    """The parts that a query function may use of the statement that it becomes a part of."""

    table: Table
    alias: str
    bind: Callable[[Stored], str]
    now: datetime
    me: dict[str, Stored]


@dataclass(frozen=True, slots=True)
class Subject:
    """The column that a query function speaks of, with the values it was given."""

    column: Column
    sql: str
    values: list[str]
    context: Context

    @property
    def comparable(self) -> str:
        return comparable(self.column, self.sql)

    def bind(self, text: str) -> str:
        return self.context.bind(spelled(self.column, text))

    def bind_all(self) -> str:
        return ", ".join(self.bind(text) for text in self.values)


def query_function(node: Call, context: Context) -> str:
    return apply(node.name.removeprefix(PREFIX), _subject(node, context))


def apply(name: str, subject: Subject) -> str:
    """The condition of a function by its bare name."""
    if name in FUNCTIONS:
        return FUNCTIONS[name](subject)
    if name in HIERARCHY:
        return _hierarchy(name, subject)
    count = _count(subject) if "X" in name else None
    if found := period(name, count, subject.context.now):
        return _within(subject, found)
    if "Fiscal" in name:
        raise NotImplementedHere(f"The emulator has no fiscal calendar for '{name}'.")
    raise BadQuery(f"An unknown function with name '{PREFIX}{name}' was found.")


def no_attribute(table: Table, name: str) -> Refusal:
    return BadQuery(
        f"'{table.name}' entity doesn't contain attribute with Name = '{name}' and"
        " NameMapping = 'Logical'.",
        code="0x80041103",
    )


def by_logical_name(table: Table, name: str) -> Column:
    column = table.logical(name)
    if column is None or column.logical != name:
        raise no_attribute(table, name)
    return column


def _subject(node: Call, context: Context) -> Subject:
    named = node.named.get("PropertyName")
    if not isinstance(named, Literal) or named.kind is not Kind.STRING:
        raise BadQuery(f"'{node.name}' needs a PropertyName in quotes.")
    column = by_logical_name(context.table, str(named.value))
    values = _texts(node.named.get("PropertyValues"), node.named.get("PropertyValue"))
    return Subject(column, f'{context.alias}."{column.name}"', values, context)


def _texts(many: object, one: object) -> list[str]:
    if isinstance(many, Literal) and isinstance(many.value, tuple):
        return [str(each.value) for each in many.value]
    return [str(one.value)] if isinstance(one, Literal) else []


def _count(subject: Subject) -> int:
    if len(subject.values) != 1 or not subject.values[0].isdigit():
        raise BadQuery("The number of a period is a positive whole number.")
    return int(subject.values[0])


def _within(subject: Subject, found: Period) -> str:
    """Half open: the end does not belong to a period."""
    form = "%Y-%m-%d" if subject.column.type is Type.DATE else "%Y-%m-%dT%H:%M:%SZ"
    if subject.column.type not in (Type.DATE, Type.DATETIME):
        raise BadQuery(f"'{subject.column.logical}' is no date.")
    start, end = (subject.context.bind(moment.strftime(form)) for moment in found)
    return f"({subject.sql} >= {start} AND {subject.sql} < {end})"


def _day(subject: Subject) -> datetime:
    text = str(spelled(subject.column, subject.values[0]))
    return midnight(datetime.fromisoformat(text[:10]))


def _on(subject: Subject) -> str:
    return _within(subject, (_day(subject), _day(subject) + timedelta(days=1)))


def _on_or_after(subject: Subject) -> str:
    return _within(subject, (_day(subject), NEVER))


def _on_or_before(subject: Subject) -> str:
    return _within(subject, (ALWAYS, _day(subject) + timedelta(days=1)))


def _in(subject: Subject) -> str:
    return f"{subject.comparable} IN ({subject.bind_all()})"


def _not_in(subject: Subject) -> str:
    return f"({subject.sql} IS NULL OR {subject.comparable} NOT IN ({subject.bind_all()}))"


def _between(subject: Subject) -> str:
    if len(subject.values) != 2:
        raise BadQuery("Between takes exactly two values.")
    low, high = (subject.bind(text) for text in subject.values)
    return f"({subject.comparable} >= {low} AND {subject.comparable} <= {high})"


def _contain_values(subject: Subject) -> str:
    if subject.column.type is not Type.CHOICES:
        raise BadQuery(f"'{subject.column.logical}' is no multi-select choice.")
    tests = (
        f"instr(',' || {subject.sql} || ',', {subject.context.bind(f',{int(text)},')}) > 0"
        for text in subject.values
    )
    return f"({' OR '.join(tests)})"


def _equals_me(kind: str) -> Callable[[Subject], str]:
    def compile_(subject: Subject) -> str:
        return f"{subject.sql} = {subject.context.bind(subject.context.me.get(kind))}"

    return compile_


def _negated(positive: Callable[[Subject], str]) -> Callable[[Subject], str]:
    return lambda subject: f"NOT coalesce({positive(subject)}, 0)"


def _hierarchy(name: str, subject: Subject) -> str:
    """Rows below or above another one, along the lookup of the table to itself."""
    table = subject.context.table
    parent = next((c for c in table.lookups() if _is_own_parent(table, c)), None)
    if parent is None:
        raise BadQuery(f"'{table.name}' has no hierarchy.")
    start = subject.bind(subject.values[0])
    key = f'{subject.context.alias}."{table.id}"'
    found = f"{key} IN ({_relatives(table, parent, start, above=name.startswith('Above'))})"
    if name == "NotUnder":
        return f"NOT {found}"
    return found if name.endswith("OrEqual") else f"({found} AND {key} <> {start})"


def _relatives(table: Table, parent: Column, start: str, *, above: bool) -> str:
    """SQL for the keys of a row and of all its ancestors or descendants."""
    near, far = (parent.name, table.id) if above else (table.id, parent.name)
    step = f'SELECT r."{near}" FROM "{table.sql}" r JOIN h ON r."{far}" = h.at'  # noqa: S608
    return f"WITH RECURSIVE h(at) AS (SELECT {start} UNION {step}) SELECT at FROM h"  # noqa: S608


def _is_own_parent(table: Table, column: Column) -> bool:
    return column.logical.startswith("parent") and any(
        t.table == table.name for t in column.targets
    )


FUNCTIONS: dict[str, Callable[[Subject], str]] = {
    "In": _in,
    "NotIn": _not_in,
    "Between": _between,
    "NotBetween": _negated(_between),
    "ContainValues": _contain_values,
    "DoesNotContainValues": _negated(_contain_values),
    "On": _on,
    "NotOn": _negated(_on),
    "OnOrAfter": _on_or_after,
    "OnOrBefore": _on_or_before,
    "EqualUserId": _equals_me("UserId"),
    "NotEqualUserId": _negated(_equals_me("UserId")),
    "EqualBusinessId": _equals_me("BusinessUnitId"),
    "NotEqualBusinessId": _negated(_equals_me("BusinessUnitId")),
}
