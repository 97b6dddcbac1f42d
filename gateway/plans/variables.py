"""
The variables of an operation, coerced for its plans.

What is sent as a plain value of a built-in scalar is what it becomes; all else goes through
graphql-core, which knows about defaults, inputs and errors.
"""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    GraphQLSchema,
    NamedTypeNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    get_variable_values,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource

from gateway.plans.source import Unplanned

Coerce = Callable[[Mapping[str, Any]], VariableValues]
NO_VARIABLES = VariableValues({}, {})
PLAIN: Mapping[str, type] = {"ID": str, "String": str, "Boolean": bool}
"""Scalars whose values are themselves, in the type that they arrive in."""


def coercion(schema: GraphQLSchema, operation: OperationDefinitionNode) -> Coerce:
    """Make the values of one operation's variables; it raises Unplanned for unusable ones."""
    declared = operation.variable_definitions
    if not declared:
        return lambda sent: NO_VARIABLES
    named = {each.variable.name.value: each for each in declared}
    signatures: dict[str, Any] = {  # without errors, as the document is valid
        name: get_variable_signature(schema, each) for name, each in named.items()
    }
    plain = {name: _plain(each.type) for name, each in named.items()}

    def coerce(sent: Mapping[str, Any]) -> VariableValues:
        coerced, sources = {}, {}
        for name, type_ in plain.items():
            value = sent.get(name)
            if value.__class__ is not type_:
                return general(sent)
            coerced[name] = value
            sources[name] = VariableValueSource(signatures[name], value)
        return VariableValues(sources, coerced)

    def general(sent: Mapping[str, Any]) -> VariableValues:
        values = get_variable_values(schema, declared, dict(sent))
        if isinstance(values, list):
            raise Unplanned("variables that cannot be used")
        return values

    return coerce


def _plain(type_: Any) -> type | None:
    """The class of values that are taken as they are; None where graphql-core must look."""
    inner = type_.type if isinstance(type_, NonNullTypeNode) else type_
    return PLAIN.get(inner.name.value) if isinstance(inner, NamedTypeNode) else None
