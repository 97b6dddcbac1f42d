"""Annotations of Python -> whether the schema has a type for them, in answers and in arguments."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin
from uuid import UUID

import strawberry

from gateway.model.declarations import Row

_SCALARS = (str, int, float, bool, Decimal, UUID, date, datetime, time, strawberry.ID)


def is_output(annotation: Any) -> bool:
    """True if a field can return it: scalars, tables, enumerations, Strawberry's types, lists."""
    return _fits(annotation, lambda definition: not getattr(definition, "is_input", False))


def is_input(annotation: Any) -> bool:
    """True if it can be an argument: scalars, enumerations, Strawberry's inputs, lists of them."""
    return not _is_row(annotation) and _fits(
        annotation, lambda definition: getattr(definition, "is_input", True)
    )


def shown(annotation: Any) -> str:
    """An annotation as it is written in messages."""
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _fits(annotation: Any, suits: Callable[[Any], bool]) -> bool:
    origin = get_origin(annotation)
    if origin in (Union, UnionType, list, Sequence):
        return all(_fits(each, suits) for each in get_args(annotation))
    if annotation is NoneType or annotation in _SCALARS:
        return True
    if _is_row(annotation):
        return "__table__" in vars(annotation)
    if hasattr(annotation, "_scalar_definition"):
        return True
    definition = getattr(origin or annotation, "__strawberry_definition__", None)
    return definition is not None and suits(definition)


def _is_row(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Row)
