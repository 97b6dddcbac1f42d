"""F&O's metadata below `/metadata`, the place to read which entities and enums are public."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from emulator.errors import BadQuery, Refusal
from emulator.exchange import Answer, Ask, Segment, segments
from emulator.metadata import Catalog, Column, OptionSet, Service, Table, Type
from emulator.odata.lexer import split, tokens
from emulator.odata.parser import literal, parse_filter
from emulator.odata.syntax import And, Compare, Literal, Node, Or, Path
from emulator.values import EDM

Json = dict[str, Any]
NAMESPACE = "Microsoft.Dynamics.DataEntities."
TYPES = {"Edm.String": "String", "Edm.Int32": "Int32", "Edm.Int64": "Int64", "Edm.Decimal": "Real",
         "Edm.DateTimeOffset": "DateTime", "Edm.Guid": "Guid", "Edm.Binary": "Container",
         "Edm.Boolean": "Boolean"}  # fmt: skip


def answer(catalog: Catalog, ask: Ask) -> Answer:
    path = segments(ask.path)
    make = SETS.get(path[0].name) if path else None
    if make is None:
        raise Refusal(f"No resource matches '{ask.path}'.", status=404)
    return _answer(ask, path[0], make(catalog))


def _answer(ask: Ask, segment: Segment, rows: list[Json]) -> Answer:
    context = f"{ask.base}/$metadata#{segment.name}"
    if segment.args is not None:
        return Answer(200, {"@odata.context": f"{context}/$entity"} | _one(segment.args, rows))
    options = ask.options()
    if condition := options.get("$filter"):
        node = parse_filter(condition)
        rows = [row for row in rows if _holds(node, row)]
    start = int(options.get("$skip", 0))
    rows = rows[start : start + int(options.get("$top", len(rows)))]
    if named := options.get("$select"):
        rows = [{name: row[name] for name in split(named, ",")} for row in rows]
    return Answer(200, {"@odata.context": context, "value": rows})


def _one(args: str, rows: list[Json]) -> Json:
    token = next(tokens(args.removeprefix("Name=")), None)
    wanted = literal(token).value if token else None
    row = next((row for row in rows if row["Name"] == wanted), None)
    if row is None:
        raise Refusal(f"'{wanted}' was not found.", status=404)
    return row


def _holds(node: Node, row: Json) -> bool:
    """Comparisons of one property with one text, joined by `and` and `or`."""
    match node:
        case And(parts):
            return all(_holds(part, row) for part in parts)
        case Or(parts):
            return any(_holds(part, row) for part in parts)
        case Compare("eq", Path((name,)), Literal() as given) if name in row:
            return bool(row[name] == given.value)
        case _:
            raise BadQuery("This filter is not supported on metadata.")


@lru_cache(maxsize=8)
def data_entities(catalog: Catalog) -> list[Json]:
    return [_data_entity(table) for table in catalog.of(Service.FINOPS)]


@lru_cache(maxsize=8)
def public_entities(catalog: Catalog) -> list[Json]:
    """Every public entity with its properties, in the order of their key and then of their name."""
    return [_public_entity(catalog, table) for table in catalog.of(Service.FINOPS)]


@lru_cache(maxsize=8)
def enumerations(catalog: Catalog) -> list[Json]:
    found = {
        column.options.name: column.options
        for table in catalog.of(Service.FINOPS)
        for column in table.columns.values()
        if column.options
    }
    return [_enumeration(found[name]) for name in sorted(found)]


def _data_entity(table: Table) -> Json:
    return {
        "Name": table.name,
        "PublicEntityName": table.name,
        "PublicCollectionName": table.set,
        "IsReadOnly": table.read_only,
        "DataServiceEnabled": True,
        "DataManagementEnabled": True,
    }


def _public_entity(catalog: Catalog, table: Table) -> Json:
    keyed = [table.columns[name] for name in table.key]
    others = [each for each in table.columns.values() if each.name not in table.key]
    ways = {
        each.name: (catalog.tables[each.target].name, each.many)
        for each in table.navigations.values()
    }
    # Where the others lead is not known.
    ways = {name: ("", many) for name, many in table.beyond} | ways
    return {
        "Name": table.name,
        "EntitySetName": table.set,
        "IsReadOnly": table.read_only,
        "ConfigurationEnabled": True,
        "Properties": [_property(table, column) for column in (*keyed, *others)],
        "NavigationProperties": [
            {
                "Name": name,
                "RelatedEntity": target,
                "Cardinality": "Multiple" if many else "Single",
            }
            for name, (target, many) in ways.items()
        ],
        "PropertyGroups": [],
        "Actions": [],
    }


def _property(table: Table, column: Column) -> Json:
    is_enum = column.type is Type.ENUM and column.options
    enum = f"{NAMESPACE}{column.options.name}" if column.options else ""
    return {
        "Name": column.name,
        "TypeName": enum if is_enum else EDM[column.type],
        "DataType": "Enum" if is_enum else TYPES[EDM[column.type]],
        "LabelId": None,
        "IsKey": column.name in table.key,
        "IsMandatory": column.required,
        "ConfigurationEnabled": True,
        "AllowEdit": column.updatable and column.name not in table.key,
        "AllowEditOnCreate": column.creatable,
        "IsDimension": False,
        "DimensionRelation": None,
        "IsDynamicDimension": False,
        "DimensionLegalEntityProperty": None,
        "DimensionTypeProperty": None,
    }


def _enumeration(options: OptionSet) -> Json:
    members = [{"Name": each.label, "Value": each.value} for each in options.options]
    return {"Name": options.name, "Members": members}


SETS: dict[str, Callable[[Catalog], list[Json]]] = {
    "DataEntities": data_entities,
    "PublicEntities": public_entities,
    "PublicEnumerations": enumerations,
}
