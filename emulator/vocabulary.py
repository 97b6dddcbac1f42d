"""Turns the dictionary into tables of the catalog; what it does not say comes from a `Supplement`.

Names, types, lengths, dates, required levels, options, keys and navigation are the dictionary's.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from dynamics import dictionary
from emulator.metadata import (
    RATE_PLACES,
    AlternateKey,
    Column,
    ManyToMany,
    Option,
    OptionSet,
    Service,
    Table,
    Target,
    Type,
    property_name,
)

TYPES: Final = {
    "String": Type.STRING, "Memo": Type.MEMO, "Lookup": Type.LOOKUP, "Owner": Type.LOOKUP,
    "Customer": Type.LOOKUP, "Boolean": Type.BOOL, "Picklist": Type.CHOICE, "State": Type.CHOICE,
    "Status": Type.CHOICE, "Money": Type.MONEY, "Integer": Type.INT, "Decimal": Type.DECIMAL,
    "DateTime": Type.DATETIME, "Uniqueidentifier": Type.GUID, "BigInt": Type.BIGINT,
    "Double": Type.DOUBLE, "Image": Type.BINARY,
}  # fmt: skip
"""By attribute type; a bare `Edm.Date` is a `Type.DATE` whatever its attribute is called."""
FINOPS_TYPES: Final = {
    "Edm.String": Type.STRING, "Edm.Decimal": Type.DECIMAL, "Edm.Int32": Type.INT,
    "Edm.Int64": Type.BIGINT, "Edm.Guid": Type.GUID, "Edm.Boolean": Type.BOOL,
    "Edm.Binary": Type.BINARY, "Edm.DateTimeOffset": Type.DATETIME,
}  # fmt: skip
WHOLE: Final = {"importsequencenumber", "timezoneruleversionnumber", "utcconversiontimezonecode"}
"""Columns of every table that one source knows by name alone."""
USUAL_TARGETS: Final = {
    "createdby": "systemuser", "modifiedby": "systemuser", "createdonbehalfby": "systemuser",
    "modifiedonbehalfby": "systemuser", "owninguser": "systemuser", "owningteam": "team",
    "owningbusinessunit": "businessunit", "accountid": "account", "contactid": "contact",
    "parentcontactid": "contact",
}  # fmt: skip
"""Targets of lookups for which no source names one."""
USUAL_STATES: Final = {"Active": 0, "Inactive": 1}
"""The states of status reasons for which no source names one, by their label."""
STAFF: Final = {"systemuser", "team", "businessunit", "organization", "externalparty"}
ALTERNATE_STATES: Final = (
    OptionSet("statecode", (Option(0, "Active"), Option(1, "Inactive"))),
    OptionSet("statuscode", (Option(1, "Active", 0), Option(2, "Inactive", 1))),
)
PLACES: Final = {Type.MONEY: 2, Type.DECIMAL: 2}
BASE_PLACES, FINOPS_PLACES, PRICE_PLACES = 4, 6, 4
TEXT_LENGTHS: Final = {Type.STRING: 100, Type.MEMO: 2000}
"""The platform's length for a new column, used for texts whose length is not known."""
SETTABLE: Final = {"yes", "~", "?", ""}


@dataclass(frozen=True, kw_only=True)
class Supplement:
    """Facts about a table that the dictionary lacks, by logical name. All of it is unverified."""

    primary_name: str | None = None
    entity: str | None = None
    owner: str | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Lengths of texts and places of numbers."""
    targets: Mapping[str, str] = field(default_factory=dict)
    backs: Mapping[str, str] = field(default_factory=dict)
    """The collection at the other end of a lookup."""
    states: Mapping[str, int] = field(default_factory=dict)
    """The state that a status reason belongs to."""
    options: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    """Further members of choices."""
    behaviours: Mapping[str, str] = field(default_factory=dict)
    """The behaviours of dates, where not even those are known."""
    defaults: Mapping[str, int | str] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    """The columns that F&O demands of a new row."""
    pricing: frozenset[str] = frozenset()
    """The prices, whose decimals the organization sets."""


def schema_name(logical: str) -> str:
    """Spell a name that no source spells: custom names stay, the platform's get Pascal case."""
    return logical if "_" in logical else logical[:1].upper() + logical[1:]


