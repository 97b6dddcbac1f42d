"""
Declared tables -> GraphQL types.

Each column, group and link becomes a field of its class; each far end of a link becomes a
connection on the class it leads to, with paging, typed filter and order. Connections may be null,
so that one which the caller may not have takes nothing else away.
"""

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from functools import partial
from typing import Any

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from gateway.engine.limits import DEFAULT_SIZE, MAXIMUM_SIZE
from gateway.model.binding import bind
from gateway.model.registry import Registry
from gateway.model.tables import Member, Node, Row, Table
from gateway.schema import filters, ids
from gateway.schema.answering import Answered
from gateway.schema.connections import COUNTS, Connection, Listing
from gateway.schema.context import Info
from gateway.schema.listing import Direction, read_root
from gateway.schema.selection import asks_for, columns, listed_columns

Resolve = Callable[..., Any]


class Resolved(StrawberryField):
    """A field with the value `resolve(row, info, **arguments)`."""

    def __init__(
        self,
        name: str,
        type_: Any,
        doc: str,
        resolve: Resolve,
        arguments: Sequence[StrawberryArgument] = (),
        *,
        is_waited_for: bool = False,
    ) -> None:
        super().__init__(
            python_name=name, type_annotation=StrawberryAnnotation(type_), description=doc
        )
        self.arguments = list(arguments)
        self._resolve = resolve
        self.is_waited_for = is_waited_for
        """True if something is read for it, which is more work for graphql-core than the rest."""

    @property
    def is_basic_field(self) -> bool:
        return False

    def get_result(
        self, source: Any, info: strawberry.Info[Any, Any] | None, args: list[Any], kwargs: Any
    ) -> Awaitable[Any] | Any:
        return self._resolve(source, info, **kwargs)


class SchemaTypes:
    """The GraphQL types of all declared tables; making one fills in the classes' definitions."""

    def __init__(self, registry: Registry) -> None:
        """DeclarationError where a declaration is wrong."""
        bind(registry)
        self._registry = registry
        self._filters = filters.Filters(registry)
        self._orders: dict[str, type] = {}
        _define(Node)
        for table in registry.tables.values():
            _define(table.cls)
        for table in registry.tables.values():
            members = [*table.visible.values(), *table.backs.values()]
            _fields(table.cls).extend(map(self._field, registry.holding(members)))

    def root_fields(self) -> list[StrawberryField]:
        """For each table that has them, the field for one row and the field for the list."""
        tables = [table for table in self._registry.tables.values() if table.root]
        return [field for table in tables for field in (_single(table), self._listing(table))]

    def order_input(self, table: Table) -> type:
        """The input by which lists of `table` are ordered."""
        if table.name not in self._orders:
            self._orders[table.name] = _order_input(table, self._registry)
        return self._orders[table.name]

    def _listing(self, table: Table) -> StrawberryField:
        async def resolve(source: object, info: Info, **arguments: Any) -> Listing:
            counted = asks_for(info._raw_info, *COUNTS)
            select = listed_columns(info._raw_info, table)
            read = partial(info.context.loaders.page, table, select)
            return Listing(await read_root(table, info.context, arguments, read, counted=counted))

        _, name = table.root or ("", "")
        doc = f"The rows of {table.name} that you may see."
        arguments = self._root_arguments(table)
        return Resolved(name, _list_of(table), doc, resolve, arguments, is_waited_for=True)

    def _field(self, member: Member) -> StrawberryField:
        """The field of a member."""
        if member.is_plain:
            type_ = StrawberryAnnotation(member.annotation)
            return StrawberryField(
                python_name=member.name, type_annotation=type_, description=member.doc
            )

        def resolve(row: Row, info: Info, **arguments: Any) -> Any:
            return member.answer(row, Answered(member, info, arguments))

        listed = member.lists
        return Resolved(
            member.name,
            member.annotation if listed is None else _list_of(listed),
            member.doc,
            resolve,
            _parameters_of(member) if listed is None else self._arguments(listed),
            is_waited_for=member.is_waited_for,
        )

    def _root_arguments(self, table: Table) -> list[StrawberryArgument]:
        doc = "List the rows of this account alone, of all that are yours to see."
        account = [_argument("account", strawberry.ID, doc)] if table.rule.by_account else []
        narrowings = [_argument(n, each.type, each.doc) for n, each in table.narrowings.items()]
        return [*self._arguments(table), *account, *narrowings]

    def _arguments(self, table: Table) -> list[StrawberryArgument]:
        order = list[self.order_input(table)]  # type: ignore[misc,valid-type]
        size = f"0 to {MAXIMUM_SIZE}; {DEFAULT_SIZE} unless said otherwise."
        return [
            _argument(
                "first", int, f"The number of rows from the start, or `after` a cursor: {size}"
            ),
            _argument("after", str, "The cursor behind which the page starts."),
            _argument(
                "last", int, f"The number of rows from the end, or `before` a cursor: {size}"
            ),
            _argument("before", str, "The cursor in front of which the page ends."),
            _argument("filter", self._filters.for_table(table), "The rows to list."),
            _argument("order_by", order, "By what to order, most important first."),
        ]


