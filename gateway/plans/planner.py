"""A validated query -> a plan: what is read for each root field, and a function that renders it."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import FieldNode, GraphQLObjectType, GraphQLSchema
from graphql.execution.values import VariableValues
from strawberry.utils.str_converters import to_camel_case

from gateway.errors import UpstreamError
from gateway.model.tables import TABLES, Node, Table
from gateway.plans.arguments import Arguments, arguments_of
from gateway.plans.concurrent import together
from gateway.plans.fetches import Fetch, Run, fetches_of
from gateway.plans.leaves import Unusual
from gateway.plans.rendering import Pieces, Rendering
from gateway.plans.root_fetches import Keyed, Listed, RootRefused
from gateway.plans.source import FunctionSource, Unplanned
from gateway.plans.structs import RowStructs, Shapes
from gateway.plans.walking import Walk
from gateway.resolvers.query import NODES, viewer_of
from gateway.schema import ids
from gateway.schema.business.accounts import Contact
from gateway.schema.selection import SelectingOperation
from gateway.upstream.conditions import Guid
from gateway.upstream.names import Names
from gateway.upstream.row_keys import Key

ReadRoot = Callable[[Run], Awaitable[Any]]
Render = Callable[[Any], Any]
RenderRows = Callable[[Any, Pieces], Awaitable[Any]]
"""The same for a large answer, in pieces."""
IdTypes = frozenset[str]
"""The names of the tables that the ids of `node` and `nodes` lead to."""
QUERY = "Query"
BY_ID = ("node", "nodes")


@dataclass(frozen=True, slots=True)
class RootPlan:
    """The plan of one root field: the rows that are read, and the answer made of them."""

    response: str
    fetches: tuple[Fetch, ...]
    read: ReadRoot
    render: Render
    render_rows: RenderRows
    is_rows: bool = False
    """True if the field is null, with the error as its own, where its rows cannot be read."""

    async def outcome(self, run: Run) -> Any:
        """The answer of the read, or its refusal."""
        try:
            return await self.read(run)
        except RootRefused as refusal:
            return refusal


class OperationRefused(Exception):
    """No call was made for any field of the root; `errors` by their names in the answer."""

    def __init__(self, errors: Mapping[str, UpstreamError]) -> None:
        super().__init__()
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan by which an operation is answered."""

    roots: tuple[RootPlan, ...]

    def hides(self, hidden: frozenset[str]) -> bool:
        """True if roles that hide these members hide something that is asked for."""
        return any(fetch.hides(hidden) for root in self.roots for fetch in root.fetches)

    async def run(self, run: Run, pieces: Pieces | None = None) -> dict[str, Any]:
        """
        Compute the data of the answer, in `pieces` where it is large; anything that does not fit
        raises, and OperationRefused where nothing may be read.
        """
        if len(self.roots) == 1 and pieces is None:
            (root,) = self.roots
            try:
                return {root.response: root.render(await root.read(run))}
            except RootRefused as refusal:
                raise self._refusal([refusal]) from None
        read = await together([root.outcome(run) for root in self.roots])
        if any(isinstance(value, RootRefused) for value in read):
            raise self._refusal(read)
        found = zip(self.roots, read, strict=True)
        if pieces is None:
            return {root.response: root.render(value) for root, value in found}
        return {root.response: await root.render_rows(value, pieces) for root, value in found}

    def _refusal(self, read: Sequence[Any]) -> Exception:
        """The refusal of the operation as a whole, or else that of one field."""
        refused = {
            root.response: value.error
            for root, value in zip(self.roots, read, strict=True)
            if isinstance(value, RootRefused)
        }
        if len(refused) == len(self.roots) and all(root.is_rows for root in self.roots):
            return OperationRefused(refused)
        return next(iter(refused.values()))


