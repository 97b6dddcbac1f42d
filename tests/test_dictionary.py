"""Holds the emulator, as its own metadata endpoints describe it, against the dictionary."""

from collections.abc import Iterator
from typing import Any

import pytest

from dynamics import dictionary
from emulator.dataverse import definitions
from emulator.declarations import standard
from emulator.finops.public_metadata import enumerations, public_entities
from emulator.metadata import Service

Json = dict[str, Any]
CATALOG = standard()
TABLES = {each["LogicalName"]: each for each in definitions.entities(CATALOG)}
ENTITIES = {each["EntitySetName"]: each for each in public_entities(CATALOG)}
KNOWN = dictionary.KNOWN
SETTABLE = {"yes": True, "no": False}


def columns(
    table: dictionary.KnownTable,
) -> Iterator[tuple[dictionary.KnownColumn, Json]]:
    """Each column of the dictionary whose existence is known, with what the emulator says."""
    said = {each["LogicalName"]: each for each in TABLES[table.name]["Attributes"]()}
    for column in table.columns.values():
        assert column.name in said, f"{table.name} lacks {column.name}"
        yield column, said[column.name]


def tables() -> list[Any]:
    return [pytest.param(each, id=each.name) for each in dictionary.tables().values()]


def collections() -> list[Any]:
    return [pytest.param(each, id=each.name) for each in dictionary.collections().values()]


@pytest.mark.parametrize("table", tables())
def test_every_table_has_its_collection_and_all_its_columns(
    table: dictionary.KnownTable,
) -> None:
    assert TABLES[table.name]["EntitySetName"] == table.collection
    assert len(list(columns(table))) == len(table.columns)


@pytest.mark.parametrize("table", tables())
def test_columns_are_spelled_typed_and_sized_as_the_dictionary_says(
    table: dictionary.KnownTable,
) -> None:
    for column, said in columns(table):
        if column.schema_name:
            assert said["SchemaName"] == column.schema_name
        if column.type and column.type != "Image":
            assert said["AttributeType"] == column.type, column.name
        if column.size is not None:
            assert said.get("MaxLength", said.get("Precision")) == column.size, column.name
        if column.required:
            assert said["RequiredLevel"]["Value"] == column.required, column.name
        if column.create in SETTABLE:
            assert said["IsValidForCreate"] is SETTABLE[column.create], column.name
        if column.update in SETTABLE:
            assert said["IsValidForUpdate"] is SETTABLE[column.update], column.name
        if column.behaviour:
            assert said["DateTimeBehavior"] == {"Value": column.behaviour}, column.name
        if column.format:
            assert said["Format"] == column.format, column.name


@pytest.mark.parametrize("table", tables())
def test_choices_have_the_members_of_the_dictionary(table: dictionary.KnownTable) -> None:
    for column, said in columns(table):
        known = dictionary.options().get((table.name, column.name), ())
        if not known:
            continue
        shown = said["OptionSet"]()
        if column.type == "Boolean":
            members = {each["Value"]: each["Label"] for each in (
                shown["TrueOption"], shown["FalseOption"])}  # fmt: skip
            states = {}
        else:
            members = {each["Value"]: each["Label"] for each in shown["Options"]}
            states = {each["Value"]: each["State"] for each in shown["Options"]}
        assert members.keys() == {option.value for option in known}
        for option in known:
            assert members[option.value]["UserLocalizedLabel"]["Label"] == option.label
            if option.state:
                assert states[option.value] == int(option.state)


@pytest.mark.parametrize("table", tables())
def test_lookups_lead_where_and_are_called_as_the_dictionary_says(
    table: dictionary.KnownTable,
) -> None:
    said = {
        (each["ReferencingAttribute"], each["ReferencedEntity"]): each
        for each in TABLES[table.name]["ManyToOneRelationships"]()
    }
    for column in table.columns.values():
        for target, navigation in column.navigation.items():
            if target != "?":
                found = said[column.name, target]["ReferencingEntityNavigationPropertyName"]
                assert found == navigation


