"""Compiles the conditions of FetchXML and of QueryExpression, which share their operators."""

from collections.abc import Callable
from typing import Any

from emulator.errors import BadQuery
from emulator.metadata import TEXTS, Table
from emulator.odata.functions import Context, Subject, apply, by_logical_name
from emulator.odata.patterns import like
from emulator.store import Store
from emulator.values import Stored, fold

Json = dict[str, Any]
# QueryExpression spells the operators of FetchXML in another way.
EXPRESSION_NAMES = {
    "Equal": "eq",
    "NotEqual": "ne",
    "GreaterThan": "gt",
    "GreaterEqual": "ge",
    "LessThan": "lt",
    "LessEqual": "le",
    "Like": "like",
    "NotLike": "not-like",
    "In": "in",
    "NotIn": "not-in",
    "Null": "null",
    "NotNull": "not-null",
    "BeginsWith": "begins-with",
    "EndsWith": "ends-with",
}
COMPARISONS = {"eq": "=", "ne": "IS NOT", "neq": "IS NOT", "gt": ">", "ge": ">=", "lt": "<",
               "le": "<="}  # fmt: skip
SHAPES = {
    "like": "{}",
    "begins-with": "{}*",
    "ends-with": "*{}",
}
NEGATIVES = {
    "not-like": "like",
    "not-begin-with": "begins-with",
    "not-end-with": "ends-with",
}


def condition(operator: str, subject: Subject) -> str:
    """SQL of one condition; the subject holds column and values."""
    if operator in ("null", "not-null"):
        return f"{subject.sql} IS {'NOT ' if operator == 'not-null' else ''}NULL"
    if operator in COMPARISONS:
        return f"{subject.comparable} {COMPARISONS[operator]} {subject.bind(_only(subject))}"
    if operator in SHAPES:
        return _matches(subject, SHAPES[operator])
    if operator in NEGATIVES:
        return f"NOT coalesce({_matches(subject, SHAPES[NEGATIVES[operator]])}, 0)"
    return apply(_function_name(operator), subject)


def subject_of(table: Table, name: str, values: list[str], context: Context) -> Subject:
    column = by_logical_name(table, name)
    return Subject(column, f'{context.alias}."{column.name}"', values, context)


def query_expression(store: Store, query: Json) -> tuple[Table, str, list[Stored]]:
    """Table, condition and values of a QueryExpression, as far as its criteria go."""
    table = store.shown.by_name.get(str(query.get("EntityName")))
    if table is None:
        raise BadQuery(f"The entity '{query.get('EntityName')}' was not found.", code="0x80041102")
    values: list[Stored] = []
    context = Context(table, f'"{table.sql}"', _binder(values), store.clock(), {})
    return table, _criteria(table, query.get("Criteria") or {}, context), values


def _criteria(table: Table, criteria: Json, context: Context) -> str:
    word = f" {str(criteria.get('FilterOperator', 'And')).upper()} "
    parts = [_expression(table, each, context) for each in criteria.get("Conditions") or ()]
    parts += [_criteria(table, each, context) for each in criteria.get("Filters") or ()]
    return f"({word.join(parts)})" if parts else "1"


def _expression(table: Table, json: Json, context: Context) -> str:
    values = [str(each["Value"] if isinstance(each, dict) else each) for each in json["Values"]]
    name = str(json["Operator"])
    operator = EXPRESSION_NAMES.get(name, name)
    return condition(operator, subject_of(table, str(json["AttributeName"]), values, context))


def _binder(values: list[Stored]) -> Callable[[Stored], str]:
    def bind(value: Stored) -> str:
        values.append(value)
        return f"?{len(values)}"

    return bind


def _only(subject: Subject) -> str:
    if len(subject.values) != 1:
        raise BadQuery(f"The condition on '{subject.column.logical}' takes exactly one value.")
    return subject.values[0]


def _matches(subject: Subject, shape: str) -> str:
    if subject.column.type not in TEXTS:
        raise BadQuery(f"'{subject.column.logical}' is no text.")
    pattern = shape.format(like(fold(_only(subject)) or ""))
    return f"{subject.comparable} GLOB {subject.context.bind(pattern)}"


def _function_name(operator: str) -> str:
    """`last-x-days` is the query function LastXDays; names of QueryExpression stay as they are."""
    if operator.islower():
        operator = "".join(part.capitalize() for part in operator.split("-"))
    return FUNCTION_NAMES.get(operator, operator)


FUNCTION_NAMES = {
    "EqUserid": "EqualUserId",
    "NeUserid": "NotEqualUserId",
    "EqBusinessid": "EqualBusinessId",
    "NeBusinessid": "NotEqualBusinessId",
    "LastSevenDays": "Last7Days",
    "NextSevenDays": "Next7Days",
    "NotContainValues": "DoesNotContainValues",
    "EqOrUnder": "UnderOrEqual",
    "EqOrAbove": "AboveOrEqual",
}
