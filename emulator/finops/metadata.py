"""F&O's metadata below `/metadata`, the place to read which entities and enums are public."""

from typing import Any

from emulator.errors import Refusal
from emulator.exchange import Answer, Ask, Segment, segments
from emulator.metadata import Catalog, Column, OptionSet, Service, Table, Type
from emulator.odata.lexer import tokens
from emulator.odata.parser import literal
from emulator.values import EDM

Json = dict[str, Any]
NAMESPACE = "Microsoft.Dynamics.DataEntities."
TYPES = {"Edm.String": "String", "Edm.Int32": "Int32", "Edm.Int64": "Int64", "Edm.Decimal": "Real",
         "Edm.DateTimeOffset": "DateTime", "Edm.Guid": "Guid"}  # fmt: skip


def answer(catalog: Catalog, ask: Ask) -> Answer:
    path = segments(ask.path)
    name = path[0].name if path else ""
    if name == "DataEntities":
        return _answer(ask, path[0], [_data_entity(table) for table in catalog.of(Service.FINOPS)])
    if name == "PublicEntities":
        tables = catalog.of(Service.FINOPS)
        return _answer(ask, path[0], [_public_entity(table) for table in tables])
    if name == "PublicEnumerations":
        return _answer(ask, path[0], [_enumeration(each) for each in _enums(catalog)])
    raise Refusal(f"No resource matches '{ask.path}'.", status=404)


def _answer(ask: Ask, segment: Segment, rows: list[Json]) -> Answer:
    context = f"{ask.base}/$metadata#{segment.name}"
    if segment.args is None:
        return Answer(200, {"@odata.context": context, "value": rows})
    token = next(tokens(segment.args), None)
    wanted = literal(token).value if token else None
    row = next((row for row in rows if row["Name"] == wanted), None)
    if row is None:
        raise Refusal(f"'{wanted}' was not found.", status=404)
    return Answer(200, {"@odata.context": f"{context}/$entity"} | row)


def _data_entity(table: Table) -> Json:
    return {
        "Name": table.name,
        "PublicEntityName": table.name,
        "PublicCollectionName": table.set,
        "IsReadOnly": table.read_only,
        "DataServiceEnabled": True,
        "DataManagementEnabled": True,
    }


def _public_entity(table: Table) -> Json:
    return {
        "Name": table.name,
        "EntitySetName": table.set,
        "IsReadOnly": table.read_only,
        "Properties": [_property(table, column) for column in table.columns.values()],
        "NavigationProperties": [
            {
                "Name": each.name,
                "RelatedEntity": each.target,
                "Cardinality": "Multiple" if each.many else "Single",
            }
            for each in table.navigations.values()
        ],
    }


def _property(table: Table, column: Column) -> Json:
    kind = TYPES.get(EDM[column.type], "String")
    is_enum = column.type is Type.ENUM and column.options
    return {
        "Name": column.name,
        "TypeName": f"{NAMESPACE}{column.options.name}" if is_enum and column.options else "Edm",
        "DataType": "Enum" if is_enum else kind,
        "IsKey": column.name in table.key,
        "IsMandatory": column.required,
        "AllowEdit": column.updatable,
        "AllowEditOnCreate": column.creatable,
    }


def _enums(catalog: Catalog) -> list[OptionSet]:
    found = {
        column.options.name: column.options
        for table in catalog.of(Service.FINOPS)
        for column in table.columns.values()
        if column.options
    }
    return [found[name] for name in sorted(found)]


def _enumeration(options: OptionSet) -> Json:
    members = [{"Name": each.label, "Value": each.value} for each in options.options]
    return {"Name": options.name, "Members": members}