def test_both_ends_of_a_relationship_are_called_as_the_dictionary_says() -> None:
    said = {
        (each["ReferencingEntity"], each["ReferencingAttribute"], each["ReferencedEntity"]): each
        for each in definitions.relations(CATALOG)
    }
    for known in dictionary.relationships():
        found = said.get((known.table, known.column, known.target))
        if found is None:
            assert not is_whole(known), known
            continue
        assert found["ReferencingEntityNavigationPropertyName"] == known.navigation
        if known.collection:
            assert found["ReferencedEntityNavigationPropertyName"] == known.collection
        if known.schema_name:
            assert found["SchemaName"] == known.schema_name


def is_whole(known: dictionary.Relationship) -> bool:
    """True if a source names the lookup, of a table that is covered, and says where it leads."""
    table = dictionary.tables().get(known.table)
    column = table.columns.get(known.column) if table else None
    return column is not None and column.type != "Uniqueidentifier" and known.target != "owner"


def test_tables_in_between_have_the_columns_of_the_dictionary() -> None:
    for known in dictionary.many_to_many():
        said = definitions.many_to_many(CATALOG, CATALOG.many_to_many[known.schema_name])
        between = TABLES[known.intersect]

        assert said["IntersectEntityName"] == known.intersect
        assert (said["Entity1LogicalName"], said["Entity2LogicalName"]) == known.tables
        intersect = (said["Entity1IntersectAttribute"], said["Entity2IntersectAttribute"])
        assert intersect == known.columns
        assert set(known.columns) <= {each["LogicalName"] for each in between["Attributes"]()}


def test_every_alternate_key_of_the_dictionary_is_there_and_active() -> None:
    keys = dictionary.keys()
    for known in keys:
        said = [each for each in TABLES[known.table]["Keys"]()
                if tuple(each["KeyAttributes"]) == known.columns]  # fmt: skip

        assert [each["EntityKeyIndexStatus"] for each in said] == ["Active"], known
        if known.name and "(" not in known.name:
            assert said[0]["LogicalName"] == known.name


@pytest.mark.parametrize("collection", collections())
def test_collections_of_finops_have_the_columns_and_keys_of_the_dictionary(
    collection: dictionary.Collection,
) -> None:
    said = ENTITIES[collection.name]
    found = {each["Name"]: each for each in said["Properties"]}
    ways = {each["Name"]: each["Cardinality"] for each in said["NavigationProperties"]}

    assert found.keys() == collection.properties.keys()
    keys = tuple(each["Name"] for each in said["Properties"] if each["IsKey"])
    assert keys == collection.key
    for name, known in collection.properties.items():
        assert found[name]["TypeName"] == known.edm
        column = CATALOG.tables[collection.name].columns[name]
        assert column.nullable is known.nullable
    for name, known in collection.navigations.items():
        assert ways[name] == ("Multiple" if known.edm == "collection" else "Single")


def test_enumerations_have_the_members_of_the_dictionary() -> None:
    said = {each["Name"]: each["Members"] for each in enumerations(CATALOG)}
    used = {known.enum.rpartition(".")[2] for each in dictionary.collections().values()
            for known in each.properties.values() if known.enum}  # fmt: skip
    for name, members in dictionary.enums().items():
        if name in used:
            assert {each["Name"]: each["Value"] for each in said[name]} == members


def test_lengths_of_unverified_texts_are_lengths_all_the_same() -> None:
    texts = [
        said
        for table in TABLES.values()
        for said in table["Attributes"]()
        if said["AttributeType"] in ("String", "Memo")
    ]
    assert all(said["MaxLength"] > 0 for said in texts)


def test_nothing_outside_of_the_dictionary_is_in_its_tables_but_our_own() -> None:
    """A column that no source knows would be one that we invented."""
    allowed = {"gw_", "versionnumber"}
    for name, table in dictionary.tables().items():
        for said in TABLES[name]["Attributes"]():
            column = said["LogicalName"]
            known = column in table.columns or column == f"{name}id"
            assert known or column.startswith(tuple(allowed)), f"{name}.{column}"


def test_both_services_have_tables_beyond_the_dictionary_only_where_they_are_marked() -> None:
    beyond = {
        each.set for each in CATALOG.of(Service.FINOPS) if each.set not in dictionary.collections()
    }
    assert beyond == {"OutboundShipmentHeaders"}
