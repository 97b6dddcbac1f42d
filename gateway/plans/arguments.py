"""The arguments of a field in a plan, coerced and converted as its resolver would get them."""

from collections.abc import Callable, Iterator
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLSchema,
    ListValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
    get_nullable_type,
    print_ast,
    specified_scalar_types,
)
from graphql.execution.values import VariableValues, get_argument_values
from strawberry.types.arguments import convert_arguments
from strawberry.utils.str_converters import to_camel_case

from gateway.plans.source import Unplanned

SCALARS = tuple(specified_scalar_types.values())
Arguments = Callable[[VariableValues], dict[str, Any]]
"""The values of an operation's variables -> the arguments of one field."""


def arguments_of(schema: GraphQLSchema, declared: GraphQLField, node: FieldNode) -> Arguments:
    """The arguments at `node`, worked out once where they hold no variable."""
    converter = schema.extensions["strawberry-definition"].schema_converter
    field = declared.extensions["strawberry-definition"]

    def arguments(variables: VariableValues) -> dict[str, Any]:
        return convert_arguments(
            get_argument_values(declared, node, variables),
            field.arguments,
            scalar_registry=converter.scalar_registry,
            config=converter.config,
        )

    if any(_variables(node)):
        return _plain(declared, node, arguments)
    try:
        constant = arguments(VariableValues({}, {}))
    except GraphQLError:
        raise Unplanned("an argument that cannot be used") from None
    return lambda variables: constant


def _plain(declared: GraphQLField, node: FieldNode, general: Arguments) -> Arguments:
    """The same, where each argument is a variable with a value that needs no conversion."""
    field = declared.extensions["strawberry-definition"]
    own = {to_camel_case(each.python_name): each.python_name for each in field.arguments}
    named = {}
    for argument in node.arguments or ():
        type_ = get_nullable_type(declared.args[argument.name.value].type)
        if not (isinstance(argument.value, VariableNode) and type_ in SCALARS):
            return general
        named[own[argument.name.value]] = argument.value.name.value

    def arguments(variables: VariableValues) -> dict[str, Any]:
        coerced = variables.coerced
        found = {name: coerced.get(variable) for name, variable in named.items()}
        return general(variables) if None in found.values() else found

    return arguments


def spelled(node: FieldNode) -> str:
    """The arguments at `node` as text, independent of their order."""
    return ",".join(sorted(map(print_ast, node.arguments or ())))


def _variables(node: FieldNode) -> Iterator[bool]:
    return (_varies(argument.value) for argument in node.arguments or ())


def _varies(value: ValueNode) -> bool:
    match value:
        case VariableNode():
            return True
        case ListValueNode(values=values):
            return any(map(_varies, values))
        case ObjectValueNode(fields=fields):
            return any(_varies(field.value) for field in fields)
    return False
