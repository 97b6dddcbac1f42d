"""Reads tables and collections from the rows in which the services describe them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from emulator.metadata import (
    RATE_PLACES,
    AlternateKey,
    Column,
    Option,
    OptionSet,
    Service,
    Table,
    Target,
    Type,
)
from emulator.vocabulary import FINOPS_PLACES, FINOPS_TYPES, STAFF, TYPES, enum

Json = dict[str, Any]
OWNERSHIP: Final = {"UserOwned": "user", "OrganizationOwned": "organization"}
VIRTUAL: Final = {"MultiSelectPicklistType": Type.CHOICES, "ImageType": Type.BINARY}
"""The types that Dataverse lists only as `Virtual` attributes, by their type name."""
TEXT_LENGTH, PLACES, BASE_PLACES = 100, 2, 4
COUNTED: Final = (Type.CHOICE, Type.CHOICES)
LOOKUPS: Final = {"Lookup", "Owner", "Customer"}


def table_of(row: Json, known: Table | None) -> Table:
    """A Dataverse table from its row in `EntityDefinitions`; `known` fills in what it omits."""
    name = row["LogicalName"]
    targets = _targets(row)
    columns = {
        column.name: column
        for each in row.get("Attributes") or ()
        if (column := _column(each, row, targets, known))
    }
    key = row.get("PrimaryIdAttribute") or (known.id if known else f"{name}id")
    primary = row.get("PrimaryNameAttribute") or (known.primary_name if known else None)
    for column in known.columns.values() if known else ():
        # The emulator identifies and numbers rows by these columns, even if they are not described.
        if column.name in (key, "versionnumber"):
            columns.setdefault(column.name, column)
    columns.setdefault("versionnumber", Column("versionnumber", Type.BIGINT, "versionnumber"))
    ownership = OWNERSHIP.get(str(row.get("OwnershipType")), "none")
    return Table(
        name=name,
        set=row["EntitySetName"],
        service=Service.DATAVERSE,
        key=(key,),
        columns=columns,
        primary_name=primary if primary in columns else None,
        alternate_keys=tuple(_keys(row, columns)),
        read_only=known.read_only if known else False,
        ownership=known.ownership if known else ownership,
        tracked=bool(row.get("ChangeTrackingEnabled", True)),
        indexes=_fitting(known.indexes if known else (), columns),
        unique=_fitting(known.unique if known else (), columns),
        schema_name=row.get("SchemaName") or name,
        home=known.home if known else row["EntitySetName"],
        privileges={each["PrivilegeType"]: each["Name"] for each in row.get("Privileges") or ()},
    )


def _fitting(
    listed: tuple[tuple[str, ...], ...], columns: Mapping[str, Column]
) -> tuple[tuple[str, ...], ...]:
    return tuple(names for names in listed if all(name in columns for name in names))


def _targets(row: Json) -> dict[str, tuple[Target, ...]]:
    """The targets of each lookup, with the navigation properties of both ends."""
    found: dict[str, tuple[Target, ...]] = {}
    for each in row.get("ManyToOneRelationships") or ():
        lookup, target = each["ReferencingAttribute"], each["ReferencedEntity"]
        navigation = each["ReferencingEntityNavigationPropertyName"]
        schema = each.get("SchemaName") or ""
        back = each.get("ReferencedEntityNavigationPropertyName") or schema
        back = back or f"{target}_{row['LogicalName']}_{lookup}"
        found[lookup] = (*found.get(lookup, ()), Target(target, navigation, back, schema or back))
    return found


def _keys(row: Json, columns: Mapping[str, Column]) -> Iterator[AlternateKey]:
    spelled = {column.logical: name for name, column in columns.items()}
    for each in row.get("Keys") or ():
        if all(name in spelled for name in each["KeyAttributes"]):
            names = tuple(spelled[name] for name in each["KeyAttributes"])
            name = each.get("LogicalName") or each["SchemaName"]
            yield AlternateKey(name, names, each.get("EntityKeyIndexStatus", "Active"))


def _column(
    said: Json, row: Json, targets: Mapping[str, tuple[Target, ...]], known: Table | None
) -> Column | None:
    logical, kind = said["LogicalName"], str(said.get("AttributeType") or "")
    before = known.logical(logical) if known else None
    type_ = _type(said, kind, before)
    if type_ is None:
        return None
    is_lookup = kind in LOOKUPS
    leads = targets.get(logical, ())
    behaviour = (said.get("DateTimeBehavior") or {}).get("Value")
    column = Column(
        name=f"_{logical}_value" if is_lookup else logical,
        type=type_,
        logical=logical,
        length=_number(said, "MaxLength", before.length if before else TEXT_LENGTH, type_),
        scale=_number(said, "Precision", before.scale if before else _places(logical), type_),
        options=_options(said, before),
        targets=leads,
        schema_name=said.get("SchemaName") or logical,
        kind=kind if kind != "Virtual" else "Image" if type_ is Type.BINARY else kind,
        level=(said.get("RequiredLevel") or {}).get("Value") or "None",
        behaviour=behaviour or (before.behaviour if before else "UserLocal"),
        format=said.get("Format") or (before.format if before else "DateAndTime"),
        creatable=bool(said.get("IsValidForCreate", True)),
        updatable=bool(said.get("IsValidForUpdate", True)),
        system=bool(leads) and all(each.table in STAFF for each in leads),
        default=before.default if before else None,
        base_of=_base_of(logical, type_, row),
        secured=bool(said.get("IsSecured")),
    )
    if before is not None and before.pricing and type_ is before.type:
        column = replace(column, scale=before.scale, precision=column.scale, pricing=True)
    if type_ not in (Type.DATE, Type.DATETIME):
        column = replace(column, behaviour="", format="")
    return column


def _type(said: Json, kind: str, before: Column | None) -> Type | None:
    if kind == "DateTime":
        behaviour = (said.get("DateTimeBehavior") or {}).get("Value") or (
            before.behaviour if before else ""
        )
        return Type.DATE if behaviour == "DateOnly" else Type.DATETIME
    if kind == "Virtual":
        return VIRTUAL.get((said.get("AttributeTypeName") or {}).get("Value", ""))
    if before is not None and kind == "" and said.get("IsValidODataAttribute", True):
        return before.type
    return TYPES.get(kind)


def _number(said: Json, name: str, usual: int, type_: Type) -> int:
    """A length, or places, of a type that has them."""
    types = {"MaxLength": (Type.STRING, Type.MEMO), "Precision": (Type.DECIMAL, Type.MONEY)}
    if type_ not in types[name]:
        return 0
    value = said.get(name)
    return int(value) if value is not None else usual


def _places(logical: str) -> int:
    if logical == "exchangerate":
        return RATE_PLACES
    return BASE_PLACES if logical.endswith("_base") else PLACES


def _base_of(logical: str, type_: Type, row: Json) -> str | None:
    money = logical.removesuffix("_base")
    names = {each["LogicalName"] for each in row.get("Attributes") or ()}
    return money if type_ is Type.MONEY and money != logical and money in names else None


def _options(said: Json, before: Column | None) -> OptionSet | None:
    """The members that are listed, else those that every environment has."""
    listed, known = said.get("OptionSet") or {}, before.options if before else None
    if "TrueOption" in listed:
        both = (listed["FalseOption"], listed["TrueOption"])
        told = OptionSet(str(listed.get("Name") or ""), tuple(_option(each) for each in both))
        usual = tuple(each.label for each in told.options) == ("No", "Yes")
        return known if usual else told
    options = tuple(_option(each) for each in listed.get("Options") or ())
    if not options:
        return known
    named = known or OptionSet(said["LogicalName"], ())
    shared = bool(listed.get("IsGlobal", named.shared))
    return OptionSet(str(listed.get("Name", named.name)), options, shared)


def _option(said: Json) -> Option:
    label = (said.get("Label") or {}).get("UserLocalizedLabel") or {}
    return Option(said["Value"], str(label.get("Label") or said["Value"]), said.get("State"))


def public_entity(row: Json, known: Table | None) -> Table:
    """A collection of F&O from its row in `PublicEntities`."""
    properties: list[Json] = row.get("Properties") or []
    columns = {each["Name"]: _property(each, known) for each in properties}
    ways = known.navigations if known else {}
    told = {each["Name"]: each.get("Cardinality") for each in row.get("NavigationProperties") or ()}
    return Table(
        name=row["Name"],
        set=row["EntitySetName"],
        service=Service.FINOPS,
        key=tuple(each["Name"] for each in properties if each.get("IsKey")),
        columns=columns,
        navigations={n: each for n, each in ways.items() if n in told},
        read_only=bool(row.get("IsReadOnly")),
        indexes=_fitting(known.indexes if known else (), columns),
        home=known.home if known else row["EntitySetName"],
        beyond=tuple((n, many == "Multiple") for n, many in told.items()),
    )


def _property(said: Json, known: Table | None) -> Column:
    name, told = said["Name"], str(said.get("TypeName") or "Edm.String")
    before = known.respelled(name) if known else None
    type_ = FINOPS_TYPES.get(told, Type.ENUM)
    return Column(
        name=name,
        type=type_,
        logical=name,
        length=before.length if before and type_ is Type.STRING else 0,
        scale=FINOPS_PLACES if type_ is Type.DECIMAL else 0,
        options=_members(told, before) if type_ is Type.ENUM else None,
        level="SystemRequired" if said.get("IsMandatory") else "None",
        creatable=bool(said.get("AllowEditOnCreate", True)),
        updatable=before.updatable if before else bool(said.get("AllowEdit", True)),
        nullable=before.nullable if before else True,
        default=before.default if before and before.type is type_ else None,
    )


def _members(type_name: str, before: Column | None) -> OptionSet:
    """The members that the dictionary has of a type, or had of the column's, by the told name."""
    found = enum(type_name)
    if not found.options and before is not None and before.options is not None:
        return replace(before.options, name=found.name)
    return found
