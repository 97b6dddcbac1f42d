"""
Expressions of the generated function: objects of the answer and comprehensions over rows.

The text holds names of our own making, attributes that tables declare, and names of types of the
schema as their `repr`; nothing that a caller sent gets into it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import count
from typing import Any

import msgspec
from graphql import (
    FieldNode,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)

from gateway.plans.leaves import Leaf, present
from gateway.plans.rendering import Rendering
from gateway.schema.selection import SelectingOperation, responses

Field = Callable[[str, list[FieldNode]], str]
"""A field's name and its nodes -> the expression of its value."""


class Unplanned(Exception):
    """The operation holds something that no plan is made for; its text is the reason."""


class FunctionSource:
    """The names of one generated function, and expressions in them."""

    def __init__(self, schema: GraphQLSchema, operation: SelectingOperation) -> None:
        self.schema = schema
        self.operation = operation
        self.names: dict[str, Any] = {"Decimal": Decimal}
        self._objects: dict[tuple[str, ...], str] = {}
        self._numbers: Iterator[int] = count()

    def constant(self, value: Any) -> str:
        """The name by which the function knows a value."""
        name = f"c{next(self._numbers)}"
        self.names[name] = value
        return name

    def variable(self) -> str:
        return f"v{next(self._numbers)}"

    def function(self, parameter: str, body: str) -> Rendering:
        """The function itself."""
        return Rendering(self.names, parameter, body)

    def at(self, row: str, path: str) -> str:
        """The value at a column or path; null where a step is missing."""
        step, slash, rest = path.partition("/")
        if not slash:
            return f"{row}.{path}"
        below = self.variable()
        return f"(None if ({below} := {row}.{step}) is None else {self.at(below, rest)})"

    def leaf(self, expression: str, leaf: Leaf, *, optional: bool, checked: bool) -> str:
        """A leaf of the answer; `checked` if the decoder has assured that it is no null."""
        value = self.variable()
        bound = f"({value} := {expression})" if leaf.repeats else expression
        found = self.converted(leaf, value, bound)
        always = optional or (checked and (leaf.convert is None or leaf.exact))
        return found if always else self.present(found)

    def converted(self, leaf: Leaf, value: str, bound: str) -> str:
        """A leaf of the answer, of the value in a variable, which the expression `bound` fills."""
        if leaf.convert is None:
            return bound
        return leaf.inline.format(value=value, bound=bound, convert=self.constant(leaf.convert))

    def present(self, expression: str) -> str:
        return f"{self.constant(present)}({expression})"

    def object(self, nodes: Sequence[FieldNode], type_name: str, field: Field) -> str:
        """The object selected below `nodes`; `field` has the value of each of its fields."""
        selected = responses(self.operation, nodes, type_name)
        return self.made(
            {name: self._field(type_name, below, field) for name, below in selected.items()}
        )

    def made(self, values: Mapping[str, str]) -> str:
        """The object of these expressions, by the names that they have in the answer."""
        return f"{self._object(tuple(values))}({', '.join(values.values())})"

    def _object(self, names: tuple[str, ...]) -> str:
        """
        The name of the type of objects with these members, in their order. A struct is cheaper
        than a dict to make, to hold and to encode. Its attributes have names of ours.
        """
        if names not in self._objects:
            members = [(f"a{n}", Any, msgspec.field(name=name)) for n, name in enumerate(names)]
            self._objects[names] = self.constant(msgspec.defstruct("Object", members, gc=False))
        return self._objects[names]

    def _field(self, type_name: str, nodes: list[FieldNode], field: Field) -> str:
        name = nodes[0].name.value
        return repr(type_name) if name == "__typename" else field(name, nodes)

    def plain(self, type_: GraphQLOutputType, nodes: Sequence[FieldNode], expression: str) -> str:
        """A value that is Python's own: a leaf, or an object whose fields are its attributes."""
        if is_non_null_type(type_):
            return self.present(self.plain(type_.of_type, nodes, expression))
        value = self.variable()
        if is_list_type(type_):
            each = self.variable()
            items = f"[{self.plain(type_.of_type, nodes, each)} for {each} in {value}]"
            return f"(None if ({value} := {expression}) is None else {items})"
        return f"(None if ({value} := {expression}) is None else {self._one(type_, nodes, value)})"

    def _one(self, type_: GraphQLOutputType, nodes: Sequence[FieldNode], value: str) -> str:
        if is_leaf_type(type_):
            return f"{self.constant(type_.coerce_output_value)}({value})"
        if not isinstance(type_, GraphQLObjectType):
            raise Unplanned(f"the type {type_}")

        def field(name: str, below: list[FieldNode]) -> str:
            return self.attribute(type_, name, below, value)

        return self.object(nodes, type_.name, field)

    def attribute(
        self, type_: GraphQLObjectType, name: str, nodes: Sequence[FieldNode], value: str
    ) -> str:
        """A field that is a plain attribute of its Python object."""
        declared = type_.fields[name].extensions.get("strawberry-definition")
        if declared is None or not declared.is_basic_field or declared.arguments:
            raise Unplanned(f"{type_.name}.{name}")
        return self.plain(type_.fields[name].type, nodes, f"{value}.{declared.python_name}")


def output_leaf(type_: GraphQLOutputType) -> Any:
    """The leaf type at the bottom of `type_`."""
    named = get_named_type(type_)
    if not is_leaf_type(named):
        raise Unplanned(f"the type {named}")
    return named
