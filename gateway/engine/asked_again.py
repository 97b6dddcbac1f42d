"""
A subscription -> the query that answers it. Every field of `Subscription` is a field of `Query` by
the same name, so that what follows live is computed as what is asked for once.
"""

import dataclasses
from typing import Any, Final

from graphql import (
    DocumentNode,
    NamedTypeNode,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    Visitor,
    visit,
)
from msgspec.structs import replace

from gateway.engine.documents import PreparedOperation
from gateway.engine.execution import Prepared

QUERY: Final = "Query"
SUBSCRIPTION: Final = "Subscription"


def as_query(prepared: Prepared) -> Prepared:
    """The query that a subscription asks again and again; kept with its document."""
    operation = prepared.operation
    if operation.known is None:
        operation.known = _query(operation)
    return replace(prepared, operation=operation.known)


def _query(operation: PreparedOperation) -> PreparedOperation:
    document: DocumentNode = visit(operation.document, _Rewriting())
    name = operation.node.name.value if operation.node.name else None
    (node,) = (
        each
        for each in document.definitions
        if isinstance(each, OperationDefinitionNode)
        and (each.name.value if each.name else None) == name
    )
    return PreparedOperation(
        document, node, operation.fanout, OperationType.QUERY, operation.longest_name
    )


class _Rewriting(Visitor):
    """Makes subscriptions queries, and fragments on the one type those on the other."""

    def leave_operation_definition(self, node: OperationDefinitionNode, *_: object) -> Any:
        if node.operation is not OperationType.SUBSCRIPTION:
            return None
        return dataclasses.replace(node, operation=OperationType.QUERY)

    def enter_named_type(self, node: NamedTypeNode, *_: object) -> Any:
        if node.name.value != SUBSCRIPTION:
            return None
        return NamedTypeNode(name=NameNode(value=QUERY))
