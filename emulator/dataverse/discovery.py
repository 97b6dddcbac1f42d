"""Answers queries about metadata: EntityDefinitions, relationships and global option sets.

A definition is a JSON object in which what must be expanded is a function that makes it.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from emulator.dataverse.definitions import (
    CRM,
    entities,
    many_to_many,
    option_sets,
    relations,
)
from emulator.dataverse.resources import not_found
from emulator.errors import BadQuery, NotAllowed, NotFound, NotImplementedHere, no_property
from emulator.exchange import Answer, Ask, Segment
from emulator.metadata import Catalog
from emulator.odata.lexer import split, tokens
from emulator.odata.parser import literal, parse_filter
from emulator.odata.syntax import And, Call, Compare, Literal, Node, Not, Or, Path

Json = dict[str, Any]
ALWAYS = ("@odata.type", "MetadataId")
UNCAST = {"cast": ""}
"""The option that marks a query whose URL does not cast attributes to their own type."""
OF_ONE_TYPE = {
    "MaxLength", "Precision", "Format", "DateTimeBehavior", "Targets", "MinValue", "MaxValue",
    "DefaultFormValue", "DefaultValue", "OptionSet", "GlobalOptionSet",
}  # fmt: skip
OPTIONS = {"$select", "$filter", "$expand", "$count", "$top", "LabelLanguages"}
TESTS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: bool(a == b),
    "ne": lambda a, b: bool(a != b),
    "gt": lambda a, b: bool(a > b),
    "ge": lambda a, b: bool(a >= b),
    "lt": lambda a, b: bool(a < b),
    "le": lambda a, b: bool(a <= b),
}


def _all_relations(catalog: Catalog) -> list[Json]:
    return [
        *relations(catalog),
        *(many_to_many(catalog, each) for each in catalog.many_to_many.values()),
    ]


SETS: dict[str, Callable[[Catalog], list[Json]]] = {
    "EntityDefinitions": entities,
    "RelationshipDefinitions": _all_relations,
    "GlobalOptionSetDefinitions": option_sets,
}


def discover(catalog: Catalog, ask: Ask, path: list[Segment]) -> Answer:
    """The answer for a path whose first segment is one of `SETS`."""
    if ask.method in ("POST", "PUT", "PATCH", "DELETE"):
        raise NotImplementedHere("The emulator's tables are declared in files, not by requests.")
    if ask.method != "GET":
        raise NotAllowed(f"The HTTP method '{ask.method}' is not supported here.")
    options = ask.options()
    for name in options:
        if name.startswith("$") and name not in OPTIONS:
            raise BadQuery(f"The query parameter {name} is not supported on metadata.")
    context = f"{ask.base}/$metadata#{'/'.join(segment.name for segment in path)}"
    return Answer(200, _body(catalog, tuple(path), tuple(options.items()), context))


@lru_cache(maxsize=64)
def _body(
    catalog: Catalog, path: tuple[Segment, ...], pairs: tuple[tuple[str, str], ...], context: str
) -> Json:
    """The body of an answer, kept: each gateway that starts asks for the same large ones."""
    found: Any = _keyed(SETS[path[0].name](catalog), path[0].args)
    for segment in path[1:]:
        found = _step(found, segment)
    is_cast = any(segment.name.startswith(CRM) for segment in path)
    return _shown(found, dict(pairs) if is_cast else dict(pairs) | UNCAST, context)


def _shown(found: Any, options: dict[str, str], context: str) -> Json:
    if isinstance(found, list):
        rows = _where(found, options.get("$filter"))
        body: Json = {"@odata.context": context}
        if options.get("$count") == "true":
            body["@odata.count"] = len(rows)
        if "$top" in options:
            rows = rows[: int(options["$top"])]
        return body | {"value": [_projected(row, options) for row in rows]}
    if isinstance(found, dict):
        return {"@odata.context": f"{context}/$entity"} | _projected(found, options)
    return {"@odata.context": context, "value": found}


def _step(found: Any, segment: Segment) -> Any:
    if segment.name.startswith(CRM):
        return _cast(found, f"#{segment.name}")
    if segment.name == "$count" and isinstance(found, list):
        return len(found)
    if not isinstance(found, dict) or segment.name not in found:
        raise not_found(segment.name)
    value = found[segment.name]
    return _keyed(value() if callable(value) else value, segment.args)


def _cast(found: Any, kind: str) -> Any:
    if isinstance(found, list):
        return [each for each in found if each["@odata.type"] == kind]
    if not isinstance(found, dict) or found.get("@odata.type") != kind:
        raise not_found(kind[1:])
    return found


def _keyed(found: Any, args: str | None) -> Any:
    if args is None:
        return found
    name, equals, text = args.partition("=")
    if not equals:
        name, text = "MetadataId", args
    token = next(tokens(text.strip()), None)
    value = literal(token).value if token else None
    row = next((row for row in found if str(row.get(name)).lower() == str(value).lower()), None)
    if row is None:
        raise NotFound(
            f"Could not find an entity with the specified {name}: {value}.", code="0x80060888"
        )
    return row


def _projected(row: Json, options: dict[str, str]) -> Json:
    """The selected and the expanded properties; the others are not made."""
    if named := options.get("$select"):
        plain = _selected(row, split(named, ","), options)
    else:
        plain = {name: value for name, value in row.items() if not callable(value)}
    for item in split(options["$expand"], ",") if options.get("$expand") else ():
        name, _, inner = item.partition("(")
        plain[name] = _expanded(row, name, inner.removesuffix(")"), options)
    return plain


def _selected(row: Json, names: list[str], options: dict[str, str]) -> Json:
    for name in names:
        if name not in row or callable(row[name]) or _is_hidden(row, name, options):
            raise no_property(name, _type_of(row, options))
    return {name: row[name] for name in (*ALWAYS, *names) if name in row}


def _is_hidden(row: Json, name: str, options: dict[str, str]) -> bool:
    """True if only one type of attribute has it and the URL does not cast to that type."""
    return name in OF_ONE_TYPE and "AttributeType" in row and UNCAST.items() <= options.items()


def _expanded(row: Json, name: str, inner: str, outer: dict[str, str]) -> Any:
    make = row.get(name)
    if not callable(make) or _is_hidden(row, name, outer):
        raise no_property(name, _type_of(row, outer))
    options = UNCAST | dict(_pair(part) for part in split(inner, ";") if part)
    value = make()
    if isinstance(value, list):
        return [_projected(each, options) for each in _where(value, options.get("$filter"))]
    return _projected(value, options) if value else value


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _type_of(row: Json, options: Mapping[str, str] = MappingProxyType({})) -> str:
    if "AttributeType" in row and UNCAST.items() <= options.items():
        return f"{CRM}AttributeMetadata"
    return str(row.get("@odata.type", f"#{CRM}EntityMetadata"))[1:]


def _where(rows: Iterable[Json], condition: str | None) -> list[Json]:
    if condition is None:
        return list(rows)
    node = parse_filter(condition)
    return [row for row in rows if _test(node, row)]


def _test(node: Node, row: Json) -> bool:
    match node:
        case And(parts):
            return all(_test(part, row) for part in parts)
        case Or(parts):
            return any(_test(part, row) for part in parts)
        case Not(inner):
            return not _test(inner, row)
        case Compare(op, left, right):
            return _compare(op, _value(left, row), _value(right, row))
        case Call(name, (path, text)) if name in TESTS:
            return TESTS[name](str(_value(path, row)), str(_value(text, row)))
        case Path():
            return _value(node, row) is True
        case _:
            raise BadQuery("This filter is not supported on metadata.")


def _compare(op: str, left: Any, right: Any) -> bool:
    if op in ("gt", "ge", "lt", "le") and None in (left, right):
        return False
    return COMPARISONS[op](left, right)


def _value(node: Node, row: Json) -> Any:
    if isinstance(node, Literal):
        return node.value
    if not isinstance(node, Path):
        raise BadQuery("This filter is not supported on metadata.")
    found: Any = row
    for name in node.segments:
        if not isinstance(found, dict) or name not in found:
            raise no_property(name, _type_of(row))
        found = found[name]
    return found
