"""Declared root fields -> fields of the schema, which ask for their permission first."""

from collections.abc import Iterable
from functools import wraps
from inspect import isawaitable, signature
from typing import Any, get_args, get_type_hints

import strawberry
from strawberry.types.field import StrawberryField

from gateway.model.declarations import DeclarationError
from gateway.model.fields import RootField
from gateway.model.graphql_types import is_input, is_output, shown
from gateway.schema.context import Info


def fields_of(declared: Iterable[RootField], taken: Iterable[str]) -> list[StrawberryField]:
    """Fields for functions; DeclarationError where one cannot be, or its name is `taken`."""
    names, made = set(taken), []
    for each in declared:
        if each.name in names:
            raise DeclarationError(f"{each.label}: the name is taken by another {each.root}")
        names.add(each.name)
        made.append(_field_of(each))
    return made


def _field_of(declared: RootField) -> StrawberryField:
    _check(declared)
    function = declared.function

    @wraps(function)
    async def permitted(*args: Any, info: Info, **arguments: Any) -> Any:
        info.context.principal.access(declared.needs, declared.privilege)
        found = function(*args, info=info, **arguments)
        return await found if isawaitable(found) else found

    doc = " ".join((function.__doc__ or "").split())
    field: StrawberryField = strawberry.field(resolver=permitted, description=doc)
    field.python_name = declared.name
    return field


def _check(declared: RootField) -> None:
    try:
        hints = get_type_hints(declared.function)
    except NameError as error:
        raise DeclarationError(f"{declared.label}: no type is called '{error.name}'") from None
    parameters = list(signature(declared.function).parameters)
    if hints.get("info") is not Info:
        raise DeclarationError(f"{declared.label} needs a parameter `info: Info`")
    for name in parameters:
        if name not in hints:
            raise DeclarationError(f"{declared.label}: the parameter '{name}' needs a type")
        if name != "info" and not is_input(hints[name]):
            said = f"{shown(hints[name])} is not a type of arguments; decorate it with `input`"
            raise DeclarationError(f"{declared.label}: the parameter '{name}': {said}")
    if type(None) not in get_args(hints.get("return")):
        # A field that may not be null would take the others of its answer with it.
        raise DeclarationError(f"{declared.label} must return `... | None`")
    if not is_output(hints["return"]):
        said = f"{shown(hints['return'])} is not a type of results; decorate it with `type`"
        raise DeclarationError(f"{declared.label}: {said} or `table`")
