"""Typed filters: declared columns -> GraphQL inputs, and what a caller sends -> a condition."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any
from uuid import UUID

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from gateway.errors import InvalidInput
from gateway.model.kinds import OptionSet
from gateway.model.registry import Registry
from gateway.model.tables import Spec, Table
from gateway.schema import ids
from gateway.upstream.conditions import (
    NOTHING,
    Compare,
    Condition,
    In,
    Like,
    Not,
    Operator,
    Value,
    both,
    complement,
    either,
    one_of,
)

_COMPARED: Mapping[str, Operator] = {
    "eq": "eq",
    "gt": "gt",
    "gte": "ge",
    "lt": "lt",
    "lte": "le",
}
SentFilter = Mapping[str, Any]
"""A filter of the request, with its values coerced by GraphQL."""

_COMPARISONS = {
    "eq": "equal to",
    "gt": "greater than",
    "gte": "at least",
    "lt": "less than",
    "lte": "at most",
}
_SETS = {"in": "one of"}
_TEXT = {"startsWith": "starting with", "contains": "containing"}

_OPERATORS: Mapping[type, tuple[str, Mapping[str, str]]] = {
    str: ("StringFilter", {"eq": "equal to", **_SETS, **_TEXT}),
    int: ("IntFilter", {**_COMPARISONS, **_SETS}),
    Decimal: ("DecimalFilter", {**_COMPARISONS, **_SETS}),
    datetime: ("DateTimeFilter", {**_COMPARISONS, **_SETS}),
    date: ("DateFilter", {**_COMPARISONS, **_SETS}),
    bool: ("BooleanFilter", {"eq": "equal to"}),
    UUID: ("IDFilter", {"eq": "equal to", **_SETS}),
}


class Filters:
    """The filter inputs of one schema; each is made once."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._inputs: dict[str, type] = {}

    def for_table(self, table: Table) -> type:
        """The input by which lists of `table` are filtered."""
        name = f"{table.name}Filter"
        if name not in self._inputs:
            made = self._inputs[name] = _input(name, f"The rows of {table.name} to list.")
            for member in self._registry.members(table.filterable).values():
                _add(made, member.name, self._for_member(member), member.doc)
            _add(made, "and", list[made], "All of these hold.")  # type: ignore[valid-type]
            _add(made, "or", list[made], "At least one of these holds.")  # type: ignore[valid-type]
            _add(made, "not", made, "This does not hold.")
        return self._inputs[name]

    def _for_member(self, member: Spec) -> type:
        _, type_ = _compared_column(member)
        if member.leads_to is not None:
            return self._operators(strawberry.ID, *_OPERATORS[UUID])
        if issubclass(type_, Enum):
            return self._operators(type_, f"{type_.__name__}Filter", _OPERATORS[UUID][1])
        return self._operators(type_, *_OPERATORS[type_])

    def _operators(self, type_: Any, name: str, operators: Mapping[str, str]) -> type:
        if name not in self._inputs:
            made = self._inputs[name] = _input(name, "Conditions on one value; all of them hold.")
            for operator, doc in operators.items():
                operand = list[type_] if operator == "in" else type_
                _add(made, operator, operand, f"The value is {doc} this.")
        return self._inputs[name]


def condition(table: Table, sent: SentFilter) -> Condition:
    """The condition that a filter means; raises InvalidInput where a value cannot be used."""
    return both(*(_part(table, name, value) for name, value in sent.items()))


def _part(table: Table, name: str, value: Any) -> Condition:
    if value is None:
        raise InvalidInput(f"'{name}' cannot be null; leave it out instead.", argument="filter")
    match name:
        case "and":
            return both(*(condition(table, each) for each in value))
        case "or":
            return either(*(condition(table, each) for each in value))
        case "not":
            return complement(condition(table, value), nullable=table.dialect.has_nulls)
    member = table.filterable[name]
    path, _ = _compared_column(member)
    target = member.leads_to
    return _operations(table, path, value, _plain if target is None else partial(_linked, target))


def _operations(
    table: Table, path: str, operators: SentFilter, typed: Callable[[Any], Value]
) -> Condition:
    return both(*(_operation(table, path, name, value, typed) for name, value in operators.items()))


def _operation(
    table: Table, path: str, operator: str, value: Any, typed: Callable[[Any], Value]
) -> Condition:
    if value is None:
        return _absent(table, path, operator)
    first = table.dialect.first_day
    if first is not None and operator in ("lt", "lte") and isinstance(value, date):
        return both(_compared(path, operator, value), Compare(path, "ge", first))
    match operator:
        case "eq" if _is_unknown(value):
            return _undeclared(table, path, type(value))
        case "in" if any(map(_is_unknown, value)):
            known = [each for each in value if not _is_unknown(each)]
            choices = next(type(each) for each in value if _is_unknown(each))
            return either(one_of(path, map(typed, known)), _undeclared(table, path, choices))
        case "in":
            return one_of(path, map(typed, value))
        case "startsWith":
            return Like(path, "startswith", value)
        case "contains":
            return Like(path, "contains", value)
    return _compared(path, operator, typed(value))


def _absent(table: Table, path: str, operator: str) -> Condition:
    """The rows that show null at `path`; without nulls those alone in which a day was left open."""
    if operator != "eq":
        raise InvalidInput(f"'{operator}' cannot be null here.", argument="filter")
    if table.dialect.has_nulls:
        return Compare(path, "eq", None)
    first = table.dialect.first_day
    if first is None or not issubclass(table.scalars.get(path, str), date):
        return NOTHING
    return Compare(path, "lt", first)


def _is_unknown(value: Any) -> bool:
    return isinstance(value, OptionSet) and value.is_unknown


def _undeclared(table: Table, path: str, choices: type[OptionSet]) -> Condition:
    """The rows whose value is none that the option set declares, which read as UNKNOWN."""
    declared: tuple[Value, ...] = tuple(each.value for each in choices if not each.is_unknown)
    others = Not(In(path, declared))
    return both(Compare(path, "ne", None), others) if table.dialect.has_nulls else others


def _compared(path: str, operator: str, value: Value) -> Condition:
    return Compare(path, _COMPARED[operator], value)


def _plain(value: Any) -> Value:
    plain: Value = value.value if isinstance(value, Enum) else value
    if isinstance(plain, Decimal) and not plain.is_finite():
        # Conditions are compared by their hash, and a signaling NaN has none.
        raise InvalidInput(
            "Not a number that can be compared in a filter; send a finite one.",
            argument="filter",
        )
    return plain


def _linked(target: Table, id_: Any) -> Value:
    return ids.key(target, str(id_))[0]


def _compared_column(member: Spec) -> tuple[str, type]:
    assert member.compared is not None, "filterable members have a column"  # noqa: S101
    return member.compared


def _input(name: str, doc: str) -> type:
    """An empty input type; its values stay plain dicts, as the caller sent them."""
    made = type(name, (), {})
    made.__strawberry_definition__ = StrawberryObjectDefinition(  # type: ignore[attr-defined]
        name=name,
        is_input=True,
        is_interface=False,
        origin=made,
        description=doc,
        interfaces=[],
        extend=False,
        directives=(),
        is_type_of=None,
        resolve_type=None,
        fields=[],
        from_input=lambda cls, value, context: value,
    )
    return made


def _add(made: type, name: str, type_: Any, doc: str) -> None:
    definition = made.__strawberry_definition__  # type: ignore[attr-defined]
    definition.fields.append(
        StrawberryField(
            python_name=name,
            graphql_name=None,
            type_annotation=StrawberryAnnotation(type_ | None),
            description=doc,
            default=strawberry.UNSET,
        )
    )
