"""Describes the catalog as Dataverse's own metadata: tables, columns, choices, keys, relations.

A catalog does not change once it is served, so descriptions of tables and relationships are kept.
"""

from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from emulator.metadata import Catalog, Column, ManyToMany, OptionSet, Service, Table, Target, Type
from emulator.vocabulary import schema_name

Json = dict[str, Any]
CRM = "Microsoft.Dynamics.CRM."
# Attribute type, the word before "AttributeMetadata", and the word before "Type".
KINDS = {
    Type.GUID: ("Uniqueidentifier", "UniqueIdentifier", "Uniqueidentifier"),
    Type.STRING: ("String", "String", "String"),
    Type.MEMO: ("Memo", "Memo", "Memo"),
    Type.INT: ("Integer", "Integer", "Integer"),
    Type.BIGINT: ("BigInt", "BigInt", "BigInt"),
    Type.DECIMAL: ("Decimal", "Decimal", "Decimal"),
    Type.MONEY: ("Money", "Money", "Money"),
    Type.DOUBLE: ("Double", "Double", "Double"),
    Type.BOOL: ("Boolean", "Boolean", "Boolean"),
    Type.DATE: ("DateTime", "DateTime", "DateTime"),
    Type.DATETIME: ("DateTime", "DateTime", "DateTime"),
    Type.CHOICE: ("Picklist", "Picklist", "Picklist"),
    Type.CHOICES: ("Virtual", "MultiSelectPicklist", "MultiSelectPicklist"),
    Type.LOOKUP: ("Lookup", "Lookup", "Lookup"),
    Type.BINARY: ("Virtual", "Image", "Image"),
}
OPTION_CLASSES = {"State": "StateOption", "Status": "StatusOption"}
OWNERS = {"salesorderdetail": "salesorder", "quotedetail": "quote", "invoicedetail": "invoice",
          "productpricelevel": "product"}  # fmt: skip
"""Tables whose rows are parts of others, and ruled by the privileges of these."""
WORDS = {"salesorder": "Order", "systemuser": "User", "customeraddress": "Address",
         "annotation": "Note", "businessunit": "BusinessUnit"}  # fmt: skip
"""The names that privileges have for a table where they differ from its schema name."""
PRIVILEGES = ("Create", "Read", "Write", "Delete", "Append", "AppendTo")
OWNERSHIP = {"user": "UserOwned", "organization": "OrganizationOwned", "none": "None"}
OWN_DECIMALS, PRICING_DECIMALS = 0, 1
"""The source of the decimals of an amount: the column, or the organization's prices."""
FIRST_CODE = 10_000


@lru_cache(maxsize=65_536)
def metadata_id(*words: str) -> str:
    return str(uuid5(NAMESPACE_URL, "/".join(("emulator", *words))))


def label(text: str) -> Json:
    one = {"Label": text, "LanguageCode": 1033, "IsManaged": True, "MetadataId": metadata_id(text)}
    return {"LocalizedLabels": [one], "UserLocalizedLabel": one}


@lru_cache(maxsize=8)
def entities(catalog: Catalog) -> list[Json]:
    tables = catalog.of(Service.DATAVERSE)
    return [entity(catalog, table, FIRST_CODE + at) for at, table in enumerate(tables)]


def entity(catalog: Catalog, table: Table, code: int) -> Json:
    name = table.schema_name
    return {
        "MetadataId": metadata_id(table.name),
        "LogicalName": table.name,
        "SchemaName": name,
        "EntitySetName": table.set,
        "LogicalCollectionName": table.set,
        "CollectionSchemaName": schema_name(table.set),
        "PrimaryIdAttribute": table.id,
        "PrimaryNameAttribute": table.primary_name,
        "ObjectTypeCode": code,
        "OwnershipType": OWNERSHIP[table.ownership],
        "TableType": "Standard",
        "IsCustomEntity": "_" in table.name,
        "IsIntersect": table.read_only,
        "IsActivity": False,
        "IsLogicalEntity": False,
        "IsPrivate": False,
        "IsManaged": True,
        "IsEnabledForCharts": True,
        "IsOptimisticConcurrencyEnabled": True,
        "ChangeTrackingEnabled": table.tracked,
        "EntityColor": None,
        "IntroducedVersion": "1.0",
        "DisplayName": label(name),
        "DisplayCollectionName": label(schema_name(table.set)),
        "Privileges": [privilege(table, each) for each in PRIVILEGES if not table.read_only],
        "Description": label(""),
        "IsCustomizable": {"Value": True, "CanBeChanged": True},
        "IsValidForAdvancedFind": True,
        "Attributes": lambda: attributes(table),
        "Keys": lambda: list(keys(table)),
        "OneToManyRelationships": lambda: _relations_by(catalog, "ReferencedEntity")[table.name],
        "ManyToOneRelationships": lambda: _relations_by(catalog, "ReferencingEntity")[table.name],
        "ManyToManyRelationships": lambda: [
            many_to_many(catalog, each)
            for each in catalog.many_to_many.values()
            if table.name in each.tables
        ],
    }


