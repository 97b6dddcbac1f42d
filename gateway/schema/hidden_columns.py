"""
Rows past the columns that a caller's roles hide: a check reads them, and nothing of them is told.

What the input names the caller asks by, and asking by a hidden column is forbidden as in a filter.
"""

from collections.abc import Container
from copy import deepcopy
from dataclasses import replace as altered
from typing import TypeVar

from graphql import GraphQLObjectType, GraphQLSchema
from msgspec.structs import replace

from gateway.loaders.hiding import check, mark, withheld
from gateway.model.tables import TABLES, Member, Row, Table
from gateway.schema.context import Context
from gateway.upstream.odata import Order

R = TypeVar("R", bound=Row)


def unveiled(context: Context) -> Context:
    """The same caller, within the same row rules, with no column hidden: for checks alone."""
    me = context.loaders.reader.principal
    if not me.rights.hidden:
        return context
    principal = altered(me, rights=altered(me.rights, hidden=frozenset()))
    loaders = context.loaders.reading_by(context.loaders.reader.seen_by(principal))
    return replace(context, principal=principal, loaders=loaders)


def veiled(context: Context, row: R) -> R:
    """The row as this caller's roles show it."""
    secret = withheld(row.__table__, context.principal.rights.hidden)
    if not secret:
        return row
    raw = deepcopy(dict(row.raw))
    mark([raw], secret)
    return type(row)(raw)


def hidden_members(schema: GraphQLSchema, hidden: frozenset[str]) -> list[str]:
    """The members of a schema that are hidden, by their own names or by a column of another one."""
    return sorted(
        f"{table.name}.{name}"
        for table in (TABLES.values() if hidden else ())
        for name, member in table.members.items()
        if name in _fields(schema, table)
        and (f"{table.name}.{name}" in hidden or _is_hidden(table, member, hidden))
    )


def _fields(schema: GraphQLSchema, table: Table) -> Container[str]:
    type_ = schema.type_map.get(table.name)
    return type_.fields if isinstance(type_, GraphQLObjectType) else ()


def _is_hidden(table: Table, member: Member, hidden: frozenset[str]) -> bool:
    """True if the member is hidden, or what it is read from."""
    other, columns = member.told_by
    return not withheld(other or table, hidden).isdisjoint(columns)


def asked_by(context: Context, cls: type[Row], *columns: str) -> None:
    """Forbidden where the caller's roles hide any of these columns of a table."""
    secret = withheld(cls.__table__, context.principal.rights.hidden)
    check(secret, (), [Order(column) for column in columns])
