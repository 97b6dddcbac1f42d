"""A query's text -> a document that is small enough, valid and ready to run; kept for next time."""

import re
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    Token,
    TokenKind,
    parse,
    validate,
)

from gateway.engine.fanout import Counting, Fanout, FanoutTerms
from gateway.engine.limits import Limits, exceeded
from gateway.engine.outcome import bad_request, refused
from gateway.engine.survey import Survey
from gateway.errors import LimitExceeded

MEMORY = 16 * 1024 * 1024
"""Bytes that documents which are kept, and what is made of them, may take."""
BYTES = 256
"""Bytes that a document and its plans take at most for each character of its text; most take 90."""

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
    """The state that the plans keep for the document; the same for every caller."""


@dataclass(frozen=True, slots=True)
class Document:
    """A valid document within the limits."""

    operations: Mapping[str | None, PreparedOperation]
    """By name. Validation has seen to it that one without a name is alone."""
    tokens: bytes = b""
    """A hash of what it says, whatever its layout and its comments."""

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
        memory: int = MEMORY,
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._rules = rules
        self._hide_suggestions = hide_suggestions
        self._trusted: Mapping[str, Document] = {}
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._by_tokens: dict[bytes, Document] = {}
        """One document of those that say the same."""
        self._characters, self._most = 0, memory // BYTES

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

    def trusted(self, source: str) -> Document:
        """The same, to be kept for good."""
        return self._trusted.get(source) or self._make(source)

    def trust(self, documents: Mapping[str, Document]) -> None:
        """Keep these documents for good, in the place of those that were."""
        self._trusted = documents

    def _make(self, source: str) -> Document:
        try:
            self._limits.check("source_length", len(source), "characters in the document")
            node = self._parse(source)
            Survey(node, self._limits).take()
        except LimitExceeded as error:
            raise refused(error) from None
        except GraphQLSyntaxError as error:
            raise bad_request([error]) from None
        tokens = _hash_of(node)
        if (same := self._by_tokens.get(tokens)) is not None:
            _cut_tokens(node)
            return Document(_again(same, node), tokens)
        errors = validate(self._schema, node, self._rules, hide_suggestions=self._hide_suggestions)
        if errors:
            raise bad_request(errors)
        _cut_tokens(node)
        return Document(self._operations(node), tokens)

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
        self._by_tokens.setdefault(document.tokens, document)
        self._characters += len(source)
        while self._characters > self._most:
            dropped, gone = self._kept.popitem(last=False)
            self._characters -= len(dropped)
            if self._by_tokens.get(gone.tokens) is gone:
                del self._by_tokens[gone.tokens]

    @property
    def bytes_kept(self) -> int:
        """The bytes that documents take at most which anybody sent."""
        return self._characters * BYTES


def _tokens(node: DocumentNode) -> Iterator[Token]:
    token = node.loc.start_token if node.loc else None
    while token is not None:
        yield token
        token = token.next


def _hash_of(node: DocumentNode) -> bytes:
    """A hash of the tokens of a document, but for its comments."""
    said = blake2b(digest_size=32)
    for token in _tokens(node):
        if token.kind is not TokenKind.COMMENT:
            value = (token.value or "").encode("utf-8", "surrogatepass")
            said.update(b"%s %d " % (token.kind.value.encode(), len(value)) + value)
    return said.digest()


def _cut_tokens(node: DocumentNode) -> None:
    """
    Cut the chain of tokens, so that all of a document goes with its last user. Nobody reads the
    chain any more, and its cycles would stay until the collector looks at everything.
    """
    for token in list(_tokens(node)):
        token.prev = token.next = None


def _again(same: Document, node: DocumentNode) -> dict[str | None, PreparedOperation]:
    """
    The operations of a document that says the same as another one and has its own layout: with the
    plans of that one, and its own places for errors to point at.
    """
    found: dict[str | None, PreparedOperation] = {}
    for each in node.definitions:
        if isinstance(each, OperationDefinitionNode):
            name = each.name.value if each.name else None
            found[name] = replace(same.operations[name], document=node, node=each)
    return found


def _which(name: str | None, operations: int) -> str:
    if name is not None:
        return f"There is no operation named '{name}'."
    if operations == 0:
        return "The document contains no operation."
    return "The document contains several operations; name the one to run in `operationName`."
