"""A validated query -> a plan: what is read for each root field, and a function that renders it."""

from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import FieldNode, GraphQLObjectType, GraphQLSchema
from graphql.execution.values import VariableValues
from strawberry.utils.str_converters import to_camel_case

from gateway.engine.plans.arguments import Arguments, arguments_of
from gateway.engine.plans.fetches import Fetch, Keyed, Listed, Run, loaders_of, together
from gateway.engine.plans.leaves import Unusual
from gateway.engine.plans.source import Source, Unplanned
from gateway.engine.plans.walking import Walk
from gateway.loaders.reader import Key
from gateway.resolvers.query import NODES, viewer_of
from gateway.schema import ids
from gateway.schema.accounts import Contact
from gateway.schema.selection import Operation, fields
from gateway.tables import TABLES, Node, Table

Read = Callable[[Run], Awaitable[Any]]
Render = Callable[[Any], Any]
Types = frozenset[str]
"""The names of the tables that the ids of `node` and `nodes` lead to."""
QUERY = "Query"
BY_ID = ("node", "nodes")


@dataclass(frozen=True, slots=True)
class Root:
    """How one root field is answered: what is read, and what is made of it."""

    response: str
    fetches: tuple[Fetch, ...]
    read: Read
    render: Render


@dataclass(frozen=True, slots=True)
class Plan:
    """How an operation is answered."""

    roots: tuple[Root, ...]

    def hides(self, hidden: frozenset[str]) -> bool:
        """Whether roles that hide these members hide something that is asked for."""
        return any(fetch.hides(hidden) for root in self.roots for fetch in root.fetches)

    async def run(self, run: Run) -> dict[str, Any]:
        """The data of the answer; raises whatever does not fit."""
        read = await together([root.read(run) for root in self.roots])
        return {
            root.response: root.render(value) for root, value in zip(self.roots, read, strict=True)
        }


