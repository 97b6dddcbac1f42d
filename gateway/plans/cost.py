"""
The calls to Dynamics that a query takes, worked out before it runs: of its plan, or of its document
where graphql-core answers it.

A read counts as one call: so it is where all rows that it starts from lead somewhere, and where
what it brings fits on one page. `docs/budget.md` says when it takes none, or more.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from graphql import (
    REMOVE,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    Visitor,
    get_named_type,
    visit,
)
from graphql.execution.values import VariableValues
from strawberry.utils.str_converters import to_camel_case

from gateway.admission.aside import aside
from gateway.auth.principal import Access, Principal
from gateway.engine.documents import FEW, PreparedOperation
from gateway.loaders.belonging import parents_of
from gateway.loaders.parents import parent_of_list
from gateway.model.tables import TABLES, Node, Table
from gateway.plans.arguments import spelled
from gateway.plans.fetches import NOTHING_CAME, Children, Fetch, Run
from gateway.plans.nested import Nested
from gateway.plans.planner import BY_ID, QUERY, Plan, root_tables
from gateway.plans.root_fetches import Keyed, Listed
from gateway.plans.worked import Worked
from gateway.schema.connections import COUNTS
from gateway.schema.selection import Selecting, SelectingOperation, fields, responses, row_nodes
from gateway.upstream.conditions import NOTHING

CURSORS: Final = frozenset({"after", "before"})
"""
Arguments behind which a list begins, so that its rows are counted by a call of their own; lists
below other rows may need one anyway.
"""


def calls_of_plan(plan: Plan, run: Run) -> int:
    """The calls of a plan that runs for this caller with these variables."""
    principal = run.context.principal
    fetches = [
        fetch
        for root in plan.roots
        for fetch in root.fetches
        if not _is_in_vain(fetch.table, principal)
    ]
    return sum(_first(fetch, run) + _below(fetch, _inside(fetch, run), run) for fetch in fetches)


def _is_in_vain(table: Table, principal: Principal) -> bool:
    """True if no row can meet the caller's row rule, so that nothing is asked for."""
    access = principal.rights.reach.get((table.needs, "read"))
    if access is None or parents_of(principal, table):
        return False
    return table.rule.condition(principal, access) == NOTHING


def _first(fetch: Fetch, run: Run) -> int:
    """The calls for the rows with which a plan begins."""
    principal = run.context.principal
    parents = len(parents_of(principal, fetch.table))
    match fetch:
        case Keyed():
            return 1 + parents if fetch.keys(run) else 0
        case Listed():
            given = fetch.arguments(run.variables)
            # An account that is not the caller's own is looked up before its rows are.
            chosen = given.get("account") is not None and _sees_all(principal)
            counted = fetch.counted and any(given.get(name) is not None for name in CURSORS)
            said = {name for name, value in given.items() if value is not None}
            more = chosen + counted + _narrowed(fetch.table, said)
            return 1 + more + (parent_of_list(principal, fetch.table) is not None)
    return 1


def _inside(fetch: Fetch, run: Run) -> Mapping[Fetch, Nested]:
    return fetch.expanding(run, lists=True) if isinstance(fetch, Listed) else NOTHING_CAME


def _below(fetch: Fetch, came: Mapping[Fetch, Nested], run: Run) -> int:
    """The calls for what belongs to the rows of a fetch; `came`: what has travelled inside."""
    calls, worked = 0, set[str]()
    for branch in fetch.branches.values():
        if isinstance(branch, Worked):
            worked.update(branch.calls(run))
            continue
        own = isinstance(branch, Children)
        inside = branch.expanding(run, lists=False) if own and branch not in came else NOTHING_CAME
        calls += (branch not in came) + (own and branch.counted) + _below(branch, inside, run)
    return calls + len(worked)


def _narrowed(table: Table, given: Collection[str]) -> int:
    """The calls that find out what these arguments of a root list mean."""
    return sum(
        each.calls
        for name, each in table.narrowings.items()
        if not {name, to_camel_case(name)}.isdisjoint(given)
    )


def _sees_all(principal: Principal) -> bool:
    return principal.rights.reach.get(("account", "read")) is Access.ALL


