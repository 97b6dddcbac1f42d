"""
A document with literals in its arguments -> the same with variables in their place, and the values
that the variables have for each document of that form.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FloatValueNode,
    GraphQLInputType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    NameNode,
    Node,
    ObjectValueNode,
    StringValueNode,
    TokenKind,
    TypeInfo,
    TypeInfoVisitor,
    Undefined,
    VariableNode,
    Visitor,
    coerce_input_literal,
    get_named_type,
    get_nullable_type,
    is_input_object_type,
    is_list_type,
    visit,
)

from gateway.engine.document_form import Literal

LiteralNode = IntValueNode | FloatValueNode | StringValueNode


@dataclass(frozen=True, slots=True)
class Lifted:
    """A document with variables in the place of literals."""

    document: DocumentNode
    variables: Mapping[str, tuple[int, GraphQLInputType]]
    """By name: the literal of that position, and the type of the place in which it stands."""

    def values(self, literals: Sequence[Literal]) -> dict[str, Any] | None:
        """The variables' values for a document's literals; None where one cannot be used."""
        found = {
            name: coerce_input_literal(_node(literals[position]), type_)
            for name, (position, type_) in self.variables.items()
        }
        return None if Undefined in found.values() else found


def lifted(
    schema: GraphQLSchema, document: DocumentNode, literals: Sequence[Literal]
) -> Lifted | None:
    """
    Lift the literals out of a valid document; None where one stands inside of a scalar that is
    written as an object or a list.
    """
    types = TypeInfo(schema)
    lifting = _Lifting(types, literals)
    found: DocumentNode = visit(document, TypeInfoVisitor(types, lifting))
    return Lifted(found, lifting.variables) if lifting.is_safe else None


class _Lifting(Visitor):
    def __init__(self, types: TypeInfo, literals: Sequence[Literal]) -> None:
        super().__init__()
        self._types = types
        self._literals = {each.start: (n, each) for n, each in enumerate(literals)}
        self.variables: dict[str, tuple[int, GraphQLInputType]] = {}
        self.is_safe = True

    def enter_int_value(self, node: IntValueNode, *_: object) -> Node | None:
        return self._lift(node)

    def enter_float_value(self, node: FloatValueNode, *_: object) -> Node | None:
        return self._lift(node)

    def enter_string_value(self, node: StringValueNode, *_: object) -> Node | None:
        return self._lift(node)

    def enter_object_value(self, node: ObjectValueNode, *_: object) -> None:
        type_ = self._types.get_input_type()
        self.is_safe &= type_ is not None and is_input_object_type(get_named_type(type_))

    def enter_list_value(self, node: ListValueNode, *_: object) -> None:
        type_ = self._types.get_parent_input_type()
        self.is_safe &= is_list_type(get_nullable_type(type_))

    def _lift(self, node: LiteralNode) -> Node | None:
        position, literal = self._literals.get(node.loc.start if node.loc else -1, (0, None))
        if literal is None:
            return None
        type_ = self._types.get_input_type()
        if type_ is None:
            self.is_safe = False
            return None
        name = f"{literal.number} {type_}"  # no caller's variable has a blank in its name
        self.variables.setdefault(name, (position, type_))
        return VariableNode(name=NameNode(value=name))


def _node(literal: Literal) -> LiteralNode:
    match literal.kind:
        case TokenKind.INT:
            return IntValueNode(value=literal.value)
        case TokenKind.FLOAT:
            return FloatValueNode(value=literal.value)
    return StringValueNode(value=literal.value, block=literal.kind is TokenKind.BLOCK_STRING)