class Planner:
    """Makes plans over the declared tables of one schema. Its reasons are in `Unplanned`."""

    def __init__(self, schema: GraphQLSchema) -> None:
        rooted = [table for table in TABLES.values() if table.root]
        self._schema = schema
        self._singles = {to_camel_case(t.root[0]): t for t in rooted if t.root}
        self._lists = {to_camel_case(t.root[1]): t for t in rooted if t.root}

    def types(self, roots: Mapping[str, list[FieldNode]], variables: VariableValues) -> Types:
        """The types to plan for; Unusual or InvalidInput for ids that cannot be used."""
        by_id = [nodes[0] for nodes in roots.values() if nodes[0].name.value in BY_ID]
        return frozenset().union(
            *(_types_of(wanted_ids(self._arguments(node), variables)) for node in by_id)
        )

    def plan(
        self, operation: Operation, roots: Mapping[str, list[FieldNode]], types: Types
    ) -> Plan:
        """Raises Unplanned where the operation holds something that no plan is made for."""
        made = [self._root(operation, name, nodes, types) for name, nodes in roots.items()]
        _check_loaders([fetch for root in made for fetch in root.fetches])
        return Plan(tuple(made))

    def _root(
        self, operation: Operation, response: str, nodes: list[FieldNode], types: Types
    ) -> Root:
        name = nodes[0].name.value
        source = Source(self._schema, operation)
        walk = Walk(source)
        if name == "__typename":
            return Root(response, (), _nothing, lambda _: QUERY)
        if name in self._lists:
            return self._listed(response, walk, source, self._lists[name], nodes)
        if name in self._singles:
            return self._single(response, walk, source, self._singles[name], nodes)
        if name in BY_ID:
            return self._nodes(response, operation, nodes, types)
        if name == "viewer":
            return self._viewer(response, walk, source, nodes)
        raise Unplanned(f"the field {name}")

    def _arguments(self, node: FieldNode) -> Arguments:
        query = self._schema.query_type
        if query is None:
            raise Unplanned("no query type")
        return arguments_of(self._schema, query.fields[node.name.value], node)

    def _listed(
        self, response: str, walk: Walk, source: Source, table: Table, nodes: list[FieldNode]
    ) -> Root:
        fetch = Listed(
            table=table, arguments=self._arguments(nodes[0]), counted=walk.counted(nodes)
        )
        walk.find_page(fetch, nodes)
        page = source.variable()
        render = source.function(page, walk.write_page(fetch, nodes, page))
        return Root(response, (fetch,), fetch.read, render)

    def _single(
        self, response: str, walk: Walk, source: Source, table: Table, nodes: list[FieldNode]
    ) -> Root:
        arguments = self._arguments(nodes[0])
        fetch = Keyed(
            table=table, keys=lambda run: [ids.key(table, arguments(run.variables)["id"])]
        )
        walk.find(fetch, nodes)
        render = _row(walk, source, fetch, nodes)
        return Root(response, (fetch,), fetch.read, lambda rows: render(rows[0]))

    def _nodes(
        self, response: str, operation: Operation, nodes: list[FieldNode], types: Types
    ) -> Root:
        """`node` or `nodes`: a fetch and a function for each type that the ids lead to."""
        arguments = self._arguments(nodes[0])

        def wanted(run: Run) -> list[str]:
            return wanted_ids(arguments, run.variables)

        fetches: dict[str, Keyed] = {}
        renders: dict[str, Render] = {}
        for name in sorted(types):
            source = Source(self._schema, operation)
            walk = Walk(source)
            fetches[name] = fetch = Keyed(table=TABLES[name], keys=_keys(wanted, name))
            walk.find(fetch, nodes)
            renders[name] = _row(walk, source, fetch, nodes)

        async def read(run: Run) -> list[tuple[str, Any]]:
            named = [ids.decode(text)[0].name for text in wanted(run)]
            asked = [fetches[name] for name in dict.fromkeys(named)]
            found = await together([fetch.read(run) for fetch in asked])
            rows = {fetch.table.name: iter(each) for fetch, each in zip(asked, found, strict=True)}
            return [(name, next(rows[name])) for name in named]

        def render(found: Sequence[tuple[str, Any]]) -> Any:
            made = [renders[name](row) for name, row in found]
            return made if nodes[0].name.value == "nodes" else made[0]

        return Root(response, tuple(fetches.values()), read, render)

    def _viewer(self, response: str, walk: Walk, source: Source, nodes: list[FieldNode]) -> Root:
        type_ = self._schema.type_map["Viewer"]
        if not isinstance(type_, GraphQLObjectType):
            raise Unplanned("the viewer's type")
        fetch = Keyed(table=Contact.__table__, keys=_own_contact)
        contacts = fields(source.operation, nodes).get("contact", [])
        walk.find(fetch, contacts)
        found = source.variable()

        def field(name: str, below: list[FieldNode]) -> str:
            if name == "contact":
                row = source.variable()
                made = walk.write(fetch, below, row)
                return f"(None if ({row} := {found}[1]) is None else {made})"
            return source.attribute(type_, name, below, f"{found}[0]")

        async def read(run: Run) -> tuple[Any, Any]:
            own = await fetch.read(run) if contacts else []
            return viewer_of(run.context.principal), own[0] if own else None

        render = source.function(found, source.object(nodes, type_.name, field))
        return Root(response, (fetch,) if contacts else (), read, render)


def wanted_ids(arguments: Arguments, variables: VariableValues) -> list[str]:
    """The ids that `node` or `nodes` is asked for."""
    given = arguments(variables)
    found = given["ids"] if "ids" in given else [given["id"]]
    if len(found) > NODES:
        raise Unusual("too many ids")
    return list(found)


def _types_of(texts: Sequence[str]) -> Types:
    """The tables that ids lead to; Unusual where one is no id of a row that has one."""
    tables = [ids.decode(text)[0] for text in texts]
    if not all(issubclass(table.cls, Node) for table in tables):
        raise Unusual("an id of rows without one")
    return frozenset(table.name for table in tables)


def _row(walk: Walk, source: Source, fetch: Fetch, nodes: list[FieldNode]) -> Render:
    row = source.variable()
    return source.function(row, f"None if {row} is None else {walk.write(fetch, nodes, row)}")


def _keys(wanted: Callable[[Run], list[str]], name: str) -> Callable[[Run], list[Key]]:
    def keys(run: Run) -> list[Key]:
        decoded = map(ids.decode, wanted(run))
        return [key for table, key in decoded if table.name == name]

    return keys


def _own_contact(run: Run) -> list[Key]:
    person = run.context.principal.contact
    return [] if person is None else [(person.id,)]


async def _nothing(_: Run) -> None:
    return None


def _check_loaders(fetches: Sequence[Fetch]) -> None:
    """
    Unplanned where two places of the operation use one dataloader, which batches what falls into
    the same moment and remembers what it had: a plan would ask more often.
    """
    used: Counter[Hashable] = Counter(loader for each in fetches for loader in loaders_of(each))
    if any(times > 1 for times in used.values()):
        raise Unplanned("rows that are reached in two ways")
