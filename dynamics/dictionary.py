"""
The dictionary: names and types of the real Dynamics, each with its public source and mark.

It is read from the tab-separated files of `dynamics/data`, whose README lists the sources. Marks:
`D` the vendor's own page or solution, `M` the metadata of a real environment, `U` inferred.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from sys import intern
from typing import Final

KNOWN = frozenset({"D", "M"})
"""The marks of facts that were read, not inferred."""

_WITH_STATE: Final = re.compile(r"(.+) [\[(](\d+)[\])]")


@dataclass(frozen=True, slots=True)
class KnownColumn:
    """One column of a Dataverse table, by its logical name."""

    name: str
    schema_name: str
    """Empty where no source spells it."""
    type: str
    """The attribute type: `String`, `Money`, `Lookup`, ...; empty where only the name is known."""
    edm: str
    """The type on the wire; `Edm.DateTimeOffset?` where the behaviour of a date is not known."""
    format: str
    behaviour: str
    """`UserLocal`, `TimeZoneIndependent` or `DateOnly`; empty for other types and where unknown."""
    size: int | None
    """Length of a text, decimal places of a number."""
    required: str
    """`None`, `Recommended`, `ApplicationRequired`, `SystemRequired`; empty where unknown."""
    create: str
    """`yes`, `no`, `~` (on create or update or both), `?`."""
    update: str
    navigation: Mapping[str, str]
    """The single-valued navigation property to each table that a lookup leads to."""
    source: str
    mark: str
    type_mark: str
    navigation_mark: str
    """`D`, `M`, `U`; `U?` where not even upper or lower case is known."""


@dataclass(frozen=True, slots=True)
class KnownTable:
    """One Dataverse table."""

    name: str
    collection: str
    """The entity set."""
    columns: Mapping[str, KnownColumn]


@dataclass(frozen=True, slots=True)
class Relationship:
    """An N:1 relationship: a lookup, and the navigation properties of both its ends."""

    table: str
    column: str
    """The lookup's logical name; in brackets where no source names it."""
    target: str
    schema_name: str
    navigation: str
    collection: str
    """The collection-valued property of the target; empty where unknown."""
    source: str
    mark: str


@dataclass(frozen=True, slots=True)
class KnownIntersect:
    """An N:N relationship and the table in between; its entity set is the table's name + `set`."""

    tables: tuple[str, str]
    schema_name: str
    intersect: str
    columns: tuple[str, str]
    """The columns of the table in between, in the order of `tables`."""
    source: str
    mark: str


@dataclass(frozen=True, slots=True)
class KnownKey:
    """An alternate key."""

    table: str
    columns: tuple[str, ...]
    name: str
    source: str
    mark: str


@dataclass(frozen=True, slots=True)
class KnownOption:
    """A value of a choice; of a status reason `state` is the state that it belongs to."""

    value: int
    label: str
    state: str
    source: str
    mark: str


@dataclass(frozen=True, slots=True)
class Property:
    """A column, or a navigation property, of a collection of Finance & Operations."""

    name: str
    edm: str
    """The type on the wire; `single` or `collection` for a navigation property."""
    key_position: int | None
    """The place in the key, from 1."""
    enum: str
    nullable: bool
    source: str
    mark: str


@dataclass(frozen=True, slots=True)
class Collection:
    """A public collection of Finance & Operations."""

    name: str
    entity: str
    """The entity's name; empty where unknown, with `~` in front where it was told by likeness."""
    properties: Mapping[str, Property]
    navigations: Mapping[str, Property]

    @property
    def key(self) -> tuple[str, ...]:
        placed = [each for each in self.properties.values() if each.key_position is not None]
        return tuple(each.name for each in sorted(placed, key=lambda each: each.key_position or 0))


@dataclass(frozen=True, slots=True)
class Mapped:
    """One line of a dual-write map: a column of each side, and the way that values take."""

    map: str
    version: str
    filters: str
    collection: str
    field: str
    entity_set: str
    column: str
    """A column, or `lookup.column` where the row is found by a column of the table behind it."""
    direction: str
    """`both`, `F&O to Dataverse` or `Dataverse to F&O`."""
    transform: str
    """`map name=value|...`, `default x`, or empty."""
    source: str
    mark: str


@cache
def tables() -> Mapping[str, KnownTable]:
    """Every Dataverse table by its logical name."""
    columns: dict[str, dict[str, KnownColumn]] = {}
    sets: dict[str, str] = {}
    for row in _rows("dataverse"):
        sets[row["table"]] = row["entity_set"]
        columns.setdefault(row["table"], {})[row["column"]] = _column(row)
    return {name: KnownTable(name, sets[name], found) for name, found in columns.items()}


