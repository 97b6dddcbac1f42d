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

from gateway.engine.documents import PlannedOperation, PreparedOperation
from gateway.engine.execution import Prepared

QUERY: Final = "Query"
SUBSCRIPTION: Final = "Subscription"


def as_query(prepared: Prepared) -> Prepared:
    """The query that a subscription asks again and again; the plan is kept with the document."""
    operation = prepared.operation
    planned = operation.planned
    if planned.query is None:
        planned.query = PlannedOperation(*_query(planned.document, planned.node))
    document, node = _query(operation.document, operation.node)
    query = PreparedOperation(
        document,
        node,
        operation.fanout,
        OperationType.QUERY,
        operation.longest_name,
        planned.query,
        operation.literals,
        operation.fields,
        operation.values,
    )
    return replace(prepared, operation=query)


def _query(
    document: DocumentNode, subscription: OperationDefinitionNode
) -> tuple[DocumentNode, OperationDefinitionNode]:
    """The document with queries in place of subscriptions, and the one of this name."""
    rewritten: DocumentNode = visit(document, _Rewriting())
    name = subscription.name.value if subscription.name else None
    (node,) = (
        each
        for each in rewritten.definitions
        if isinstance(each, OperationDefinitionNode)
        and (each.name.value if each.name else None) == name
    )
    return rewritten, node


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
