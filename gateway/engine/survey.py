"""
One pass over a parsed document, before validation: counts what it asks for and refuses what is too
much. A fragment is measured once however often it is spread, so a bomb costs what its text costs.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from graphql import (
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    StringValueNode,
    ValueNode,
    VariableNode,
    get_named_type,
    type_from_ast,
)

from gateway.engine.limits import Limits


@dataclass(slots=True)
class Name:
    """A response name in a set: how often it is asked for, and the names asked for below it."""

    times: int = 0
    below: "FieldNames" = field(default_factory=dict)


FieldNames = dict[str, Name]


@dataclass(slots=True)
class Shape:
    """
    The fields of one selection set, with its fragments written out. Fields of the same name are one
    field of the answer, so their sets are merged: validation compares all pairs in each.
    """

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    names: FieldNames = field(default_factory=dict)
    values: Counter[str] = field(default_factory=Counter)
    """
    The values in the arguments: the literals, counted under no name, and the times that each
    variable is used.
    """


class Survey:
    """
    The pass itself; `visited` counts the nodes it looked at, `fields` those of the largest
    operation.
    """

    def __init__(self, document: DocumentNode, limits: Limits) -> None:
        self.visited = self.fields = 0
        self._limits = limits
        self._document = document
        self._fragments = _fragments(document)
        self._measured: dict[str, Shape] = {}
        self._spreads = 0
        self._directives = 0
        self.values: Counter[str] = Counter()
        """As in `Shape`, the most of any operation."""
        self._used: Counter[str] = Counter()
        """The same of the arguments that are looked at."""

    def take(self) -> None:
        """Measure every operation and fragment; LimitExceeded where one is too large."""
        self._limits.check("fragments", len(self._fragments), "fragments")
        operations = _operations(self._document)
        self._limits.check("operations", len(operations), "operations")
        for operation in operations:
            self._operation(operation)
        for name in self._fragments:
            self._fragment(name, 1)

    def _operation(self, node: OperationDefinitionNode) -> None:
        variables = node.variable_definitions or ()
        self._limits.check("variables", len(variables), "variables")
        defaults = {}
        for variable in variables:
            self._decorations(variable.directives)
            self._used = Counter()
            self._value(variable.default_value, 1)
            defaults[variable.variable.name.value] = self._used[""]
        self._decorations(node.directives)
        shape = self.measure(node.selection_set, 1)
        shape.values[""] += sum(n * shape.values[name] for name, n in defaults.items())
        self._limits.check("input_values", shape.values[""], "values in arguments")
        self.fields = max(self.fields, shape.fields)
        self.values |= shape.values
        self._limits.check("aliases", shape.aliases, "aliases")
        limit = "mutations" if node.operation is OperationType.MUTATION else "root_fields"
        self._limits.check(limit, sum(each.times for each in shape.names.values()), "root fields")

    def measure(self, node: SelectionSetNode, level: int) -> Shape:
        """Measure a selection set whose fields are at `level` below their operation."""
        shape = Shape()
        for selection in node.selections:
            self._add(shape, self._selection(selection, level))
        return shape

    def _add(self, shape: Shape, other: Shape) -> None:
        shape.depth = max(shape.depth, other.depth)
        shape.fields += other.fields
        shape.aliases += other.aliases
        self._limits.check("fields", shape.fields, "fields")
        shape.values += other.values
        self._merge(shape.names, other.names)

    def _merge(self, names: FieldNames, others: FieldNames) -> None:
        """Never keeps a part of `others`, which may belong to a fragment that is spread again."""
        for name, other in others.items():
            self.visited += 1
            own = names.setdefault(name, Name())
            own.times += other.times
            self._limits.check("same_name", own.times, "fields of the same name in one place")
            self._merge(own.below, other.below)

    def _selection(self, node: SelectionNode, level: int) -> Shape:
        self.visited += 1
        self._decorations(node.directives)
        match node:
            case FieldNode():
                return self._field(node, level)
            case FragmentSpreadNode():
                self._spread()
                return self._fragment(node.name.value, level)
            case InlineFragmentNode():
                self._spread()
                return self.measure(node.selection_set, level)
        return Shape()

    def _field(self, node: FieldNode, level: int) -> Shape:
        self._limits.check("depth", level, "levels")
        self._used = Counter()
        self._arguments(node.arguments)
        values = self._used
        inner = self.measure(node.selection_set, level + 1) if node.selection_set else Shape()
        name = (node.alias or node.name).value
        aliases = inner.aliases + (node.alias is not None)
        names = {name: Name(1, inner.names)}
        return Shape(inner.depth + 1, inner.fields + 1, aliases, names, values + inner.values)

    def _spread(self) -> None:
        self._spreads += 1
        self._limits.check("spreads", self._spreads, "fragment spreads")

    def _fragment(self, name: str, level: int) -> Shape:
        """Measure a fragment once. In a cycle, as for an unknown name, it counts as empty."""
        node = self._fragments.get(name)
        if name not in self._measured and node is not None:
            self._measured[name] = Shape()  # what a spread of itself finds
            self._decorations(node.directives)
            self._measured[name] = self.measure(node.selection_set, level)
        shape = self._measured.get(name, Shape())
        self._limits.check("depth", level - 1 + shape.depth, "levels")
        return shape

    def _decorations(self, directives: tuple[DirectiveNode, ...] | None) -> None:
        if not directives:
            return
        self._limits.check("directives_per_node", len(directives), "directives in one place")
        self._directives += len(directives)
        self._limits.check("directives", self._directives, "directives")
        for directive in directives:
            self._arguments(directive.arguments)

    def _arguments(self, arguments: tuple[ArgumentNode, ...] | None) -> None:
        for argument in arguments or ():
            self._value(argument.value, 1)

    def _value(self, node: ValueNode | None, nesting: int) -> None:
        self.visited += 1
        if node is None:
            return
        self._used[node.name.value if isinstance(node, VariableNode) else ""] += 1
        match node:
            case StringValueNode():
                self._limits.check("input_string", len(node.value), "characters in a string")
            case ListValueNode():
                self._limits.check("input_list", len(node.values), "items in a list")
                self._inner_values(node.values, nesting)
            case ObjectValueNode():
                self._inner_values([each.value for each in node.fields], nesting)

    def _inner_values(self, values: Sequence[ValueNode], nesting: int) -> None:
        self._limits.check("input_nesting", nesting, "lists and objects inside one another")
        for value in values:
            self._value(value, nesting + 1)


def shortened(
    operation: OperationDefinitionNode,
    variables: Mapping[str, object],
    schema: GraphQLSchema,
    most: Mapping[str, int],
) -> dict[str, object]:
    """
    The variables with their lists cut one behind what `most` says of the type of their items: as
    much as tells that there are too many.
    """
    types = {
        each.variable.name.value: type_from_ast(schema, each.type)
        for each in operation.variable_definitions or ()
    }
    return {name: _shortened(value, types.get(name), most) for name, value in variables.items()}


def _shortened(value: object, type_: object, most: Mapping[str, int]) -> object:
    if isinstance(type_, GraphQLNonNull):
        return _shortened(value, type_.of_type, most)
    if isinstance(value, list) and isinstance(type_, GraphQLList):
        named = get_named_type(type_).name
        return value[: most[named] + 1] if named in most else value
    if isinstance(value, dict) and isinstance(type_, GraphQLInputObjectType):
        fields = {name: each.type for name, each in type_.fields.items()}
        return {name: _shortened(each, fields.get(name), most) for name, each in value.items()}
    return value


def check_variables(
    variables: Mapping[str, object], limits: Limits, values: Mapping[str, int]
) -> None:
    """
    Check the variables of one request against the limits for literals in the document; `values`:
    see `Shape`.
    """
    total = values.get("", 0)
    for name, value in variables.items():
        total += values.get(name, 1) * _values(value, limits)
    limits.check("input_values", total, "values in arguments")


def _values(variable: object, limits: Limits) -> int:
    """The number of values in one."""
    rest: list[tuple[object, int]] = [(variable, 1)]
    found = 0
    while rest:
        value, nesting = rest.pop()
        found += 1
        if isinstance(value, str):
            limits.check("input_string", len(value), "characters in a string")
        elif isinstance(value, list | dict):
            if isinstance(value, list):
                limits.check("input_list", len(value), "items in a list")
            limits.check("input_nesting", nesting, "lists and objects inside one another")
            inner = value if isinstance(value, list) else value.values()
            rest += [(each, nesting + 1) for each in inner]
    return found


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }


def _operations(document: DocumentNode) -> list[OperationDefinitionNode]:
    return [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
