"""What an operation selects below one field -> the columns that must be read for it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLResolveInfo,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionNode,
    get_directive_values,
)
from strawberry.utils.str_converters import to_camel_case

from gateway.schema.context import Context
from gateway.tables import Back, Group, Spec, Table

ResolveInfo = GraphQLResolveInfo[Context]

Fragment = FragmentDefinitionNode | InlineFragmentNode
Fields = Mapping[str, list[FieldNode]]
"""Field nodes by the name of the field, whatever their aliases."""
Rows = Callable[[Sequence[FieldNode]], Sequence[FieldNode]]
"""From the nodes of a field to those that stand for rows."""


def columns(info: ResolveInfo, table: Table) -> frozenset[str]:
    """The columns of `table` that the current field's selection needs; it leads to one row."""
    return _remembered(info, table, lambda nodes: nodes)


def listed_columns(info: ResolveInfo, table: Table) -> frozenset[str]:
    """As `columns`, for a field that leads to a connection."""
    return _remembered(info, table, lambda nodes: _row_nodes(info, nodes))


def columns_under(info: ResolveInfo, name: str, table: Table) -> frozenset[str]:
    """As `columns`, for a row in the field `name` of the object that the current field gives."""
    return _columns(info, table, fields(info, info.field_nodes).get(name, []))


def asks_for(info: ResolveInfo, *names: str) -> bool:
    """Whether any of these fields is selected directly below the current one."""
    found = fields(info, info.field_nodes)
    return any(name in found for name in names)


def fields(info: ResolveInfo, nodes: Iterable[FieldNode], type_name: str | None = None) -> Fields:
    """The fields selected below `nodes`; with `type_name`, only what applies to that type."""
    found: dict[str, list[FieldNode]] = {}
    for node in nodes:
        if node.selection_set is not None:
            for item in _flat(info, node.selection_set.selections, type_name):
                found.setdefault(item.name.value, []).append(item)
    return found


def _remembered(info: ResolveInfo, table: Table, rows: Rows) -> frozenset[str]:
    context = info.context
    key = (table.name, *map(id, info.field_nodes))
    if key not in context.selections:
        context.selections[key] = _columns(info, table, rows(info.field_nodes))
    return context.selections[key]


def _row_nodes(info: ResolveInfo, nodes: Sequence[FieldNode]) -> list[FieldNode]:
    """The nodes that stand for a row in a connection: `nodes` and `edges { node }`."""
    below = fields(info, nodes)
    edges = fields(info, below.get("edges", []))
    return [*below.get("nodes", []), *edges.get("node", [])]


def _columns(info: ResolveInfo, table: Table, nodes: Sequence[FieldNode]) -> frozenset[str]:
    found: set[str] = set()
    for name, below in fields(info, nodes, table.name).items():
        member = table.members.get(name)
        if member is not None:
            found.update(_paths(info, member, below))
    return frozenset(found)


def _paths(info: ResolveInfo, member: Spec | Back, nodes: list[FieldNode]) -> Iterable[str]:
    if not isinstance(member, Group):
        return member.paths
    asked = fields(info, nodes)
    return member.paths_of(part for part in member.parts if to_camel_case(part) in asked)


def _flat(
    info: ResolveInfo, selections: Iterable[SelectionNode], type_name: str | None
) -> Iterator[FieldNode]:
    """Fields of a selection set with its fragments unfolded and its directives obeyed."""
    for node in selections:
        if not _included(info, node):
            continue
        if isinstance(node, FieldNode):
            yield node
            continue
        fragment = _fragment(info, node)
        condition = fragment.type_condition
        if type_name is None or condition is None or _applies(condition.name.value, type_name):
            yield from _flat(info, fragment.selection_set.selections, type_name)


def _fragment(
    info: ResolveInfo, node: SelectionNode
) -> FragmentDefinitionNode | InlineFragmentNode:
    if isinstance(node, FragmentSpreadNode):
        return info.fragments[node.name.value]
    assert isinstance(node, InlineFragmentNode), "a selection is a field or a fragment"  # noqa: S101
    return node


def _applies(condition: str, type_name: str) -> bool:
    return condition in (type_name, "Node")


def _included(info: ResolveInfo, node: SelectionNode) -> bool:
    if not node.directives:
        return True
    skip = get_directive_values(GraphQLSkipDirective, node, info.variable_values)
    include = get_directive_values(GraphQLIncludeDirective, node, info.variable_values)
    return not (skip and skip["if"]) and (include is None or include["if"])
