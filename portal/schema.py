"""
The gateway's printed schema -> the fields that its extensions add to orders, and the documents that
ask for them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    NameNode,
    OperationDefinitionNode,
    SelectionSetNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_schema,
    get_named_type,
    parse,
    print_ast,
    visit,
)

from portal.own_fields import UNKNOWN, OwnField

ORDER: Final = "SalesOrder"
LINE: Final = "SalesOrderLine"
INPUTS: Final = {
    ORDER: ("CreateSalesOrderInput", "UpdateSalesOrderInput"),
    LINE: ("SalesOrderLineInput", "UpdateSalesOrderLineInput"),
}
"""The inputs of what is new and of what changes, by the type that has the same fields."""
KNOWN: Final = {
    "account",
    "contact",
    "customerItemNumber",
    "customerReference",
    "idempotencyKey",
    "itemNumber",
    "line",
    "lines",
    "note",
    "number",
    "order",
    "product",
    "quantity",
    "requestedReceiptDate",
    "requestedShippingDate",
    "requisitionNumber",
    "sharedKey",
    "shipTo",
    "shipToAddress",
    "unit",
    "version",
}
"""The fields of these inputs that every gateway has: the portal has places of its own for them."""
READING: Final = {ORDER: {"Order", "Changeable", "Update"}, LINE: {"Order", "Lines", "Changeable"}}
"""The operations of our documents that need the fields, by their type."""
KINDS: Final[Mapping[str, str]] = {
    "Int": "whole",
    "Decimal": "number",
    "Boolean": "yes",
    "Date": "date",
    "DateTime": "moment",
}
"""Kinds of fields by the types of GraphQL; all other scalars are text."""


@dataclass(frozen=True, slots=True)
class OwnSchema:
    """The parts of a gateway's schema that only this gateway has."""

    fields: Sequence[OwnField] = ()
    """The fields of orders."""
    line_fields: Sequence[OwnField] = ()
    schema: GraphQLSchema | None = None

    def asking(self, documents: Mapping[str, str]) -> Mapping[str, str]:
        """The documents, in which the orders that are shown have the fields too."""
        if self.schema is None or not (self.fields or self.line_fields):
            return documents
        names = {
            ORDER: _readable(self.schema, ORDER, self.fields),
            LINE: _readable(self.schema, LINE, self.line_fields),
        }
        return {name: _extended(text, names, self.schema) for name, text in documents.items()}


NO_SCHEMA: Final = OwnSchema()


def read(text: str) -> OwnSchema:
    """The schema in a text; none in an empty one. ValueError where it cannot be read."""
    if not text:
        return NO_SCHEMA
    try:
        schema = build_schema(text)
    except GraphQLError as error:
        raise ValueError(f"PORTAL_SCHEMA: {error.message}") from error
    return OwnSchema(tuple(_fields(schema, ORDER)), tuple(_fields(schema, LINE)), schema)


def _readable(schema: GraphQLSchema, type_: str, fields: Iterable[OwnField]) -> list[str]:
    """The names of the fields that can be read back."""
    found = schema.get_type(type_)
    there = found.fields if isinstance(found, GraphQLObjectType) else {}
    return [field.name for field in fields if field.name in there]


def _fields(schema: GraphQLSchema, type_: str) -> Iterator[OwnField]:
    new, changes = (_inputs(schema, name) for name in INPUTS[type_])
    found = schema.get_type(type_)
    shown = found.fields if isinstance(found, GraphQLObjectType) else {}
    for name in dict.fromkeys([*new, *changes]):
        yield _field(name, new.get(name), changes.get(name), shown.get(name))


def _inputs(schema: GraphQLSchema, name: str) -> dict[str, GraphQLInputField]:
    found = schema.get_type(name)
    fields = found.fields if isinstance(found, GraphQLInputObjectType) else {}
    return {name: field for name, field in fields.items() if name not in KNOWN}


def _field(
    name: str,
    new: GraphQLInputField | None,
    changed: GraphQLInputField | None,
    shown: GraphQLField | None,
) -> OwnField:
    """The field as inputs have it, described as where it is read."""
    one = new or changed
    assert one is not None, "it comes from one of the inputs"  # noqa: S101
    type_ = get_named_type(one.type)
    members = type_.values.items() if isinstance(type_, GraphQLEnumType) else ()
    return OwnField(
        name,
        (shown or one).description or name,
        "choice" if members else KINDS.get(type_.name, "text"),
        {each: member.description or each for each, member in members if each != UNKNOWN},
        in_new=new is not None,
        in_changes=changed is not None,
        is_required=new is not None and isinstance(new.type, GraphQLNonNull),
    )


def _extended(text: str, names: Mapping[str, list[str]], schema: GraphQLSchema) -> str:
    document = parse(text)
    types = TypeInfo(schema)
    made = visit(document, TypeInfoVisitor(types, _Selecting(types, names)))
    return text if made is document else print_ast(made)


class _Selecting(Visitor):
    """Adds fields to the orders and lines of the operations that need them."""

    def __init__(self, types: TypeInfo, names: Mapping[str, list[str]]) -> None:
        super().__init__()
        self._types, self._names = types, names
        self._operation = ""

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: object) -> None:
        self._operation = node.name.value if node.name else ""

    def leave_field(self, node: FieldNode, *_: object) -> FieldNode | None:
        type_ = str(get_named_type(self._types.get_type()) or "")
        if node.selection_set is None or self._operation not in READING.get(type_, ()):
            return None
        more = tuple(_missing(node.selection_set, self._names[type_]))
        if not more:
            return None
        selected = SelectionSetNode(selections=(*node.selection_set.selections, *more))
        return FieldNode(
            alias=node.alias,
            name=node.name,
            arguments=node.arguments,
            directives=node.directives,
            selection_set=selected,
        )


def _missing(selected: SelectionSetNode, names: Iterable[str]) -> Iterator[FieldNode]:
    """The fields that nothing is called like, in a document of the adopter's too."""
    fields = [each for each in selected.selections if isinstance(each, FieldNode)]
    taken = {(each.alias or each.name).value for each in fields}
    return (FieldNode(name=NameNode(value=name)) for name in names if name not in taken)
