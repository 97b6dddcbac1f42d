"""Describes the catalog as Dataverse's own metadata: tables, columns, choices, keys, relations."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from emulator.metadata import Catalog, Column, ManyToMany, OptionSet, Service, Table, Target, Type

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
}
OWNERSHIP = {"user": "UserOwned", "organization": "OrganizationOwned", "none": "None"}
FIRST_CODE = 10_000


def metadata_id(*words: str) -> str:
    return str(uuid5(NAMESPACE_URL, "/".join(("emulator", *words))))


def label(text: str) -> Json:
    one = {"Label": text, "LanguageCode": 1033, "IsManaged": True, "MetadataId": metadata_id(text)}
    return {"LocalizedLabels": [one], "UserLocalizedLabel": one}


def entities(catalog: Catalog) -> list[Json]:
    tables = catalog.of(Service.DATAVERSE)
    return [entity(catalog, table, FIRST_CODE + at) for at, table in enumerate(tables)]


@lru_cache(maxsize=512)
def _schema_name(logical: str) -> str:
    """Custom names keep their spelling; the platform's own are in Pascal case."""
    return logical if "_" in logical else logical[:1].upper() + logical[1:]


def entity(catalog: Catalog, table: Table, code: int) -> Json:
    name = _schema_name(table.name)
    return {
        "MetadataId": metadata_id(table.name),
        "LogicalName": table.name,
        "SchemaName": name,
        "EntitySetName": table.set,
        "LogicalCollectionName": table.set,
        "CollectionSchemaName": _schema_name(table.set),
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
        "DisplayCollectionName": label(_schema_name(table.set)),
        "Description": label(""),
        "IsCustomizable": {"Value": True, "CanBeChanged": True},
        "IsValidForAdvancedFind": True,
        "Attributes": lambda: [attribute(table, c) for c in table.columns.values()],
        "Keys": lambda: list(keys(table)),
        "OneToManyRelationships": lambda: [
            each for each in relations(catalog) if each["ReferencedEntity"] == table.name
        ],
        "ManyToOneRelationships": lambda: [
            each for each in relations(catalog) if each["ReferencingEntity"] == table.name
        ],
        "ManyToManyRelationships": lambda: [
            many_to_many(catalog, each)
            for each in catalog.many_to_many.values()
            if table.name in each.tables
        ],
    }


def attribute(table: Table, column: Column) -> Json:
    kind, class_name, type_name = _kind(column)
    return {
        "@odata.type": f"#{CRM}{class_name}AttributeMetadata",
        "MetadataId": metadata_id(table.name, column.logical),
        "LogicalName": column.logical,
        "SchemaName": _schema_name(column.logical),
        "EntityLogicalName": table.name,
        "AttributeType": kind,
        "AttributeTypeName": {"Value": f"{type_name}Type"},
        "AttributeOf": None,
        "IsPrimaryId": column.name in table.key,
        "IsPrimaryName": column.name == table.primary_name,
        "IsLogical": False,
        "IsCustomAttribute": "_" in column.logical,
        "IsManaged": True,
        "IsValidForCreate": column.creatable,
        "IsValidForUpdate": column.updatable,
        "IsValidForRead": True,
        "IsValidODataAttribute": True,
        "RequiredLevel": {"Value": "SystemRequired" if column.required else "None"},
        "DisplayName": label(_schema_name(column.logical)),
        "Description": label(""),
        "ColumnNumber": list(table.columns).index(column.name) + 1,
        **_specifics(column),
    }


def _kind(column: Column) -> tuple[str, str, str]:
    if column.logical == "statecode":
        return "State", "State", "State"
    if column.logical == "statuscode":
        return "Status", "Status", "Status"
    if column.polymorphic:
        customer = {target.table for target in column.targets} == {"account", "contact"}
        name = "Customer" if customer else "Owner" if column.logical == "ownerid" else "Lookup"
        return name, "Lookup", name
    return KINDS[column.type]


