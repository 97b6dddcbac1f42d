"""
Members and their values -> rows as they are written, in the columns that the declarations name.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from gateway.model.declarations import (
    Column,
    DeclarationError,
    Group,
    Link,
    Row,
    Spec,
    Table,
    Written,
)
from gateway.model.kinds import OptionSet
from gateway.upstream.names import Reference, lookup_value


def row_of(cls: type[Row], when: Written, **values: object) -> dict[str, Any]:
    """
    The row of a new one (`create`) or of a change (`update`), nulls included.

    `values` are members that are declared as written: a link or lookup takes a UUID or a row, a
    group its object, a blank text is null. DeclarationError for any other member.
    """
    return written(cls.__table__, values, when)[0]


def written(
    table: Table, values: Mapping[str, object], when: Written
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A row as it is written, and as the row rule would see it."""
    row: dict[str, Any] = {}
    seen: dict[str, Any] = {}
    for name, value in values.items():
        spec = _writable(table, name, when)
        if isinstance(spec, Link):
            more = _linked(spec, value)
            row[_step(spec)] = more[0]
            seen |= more[1]
        elif isinstance(spec, Column) and spec.target:
            row[spec.step] = Reference(spec.target, value) if isinstance(value, UUID) else None
            seen[spec.path] = sent(value)
        else:
            plain = dict(_plain(spec, value))
            row |= plain
            seen |= plain
    return row, seen


def sent(value: object) -> Any:
    """A value as a column holds it."""
    match value:
        case OptionSet():
            return value.value
        case UUID():
            return str(value)
        case str():
            return value if value.strip() else None
    return value


def key_column(table: Table) -> str:
    """The key column of a table of Dataverse."""
    (column,) = table.key
    return column


def _writable(table: Table, name: str, when: Written) -> Spec:
    spec = table.specs.get(name)
    if spec is None:
        raise DeclarationError(f"{table.name} has no member '{name}'")
    if getattr(spec, "written", "never") not in (when, "always"):
        raise DeclarationError(f'{spec.label} must be declared with `written="{when}"`')
    return spec


def _plain(spec: Spec, value: object) -> Iterator[tuple[str, Any]]:
    match spec:
        case Column():
            yield spec.path, sent(value)
        case Group():
            for part, path in spec.parts.items():
                if "/" not in path:  # what stands on another row is not written here
                    yield path, sent(getattr(value, part, None))


def _step(link: Link) -> str:
    """The lookup that a link follows, as it is written."""
    return f"{link.lookup}_{link.target.entity}" if link.polymorphic else link.lookup


def _linked(link: Link, value: object) -> tuple[Reference | None, dict[str, Any]]:
    column = lookup_value(link.lookup)
    if isinstance(value, Row):
        key = UUID(value.raw[key_column(link.target)])
        return Reference(link.target.entity, key), {column: str(key), link.lookup: value.raw}
    if isinstance(value, UUID):
        return Reference(link.target.entity, value), {column: str(value)}
    return None, {column: None}
