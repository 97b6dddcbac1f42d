"""A query's text -> a document that is small enough, valid and ready to run; kept for next time."""

import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

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

from gateway.admission.aside import aside
from gateway.ceiling import unheld
from gateway.engine.document_form import Spelling, cut_tokens, spelling
from gateway.engine.fanout import Counting, Fanout, FanoutTerms
from gateway.engine.lifting import Lifted, lifted
from gateway.engine.limits import Limits, exceeded
from gateway.engine.outcome import bad_request, refused
from gateway.engine.survey import Survey
from gateway.errors import LimitExceeded
from gateway.memory import tidy

SHORT: Final = 500
"""Characters of a document up to which it is made at once: some 10 ms."""
FEW: Final = 100
"""Fields of an operation up to which it is planned at once: some 5 ms."""
SAID: Final = 128
"""Bytes that a document takes for each character of its text; most take 105."""
PLANNED: Final = 384
"""Bytes that its plans take at most for each character; most take 280."""
MOST: Final = 24 * 1024 * 1024
"""Bytes that documents take at most: the collector walks all of them in one go."""
NO_LITERALS: Final[Mapping[str, Any]] = MappingProxyType({})

_TOO_LONG = re.compile(r"more than \d+ (tokens|comments)")
"""The words of graphql-core for stopping at a limit; it has no error class of its own for that."""


@dataclass(slots=True, eq=False)
class PlannedOperation:
    """An operation as plans are made of it, and the state that they keep for it."""

    document: DocumentNode
    node: OperationDefinitionNode
    known: Any = None
    """The same for every caller."""
    query: "PlannedOperation | None" = None
    """The query that answers it, where it is a subscription that was followed."""


@dataclass(slots=True, eq=False)
class PreparedOperation:
    """One operation of a document, and what it could fan out to."""

    document: DocumentNode
    node: OperationDefinitionNode
    fanout: Fanout | FanoutTerms
    kind: OperationType
    longest_name: int
    """Characters of the longest name in the answer."""
    planned: PlannedOperation
    """Shared with documents that say the same, or the same but for literals."""
    literals: Mapping[str, Any]
    """The values of the variables that stand for its literals in `planned`."""
    fields: int = 0
    """Fields of the largest operation of the document, with every fragment written out."""
    values: Mapping[str, int] = field(default_factory=dict)
    """The literals in arguments, under no name, and the times that each variable is used."""


Operations = Mapping[str | None, PlannedOperation]


@dataclass(slots=True, eq=False)
class SharedPlans:
    """The operations that documents share, and the number of those documents that are kept."""

    operations: Operations
    size: int
    """Bytes of the plans, at most."""
    keys: tuple[bytes, ...]
    """Hashes of the documents that may share them: of all they say, or of their form."""
    lifted: Lifted | None = None
    """The literals' way into variables, where these are plans of a form."""
    users: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """A valid document within the limits."""

    operations: Mapping[str | None, PreparedOperation]
    """By name. Validation has seen to it that one without a name is alone."""
    shared: SharedPlans

    def operation(self, name: str | None) -> PreparedOperation:
        """The operation to run; Refused where the name does not decide on one."""
        if name is None and len(self.operations) == 1:
            (only,) = self.operations.values()
            return only
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
        most: int = MOST,
    ) -> None:
        """`most`: bytes that documents and plans take at most, whatever else is kept."""
        self._schema = schema
        self._limits = limits
        self._rules = rules
        self._hide_suggestions = hide_suggestions
        self._most = most
        self._trusted: Mapping[str, Document] = {}
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._shared: dict[bytes, SharedPlans] = {}
        self.grown: Callable[[], None] = unheld
        self.outlived: Callable[[int], None] = lambda size: None
        """Told the bytes of plans that are kept no longer, which somebody may hold still."""
        self.size = 0
        """The bytes that documents take at most which anybody sent."""

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

    async def prepare(self, source: str) -> None:
        """Make a long document beside the loop, where it is new; Refused as with `get`."""
        if len(source) <= SHORT or source in self._trusted or source in self._kept:
            return
        document = await aside(self._make, source)
        if source not in self._kept:  # somebody else may have sent it meanwhile
            self._keep(source, document)

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
            survey = Survey(node, self._limits)
            survey.take()
        except LimitExceeded as error:
            raise refused(error) from None
        except GraphQLSyntaxError as error:
            raise bad_request([error]) from None
        spelled = spelling(node)
        if spelled.said not in self._shared:
            self._validate(node)
        cut_tokens(node)
        shared, literals = self._plans_of(node, spelled, PLANNED * len(source))
        made = self._operations(node, shared.operations, literals, survey)
        return Document(made, shared)

    def _validate(self, node: DocumentNode) -> None:
        errors = validate(self._schema, node, self._rules, hide_suggestions=self._hide_suggestions)
        tidy()  # graphql-core's visitors leave a thousand objects in cycles.
        if errors:
            raise bad_request(errors)

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

    def _plans_of(
        self, node: DocumentNode, spelled: Spelling, size: int
    ) -> tuple[SharedPlans, Mapping[str, Any]]:
        """
        The plans that a document shares, and the values of its literals in them.

        The first document of a form has plans of its own, in which literals cost nothing; those
        that follow it share plans in which they are variables.
        """
        same = self._shared.get(spelled.said)
        if same is not None:
            return same, NO_LITERALS
        alike = self._shared.get(spelled.form)
        if alike is None:
            return SharedPlans(_planned(node), size, (spelled.said, spelled.form)), NO_LITERALS
        if alike.lifted is None and (found := lifted(self._schema, node, spelled.literals)):
            alike = SharedPlans(_planned(found.document), size, (spelled.form,), found)
        literals = alike.lifted.values(spelled.literals) if alike.lifted else None
        if literals is None:
            return SharedPlans(_planned(node), size, (spelled.said,)), NO_LITERALS
        return alike, literals

    def _operations(
        self,
        document: DocumentNode,
        planned: Operations,
        literals: Mapping[str, Any],
        survey: Survey,
    ) -> dict[str | None, PreparedOperation]:
        counting = Counting(self._schema, document)
        return {
            name: PreparedOperation(
                document,
                node,
                counting.of(node),
                node.operation,
                counting.longest_name,
                planned[name],
                literals,
                survey.fields,
                survey.values,
            )
            for name, node in _named(document).items()
        }

    def _keep(self, source: str, document: Document) -> None:
        self._kept[source] = document
        self.size += SAID * len(source)
        shared = document.shared
        if not shared.users:
            self.size += shared.size
            self._shared.update(dict.fromkeys(shared.keys, shared))
        shared.users += 1
        while self.size > self._most:
            self.drop()
        self.grown()

    def drop(self) -> None:
        """Let the document go that was not asked for longest, and plans that were its alone."""
        if not self._kept:
            return
        source, document = self._kept.popitem(last=False)
        self.size -= SAID * len(source)
        shared = document.shared
        shared.users -= 1
        if not shared.users:
            self.size -= shared.size
            self.outlived(shared.size)
            for key in shared.keys:
                if self._shared.get(key) is shared:
                    del self._shared[key]


def _named(document: DocumentNode) -> dict[str | None, OperationDefinitionNode]:
    return {
        node.name.value if node.name else None: node
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode)
    }


def _planned(document: DocumentNode) -> Operations:
    return {name: PlannedOperation(document, node) for name, node in _named(document).items()}


def _which(name: str | None, operations: int) -> str:
    if name is not None:
        return f"There is no operation named '{name}'."
    if operations == 0:
        return "The document contains no operation."
    return "The document contains several operations; name the one to run in `operationName`."