def _list_of(table: Table) -> Any:
    """A connection to rows of `table`; null where the caller may not have it."""
    return Connection[table.cls] | None  # type: ignore[name-defined]


def _define(cls: type[Row]) -> None:
    """Attach an empty GraphQL definition to a class of rows."""
    interface = cls is Node
    implements = [Node.__strawberry_definition__] if issubclass(cls, Node) and not interface else []  # type: ignore[attr-defined]
    cls.__strawberry_definition__ = StrawberryObjectDefinition(  # type: ignore[attr-defined]
        name=cls.__name__,
        is_input=False,
        is_interface=interface,
        origin=cls,
        description=" ".join((cls.__doc__ or "").split()),
        interfaces=implements,
        extend=False,
        directives=(),
        is_type_of=lambda row, info: isinstance(row, cls),
        resolve_type=_type_name if interface else None,
        fields=[_id_field()] if issubclass(cls, Node) else [],
    )


def _type_name(row: Row, *_: object) -> str:
    return row.__table__.name


def _fields(cls: type) -> list[StrawberryField]:
    definition: StrawberryObjectDefinition = cls.__strawberry_definition__  # type: ignore[attr-defined]
    return definition.fields


def _id_field() -> StrawberryField:
    doc = "The global id, by which `node` finds this again."
    return Resolved("id", strawberry.ID, doc, lambda row, info: ids.of(row))


def _parameters_of(member: Member) -> list[StrawberryArgument]:
    return [
        StrawberryArgument(name, None, StrawberryAnnotation(type_), description=doc)
        for name, (type_, doc) in member.parameters.items()
    ]


def _single(table: Table) -> StrawberryField:
    async def resolve(source: object, info: Info, *, id: str) -> Row | None:
        select = columns(info._raw_info, table)
        return await info.context.loaders.node(table.cls, ids.key(table, id), select)

    name, _ = table.root or ("", "")
    doc = f"One {table.name} by its id; null if there is none that you may see."
    argument = StrawberryArgument(
        "id",
        None,
        StrawberryAnnotation(strawberry.ID),
        description=f"An id of the type {table.name}.",
    )
    return Resolved(name, table.cls | None, doc, resolve, [argument], is_waited_for=True)


def _argument(name: str, type_: Any, doc: str) -> StrawberryArgument:
    return StrawberryArgument(name, None, StrawberryAnnotation(type_ | None), description=doc)


def _order_input(table: Table, registry: Registry) -> type:
    """`{ field: PLACED_AT, direction: DESC }` over the columns by which the service can order."""
    members = {
        spec.name.upper(): strawberry.enum_value(spec.name, description=spec.doc)
        for spec in registry.members(table.sortable).values()
    }
    names: Any = Enum(f"{table.name}OrderField", members)  # type: ignore[misc]
    choices = strawberry.enum(names, description=f"By what {table.name} can be ordered.")
    made = type(
        f"{table.name}Order",
        (),
        {
            "__annotations__": {"field": choices, "direction": Direction},
            "field": strawberry.field(description="The column."),
            "direction": strawberry.field(default=Direction.ASC, description="The direction."),
        },
    )
    return strawberry.input(made, description=f"One column of an order of {table.name}.")
