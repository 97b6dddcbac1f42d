"""The selection of an operation below one field -> the columns that must be read for it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLResolveInfo,
    GraphQLSkipDirective,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    get_directive_values,
)
from graphql.execution.values import VariableValues
from strawberry.utils.str_converters import to_camel_case

from gateway.model.tables import Member, Table
from gateway.schema.context import Context

ResolveInfo = GraphQLResolveInfo[Context]


class SelectingOperation(Protocol):
    """The parts of an operation that decide what a selection means, besides its nodes."""

    @property
    def fragments(self) -> Mapping[str, FragmentDefinitionNode]: ...

    @property
    def variable_values(self) -> VariableValues: ...


@dataclass(frozen=True, slots=True)
class Selecting:
    """An operation with the values on which its selections depend."""

    fragments: Mapping[str, FragmentDefinitionNode]
    variable_values: VariableValues


Selected = FieldNode | OperationDefinitionNode
Fields = Mapping[str, list[FieldNode]]
"""Field nodes by the name of the field, whatever their aliases."""
RowNodes = Callable[[Sequence[FieldNode]], Sequence[FieldNode]]
"""From the nodes of a field to those that stand for rows."""


def columns(info: ResolveInfo, table: Table) -> frozenset[str]:
    """The columns of `table` that the current field's selection needs; it leads to one row."""
    return _remembered(info, table, lambda nodes: nodes)


def listed_columns(info: ResolveInfo, table: Table) -> frozenset[str]:
    """As `columns`, for a field that leads to a connection."""
    return _remembered(info, table, lambda nodes: row_nodes(info, nodes))


def columns_under(info: ResolveInfo, name: str, table: Table) -> frozenset[str]:
    """As `columns`, for a row in the field `name` of the object that the current field gives."""
    return columns_of(info, table, fields(info, info.field_nodes).get(name, []))


def asks_for(info: ResolveInfo, *names: str) -> bool:
    """True if any of these fields is selected directly below the current one."""
    found = fields(info, info.field_nodes)
    return any(name in found for name in names)


def fields(
    operation: SelectingOperation, nodes: Iterable[FieldNode], type_name: str | None = None
) -> Fields:
    """The fields selected below `nodes`; with `type_name`, only what applies to that type."""
    found: dict[str, list[FieldNode]] = {}
    for item in _below(operation, nodes, type_name):
        found.setdefault(item.name.value, []).append(item)
    return found


def responses(operation: SelectingOperation, nodes: Iterable[Selected], type_name: str) -> Fields:
    """As `fields`, by the name that each field has in the answer and in the answer's order."""
    found: dict[str, list[FieldNode]] = {}
    for item in _below(operation, nodes, type_name):
        found.setdefault((item.alias or item.name).value, []).append(item)
    return found


def _remembered(info: ResolveInfo, table: Table, rows: RowNodes) -> frozenset[str]:
    context = info.context
    key = (table.name, *map(id, info.field_nodes))
    if key not in context.selections:
        context.selections[key] = columns_of(info, table, rows(info.field_nodes))
    return context.selections[key]


def row_nodes(operation: SelectingOperation, nodes: Sequence[FieldNode]) -> list[FieldNode]:
    """The nodes that stand for a row in a connection: `nodes` and `edges { node }`."""
    below = fields(operation, nodes)
    edges = fields(operation, below.get("edges", []))
    return [*below.get("nodes", []), *edges.get("node", [])]


def columns_of(
    operation: SelectingOperation, table: Table, nodes: Sequence[FieldNode]
) -> frozenset[str]:
    """The columns of `table` that the selections below `nodes` need, which stand for its rows."""
    members = table.members
    found: set[str] = set()
    for name, below in fields(operation, nodes, table.name).items():
        if name in members:
            found.update(_paths(operation, members[name], below))
    return frozenset(found)


def _paths(operation: SelectingOperation, member: Member, nodes: list[FieldNode]) -> Iterable[str]:
    if not member.part_names:
        return member.paths
    asked = fields(operation, nodes)
    return member.paths_of([part for part in member.part_names if to_camel_case(part) in asked])


def _below(
    operation: SelectingOperation, nodes: Iterable[Selected], type_name: str | None
) -> Iterator[FieldNode]:
    for node in nodes:
        if node.selection_set is not None:
            yield from _flat(operation, node.selection_set.selections, type_name)


def _flat(
    operation: SelectingOperation, selections: Iterable[SelectionNode], type_name: str | None
) -> Iterator[FieldNode]:
    """Fields of a selection set with its fragments unfolded and its directives obeyed."""
    for node in selections:
        if not _included(operation, node):
            continue
        if isinstance(node, FieldNode):
            yield node
            continue
        fragment = _fragment(operation, node)
        condition = fragment.type_condition
        if type_name is None or condition is None or _applies(condition.name.value, type_name):
            yield from _flat(operation, fragment.selection_set.selections, type_name)


def _fragment(
    operation: SelectingOperation, node: SelectionNode
) -> FragmentDefinitionNode | InlineFragmentNode:
    if isinstance(node, FragmentSpreadNode):
        return operation.fragments[node.name.value]
    assert isinstance(node, InlineFragmentNode), "a selection is a field or a fragment"  # noqa: S101
    return node


def _applies(condition: str, type_name: str) -> bool:
    return condition in (type_name, "Node")


def _included(operation: SelectingOperation, node: SelectionNode) -> bool:
    if not node.directives:
        return True
    skip = get_directive_values(GraphQLSkipDirective, node, operation.variable_values)
    include = get_directive_values(GraphQLIncludeDirective, node, operation.variable_values)
    return not (skip and skip["if"]) and (include is None or include["if"])