def privilege_name(table: Table, right: str) -> str:
    if table.privileges:
        return str(table.privileges.get(right, ""))
    owner = OWNERS.get(table.name, table.name)
    if owner != table.name and right in ("Create", "Delete"):
        right = "Write"
    return f"prv{right}{WORDS.get(owner) or schema_name(owner)}"


def privilege(table: Table, right: str) -> Json:
    """A privilege that a security role may grant on a table."""
    name = privilege_name(table, right)
    return {
        "Name": name,
        "PrivilegeId": metadata_id("privilege", name),
        "PrivilegeType": right,
        "CanBeBasic": table.ownership == "user",
        "CanBeLocal": table.ownership == "user",
        "CanBeDeep": table.ownership == "user",
        "CanBeGlobal": True,
    }


def attributes(table: Table) -> list[Json]:
    columns = enumerate(table.columns.values(), start=1)
    return [attribute(table, column) | {"ColumnNumber": at} for at, column in columns]


def attribute(table: Table, column: Column) -> Json:
    kind, class_name, type_name = _kind(column)
    spelled = column.schema_name or schema_name(column.logical)
    level = {"Value": column.level, "CanBeChanged": column.level != "SystemRequired"}
    return {
        "@odata.type": f"#{CRM}{class_name}AttributeMetadata",
        "MetadataId": metadata_id(table.name, column.logical),
        "LogicalName": column.logical,
        "SchemaName": spelled,
        "EntityLogicalName": table.name,
        "AttributeType": kind,
        "AttributeTypeName": {"Value": f"{type_name}Type"},
        "AttributeOf": None,
        "IsPrimaryId": column.name in table.key,
        "IsPrimaryName": column.name == table.primary_name,
        "IsLogical": False,
        "IsCustomAttribute": "_" in column.logical and not column.base_of,
        "IsManaged": True,
        "IsValidForCreate": column.creatable,
        "IsValidForUpdate": column.updatable,
        "IsValidForRead": True,
        "IsValidODataAttribute": True,
        "IsFilterable": True,
        "IsSecured": column.secured,
        "RequiredLevel": level,
        "DisplayName": label(spelled),
        "Description": label(""),
        **_specifics(column, kind),
    }


def _kind(column: Column) -> tuple[str, str, str]:
    if column.kind in ("State", "Status") or column.logical in ("statecode", "statuscode"):
        name = column.kind or column.logical.removesuffix("code").capitalize()
        return name, name, name
    targets = {target.table for target in (*column.targets, *column.elsewhere)}
    if column.kind in ("Lookup", "Customer", "Owner"):
        return column.kind, "Lookup", column.kind
    if len(targets) > 1:
        customer = targets == {"account", "contact"}
        name = "Customer" if customer else "Owner" if column.logical == "ownerid" else "Lookup"
        return name, "Lookup", name
    return KINDS[column.type]


def _specifics(column: Column, kind: str) -> Json:
    """The properties that only attributes of this type have."""
    match column.type:
        case Type.STRING | Type.MEMO:
            return {"MaxLength": column.length, "Format": "Text"}
        case Type.DECIMAL | Type.MONEY:
            source = PRICING_DECIMALS if column.pricing else OWN_DECIMALS
            places = column.scale if column.precision is None else column.precision
            numbers = {"Precision": places, "MinValue": -1e11, "MaxValue": 1e11}
            return numbers | ({"PrecisionSource": source} if column.type is Type.MONEY else {})
        case Type.INT:
            return {"MinValue": -(2**31), "MaxValue": 2**31 - 1, "Format": "None"}
        case Type.DATE | Type.DATETIME:
            return {"Format": column.format, "DateTimeBehavior": {"Value": column.behaviour}}
        case Type.LOOKUP:
            targets = (*column.targets, *column.elsewhere)
            return {"Targets": [target.table for target in targets], "Format": "None"}
        case Type.CHOICE | Type.CHOICES:
            return _choice(column, kind)
        case Type.BOOL:
            shown = _boolean(column)
            return {"DefaultValue": bool(column.default), "OptionSet": lambda: shown}
        case _:
            return {}


