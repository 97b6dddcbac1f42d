"""
The columns and lookups that the loaded schema relies on, by table, and the members that need them.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from msgspec import Struct, field

from gateway.model.kinds import OptionSet
from gateway.model.tables import ServiceName, Spec, Table
from gateway.upstream.names import Names
from gateway.upstream.odata import ENUMERATIONS, logical

ATTRIBUTES: Mapping[type, frozenset[str]] = {
    str: frozenset({"String", "Memo", "EntityName", "Virtual"}),
    int: frozenset({"Integer", "BigInt", "Picklist", "State", "Status"}),
    Decimal: frozenset({"Decimal", "Money", "Double"}),
    bool: frozenset({"Boolean"}),
    date: frozenset({"DateTime"}),
    datetime: frozenset({"DateTime"}),
    UUID: frozenset({"Uniqueidentifier", "Lookup", "Customer", "Owner"}),
}
"""Attribute types of Dataverse that a declared type can be read from."""
CHOICES = frozenset({"Picklist", "State", "Status"})
WIRE: Mapping[type, frozenset[str]] = {
    str: frozenset({"Edm.String"}),
    int: frozenset({"Edm.Int32", "Edm.Int64"}),
    Decimal: frozenset({"Edm.Decimal", "Edm.Double"}),
    bool: frozenset({"Microsoft.Dynamics.DataEntities.NoYes", "Edm.Boolean", "NoYes"}),
    date: frozenset({"Edm.DateTimeOffset", "Edm.Date"}),
    datetime: frozenset({"Edm.DateTimeOffset"}),
}
"""The same for F&O, by the type on the wire."""
TYPES: Mapping[ServiceName, Mapping[type, frozenset[str]]] = {
    "dataverse": ATTRIBUTES,
    "finops": WIRE,
}
"""The types of each service that a declared type can be read from."""


class Use(Struct):
    """One column that the schema relies on."""

    members: set[str] = field(default_factory=set)
    """The members of GraphQL types, or the parts of the gateway, that need it."""
    types: set[Any] = field(default_factory=set)
    """The declared types; empty where only its presence counts."""
    written: bool = False
    back: bool = False
    """True if the rows of the table are reached from the one that the lookup leads to."""

    @property
    def needed_by(self) -> str:
        return needed(self.members)


def needed(members: Iterable[str]) -> str:
    return ", ".join(sorted(members))


Relied = dict[str, dict[str, Use]]
"""The uses by table and column; a lookup is listed under its own name."""


def relied(tables: Iterable[Table], names: Names) -> Relied:
    """All columns and lookups that the declared tables name, those behind lookups included."""
    found: Relied = {}
    for table in tables:
        for column in (*table.key, *table.rule.columns, *filter(None, [table.company])):
            _add(found, names, table.entity, column, Use({f"{table.name} (rows)"}))
        for spec in table.specs.values():
            for path, type_ in spec.typed_paths:
                types = set() if type_ is None else {type_}
                written = spec.writing != "never" and "/" not in path
                use = Use({_label(table, spec)}, types, written, spec.comes_inside)
                _add(found, names, table.entity, path, use)
    return found


def options_of(type_: type[OptionSet]) -> frozenset[int | str]:
    """The numbers or members that an option set declares; -1 stands for all others."""
    return frozenset(member.value for member in type_ if member.value != -1)


def fits(type_: Any, attribute: str, service: ServiceName) -> bool:
    """True if a column of this attribute type can be read as the declared type."""
    if isinstance(type_, type) and issubclass(type_, Enum):
        return attribute in CHOICES or attribute.startswith(ENUMERATIONS)
    if type_ is str and attribute.startswith(ENUMERATIONS):
        return True
    known = TYPES[service].get(type_)
    return known is None or attribute in known


def _label(table: Table, spec: Spec) -> str:
    return f"{table.name}.{spec.name}"


def _add(found: Relied, names: Names, entity: str, path: str, use: Use) -> None:
    step, slash, rest = path.partition("/")
    if not slash:
        _merge(found, entity, logical(step), use)
        return
    target = names.step(entity, step)
    lookup = step.removesuffix(f"_{target.entity}") if target else step
    _merge(found, entity, lookup, Use(set(use.members)))
    if target is not None and target.entity:
        _add(found, names, target.entity, rest, use)


def _merge(found: Relied, entity: str, column: str, use: Use) -> None:
    known = found.setdefault(entity, {}).setdefault(column, Use())
    known.members |= use.members
    known.types |= use.types
    known.written |= use.written
    known.back |= use.back
