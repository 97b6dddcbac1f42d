"""Turns the query options of a request into what to read: columns, expansions, filter, order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from emulator.errors import BadQuery, no_property
from emulator.metadata import Catalog, Column, Navigation, Service, Table, Type
from emulator.odata.lexer import split
from emulator.odata.parser import parse_filter, parse_order
from emulator.odata.sql import type_name
from emulator.odata.syntax import Node, Order

MAX_EXPANDS = 15
EXPAND_OPTIONS = {"$select", "$filter", "$orderby", "$top", "$expand"}
NESTED_ONLY = (
    "Only $select and $filter clause can be provided while doing $expand on many-to-one"
    " relationship or nested one-to-many relationship."
)


@dataclass(frozen=True)
class Selection:
    """The parts of each row to show; `named` is the $select as the context URL repeats it."""

    table: Table
    columns: tuple[Column, ...]
    named: tuple[str, ...] = ()
    expands: tuple["Expand", ...] = ()


@dataclass(frozen=True)
class Expand:
    navigation: Navigation
    selection: Selection
    filter: Node | None = None
    orders: tuple[Order, ...] = ()
    top: int | None = None
    reference: bool = False
    query: str = ""


@dataclass(frozen=True)
class Query:
    """Everything that a GET of a collection may ask for."""

    selection: Selection
    filter: Node | None = None
    orders: tuple[Order, ...] = ()
    top: int | None = None
    skip: int = 0
    count: bool = False
    aliases: Mapping[str, str] = field(default_factory=dict)


def read_query(catalog: Catalog, table: Table, options: Mapping[str, str]) -> Query:
    aliases = {name: text for name, text in options.items() if name.startswith("@")}
    where, order = options.get("$filter"), options.get("$orderby")
    return Query(
        selection=read_selection(catalog, table, options),
        filter=parse_filter(where, aliases) if where is not None else None,
        orders=tuple(parse_order(order, aliases)) if order is not None else (),
        top=whole(options, "$top"),
        skip=whole(options, "$skip") or 0,
        count=flag(options, "$count"),
        aliases=aliases,
    )


def read_selection(catalog: Catalog, table: Table, options: Mapping[str, str]) -> Selection:
    named = tuple(split(options["$select"], ",")) if options.get("$select") else ()
    expands = _expands(catalog, table, options.get("$expand", ""), 0)
    if sum(_count(each) for each in expands) > MAX_EXPANDS:
        raise BadQuery(f"The number of expands exceeds the maximum of {MAX_EXPANDS}.")
    if table.service is Service.DATAVERSE:
        _refuse_together(expands)
    return Selection(table, _columns(table, named), named, expands)


def whole(options: Mapping[str, str], name: str) -> int | None:
    text = options.get(name)
    if text is None:
        return None
    if not text.isdigit():
        raise BadQuery(f"Invalid value '{text}' for {name} query option found.")
    return int(text)


def flag(options: Mapping[str, str], name: str) -> bool:
    text = options.get(name, "false")
    if text.lower() not in ("true", "false"):
        raise BadQuery(f"Invalid value '{text}' for {name} query option found.")
    return text.lower() == "true"


def _columns(table: Table, named: tuple[str, ...]) -> tuple[Column, ...]:
    if not named or "*" in named:
        return tuple(table.columns.values())
    for name in named:
        if name not in table.columns:
            raise no_property(name, type_name(table))
    always = table.key if table.service is Service.DATAVERSE else ()
    wanted = {*named, *always, *_currency(table, named)}
    return tuple(column for column in table.columns.values() if column.name in wanted)


def _currency(table: Table, named: tuple[str, ...]) -> tuple[str, ...]:
    """An amount of money never comes without the currency it is in."""
    lookup = "_transactioncurrencyid_value"
    money = any(table.columns[name].type is Type.MONEY for name in named)
    return (lookup,) if money and table.has(lookup) else ()


def _expands(catalog: Catalog, table: Table, text: str, depth: int) -> tuple[Expand, ...]:
    items = split(text, ",") if text else ()
    return tuple(_expand(catalog, table, item, depth) for item in items)


def _expand(catalog: Catalog, table: Table, item: str, depth: int) -> Expand:
    path, _, inner = item.partition("(")
    name, _, reference = path.strip().partition("/")
    navigation = table.navigations.get(name)
    if navigation is None:
        raise no_property(name, type_name(table))
    if reference not in ("", "$ref"):
        raise BadQuery(f"The $expand path '{path}' is not supported.")
    if reference and navigation.many:
        raise BadQuery("Expand with $ref is only supported on lookup type navigation property.")
    query = inner.removesuffix(")") if inner else ""
    options = dict(_inner_options(query))
    expand = _built(catalog, navigation, options, depth, query)
    _refuse(table, expand, depth)
    return Expand(**{**expand.__dict__, "reference": bool(reference)})


def _built(catalog: Catalog, navigation: Navigation, options: dict[str, str], depth: int,
           query: str) -> Expand:  # fmt: skip
    target = catalog.tables[navigation.target]
    named = tuple(split(options["$select"], ",")) if options.get("$select") else ()
    expands = _expands(catalog, target, options.get("$expand", ""), depth + 1)
    return Expand(
        navigation,
        Selection(target, _columns(target, named), named, expands),
        filter=parse_filter(options["$filter"]) if "$filter" in options else None,
        orders=tuple(parse_order(options["$orderby"])) if "$orderby" in options else (),
        top=whole(options, "$top"),
        query=query,
    )


def _inner_options(text: str) -> Iterator[tuple[str, str]]:
    for part in split(text, ";") if text else ():
        name, equals, value = part.partition("=")
        if not equals or name not in EXPAND_OPTIONS:
            raise BadQuery(f"The query option '{name}' is not supported inside $expand.")
        yield name, value


def _refuse(table: Table, expand: Expand, depth: int) -> None:
    """The combinations that each service documents as unsupported."""
    if table.service is Service.FINOPS:
        if depth or expand.selection.expands:
            raise BadQuery("Only first-level $expand is supported.")
        return
    nested = depth > 0 or not expand.navigation.many or bool(expand.selection.expands)
    if nested and (expand.orders or expand.top is not None):
        raise BadQuery(NESTED_ONLY)
    if expand.navigation.through and (depth > 0 or expand.selection.expands):
        raise BadQuery("Nested $expand of many-to-many relationships is not supported.")


def _refuse_together(expands: tuple[Expand, ...]) -> None:
    """Refuse to combine N:N with other expands, or any cut with a nested collection."""
    if 0 < sum(bool(each.navigation.through) for each in expands) < len(expands):
        raise BadQuery("$expand of many-to-many relationships cannot be combined with others.")
    nested = any(each.navigation.many and each.selection.expands for each in expands)
    if nested and any(each.orders or each.top is not None for each in expands):
        raise BadQuery(NESTED_ONLY)


def _count(expand: Expand) -> int:
    return 1 + sum(_count(each) for each in expand.selection.expands)