@cache
def relationships() -> tuple[Relationship, ...]:
    """Every N:1 relationship."""
    return tuple(
        Relationship(
            row["referencing_table"],
            row["column"],
            row["referenced_table"],
            row["schema_name"],
            row["referencing_navigation"],
            row["referenced_collection_navigation"],
            row["source"],
            row["mark"],
        )
        for row in _rows("relationships")
        if row["kind"] == "N:1"
    )


@cache
def many_to_many() -> tuple[KnownIntersect, ...]:
    """Every N:N relationship."""
    return tuple(
        KnownIntersect(
            (row["referencing_table"], row["referenced_table"]),
            row["schema_name"],
            row["intersect_table"],
            (row["intersect_column_1"], row["intersect_column_2"]),
            row["source"],
            row["mark"],
        )
        for row in _rows("relationships")
        if row["kind"] == "N:N"
    )


@cache
def keys() -> tuple[KnownKey, ...]:
    """Every alternate key."""
    return tuple(
        KnownKey(
            row["table"], tuple(row["columns"].split(",")), row["name"], row["source"], row["mark"]
        )
        for row in _rows("keys")
    )


@cache
def options() -> Mapping[tuple[str, str], tuple[KnownOption, ...]]:
    """The values of choices, by table and column."""
    found: dict[tuple[str, str], list[KnownOption]] = {}
    for row in _rows("optionsets"):
        found.setdefault((row["table"], row["column"]), []).append(_option(row))
    return {at: tuple(each) for at, each in found.items()}


@cache
def collections() -> Mapping[str, Collection]:
    """Every collection of Finance & Operations that the dictionary covers, by its public name."""
    entities: dict[str, str] = {}
    properties: dict[str, dict[str, Property]] = {}
    navigations: dict[str, dict[str, Property]] = {}
    for row in _rows("finops"):
        name = row["collection"]
        if row["entity"] == "navigation":
            navigations.setdefault(name, {})[row["column"]] = _property(row)
        elif row["edm"]:
            entities.setdefault(name, row["entity"])
            properties.setdefault(name, {})[row["column"]] = _property(row)
    return {
        name: Collection(name, entities[name], found, navigations.get(name, {}))
        for name, found in properties.items()
    }


@cache
def enums() -> Mapping[str, Mapping[str, int]]:
    """The members of F&O's enumerations and their numbers, by the name without its namespace."""
    found: dict[str, dict[str, int]] = {}
    for row in _rows("finops_enums"):
        name = row["enum"].rpartition(".")[2]
        found.setdefault(name, {})[row["member"]] = int(row["value"])
    return found


@cache
def maps() -> tuple[Mapped, ...]:
    """The lines of all dual-write maps."""
    return tuple(
        Mapped(
            row["map"],
            row["version"],
            row["filters"],
            row["fo_collection"],
            row["fo_field"],
            row["dataverse_set"],
            row["dataverse_column"],
            row["direction"],
            row["transform"],
            row["source"],
            row["mark"],
        )
        for row in _rows("maps")
    )


def _rows(name: str) -> Iterator[dict[str, str]]:
    """The rows of one file; equal texts are one object, as most of them stand in many rows."""
    text = (files("dynamics.data") / f"{name}.tsv").read_text("utf-8")
    lines = csv.reader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    header = next(lines)
    return (dict(zip(header, map(intern, line), strict=True)) for line in lines)


def _column(row: Mapping[str, str]) -> KnownColumn:
    pairs = (each.partition(":") for each in row["navigation"].split(",") if each)
    return KnownColumn(
        row["column"],
        row["schema_name"],
        row["type"],
        row["edm"],
        row["date_format"],
        row["date_behaviour"],
        int(row["length_or_precision"]) if row["length_or_precision"] else None,
        row["required"],
        row["create"],
        row["update"],
        {target: name for target, _, name in pairs},
        row["source"],
        row["mark"],
        row["type_mark"],
        row["nav_mark"],
    )


def _option(row: Mapping[str, str]) -> KnownOption:
    found = _WITH_STATE.fullmatch(row["label"])
    label, state = found.groups() if found else (row["label"], "")
    return KnownOption(int(row["value"]), label, state, row["source"], row["mark"])


def _property(row: Mapping[str, str]) -> Property:
    return Property(
        row["column"],
        row["edm"],
        int(row["key_position"]) if row["key_position"] else None,
        row["enum"],
        row["nullable"] != "not null",
        row["source"],
        row["mark"],
    )
