"""Finds what a resource path points at: a set, a row, what is related to a row, one property."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from emulator.ddl import comparable
from emulator.errors import BadQuery, NotFound, no_property, no_row
from emulator.exchange import Segment
from emulator.metadata import TEXTS, Column, Navigation, Service, Table
from emulator.odata.lexer import split, tokens
from emulator.odata.literals import compared
from emulator.odata.parser import literal
from emulator.odata.sql import Compiler, Scope, type_name
from emulator.odata.syntax import Kind
from emulator.store import Store
from emulator.values import GUID, Row, Stored, fold, guid_text

RESERVED = {"$count", "$ref", "$value"}


@dataclass(frozen=True, slots=True)
class Address:
    """A row by primary or alternate key, whether or not it exists."""

    table: Table
    key: dict[str, Stored]
    text: str

    @property
    def sql(self) -> tuple[str, list[Stored]]:
        columns = [self.table.columns[name] for name in self.key]
        return (
            " AND ".join(f"{comparable(c, quoted(c))} = ?" for c in columns),
            [_comparable(column, self.key[column.name]) for column in columns],
        )

    @property
    def primary(self) -> bool:
        return tuple(self.key) == self.table.key


@dataclass(frozen=True, slots=True)
class Resource:
    """The end of a path: `row` is set for everything at or below a row."""

    table: Table
    row: Address | None = None
    parent: Address | None = None
    navigation: Navigation | None = None
    column: Column | None = None
    suffix: str = ""
    empty: bool = False


class Resolver:
    """Walks the segments of one path, reading rows only where a navigation property must."""

    def __init__(self, store: Store, aliases: Mapping[str, str]) -> None:
        self.store = store
        self.catalog = store.shown
        self.aliases = aliases

    def resolve(self, path: list[Segment]) -> Resource:
        first, *rest = path
        table = self.catalog.find(first.name, Service.DATAVERSE)
        if table is None:
            raise not_found(first.name)
        resource = Resource(table, self.address(table, first.args))
        for segment in rest:
            resource = self.step(resource, segment)
        return resource

    def address(self, table: Table, args: str | None) -> Address | None:
        if args is None:
            return None
        return Address(table, read_key(table, args, self.aliases), args)

    def step(self, at: Resource, segment: Segment) -> Resource:
        if at.suffix or (at.column and segment.name != "$value"):
            raise not_found(segment.name)
        if segment.name in RESERVED:
            return Resource(at.table, at.row, at.parent, at.navigation, at.column, segment.name,
                            at.empty)  # fmt: skip
        if at.row is None:
            raise not_found(segment.name)
        navigation = at.table.navigations.get(segment.name)
        if navigation:
            return self.follow(at.row, navigation, segment.args)
        column = at.table.columns.get(segment.name)
        if column is None:
            raise no_property(segment.name, type_name(at.table))
        return Resource(at.table, at.row, at.parent, at.navigation, column)

    def follow(self, parent: Address, navigation: Navigation, args: str | None) -> Resource:
        target = self.catalog.tables[navigation.target]
        if navigation.many:
            return Resource(target, self.address(target, args), parent, navigation)
        found = self.existing(parent)[navigation.on[0][0]]
        row = Address(target, {target.id: found}, guid_text(str(found))) if found else None
        return Resource(target, row, parent, navigation, empty=found is None)

    def existing(self, address: Address) -> Row:
        row = self.store.find(address.table, *address.sql)
        if row is None:
            raise no_row(address.table.name, address.text)
        return row


def quoted(column: Column) -> str:
    return f'"{column.name}"'


def not_found(name: str) -> NotFound:
    return NotFound(f"Resource not found for the segment '{name}'.", code="0x8006088a")


def read_key(table: Table, args: str, aliases: Mapping[str, str]) -> dict[str, Stored]:
    """A bare GUID is the primary key; named parts must be exactly one of the declared keys."""
    if GUID.fullmatch(args):
        return {table.id: _value(table.columns[table.id], args, aliases)}
    parts = [part.partition("=") for part in split(args, ",")]
    names = {name.strip() for name, _, _ in parts}
    declared = [table.key, *(key.columns for key in table.alternate_keys if key.is_active)]
    key = next((key for key in declared if set(key) == names), None)
    if key is None or len(parts) != len(key):
        raise wrong_key(table)
    given = {name.strip(): text.strip() for name, _, text in parts}
    return {name: _value(table.columns[name], given[name], aliases) for name in key}


def _value(column: Column, text: str, aliases: Mapping[str, str]) -> Stored:
    if text.startswith("@"):
        text = aliases.get(text, "")
    found = list(tokens(text))
    if len(found) != 1:
        raise BadQuery(f"Bad Request - Error in query syntax: '{text}'.")
    value = literal(found[0])
    if column.type in TEXTS and value.kind is Kind.STRING:
        # An upsert makes its row with the key as it is spelled here.
        return str(value.value)
    return compared(column, value, "eq")


def _comparable(column: Column, value: Stored) -> Stored:
    return fold(value) if column.type in TEXTS and isinstance(value, str) else value


def wrong_key(table: Table) -> BadQuery:
    return BadQuery(
        "The key in the request URI is not valid for resource"
        f" '{type_name(table)}'. Ensure that the names and number of key properties match the"
        " declared alternate key properties for the resource."
    )


def related_to(
    store: Store, parent: Row, table: Table, navigation: Navigation
) -> Callable[[Compiler, Scope], str]:
    """The condition that rows of a collection-valued property fulfil."""

    def condition(compiler: Compiler, scope: Scope) -> str:
        near, far = navigation.on[0]
        value = compiler.bind(parent[near])
        if navigation.through is None:
            return f'{scope.alias}."{far}" = {value}'
        between = navigation.through
        sql = store.shown.tables[between.set].sql
        return (
            f'{scope.alias}."{far}" IN (SELECT "{between.far}" FROM "{sql}"'  # noqa: S608
            f' WHERE "{between.near}" = {value})'
        )

    return condition