def table(name: str, more: Supplement) -> Table:
    """A Dataverse table of the dictionary."""
    found = dictionary.tables()[name]
    columns = {
        column.name: column for each in found.columns.values()
        if (column := _column(found, each, more))
    }  # fmt: skip
    for column in _missing(name, columns):
        columns[column.name] = column
    return Table(
        name=name,
        set=found.collection,
        service=Service.DATAVERSE,
        key=(f"{name}id",),
        columns=columns,
        primary_name=more.primary_name,
        alternate_keys=tuple(_keys(name)),
        ownership=more.owner or _ownership(columns),
        schema_name=schema_name(name),
        home=found.collection,
    )


def collection(name: str, more: Supplement) -> Table:
    """A collection of F&O of the dictionary."""
    found = dictionary.collections()[name]
    return Table(
        name=more.entity or _entity(name),
        set=name,
        service=Service.FINOPS,
        key=found.key,
        columns={each.name: _property(each, more) for each in found.properties.values()},
        home=name,
        beyond=tuple((each.name, each.edm == "collection") for each in found.navigations.values()),
    )


def relations() -> Iterator[ManyToMany]:
    for each in dictionary.many_to_many():
        between = f"{each.intersect}set"
        yield ManyToMany(each.schema_name, between, each.tables, each.columns, each.intersect)


def _column(
    found: dictionary.KnownTable, known: dictionary.KnownColumn, more: Supplement
) -> Column | None:
    name, type_ = known.name, _type(known)
    base = name.removesuffix("_base")
    is_base = base != name and base in found.columns and type_ is Type.MONEY
    targets = tuple(_targets(found.name, known, more)) if type_ is Type.LOOKUP else ()
    is_date = type_ in (Type.DATE, Type.DATETIME)
    return Column(
        name=property_name(name, type_),
        type=type_,
        logical=name,
        length=_length(known, type_, more),
        scale=_places(known, type_, more, is_base=is_base),
        options=_options(found.name, known, more),
        targets=targets,
        schema_name=known.schema_name or schema_name(name),
        kind=known.type,
        level=known.required or "None",
        behaviour=(known.behaviour or more.behaviours.get(name, "UserLocal")) if is_date else "",
        format=(known.format or _format(name, more)) if is_date else "",
        creatable=known.create in SETTABLE,
        updatable=known.update in SETTABLE and name != f"{found.name}id",
        system=bool(targets) and all(each.table in STAFF for each in targets),
        default=more.defaults.get(name, 0 if name == "statecode" else None),
        base_of=base if is_base else None,
        pricing=name in more.pricing,
        precision=known.size or PLACES[type_] if name in more.pricing else None,
    )


def _format(name: str, more: Supplement) -> str:
    return "DateOnly" if name in more.behaviours else "DateAndTime"


def _type(known: dictionary.KnownColumn) -> Type:
    if known.edm == "Edm.Date":
        return Type.DATE
    if known.name in WHOLE:
        return Type.INT
    return TYPES.get(known.type, Type.STRING)


def _length(known: dictionary.KnownColumn, type_: Type, more: Supplement) -> int:
    if type_ not in TEXT_LENGTHS:
        return 0
    return known.size or more.sizes.get(known.name, TEXT_LENGTHS[type_])


def _places(known: dictionary.KnownColumn, type_: Type, more: Supplement, *, is_base: bool) -> int:
    if type_ not in PLACES:
        return 0
    if known.name in more.pricing:
        return PRICE_PLACES
    usual = BASE_PLACES if is_base else PLACES[type_]
    usual = RATE_PLACES if known.name == "exchangerate" else usual
    return known.size or more.sizes.get(known.name, usual)


def _targets(name: str, known: dictionary.KnownColumn, more: Supplement) -> Iterator[Target]:
    for target, navigation in known.navigation.items():
        if target == "?":
            target = more.targets.get(known.name) or USUAL_TARGETS.get(known.name, "?")
        if target == "?":
            continue
        schema, back = relationship(name, known.name, target)
        usual = more.backs.get(known.name) or schema or f"{target}_{name}_{known.name}"
        yield Target(target, navigation, back or usual, schema or back or usual)