class DocumentCost:
    """The calls of the queries of one schema, by their documents alone: the most for any caller."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._singles, self._lists = root_tables(schema)

    async def most(self, operation: PreparedOperation, *_: object) -> int:
        """
        The calls of a prepared query, for whatever variables and caller; those of many fields are
        counted beside the loop.
        """
        if operation.fields > FEW:
            return await aside(self.calls, operation.document, operation.node)
        return self.calls(operation.document, operation.node)

    def calls(self, document: DocumentNode, operation: OperationDefinitionNode) -> int:
        """The calls of a query, with everything in it that a variable may leave out."""
        whole: DocumentNode = visit(document, _Unconditional())
        found = {
            node.name.value: node
            for node in whole.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        selecting = Selecting(found, VariableValues({}, {}))
        place = document.definitions.index(operation)
        chosen = whole.definitions[place]
        assert isinstance(chosen, OperationDefinitionNode)  # noqa: S101 - for the types
        if operation.operation is not OperationType.QUERY:
            return 0
        roots = responses(selecting, [chosen], QUERY)
        return sum(self._root(selecting, nodes) for nodes in roots.values())

    def _root(self, operation: SelectingOperation, nodes: Sequence[FieldNode]) -> int:
        name, first = nodes[0].name.value, nodes[0]
        if name in self._lists:
            table = self._lists[name]
            given = _given(first)
            more = ("account" in given) + _narrowed(table, given) + table.dialect.sorts_plainly
            counted = _is_counted(operation, nodes) and not CURSORS.isdisjoint(_given(first))
            rows = row_nodes(operation, nodes)
            return 1 + more + counted + self._rows(operation, table, rows)
        if name in self._singles:
            table = self._singles[name]
            return 1 + table.dialect.sorts_plainly + self._rows(operation, table, nodes)
        if name in BY_ID:
            each = [self._rows(operation, table, nodes) for table in self._nodes()]
            return 1 + max(each) if name == BY_ID[0] else self._several(operation, nodes)
        return self._other(operation, nodes)

    def _several(self, operation: SelectingOperation, nodes: Sequence[FieldNode]) -> int:
        """The calls of `nodes`, whose ids may be of every type of which it selects something."""
        plain = fields(operation, nodes, Node.__name__).keys()
        asked = [t for t in self._nodes() if fields(operation, nodes, t.name).keys() - plain]
        return sum(1 + self._rows(operation, table, nodes) for table in asked) or 1

    def _other(self, operation: SelectingOperation, nodes: Sequence[FieldNode]) -> int:
        """A field that is no table's: what is read for it, and for rows that it leads to."""
        query = self._schema.query_type
        declared = query.fields.get(nodes[0].name.value) if query else None
        if declared is None:
            return 0
        type_ = get_named_type(declared.type).name
        if type_ in TABLES:
            return 1 + self._rows(operation, TABLES[type_], nodes)
        if type_ != "Viewer":
            return 1
        contact = fields(operation, nodes).get("contact")
        return 1 + self._rows(operation, TABLES["Contact"], contact) if contact else 0

    def _list(self, operation: SelectingOperation, table: Table, nodes: Sequence[FieldNode]) -> int:
        """The calls of a list below other rows."""
        rows = self._rows(operation, table, row_nodes(operation, nodes))
        return 1 + _is_counted(operation, nodes) + rows

    def _rows(self, operation: SelectingOperation, table: Table, nodes: Sequence[FieldNode]) -> int:
        """The calls for what is selected below `nodes`, which stand for rows of `table`."""
        calls, worked, members = 0, set[str](), table.members
        for name, below in fields(operation, nodes, table.name).items():
            member = members.get(name)
            if member is None:
                continue
            for node in below:
                worked.update(member.loaded(_given(node)))
            if member.leads_to is not None:
                calls += 1 + self._rows(operation, member.leads_to, below)
            if member.lists is not None:
                lists = _by_arguments(operation, below)
                calls += sum(self._list(operation, member.lists, each) for each in lists)
        return calls + len(worked)

    def _nodes(self) -> Iterable[Table]:
        known = self._schema.type_map
        return (t for t in TABLES.values() if issubclass(t.cls, Node) and t.name in known)


class _Unconditional(Visitor):
    """Takes the directives out of a document."""

    def enter_directive(self, node: DirectiveNode, *_: object) -> Any:
        return REMOVE


def _is_counted(operation: SelectingOperation, nodes: Sequence[FieldNode]) -> bool:
    return not fields(operation, nodes).keys().isdisjoint(COUNTS)


def _given(node: FieldNode) -> set[str]:
    return {each.name.value for each in node.arguments or ()}


def _by_arguments(
    operation: SelectingOperation, nodes: Sequence[FieldNode]
) -> Iterable[Sequence[FieldNode]]:
    """The nodes of one list by what they ask of it: those that ask for the same share a read."""
    found: dict[tuple[str, bool], list[FieldNode]] = {}
    named: dict[str, list[FieldNode]] = {}
    for node in nodes:
        named.setdefault((node.alias or node.name).value, []).append(node)
    for same in named.values():
        key = spelled(same[0]), _is_counted(operation, same)
        found.setdefault(key, []).extend(same)
    return found.values()