def _choice(column: Column, kind: str) -> Json:
    options = column.options or OptionSet(column.logical, ())
    shown = option_set(options, kind)
    shared = shown if options.shared else None
    return {
        "DefaultFormValue": column.default if column.default is not None else -1,
        "OptionSet": lambda: shown,
        "GlobalOptionSet": lambda: shared,
    }


def _boolean(column: Column) -> Json:
    members = {each.value: each.label for each in column.options.options} if column.options else {}
    return {
        "MetadataId": metadata_id("boolean", column.logical),
        "Name": column.options.name if column.options else "boolean",
        "OptionSetType": "Boolean",
        "TrueOption": {"Value": 1, "Label": label(members.get(1, "Yes"))},
        "FalseOption": {"Value": 0, "Label": label(members.get(0, "No"))},
    }


def option_set(options: OptionSet, kind: str = "Picklist") -> Json:
    class_name = OPTION_CLASSES.get(kind)
    typed = {"@odata.type": f"#{CRM}{class_name}Metadata"} if class_name else {}
    return {
        "@odata.type": f"#{CRM}OptionSetMetadata",
        "MetadataId": metadata_id("optionset", options.name),
        "Name": options.name,
        "IsGlobal": options.shared,
        "OptionSetType": kind,
        "DisplayName": label(options.name),
        "Options": [
            typed | {"Value": each.value, "Label": label(each.label), "State": each.state}
            for each in options.options
        ],
    }


@lru_cache(maxsize=8)
def option_sets(catalog: Catalog) -> list[Json]:
    """The option sets that Dataverse's columns share; F&O's enums are its own affair."""
    used = {
        column.options.name: column.options
        for table in catalog.of(Service.DATAVERSE)
        for column in table.columns.values()
        if column.options and column.options.shared
    }
    return [option_set(each) for each in used.values()]


def keys(table: Table) -> Iterator[Json]:
    for key in table.alternate_keys:
        logical = [table.columns[name].logical for name in key.columns]
        yield {
            "MetadataId": metadata_id(table.name, "key", key.name),
            "LogicalName": key.name,
            "SchemaName": key.name,
            "EntityLogicalName": table.name,
            "KeyAttributes": logical,
            "EntityKeyIndexStatus": key.status,
            "IsCustomizable": {"Value": True},
            "DisplayName": label(key.name),
        }


@lru_cache(maxsize=8)
def relations(catalog: Catalog) -> list[Json]:
    return [
        _one_to_many(catalog, table, column, target)
        for table in catalog.of(Service.DATAVERSE)
        for column in table.lookups()
        for target in (*column.targets, *column.elsewhere)
    ]


@lru_cache(maxsize=16)
def _relations_by(catalog: Catalog, end: str) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = defaultdict(list)
    for each in relations(catalog):
        found[each[end]].append(each)
    return found


def _one_to_many(catalog: Catalog, table: Table, column: Column, target: Target) -> Json:
    other = catalog.by_name.get(target.table)
    return {
        "@odata.type": f"#{CRM}OneToManyRelationshipMetadata",
        "MetadataId": metadata_id("relation", table.name, column.logical, target.table),
        "SchemaName": target.schema_name or target.back,
        "RelationshipType": "OneToManyRelationship",
        "IsCustomRelationship": "_" in table.name,
        "ReferencedEntity": target.table,
        "ReferencedAttribute": other.id if other else f"{target.table}id",
        "ReferencedEntityNavigationPropertyName": target.back,
        "ReferencingEntity": table.name,
        "ReferencingAttribute": column.logical,
        "ReferencingEntityNavigationPropertyName": target.navigation,
    }


def many_to_many(catalog: Catalog, relation: ManyToMany) -> Json:
    (first, second), (near, far) = relation.tables, relation.columns
    return {
        "@odata.type": f"#{CRM}ManyToManyRelationshipMetadata",
        "MetadataId": metadata_id("relation", relation.name),
        "SchemaName": relation.name,
        "RelationshipType": "ManyToManyRelationship",
        "IsCustomRelationship": True,
        "IntersectEntityName": relation.intersect,
        "Entity1LogicalName": first,
        "Entity1IntersectAttribute": near,
        "Entity1NavigationPropertyName": relation.name,
        "Entity2LogicalName": second,
        "Entity2IntersectAttribute": far,
        "Entity2NavigationPropertyName": relation.name,
    }
