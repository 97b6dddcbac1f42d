"""
Columns that extensions declare with `input=True` -> fields of the inputs of orders.

An app with such members has input types of its own, of the same names; without any, ours stand.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from typing import Any, cast

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

from gateway.model.declarations import DeclarationError, Row, Written
from gateway.model.members.column import Column, inputs_of
from gateway.model.registry import Registry
from gateway.resolvers.orders.inputs import (
    CLEARS,
    AcceptQuoteInput,
    AddSalesOrderLinesInput,
    CreateSalesOrderInput,
    Extensible,
    ImportSalesOrderLinesInput,
    PreviewSalesOrderInput,
    ReorderInput,
    SalesOrderLineInput,
    UpdateSalesOrderInput,
    UpdateSalesOrderLineInput,
)
from gateway.schema.business.sales import SalesOrder, SalesOrderLine

OF_NEW_ORDERS = (PreviewSalesOrderInput, CreateSalesOrderInput, ReorderInput, AcceptQuoteInput)
WITH_LINES = (PreviewSalesOrderInput, CreateSalesOrderInput, AddSalesOrderLinesInput)
OF_NEW_LINES = (*WITH_LINES, ReorderInput, ImportSalesOrderLinesInput)
"""The inputs of mutations by which lines come to be, whatever says so."""


def extended(registry: Registry, fields: Iterable[StrawberryField]) -> list[StrawberryField]:
    """
    The mutations of an app: `fields` with the inputs that its extensions have added to.

    DeclarationError for a member that can be in no input.
    """
    _check(registry)
    inputs = _inputs(registry)
    return [_taking(inputs, field) for field in fields]


def _members(registry: Registry, table: type[Row], when: Written) -> list[Column]:
    return inputs_of(registry.members(table.__table__.specs).values(), when)


def _check(registry: Registry) -> None:
    ours = (SalesOrder.__table__, SalesOrderLine.__table__)
    mistakes = [
        f"{spec.label} is an input; only members of SalesOrder and SalesOrderLine can be"
        for table in registry.tables.values()
        if table not in ours
        for spec in registry.members(table.specs).values()
        if spec.is_input
    ]
    if mistakes:
        raise DeclarationError("\n".join(mistakes))


def _inputs(registry: Registry) -> dict[type, type]:
    """The inputs of the app's own, by those that they stand for."""
    header = dict.fromkeys(OF_NEW_ORDERS, _members(registry, SalesOrder, "create"))
    lines = _members(registry, SalesOrderLine, "create")
    members: dict[type[Extensible], list[Column]] = {
        SalesOrderLineInput: lines,
        **header,
        UpdateSalesOrderInput: _members(registry, SalesOrder, "update"),
        UpdateSalesOrderLineInput: _members(registry, SalesOrderLine, "update"),
    }
    made: dict[type, type] = {}
    for cls in dict.fromkeys([*members, *OF_NEW_LINES]):
        own, below = members.get(cls, []), lines if cls in OF_NEW_LINES else []
        if own or below:
            made[cls] = _made(cls, own, below, made.get(SalesOrderLineInput))
    return made


def _made(
    cls: type[Extensible], own: Sequence[Column], below: Sequence[Column], line: type | None
) -> type:
    """An input like `cls` with the members `own`, whose lines are inputs of the type `line`."""
    ours = {field.python_name: field for field in cls.__strawberry_definition__.fields}  # type: ignore[attr-defined]
    types: dict[str, Any] = {}
    members: dict[str, Any] = {}
    for spec in own:
        if spec.name in ours:
            taken = to_camel_case(spec.name)
            raise DeclarationError(f"{spec.label}: {cls.__name__} has '{taken}' already")
        types[spec.name], members[spec.name] = _field(cls, spec)
    if line is not None and cls in WITH_LINES:
        types["lines"] = list[line]  # type: ignore[valid-type]
        members["lines"] = strawberry.field(description=ours["lines"].description)
    if cls is ImportSalesOrderLinesInput:
        types["csv"] = str
        names = ", ".join(f"`{to_camel_case(spec.name)}`" for spec in below)
        said = f"{ours['csv'].description} Further columns: {names}."
        members["csv"] = strawberry.field(description=said)
    members |= {"__annotations__": types, "__post_init__": _collecting(own)}
    members |= {"LINE_MEMBERS": tuple(below), "__doc__": cls.__doc__}
    made = type(cls.__name__, (cls,), members)
    return strawberry.input(made, description=cls.__strawberry_definition__.description)  # type: ignore[attr-defined]


def _field(cls: type, spec: Column) -> tuple[Any, Any]:
    """The type and the field of a member in an input; nobody must say what stays as it is."""
    changes = cls in (UpdateSalesOrderInput, UpdateSalesOrderLineInput)
    if not changes and not spec.optional:
        return spec.type, strawberry.field(description=spec.doc)
    doc = spec.doc + CLEARS if changes and spec.optional else spec.doc
    return spec.type | None, strawberry.field(default=strawberry.UNSET, description=doc)


def _collecting(members: Sequence[Column]) -> Any:
    def collect(sent: Extensible) -> None:
        said = {spec: getattr(sent, spec.name) for spec in members}
        sent.own = {spec: v for spec, v in said.items() if v is not strawberry.UNSET}

    return collect


def _taking(inputs: Mapping[type, type], field: StrawberryField) -> StrawberryField:
    """The mutation with the input of the app's own, where it has one."""
    (argument,) = field.arguments
    own = inputs.get(cast("type", argument.type))
    if own is None:
        return field
    taking, taken = copy(field), copy(argument)
    taken.type_annotation = StrawberryAnnotation(own)
    taking.arguments = [taken]
    return taking
