"""A query's text -> a document that is small enough, valid and ready to run; kept for next time."""

import re
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    parse,
    validate,
)

from gateway.engine.fanout import Counting, Fanout, FanoutTerms
from gateway.engine.limits import Limits, exceeded
from gateway.engine.outcome import bad_request, refused
from gateway.engine.survey import Survey
from gateway.errors import LimitExceeded

KEPT_CHARACTERS = 250_000
"""Source text whose documents are kept, in all; parsed, text takes 50 to 280 times its length."""

_TOO_LONG = re.compile(r"more than \d+ (tokens|comments)")
"""The words of graphql-core for stopping at a limit; it has no error class of its own for that."""


@dataclass(slots=True, eq=False)
class PreparedOperation:
    """One operation of a document, and what it could fan out to."""

    document: DocumentNode
    node: OperationDefinitionNode
    fanout: Fanout | FanoutTerms
    kind: OperationType
    longest_name: int
    """Characters of the longest name in the answer."""
    known: Any = None
    """The plans' own notes on the document; the same for every caller."""


@dataclass(frozen=True, slots=True)
class Document:
    """A valid document within the limits."""

    operations: Mapping[str | None, PreparedOperation]
    """By name. Validation has seen to it that one without a name is alone."""

    def operation(self, name: str | None) -> PreparedOperation:
        """The operation to run; Refused where the name does not decide on one."""
        if name is None and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        if name is None or name not in self.operations:
            raise bad_request([GraphQLError(_which(name, len(self.operations)))])
        return self.operations[name]


class Documents:
    """Parses, limits and validates each text once, and keeps what passed, last used last."""

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: Limits,
        rules: Collection[type[ASTValidationRule]],
        *,
        hide_suggestions: bool,
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._rules = rules
        self._hide_suggestions = hide_suggestions
        self._trusted: dict[str, Document] = {}
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._characters = 0

    def get(self, source: str) -> Document:
        """The document of a text; Refused where it is too large, no GraphQL or not valid."""
        if source in self._trusted:
            return self._trusted[source]
        if source in self._kept:
            self._kept.move_to_end(source)
            return self._kept[source]
        document = self._make(source)
        self._keep(source, document)
        return document

    def trust(self, source: str) -> Document:
        """The same, kept for good."""
        self._trusted[source] = self._make(source)
        return self._trusted[source]

    def _make(self, source: str) -> Document:
        try:
            self._limits.check("source_length", len(source), "characters in the document")
            node = self._parse(source)
            Survey(node, self._limits).take()
        except LimitExceeded as error:
            raise refused(error) from None
        except GraphQLSyntaxError as error:
            raise bad_request([error]) from None
        errors = validate(self._schema, node, self._rules, hide_suggestions=self._hide_suggestions)
        if errors:
            raise bad_request(errors)
        return Document(self._operations(node))

    def _parse(self, source: str) -> DocumentNode:
        try:
            return parse(
                source,
                max_lexical_tokens=self._limits.tokens,
                max_comments=self._limits.comments,
            )
        except GraphQLSyntaxError as error:
            if stopped := _TOO_LONG.search(error.message):
                what = stopped.group(1)
                raise exceeded(what, getattr(self._limits, what), None, what) from None
            raise

    def _operations(self, document: DocumentNode) -> dict[str | None, PreparedOperation]:
        counting = Counting(self._schema, document)
        return {
            node.name.value if node.name else None: PreparedOperation(
                document, node, counting.of(node), node.operation, counting.longest_name
            )
            for node in document.definitions
            if isinstance(node, OperationDefinitionNode)
        }

    def _keep(self, source: str, document: Document) -> None:
        self._kept[source] = document
        self._characters += len(source)
        while self._characters > KEPT_CHARACTERS:
            dropped, _ = self._kept.popitem(last=False)
            self._characters -= len(dropped)


def _which(name: str | None, operations: int) -> str:
    if name is not None:
        return f"There is no operation named '{name}'."
    if operations == 0:
        return "The document holds no operation."
    return "The document holds several operations; operationName must say which one to run."