class Planner:
    """Makes plans over the declared tables of one schema. Its reasons are in `Unplanned`."""

    def __init__(self, schema: GraphQLSchema, names: Names) -> None:
        self._schema = schema
        self._names = names
        self._singles, self._lists = root_tables(schema)

    def types(self, roots: Mapping[str, list[FieldNode]], variables: VariableValues) -> IdTypes:
        """The types to plan for; Unusual or InvalidInput for ids that cannot be used."""
        by_id = [nodes[0] for nodes in roots.values() if nodes[0].name.value in BY_ID]
        return frozenset().union(
            *(self._types_of(wanted_ids(self._arguments(node), variables)) for node in by_id)
        )

    def plan(
        self, operation: SelectingOperation, roots: Mapping[str, list[FieldNode]], types: IdTypes
    ) -> Plan:
        """Raises Unplanned where the operation holds something that no plan is made for."""
        shapes = Shapes()
        made = []
        for response, nodes in roots.items():
            walk = Walk(FunctionSource(self._schema, operation), shapes, self._names)
            draft = Draft(self._schema, walk, shapes, response, nodes, self._arguments(nodes[0]))
            made.append(self._root(draft, types))
        _share([fetch for root in made for fetch in root.fetches])
        return Plan(tuple(made))

    def _root(self, draft: "Draft", types: IdTypes) -> RootPlan:
        name = draft.name
        if name in self._lists:
            return draft.listed(self._lists[name])
        if name in self._singles:
            return draft.single(self._singles[name])
        if name in BY_ID:
            return draft.by_id(types)
        if name == "viewer":
            return draft.viewer()
        if name == "__typename":
            return RootPlan(draft.response, (), _nothing, lambda _: QUERY, _query)
        raise Unplanned(f"the field {name}")

    def _types_of(self, texts: Sequence[str]) -> IdTypes:
        """The tables that ids lead to; Unusual where one is no id of a row that has one here."""
        tables = [ids.decode(text)[0] for text in texts]
        known = self._schema.type_map
        if not all(issubclass(table.cls, Node) and table.name in known for table in tables):
            raise Unusual("an id of rows without one")
        return frozenset(table.name for table in tables)

    def _arguments(self, node: FieldNode) -> Arguments:
        query = self._schema.query_type
        declared = query and query.fields.get(node.name.value)
        return arguments_of(self._schema, declared, node) if declared else _no_arguments


def root_tables(schema: GraphQLSchema) -> tuple[Mapping[str, Table], Mapping[str, Table]]:
    """The tables of a schema by their root fields: those for one row, and those for lists."""
    rooted = [t for t in TABLES.values() if t.root and t.name in schema.type_map]
    singles = {to_camel_case(t.root[0]): t for t in rooted if t.root}
    lists = {to_camel_case(t.root[1]): t for t in rooted if t.root}
    return singles, lists


