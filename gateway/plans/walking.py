"""
The walk over the selection of a table's rows: it plans what has to be read, and returns what writes
the expressions that turn the rows into the answer.

Expressions are written once all reads are planned, as they depend on the columns of all selections.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLLeafType,
    GraphQLObjectType,
    get_named_type,
)

from gateway.loaders import keyset
from gateway.loaders.name_changes import read_day
from gateway.loaders.windows import Slice
from gateway.model.tables import Back, Link, Node
from gateway.model.ways_to_values import Loaded, Write
from gateway.plans.arguments import Arguments, arguments_of, spelled
from gateway.plans.fetches import Children, Fetch, Linked
from gateway.plans.leaves import LARGEST_INT, Convert, Leaf, Unusual, leaf_of
from gateway.plans.objects import ObjectOfColumns
from gateway.plans.rendering import comprehension
from gateway.plans.source import FunctionSource, Unplanned, output_leaf
from gateway.plans.structs import Shapes
from gateway.plans.worked import Worked
from gateway.schema import ids
from gateway.schema.connections import COUNTS
from gateway.schema.selection import columns_of, fields, responses
from gateway.upstream.names import Names
from gateway.upstream.row_keys import Checked

Nodes = Sequence[FieldNode]
WritePage = Callable[[str, str], str]
"""The variable of a slice, and the expression of its rows -> the connection in the answer."""


class Walk:
    """The walk of one root field."""

    def __init__(self, source: FunctionSource, shapes: Shapes, names: Names) -> None:
        """`names`: those of Dataverse, which tell how its columns hold days."""
        self.source = source
        self.shapes = shapes
        self.names = names
        self._operation = source.operation

    def plan(self, fetch: Fetch, nodes: Nodes) -> Write:
        """Plan what `nodes`, the fields that represent the rows, select; writes one of them."""
        fetch.select |= columns_of(self._operation, fetch.table, nodes)
        selected = responses(self._operation, nodes, fetch.table.name)
        written = {response: self._field(fetch, below) for response, below in selected.items()}
        return partial(self._object, written)

    def plan_page(self, fetch: Fetch, nodes: Nodes) -> WritePage:
        """Like `plan`, for fields that represent a connection to the rows."""
        selected = responses(self._operation, nodes, f"{fetch.table.name}Connection")
        written = {response: self._of_page(fetch, below) for response, below in selected.items()}
        return partial(self._object, written)

    def named(self, name: str, nodes: Nodes, type_name: str) -> Iterator[list[FieldNode]]:
        """The fields of this name, for each place that they have in the answer."""
        for selected in responses(self._operation, nodes, type_name).values():
            if selected[0].name.value == name:
                yield selected

    def counted(self, nodes: Nodes) -> bool:
        """True if the rows of a connection have to be counted."""
        return not fields(self._operation, nodes).keys().isdisjoint(COUNTS)

    def _object(self, written: Mapping[str, Callable[..., str]], *variables: str) -> str:
        """The object of fields that are written by these variables."""
        return self.source.made({name: write(*variables) for name, write in written.items()})

    def _field(self, fetch: Fetch, nodes: list[FieldNode]) -> Write:
        """Plan one field of the rows."""
        name, table = nodes[0].name.value, fetch.table
        if name == "__typename":
            return lambda _: repr(table.name)
        if name == "id" and issubclass(table.cls, Node):
            return self._key(fetch)
        if name not in fetch.members:
            raise Unplanned(f"{table.name}.{name}")
        return fetch.members[name].plan(PlannedMember(self, fetch, name, nodes))

    def _key(self, fetch: Fetch) -> Write:
        """Plan the global id of the rows."""
        for column, type_ in fetch.table.key.items():
            carried = str if type_ in (str, UUID) else int if type_ is int else Any
            fetch.shape.demand(column, Leaf(carried), optional=False)
            fetch.select.add(column)
        encode = ids.writer(fetch.table)

        def write(row: str) -> str:
            columns = ", ".join(f"{row}.{column}" for column in fetch.table.key)
            return f"{self.source.constant(encode)}({columns})"

        return write

    def _of_page(self, fetch: Fetch, nodes: list[FieldNode]) -> WritePage:
        """Plan one field of a connection to the rows."""
        source = self.source
        match nodes[0].name.value:
            case "__typename":
                return lambda page, rows: repr(f"{fetch.table.name}Connection")
            case "nodes":
                return partial(self._each, self.plan(fetch, nodes))
            case "edges":
                edge = self._edge(fetch, nodes)
                return lambda page, rows: self._each(partial(edge, page), page, rows)
            case "pageInfo":
                return lambda page, rows: source.object(
                    nodes, "PageInfo", partial(self._info, page)
                )
            case "totalCount":
                return lambda page, rows: f"{source.constant(_total)}({page})"
            case "totalCountIsLowerBound":
                return lambda page, rows: f"(not {page}.count_is_exact)"
        raise Unplanned(f"a connection's {nodes[0].name.value}")

    def _each(self, write: Write, page: str, rows: str) -> str:
        """The list of what is written of each row."""
        row = self.source.variable()
        return comprehension(write(row), row, rows)

    def _edge(self, fetch: Fetch, nodes: Nodes) -> WritePage:
        """Plan the edges of a connection; what it returns takes the page and the row."""
        type_name = f"{fetch.table.name}Edge"
        written: dict[str, WritePage] = {}
        for response, below in responses(self._operation, nodes, type_name).items():
            match below[0].name.value:
                case "__typename":
                    written[response] = lambda page, row: repr(type_name)
                case "node":
                    written[response] = partial(_second, self.plan(fetch, below))
                case "cursor":
                    written[response] = self._cursor
                case name:
                    raise Unplanned(f"an edge's {name}")
        return partial(self._object, written)

    def _cursor(self, page: str, row: str) -> str:
        return f"{self.source.constant(_cursor)}({page}, {row})"

    def _info(self, page: str, name: str, _: list[FieldNode]) -> str:
        match name:
            case "hasNextPage":
                return f"{page}.has_next"
            case "hasPreviousPage":
                return f"{page}.has_previous"
            case "startCursor":
                return f"({self._cursor(page, f'{page}.rows[0]')} if {page}.rows else None)"
            case "endCursor":
                return f"({self._cursor(page, f'{page}.rows[-1]')} if {page}.rows else None)"
        raise Unplanned(f"a page's {name}")


@dataclass(frozen=True, slots=True)
class PlannedMember:
    """A member that is selected of the rows of a fetch; see `Planning`."""

    walk: Walk
    parent: Fetch
    """The fetch of the rows that it is a member of."""
    name: str
    nodes: list[FieldNode]

    def value(self, path: str, type_: Any, *, optional: bool, is_day: bool = False) -> Write:
        source, names, table = self.walk.source, self.walk.names, self.parent.table
        company = names.company_of(table.entity, path) if is_day else ""
        leaf = self._day(path, company) if is_day else self._leaf(type_)
        self.parent.shape.demand(path, leaf, optional=optional)
        self.parent.select |= names.companies(table.entity, [path])
        checked = not optional and "/" not in path

        def write(row: str) -> str:
            value = source.at(row, path)
            if company:
                value = f"({value}, {source.at(row, company)})"
            return source.leaf(value, leaf, optional=optional, checked=checked)

        return write

    def object(
        self,
        parts: Mapping[str, tuple[str, Any]],
        *,
        essential: str | None,
        make: Callable[[Any], Any],
        optional: bool,
    ) -> Write:
        source, cls = self.walk.source, self.parent.table.cls
        made = ObjectOfColumns(
            source, self.parent, self._object_type, self.nodes, parts, essential, optional
        )
        made.find()
        if made.is_simple:
            return made.write
        return self._plain(lambda row: f"{source.constant(partial(_whole, cls, make))}({row})")

    def row(self, link: Link) -> Write:
        def make() -> Linked:
            shape = self.walk.shapes.of(link.target, *link.target_paths)
            return Linked(table=link.target, shape=shape, link=link)

        source, linked = self.walk.source, self.parent.branch(self.name, make)
        write_target = self.walk.plan(linked, self.nodes)

        def write(row: str) -> str:
            target = source.variable()
            made = write_target(target)
            found = f"(None if ({target} := {row}.{linked.slot}) is None else {made})"
            return found if link.optional else source.present(found)

        return write

    def rows(self, back: Back) -> Write:
        self.parent.shown.add(self.name)
        counted = self.walk.counted(self.nodes)

        def make() -> Children:
            return Children(
                table=back.child,
                shape=self.walk.shapes.of(back.child, back.link.name),
                back=back,
                arguments=self._arguments,
                counted=counted,
            )

        # Lists of which the same is asked are one.
        children = self.parent.branch((self.name, spelled(self.nodes[0]), counted), make)
        children.told |= self._told
        write_page = self.walk.plan_page(children, self.nodes)

        def write(row: str) -> str:
            page = f"{row}.{children.slot}"
            return write_page(page, f"{page}.rows" if children.paged else page)

        return write

    def worked(self, function: Callable[..., Any], loaded: Loaded) -> Write:
        self.parent.shown.add(self.name)
        member = self.parent.members[self.name]

        def make() -> Worked:
            return Worked(
                function=function,
                loaded=loaded,
                table=self.parent.table,
                arguments=self._arguments if member.parameters else None,
            )

        worked = self.parent.branch((self.name, spelled(self.nodes[0])), make)
        return self._plain(lambda row: f"{row}.{worked.slot}")

    def _plain(self, expression: Write) -> Write:
        """The writing of a value that is Python's own."""
        type_ = self._field.type
        return lambda row: self.walk.source.plain(type_, self.nodes, expression(row))

    @property
    def _told(self) -> set[str]:
        """The fields that are selected of a connection, of its edges and of its page info."""
        operation = self.walk.source.operation
        asked = fields(operation, self.nodes)
        below = (fields(operation, asked.get(name, [])) for name in ("edges", "pageInfo"))
        return set(asked).union(*below)

    @property
    def _field(self) -> GraphQLField:
        type_ = self.walk.source.schema.type_map[self.parent.table.name]
        if not isinstance(type_, GraphQLObjectType):
            raise Unplanned(f"the type {type_}")
        field: GraphQLField = type_.fields[self.name]
        return field

    @property
    def _arguments(self) -> Arguments:
        return arguments_of(self.walk.source.schema, self._field, self.nodes[0])

    @property
    def _object_type(self) -> GraphQLObjectType:
        type_ = get_named_type(self._field.type)
        if not isinstance(type_, GraphQLObjectType):
            raise Unplanned(f"the type {type_}")
        return type_

    def _leaf(self, type_: Any) -> Leaf:
        return leaf_of(type_, output_leaf(self._field.type), self.parent.table.dialect)

    def _day(self, path: str, company: str) -> Leaf:
        """A day, which is read by the zone of the environment or of a row's `company`."""
        output = output_leaf(self._field.type)
        day = partial(read_day, self.walk.names, self.parent.table.entity, path)
        if company:
            return Leaf(Any, _coerced(lambda both: day(*both), output), exact=False)
        return Leaf(Any, _coerced(lambda raw: day(raw, None), output), exact=False)


def _second(write: Write, _: str, row: str) -> str:
    return write(row)


def _whole(cls: Any, make: Callable[[Any], Any], row: Checked) -> Any:
    return make(cls(row))


def _coerced(read: Convert, output: GraphQLLeafType) -> Convert:
    def convert(raw: Any) -> Any:
        value = read(raw)
        return None if value is None else output.coerce_output_value(value)

    return convert


def _total(page: Slice) -> int:
    if page.count is None or page.count > LARGEST_INT:
        raise Unusual("a count that GraphQL cannot tell")
    return page.count


def _cursor(page: Slice, row: Checked) -> str:
    return keyset.encode(page.table, page.window.order, row)  # type: ignore[arg-type]  # has `get`
