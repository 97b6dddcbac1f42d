"""
The two walks over the selection of a table's rows: `find` collects the reads, `write` makes the
expression that turns the rows into the answer.
"""

from collections.abc import Collection, Hashable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLLeafType,
    GraphQLObjectType,
    get_named_type,
    is_non_null_type,
)
from strawberry.utils.str_converters import to_camel_case

from gateway.loaders import keyset
from gateway.loaders.named import read_day
from gateway.loaders.windows import Slice
from gateway.model.tables import Back, Column, Computed, Group, Link, Member, Node
from gateway.plans.arguments import arguments_of, spelled
from gateway.plans.fetches import Children, Fetch, Linked
from gateway.plans.leaves import LARGEST_INT, Convert, Leaf, Unusual, leaf_of
from gateway.plans.source import FunctionSource, Unplanned, output_leaf
from gateway.plans.structs import Shapes
from gateway.plans.worked import Worked
from gateway.schema import ids
from gateway.schema.connections import COUNTS
from gateway.schema.selection import columns_of, fields, responses
from gateway.upstream.names import Names
from gateway.upstream.row_keys import Checked

Nodes = Sequence[FieldNode]


class Walk:
    """Both walks of one root field."""

    def __init__(self, source: FunctionSource, shapes: Shapes, names: Names) -> None:
        """`names`: those of Dataverse, which tell how its columns hold days."""
        self.source = self._source = source
        self._shapes = shapes
        self._names = names
        self._operation = source.operation

    # What has to be read.

    def find(self, fetch: Fetch, nodes: Nodes) -> None:
        """Add the columns and links that `nodes`, the fields that represent the rows, select."""
        fetch.select |= columns_of(self._operation, fetch.table, nodes)
        for selected in responses(self._operation, nodes, fetch.table.name).values():
            name = selected[0].name.value
            if name == "id" and issubclass(fetch.table.cls, Node):
                self._find_key(fetch)
            elif name != "__typename":
                self._find_member(fetch, name, fetch.members.get(name), selected)

    def find_page(self, fetch: Fetch, nodes: Nodes) -> None:
        """Like `find`, for fields that represent a connection to the rows."""
        name = fetch.table.name
        for selected in self.named("nodes", nodes, f"{name}Connection"):
            self.find(fetch, selected)
        for edges in self.named("edges", nodes, f"{name}Connection"):
            for selected in self.named("node", edges, f"{name}Edge"):
                self.find(fetch, selected)

    def named(self, name: str, nodes: Nodes, type_name: str) -> Iterator[list[FieldNode]]:
        """The fields of this name, for each place that they have in the answer."""
        for selected in responses(self._operation, nodes, type_name).values():
            if selected[0].name.value == name:
                yield selected

    def counted(self, nodes: Nodes) -> bool:
        """True if the rows of a connection have to be counted."""
        return not fields(self._operation, nodes).keys().isdisjoint(COUNTS)

    def _find_key(self, fetch: Fetch) -> None:
        for column, type_ in fetch.table.key.items():
            carried = str if type_ in (str, UUID) else int if type_ is int else Any
            fetch.shape.demand(column, Leaf(carried), optional=False)
            fetch.select.add(column)

    def _find_member(
        self, fetch: Fetch, name: str, member: Member | None, nodes: list[FieldNode]
    ) -> None:
        match member:
            case Column():
                leaf = self._leaf(fetch, name, member)
                fetch.shape.demand(member.path, leaf, optional=member.optional)
                fetch.select |= self._names.companies(fetch.table.entity, [member.path])
            case Group():
                for part, leaf in self._asked(fetch, member, nodes):
                    fetch.shape.demand(member.parts[part], leaf, optional=True)
            case Link():
                self.find(self._target(fetch, name, member), nodes)
            case Back():
                fetch.shown.add(name)
                children = self._children(fetch, name, member, nodes)
                children.told |= self._told(nodes)
                self.find_page(children, nodes)
            case Computed():
                fetch.shown.add(name)
                fetch.branch(name, lambda: Worked(spec=member, table=fetch.table))
            case _:
                raise Unplanned(f"{fetch.table.name}.{name}")

    def _children(self, fetch: Fetch, name: str, back: Back, nodes: list[FieldNode]) -> Children:
        def make() -> Children:
            arguments = arguments_of(self._source.schema, self._field(fetch, name), nodes[0])
            shape = self._shapes.of(back.child, back.link.name)
            return Children(
                table=back.child,
                shape=shape,
                back=back,
                arguments=arguments,
                counted=self.counted(nodes),
            )

        return fetch.branch(self._key(name, nodes), make)

    def _told(self, nodes: Nodes) -> set[str]:
        """The fields that are selected of a connection, of its edges and of its page info."""
        asked = fields(self._operation, nodes)
        below = (fields(self._operation, asked.get(name, [])) for name in ("edges", "pageInfo"))
        return set(asked).union(*below)

    def _key(self, name: str, nodes: list[FieldNode]) -> Hashable:
        """The key under which equal lists are one: name, arguments, and if rows are counted."""
        return name, spelled(nodes[0]), self.counted(nodes)

    def _target(self, fetch: Fetch, name: str, link: Link) -> Linked:
        def make() -> Linked:
            shape = self._shapes.of(link.target, *link.target_paths)
            return Linked(table=link.target, shape=shape, link=link)

        return fetch.branch(name, make)

    # What is made of it.

    def write(self, fetch: Fetch, nodes: Nodes, row: str) -> str:
        """The object selected below `nodes`, of the row in the variable `row`."""
        return self._source.object(nodes, fetch.table.name, partial(self._member, fetch, row))

    def write_page(self, fetch: Fetch, nodes: Nodes, page: str) -> str:
        """The connection selected below `nodes`, over the slice in the variable `page`."""
        return self._page(fetch, nodes, page, f"{page}.rows")

    def _member(self, fetch: Fetch, row: str, name: str, nodes: list[FieldNode]) -> str:
        if name == "id" and issubclass(fetch.table.cls, Node):
            encode = self._source.constant(ids.writer(fetch.table))
            return f"{encode}({', '.join(f'{row}.{column}' for column in fetch.table.key)})"
        member = fetch.members[name]
        match member:
            case Column():
                return self._column(fetch, row, name, member)
            case Group():
                return self._group(fetch, row, name, member, nodes)
            case Link():
                return self._linked(fetch, row, name, member, nodes)
            case Back():
                children = fetch.branches[self._key(name, nodes)]
                page = f"{row}.{children.slot}"
                return self._page(children, nodes, page, f"{page}.rows" if children.paged else page)
            case Computed():
                value = f"{row}.{fetch.branches[name].slot}"
                return self._source.plain(self._field(fetch, name).type, nodes, value)
        raise Unplanned(f"{fetch.table.name}.{name}")

    def _column(self, fetch: Fetch, row: str, name: str, member: Column) -> str:
        leaf = self._leaf(fetch, name, member)
        checked = not member.optional and "/" not in member.path
        value = self._source.at(row, member.path)
        if company := self._company(member):
            value = f"({value}, {self._source.at(row, company)})"
        return self._source.leaf(value, leaf, optional=member.optional, checked=checked)

    def _group(self, fetch: Fetch, row: str, name: str, group: Group, nodes: Nodes) -> str:
        type_ = self._object_type(fetch, name)
        if not self._is_simple(group):
            whole = f"{self._source.constant(partial(_whole, fetch.table.cls, group))}({row})"
            return self._source.plain(self._field(fetch, name).type, nodes, whole)
        self._demand_rest(fetch, group)
        leaves = self._leaves(fetch, group)

        standing = self._source.variable()

        def part(asked: str, _: list[FieldNode]) -> str:
            own = _own_name(group, asked)
            if own == group.essential:
                return self._source.converted(leaves[own], standing, standing)
            value = self._source.at(row, group.parts[own])
            optional = not is_non_null_type(type_.fields[asked].type)
            return self._source.leaf(value, leaves[own], optional=optional, checked=False)

        made = self._source.object(nodes, type_.name, part)
        asked = fields(self._operation, nodes).keys()
        stands = self._stands(fetch, row, group, asked, standing)
        found = f"({made} if {stands} else None)"
        return found if group.optional else self._source.present(found)

    def _stands(
        self, fetch: Fetch, row: str, group: Group, asked: Collection[str], standing: str
    ) -> str:
        """
        The expression that tells if there is a value: by its essential part, which is put into the
        variable `standing`, or by any part that was read.
        """
        essential = group.essential
        if essential is None:
            paths = [path for path in group.parts.values() if path in fetch.select]
            found = (f"{self._source.at(row, path)} is not None" for path in paths)
            return " or ".join(found) or "False"
        value = self._source.at(row, group.parts[essential])
        if to_camel_case(essential) in asked:
            return f"({standing} := {value}) is not None"
        decode = self._source.constant(group.decoders[essential])
        return f"{decode}({value}) is not None"

    def _demand_rest(self, fetch: Fetch, group: Group) -> None:
        """On graphql-core all parts that were read are decoded, whoever else asked for them."""
        for part, leaf in self._leaves(fetch, group).items():
            path = group.parts[part]
            if path in fetch.select:
                fetch.shape.demand(path, leaf, optional=True)
            elif group.essential is None:
                fetch.shape.leave(path)

    def _linked(self, fetch: Fetch, row: str, name: str, link: Link, nodes: Nodes) -> str:
        linked = fetch.branches[name]
        target = self._source.variable()
        made = self.write(linked, nodes, target)
        found = f"(None if ({target} := {row}.{linked.slot}) is None else {made})"
        return found if link.optional else self._source.present(found)

    def _page(self, fetch: Fetch, nodes: Nodes, page: str, rows: str) -> str:
        name = f"{fetch.table.name}Connection"
        return self._source.object(nodes, name, partial(self._of_page, fetch, page, rows))

    def _of_page(
        self, fetch: Fetch, page: str, rows: str, name: str, nodes: list[FieldNode]
    ) -> str:
        row = self._source.variable()
        match name:
            case "nodes":
                return f"[{self.write(fetch, nodes, row)} for {row} in {rows}]"
            case "edges":
                edge = partial(self._of_edge, fetch, page, row)
                made = self._source.object(nodes, f"{fetch.table.name}Edge", edge)
                return f"[{made} for {row} in {rows}]"
            case "pageInfo":
                return self._source.object(nodes, "PageInfo", partial(self._of_page_info, page))
            case "totalCount":
                return f"{self._source.constant(_total)}({page})"
            case "totalCountIsLowerBound":
                return f"(not {page}.count_is_exact)"
        raise Unplanned(f"a connection's {name}")

    def _of_edge(self, fetch: Fetch, page: str, row: str, name: str, nodes: list[FieldNode]) -> str:
        match name:
            case "node":
                return self.write(fetch, nodes, row)
            case "cursor":
                return f"{self._source.constant(_cursor)}({page}, {row})"
        raise Unplanned(f"an edge's {name}")

    def _of_page_info(self, page: str, name: str, _: list[FieldNode]) -> str:
        cursor = self._source.constant(_cursor)
        match name:
            case "hasNextPage":
                return f"{page}.has_next"
            case "hasPreviousPage":
                return f"{page}.has_previous"
            case "startCursor":
                return f"({cursor}({page}, {page}.rows[0]) if {page}.rows else None)"
            case "endCursor":
                return f"({cursor}({page}, {page}.rows[-1]) if {page}.rows else None)"
        raise Unplanned(f"a page's {name}")

    # What the schema says.

    def _field(self, fetch: Fetch, name: str) -> GraphQLField:
        type_ = self._source.schema.type_map[fetch.table.name]
        if not isinstance(type_, GraphQLObjectType):
            raise Unplanned(f"the type {type_}")
        field: GraphQLField = type_.fields[name]
        return field

    def _object_type(self, fetch: Fetch, name: str) -> GraphQLObjectType:
        type_ = get_named_type(self._field(fetch, name).type)
        if not isinstance(type_, GraphQLObjectType):
            raise Unplanned(f"the type {type_}")
        return type_

    def _leaf(self, fetch: Fetch, name: str, column: Column) -> Leaf:
        output = output_leaf(self._field(fetch, name).type)
        if not column.is_day:
            return leaf_of(column.type, output, fetch.table.dialect)
        day = partial(read_day, self._names, fetch.table.entity, column.path)
        if self._company(column):
            return Leaf(Any, _coerced(lambda both: day(*both), output), exact=False)
        return Leaf(Any, _coerced(lambda raw: day(raw, None), output), exact=False)

    def _company(self, column: Column) -> str:
        """The path to the legal entity by which a day is read; empty where it needs none."""
        entity = column.home.entity
        return self._names.company_of(entity, column.path) if column.is_day else ""

    def _leaves(self, fetch: Fetch, group: Group) -> dict[str, Leaf]:
        type_ = self._object_type(fetch, to_camel_case(group.name))
        return {
            part: leaf_of(
                group.part_type(part),
                output_leaf(type_.fields[to_camel_case(part)].type),
                fetch.table.dialect,
            )
            for part in group.parts
        }

    def _asked(self, fetch: Fetch, group: Group, nodes: Nodes) -> Iterator[tuple[str, Leaf]]:
        leaves = self._leaves(fetch, group)
        for name in fields(self._operation, nodes):
            if name != "__typename":
                own = _own_name(group, name)
                yield own, leaves[own]

    def _is_simple(self, group: Group) -> bool:
        """True if the value stands exactly where its essential column, or any text, is no null."""
        others = [part for part in group.parts if part != group.essential]
        essential = group.essential is None or group.part_type(group.essential) in (str, Decimal)
        return essential and all(group.part_type(part) is str for part in others)


def _own_name(group: Group, name: str) -> str:
    own = {to_camel_case(part): part for part in group.parts}
    if name not in own:
        raise Unplanned(f"{group.make.__name__}.{name}")
    return own[name]


def _whole(cls: Any, group: Group, row: Checked) -> Any:
    return group.__get__(cls(row), cls)


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
