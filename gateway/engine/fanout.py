"""
The number of rows that an operation could return, worked out from its page sizes before anything is
fetched.

The count is a polynomial in the variables that give page sizes, made once for each document:
`orders(first: $n) { nodes { lines(first: 5) { nodes { id } } } }` is 6n.
"""

from collections import Counter
from collections.abc import Mapping
from math import isfinite, prod
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NameNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_composite_type,
    value_from_ast_untyped,
)

from gateway.engine.limits import DEFAULT_SIZE, MAXIMUM_SIZE

SIZES = ("first", "last", "ids")
"""Arguments that say how many rows a field returns: a number, or the length of a list."""

RowCount = Counter[tuple[str, ...]]
"""A polynomial: the variables of a term -> its factor. A variable may stand in a term twice."""
ONE = RowCount({(): 1})


class Fanout:
    """The row counts of one validated document."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._fragments: dict[str, FragmentDefinitionNode] = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._counted: dict[str, RowCount] = {}

    def rows(self, operation: OperationDefinitionNode) -> RowCount:
        root = self._schema.get_root_type(operation.operation)
        return self._selections(operation.selection_set, root)

    def _selections(self, node: SelectionSetNode, parent: GraphQLCompositeType | None) -> RowCount:
        total = RowCount()
        for selection in node.selections:
            total.update(self._selection(selection, parent))
        return total

    def _selection(self, node: SelectionNode, parent: GraphQLCompositeType | None) -> RowCount:
        match node:
            case FieldNode(selection_set=SelectionSetNode() as inner):
                return self._field(node, inner, parent)
            case FragmentSpreadNode(name=NameNode(value=name)):
                return self._fragment(name)
            case InlineFragmentNode(type_condition=None):
                return self._selections(node.selection_set, parent)
            case InlineFragmentNode():
                return self._selections(node.selection_set, self._type(node))
        return RowCount()

    def _fragment(self, name: str) -> RowCount:
        if name not in self._counted:
            node = self._fragments[name]
            self._counted[name] = self._selections(node.selection_set, self._type(node))
        return self._counted[name]

    def _field(
        self, node: FieldNode, inner: SelectionSetNode, parent: GraphQLCompositeType | None
    ) -> RowCount:
        declared = self._schema.get_field(parent, node.name.value) if parent else None
        if declared is None:
            return RowCount()
        named = get_named_type(declared.type)
        rows = self._selections(inner, named if is_composite_type(named) else None)
        size = _size(node, declared)
        return rows if size is None else _times(rows + ONE, size)

    def _type(
        self, node: InlineFragmentNode | FragmentDefinitionNode
    ) -> GraphQLCompositeType | None:
        found = (
            self._schema.get_type(node.type_condition.name.value) if node.type_condition else None
        )
        return found if is_composite_type(found) else None


def known(rows: RowCount) -> RowCount | int:
    """The number of rows, where it depends on no variable."""
    return rows if any(rows) else rows[()]


def evaluate(
    rows: RowCount | int, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> int:
    """The number of rows for one request's variables."""
    if isinstance(rows, int):
        return rows
    names = {name for term in rows for name in term}
    defaults = _defaults(operation)
    sizes = {name: _number(variables.get(name, defaults.get(name))) for name in names}
    return sum(factor * prod(sizes[name] for name in term) for term, factor in rows.items())


def _times(rows: RowCount, size: int | str) -> RowCount:
    if isinstance(size, int):
        return RowCount({term: factor * size for term, factor in rows.items()})
    return RowCount({tuple(sorted((*term, size))): factor for term, factor in rows.items()})


def _size(node: FieldNode, declared: GraphQLField) -> int | str | None:
    """The page size of a field: a number, a variable's name, or None where it is no page."""
    if SIZES[0] not in declared.args and SIZES[-1] not in declared.args:
        return None
    given = [each.value for each in node.arguments or () if each.name.value in SIZES]
    match given:
        case []:
            return DEFAULT_SIZE
        case [VariableNode(name=NameNode(value=name))]:
            return name
        case [IntValueNode() | ListValueNode() as literal]:
            return _number(value_from_ast_untyped(literal))
    # Of `first` and `last` together one is usually null, and only the variables tell which.
    return MAXIMUM_SIZE


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    return {
        each.variable.name.value: value_from_ast_untyped(each.default_value)
        for each in operation.variable_definitions or ()
        if each.default_value
    }


def _number(value: object) -> int:
    """
    The number of rows that a size stands for; a value that is no size is refused later, and counts
    as no page until then.
    """
    match value:
        case list():
            return len(value)
        case float() if isfinite(value):
            return max(int(value), 0)
        case int():
            return max(value, 0)
    return DEFAULT_SIZE