def _specifics(column: Column) -> Json:
    """What only attributes of this type have."""
    match column.type:
        case Type.STRING | Type.MEMO:
            return {"MaxLength": column.length, "Format": "Text"}
        case Type.DECIMAL | Type.MONEY:
            return {"Precision": column.scale, "MinValue": -1e11, "MaxValue": 1e11}
        case Type.INT:
            return {"MinValue": -(2**31), "MaxValue": 2**31 - 1, "Format": "None"}
        case Type.DATE:
            return {"Format": "DateOnly", "DateTimeBehavior": {"Value": "DateOnly"}}
        case Type.DATETIME:
            return {"Format": "DateAndTime", "DateTimeBehavior": {"Value": "UserLocal"}}
        case Type.LOOKUP:
            return {"Targets": [target.table for target in column.targets], "Format": "None"}
        case Type.CHOICE | Type.CHOICES:
            return _choice(column)
        case Type.BOOL:
            return {"DefaultValue": bool(column.default), "OptionSet": _boolean}
        case _:
            return {}


def _choice(column: Column) -> Json:
    options = column.options or OptionSet(column.logical, ())
    shown = option_set(options)
    shared = shown if options.shared else None
    return {
        "DefaultFormValue": column.default if column.default is not None else -1,
        "OptionSet": lambda: shown,
        "GlobalOptionSet": lambda: shared,
    }


def _boolean() -> Json:
    return {
        "MetadataId": metadata_id("boolean"),
        "Name": "boolean",
        "OptionSetType": "Boolean",
        "TrueOption": {"Value": 1, "Label": label("Yes")},
        "FalseOption": {"Value": 0, "Label": label("No")},
    }


def option_set(options: OptionSet) -> Json:
    return {
        "@odata.type": f"#{CRM}OptionSetMetadata",
        "MetadataId": metadata_id("optionset", options.name),
        "Name": options.name,
        "IsGlobal": options.shared,
        "OptionSetType": "Picklist",
        "DisplayName": label(options.name),
        "Options": [
            {"Value": each.value, "Label": label(each.label), "State": each.state}
            for each in options.options
        ],
    }


def option_sets(catalog: Catalog) -> list[Json]:
    """The option sets that Dataverse's columns share; F&O's enums are its own affair."""
    used = {
        column.options.name: column.options
        for table in catalog.of(Service.DATAVERSE)
        for column in table.columns.values()
        if column.options
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
            "EntityKeyIndexStatus": "Active",
            "IsCustomizable": {"Value": True},
            "DisplayName": label(key.name),
        }


def relations(catalog: Catalog) -> Iterator[Json]:
    for table in catalog.of(Service.DATAVERSE):
        for column in table.lookups():
            for target in column.targets:
                yield _one_to_many(catalog, table, column, target)


def _one_to_many(catalog: Catalog, table: Table, column: Column, target: Target) -> Json:
    return {
        "@odata.type": f"#{CRM}OneToManyRelationshipMetadata",
        "MetadataId": metadata_id("relation", table.name, target.back),
        "SchemaName": target.back,
        "RelationshipType": "OneToManyRelationship",
        "IsCustomRelationship": "_" in table.name,
        "ReferencedEntity": target.table,
        "ReferencedAttribute": catalog.named(target.table).id,
        "ReferencedEntityNavigationPropertyName": target.back,
        "ReferencingEntity": table.name,
        "ReferencingAttribute": column.logical,
        "ReferencingEntityNavigationPropertyName": target.navigation,
    }


def many_to_many(catalog: Catalog, relation: ManyToMany) -> Json:
    first, second = relation.tables
    return {
        "@odata.type": f"#{CRM}ManyToManyRelationshipMetadata",
        "MetadataId": metadata_id("relation", relation.name),
        "SchemaName": relation.name,
        "RelationshipType": "ManyToManyRelationship",
        "IsCustomRelationship": True,
        "IntersectEntityName": relation.name,
        "Entity1LogicalName": first,
        "Entity1IntersectAttribute": catalog.named(first).id,
        "Entity1NavigationPropertyName": relation.name,
        "Entity2LogicalName": second,
        "Entity2IntersectAttribute": catalog.named(second).id,
        "Entity2NavigationPropertyName": relation.name,
    }