def relationship(name: str, column: str, target: str) -> tuple[str, str]:
    """A relationship's own name and its collection at the target, where they are known."""
    own = _relationships().get((name, column, target))
    unnamed = _unnamed().get((name, target), ())
    schema = own.schema_name if own else ""
    back = own.collection if own else ""
    if not back and len(unnamed) == 1:
        schema, back = schema or unnamed[0].schema_name, unnamed[0].collection
    return schema, back


@cache
def _relationships() -> dict[tuple[str, str, str], dictionary.Relationship]:
    return {(each.table, each.column, each.target): each for each in dictionary.relationships()}


@cache
def _unnamed() -> dict[tuple[str, str], tuple[dictionary.Relationship, ...]]:
    """Relationships whose lookup no source names, where the two tables have one lookup alone."""
    found: dict[tuple[str, str], tuple[dictionary.Relationship, ...]] = {}
    tables = dictionary.tables()
    for each in dictionary.relationships():
        if each.column not in tables.get(each.table, dictionary.KnownTable("", "", {})).columns:
            at = (each.table, each.target)
            found[at] = (*found.get(at, ()), each)
    lookups = {at: _lookups(*at) for at in found}
    return {at: each for at, each in found.items() if lookups[at] == 1}


def _lookups(name: str, target: str) -> int:
    known = dictionary.tables().get(name)
    return sum(target in each.navigation for each in known.columns.values()) if known else 0


def _options(name: str, known: dictionary.KnownColumn, more: Supplement) -> OptionSet | None:
    found = dictionary.options().get((name, known.name), ())
    further = more.options.get(known.name, {})
    options = [_option(each, known, more) for each in found]
    options += [Option(value, label) for value, label in further.items()]
    if options:
        return OptionSet(f"{name}_{known.name}", tuple(options))
    return next((each for each in ALTERNATE_STATES if each.name == known.name), None)


def _option(
    known: dictionary.KnownOption, column: dictionary.KnownColumn, more: Supplement
) -> Option:
    state = int(known.state) if known.state else None
    if state is None and column.type == "Status":
        state = more.states.get(str(known.value), USUAL_STATES.get(known.label))
    return Option(known.value, known.label, state)


def _missing(name: str, columns: Mapping[str, Column]) -> Iterator[Column]:
    """Columns that every row has, for tables of which a source shows no more than some columns."""
    if "versionnumber" not in columns:
        yield Column("versionnumber", Type.BIGINT, "versionnumber", schema_name="VersionNumber",
                     kind="BigInt", creatable=False, updatable=False)  # fmt: skip
    if f"{name}id" not in columns:
        yield Column(f"{name}id", Type.GUID, f"{name}id", kind="Uniqueidentifier", updatable=False)


def _keys(name: str) -> Iterator[AlternateKey]:
    columns = dictionary.tables()[name].columns
    known = dictionary.keys()
    for key in known:
        if key.table == name:
            named = key.name if key.name and "(" not in key.name else "_".join((name, *key.columns))
            yield AlternateKey(named, tuple(_spelled(columns[each]) for each in key.columns))


def _spelled(column: dictionary.KnownColumn) -> str:
    return property_name(column.name, _type(column))


def _ownership(columns: Mapping[str, Column]) -> str:
    if "_ownerid_value" in columns:
        return "user"
    return "organization" if "_organizationid_value" in columns else "none"


def _entity(name: str) -> str:
    """The type of a collection's rows, whose name no source gives: its singular."""
    singular = re.sub(r"ies(V\d)?$", r"y\1", name)
    return singular if singular != name else re.sub(r"s(V\d)?$", r"\1", name)


def _property(known: dictionary.Property, more: Supplement) -> Column:
    type_ = Type.ENUM if known.enum else FINOPS_TYPES[known.edm]
    return Column(
        name=known.name,
        type=type_,
        logical=known.name,
        length=more.sizes.get(known.name, 0) if type_ is Type.STRING else 0,
        scale=FINOPS_PLACES if type_ is Type.DECIMAL else 0,
        options=enum(known.enum) if type_ is Type.ENUM else None,
        level="SystemRequired" if known.name in more.required else "None",
        nullable=known.nullable,
        default=more.defaults.get(known.name),
    )


@cache
def enum(name: str) -> OptionSet:
    """An enumeration of F&O; it is empty if no source lists its members."""
    bare = name.rpartition(".")[2]
    members = dictionary.enums().get(bare, {})
    return OptionSet(bare, tuple(Option(value, member) for member, value in members.items()), True)