class Draft:
    """One root field on its way to a plan."""

    def __init__(
        self,
        schema: GraphQLSchema,
        walk: Walk,
        shapes: Shapes,
        response: str,
        nodes: list[FieldNode],
        arguments: Arguments,
    ) -> None:
        self.response, self.name = response, nodes[0].name.value
        self._schema = schema
        self._shapes = shapes
        self._nodes = nodes
        self._arguments = arguments
        self._source = walk.source
        self._walk = walk

    def listed(self, table: Table) -> RootPlan:
        """The list of a table."""
        fetch = Listed(
            table=table,
            shape=RowStructs(table),
            arguments=self._arguments,
            counted=self._walk.counted(self._nodes),
        )
        write = self._walk.plan_page(fetch, self._nodes)
        page = self._source.variable()
        body = write(page, f"{page}.rows")
        render = self._source.function(page, body)
        return self._root((fetch,), fetch.read, render, is_rows=True)

    def single(self, table: Table) -> RootPlan:
        """One row of a table."""
        fetch = self._keyed(
            table, lambda run: [ids.key(table, self._arguments(run.variables)["id"], Guid)]
        )
        render = self._row(fetch)
        return RootPlan(
            self.response,
            (fetch,),
            fetch.read,
            lambda rows: render.at_once(rows[0]),
            lambda rows, pieces: render.by_rows(rows[0], pieces),
            is_rows=True,
        )

    def by_id(self, types: IdTypes) -> RootPlan:
        """`node` or `nodes`: a fetch and a function for each type that the ids lead to."""
        fetches = {name: self._keyed(TABLES[name], self._keys(name)) for name in sorted(types)}
        renders = {name: self._row(fetch) for name, fetch in fetches.items()}
        several = self.name == "nodes"

        async def read(run: Run) -> list[tuple[str, Any]]:
            named = [
                ids.decode(text)[0].name for text in wanted_ids(self._arguments, run.variables)
            ]
            asked = [fetches[name] for name in dict.fromkeys(named)]
            found = await together([fetch.read(run) for fetch in asked])
            rows = {fetch.table.name: iter(each) for fetch, each in zip(asked, found, strict=True)}
            return [(name, next(rows[name])) for name in named]

        def render(found: Sequence[tuple[str, Any]]) -> Any:
            made = [renders[name].at_once(row) for name, row in found]
            return made if several else made[0]

        async def render_rows(found: Sequence[tuple[str, Any]], pieces: Pieces) -> Any:
            made = [await renders[name].by_rows(row, pieces) for name, row in found]
            return made if several else made[0]

        return RootPlan(
            self.response, tuple(fetches.values()), read, render, render_rows, is_rows=not several
        )

    def viewer(self) -> RootPlan:
        """The caller, with the contact behind the token."""
        type_ = self._schema.type_map["Viewer"]
        if not isinstance(type_, GraphQLObjectType):
            raise Unplanned("the viewer's type")
        fetch = self._keyed(Contact.__table__, _own_contact)
        named = self._walk.named("contact", self._nodes, type_.name)
        contacts = [self._walk.plan(fetch, selected) for selected in named]
        found, written = self._source.variable(), iter(contacts)

        def field(name: str, below: list[FieldNode]) -> str:
            if name == "contact":
                row = self._source.variable()
                return f"(None if ({row} := {found}[1]) is None else {next(written)(row)})"
            return self._source.attribute(type_, name, below, f"{found}[0]")

        async def read(run: Run) -> tuple[Any, Any]:
            own = await fetch.read(run) if contacts else []
            return viewer_of(run.context.principal), own[0] if own else None

        render = self._source.function(found, self._source.object(self._nodes, type_.name, field))
        return self._root((fetch,) if contacts else (), read, render)

    def _root(
        self,
        fetches: tuple[Fetch, ...],
        read: ReadRoot,
        render: Rendering,
        *,
        is_rows: bool = False,
    ) -> RootPlan:
        return RootPlan(
            self.response,
            fetches,
            read,
            render.at_once,
            lambda *given: render.by_rows(*given),
            is_rows,
        )

    def _keyed(self, table: Table, keys: Callable[[Run], list[Key]]) -> Keyed:
        shape = self._shapes.of(table, "by id")
        return Keyed(table=table, shape=shape, keys=keys)

    def _row(self, fetch: Fetch) -> Rendering:
        write, row = self._walk.plan(fetch, self._nodes), self._source.variable()
        return self._source.function(row, f"None if {row} is None else {write(row)}")

    def _keys(self, name: str) -> Callable[[Run], list[Key]]:
        def keys(run: Run) -> list[Key]:
            decoded = map(ids.decode, wanted_ids(self._arguments, run.variables))
            return [key for table, key in decoded if table.name == name]

        return keys


def wanted_ids(arguments: Arguments, variables: VariableValues) -> list[str]:
    """The ids that `node` or `nodes` is asked for."""
    given = arguments(variables)
    found = given["ids"] if "ids" in given else [given["id"]]
    if len(found) > NODES:
        raise Unusual("too many ids")
    return list(found)


def _own_contact(run: Run) -> list[Key]:
    person = run.context.principal.contact
    return [] if person is None else [(person.id,)]


def _no_arguments(_: VariableValues) -> dict[str, Any]:
    return {}


async def _nothing(_: Run) -> None:
    return None


async def _query(_: None, __: Pieces) -> str:
    return QUERY


def _share(fetches: Sequence[Fetch]) -> None:
    """Let fetches share rows where graphql-core would load them by one dataloader."""
    everything = [each for fetch in fetches for each in fetches_of(fetch)]
    used = Counter(fetch.shape for fetch in everything)
    for fetch in everything:
        fetch.shared = used[fetch.shape] > 1
