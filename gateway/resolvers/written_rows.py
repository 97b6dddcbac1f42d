"""
Members and their values -> rows as they are written, in the columns that the declarations name.
"""

from collections.abc import Mapping
from typing import Any

from gateway.model.declarations import DeclarationError, Row, Spec, Table, Written


def row_of(cls: type[Row], when: Written, **values: object) -> dict[str, Any]:
    """
    The row of a new one (`create`) or of a change (`update`), nulls included.

    `values` are members that are declared as written: a link or lookup takes a UUID or a row, a
    group its object, a blank text is null. DeclarationError for any other member.
    """
    return written(cls.__table__, values, when)[0]


def stated(row: dict[str, Any]) -> dict[str, Any]:
    """The row without what has no value."""
    return {name: value for name, value in row.items() if value is not None}


def written(
    table: Table, values: Mapping[str, object], when: Written
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A row as it is written, and as the row rule would see it."""
    row: dict[str, Any] = {}
    seen: dict[str, Any] = {}
    for name, value in values.items():
        own, shown = _writable(table, name, when).write(value)
        row |= own
        seen |= shown
    return row, seen


def _writable(table: Table, name: str, when: Written) -> Spec:
    spec = table.specs.get(name)
    if spec is None:
        raise DeclarationError(f"{table.name} has no member '{name}'")
    if spec.writing not in (when, "always"):
        raise DeclarationError(f'{spec.label} must be declared with `written="{when}"`')
    return spec
