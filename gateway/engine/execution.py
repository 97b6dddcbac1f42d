"""The engine: a GraphQL request -> an operation that may run -> its answer."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from inspect import isawaitable
from math import inf
from types import MappingProxyType
from typing import Any, Final, Protocol

from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationType,
    execute,
    specified_rules,
)
from msgspec import Struct

from gateway.admission import deadlines, pacing
from gateway.admission.pacing import Pace
from gateway.engine.documents import FEW, MOST, SHORT, Document, Documents, PreparedOperation
from gateway.engine.fanout import Fanout, FanoutTerms, evaluate
from gateway.engine.limits import Limits
from gateway.engine.outcome import (
    COMPILED,
    Answer,
    ExecutionWay,
    Stopped,
    bad_request,
    field_error,
    refused,
)
from gateway.engine.sliced_execution import PacedExecutor
from gateway.engine.survey import check_variables, shortened
from gateway.engine.trusted import NONE_TRUSTED, Trusted
from gateway.errors import LimitExceeded, UpstreamTimeout
from gateway.memory import crowded

DEFAULT_LIMITS: Final = Limits()
GRACE: Final = 0.5
"""Seconds after the deadline in which the rest of an answer may be computed."""
CROWD: Final = 5_000
"""The work of an operation from which its answer is a large one for the garbage collector."""
NOTHING_SENT: Final[Mapping[str, Any]] = MappingProxyType({})


class Declined(Struct, frozen=True):
    """An operation without an answer by a plan, for graphql-core to answer."""

    way: ExecutionWay
    """The reason: no plan was made (`core`), or it was given up (`fallback`)."""
    context: object
    """The context of the operation from here on."""


class Planned(Protocol):
    """Answers queries by plans, where it can."""

    async def run(
        self, operation: PreparedOperation, variables: Mapping[str, Any], context: Any, work: int
    ) -> dict[str, Any] | ExecutionResult | Declined:
        """
        The data of the answer, which may be so much work, or a result with errors alone; Stopped
        where it was given up.
        """
        ...

    async def prepare(self, operation: PreparedOperation, variables: Mapping[str, Any]) -> None:
        """Plan a query of many fields beside the loop, where it is not planned yet."""

    def warm(self, operation: PreparedOperation) -> None:
        """Plan a query ahead of its first request."""


class GraphQLRequest(Struct, frozen=True):
    """A caller's request: a document, or the id of a trusted one."""

    query: str | None
    variables: Mapping[str, Any] = NOTHING_SENT
    operation_name: str | None = None
    extensions: Mapping[str, Any] = NOTHING_SENT
    document_id: str | None = None


class Prepared(Struct, frozen=True):
    """A request that may be executed."""

    operation: PreparedOperation
    variables: Mapping[str, Any]
    fanout: Fanout

    @property
    def kind(self) -> OperationType:
        return self.operation.kind


class Engine:
    """Runs requests against one schema. It holds documents, never data."""

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: Limits = DEFAULT_LIMITS,
        *,
        introspection: bool = False,
        plans: Planned | None = None,
        trusted: Trusted = NONE_TRUSTED,
        most: Mapping[str, int] = NOTHING_SENT,
        memory: int = MOST,
    ) -> None:
        """
        Without `plans` graphql-core answers everything. `most` says how many items of an input
        type mutations take in a list; they refuse more themselves, with the path that leads there.
        `memory`: bytes that the documents of callers take at most.

        SettingsError where trusted documents are not valid or pass a limit.
        """
        # Suggestions spell out the schema one typo at a time, so they go with introspection.
        self._hide_suggestions = not introspection
        self._schema = schema
        self._limits = limits
        # Mutations have limits of their own for lists and texts, and report them in their payloads.
        self._of_mutations = replace(
            limits,
            input_list=max(limits.input_list, *(each + 1 for each in most.values()), 0),
            input_values=limits.body_bytes,
            input_string=limits.body_bytes,
        )
        self._most = most
        self._plans = plans
        self._trusted = trusted
        self.ways: Counter[ExecutionWay] = Counter()
        """The number of operations answered in each way."""
        rules = (*specified_rules, *(() if introspection else (NoSchemaIntrospectionCustomRule,)))
        self.documents = Documents(
            schema, limits, rules, hide_suggestions=self._hide_suggestions, most=memory
        )
        self.trusting(trusted)()

    async def run(self, request: GraphQLRequest, context: object, request_id: str) -> Answer:
        """Prepare and execute; Refused where the request does not get as far as execution."""
        return await self.execute(await self.prepared(request), context, request_id)

    async def prepared(self, request: GraphQLRequest) -> Prepared:
        """As `prepare`, with long work done beside the loop."""
        text = request.query
        if text is not None and len(text) > SHORT and not self._trusted.only:
            await self.documents.prepare(text)
        found = self.prepare(request)
        operation = found.operation
        if operation.fields > FEW and self._plans and operation.kind is OperationType.QUERY:
            await self._plans.prepare(operation, found.variables)
        return found

    def prepare(self, request: GraphQLRequest) -> Prepared:
        """Everything that can be refused before an operation runs, but for its variables' types."""
        text = self._trusted.text(request.query, request.document_id, request.extensions)
        operation = self.documents.get(text).operation(request.operation_name)
        variables, limits = request.variables, self._limits
        if operation.kind is OperationType.MUTATION:
            variables = shortened(operation.node, variables, self._schema, self._most)
            limits = self._of_mutations
        return Prepared(operation, variables, self._check(operation, variables, limits))

    def _check(
        self, operation: PreparedOperation, variables: Mapping[str, Any], limits: Limits
    ) -> Fanout:
        try:
            check_variables(variables, limits, operation.values)
            match operation.fanout:
                case FanoutTerms() as terms:
                    fanout = evaluate(terms, variables)
                case fanout:
                    pass
            rows, work, _, _ = fanout
            if rows > self._limits.nodes or work > self._limits.work:
                self._limits.check("nodes", rows, "rows to return")
                self._limits.check("work", work, "fields in all its rows")
        except LimitExceeded as error:
            raise refused(error) from None
        return fanout

    def trusting(self, trusted: Trusted) -> Callable[[], None]:
        """
        Check trusted documents; return a function that puts them in the place of the present ones.

        SettingsError where one of them is not valid or passes a limit.
        """
        found: dict[str, Document] = {}

        def trust(text: str) -> None:
            found[text] = self.documents.trusted(text)
            self._prepare(found[text])

        def take() -> None:
            self.documents.trust(found)
            self._trusted = trusted

        trusted.prepare(trust)
        return take

    def _prepare(self, document: Document) -> None:
        """Do for a document all that can be done before somebody asks for it."""
        for operation in document.operations.values():
            if not operation.node.variable_definitions:
                self._check(operation, {}, self._limits)
            if self._plans is not None and operation.kind is OperationType.QUERY:
                self._plans.warm(operation)

    async def execute(self, prepared: Prepared, context: object, request_id: str) -> Answer:
        """Run a prepared operation by its plan or on graphql-core; Refused for bad variables."""
        operation = prepared.operation
        if self._plans is not None and operation.kind is OperationType.QUERY:
            work = prepared.fanout.work
            try:
                found = await self._plans.run(operation, prepared.variables, context, work)
            except Stopped as stopped:
                return Answer(None, refused(stopped.error).errors, COMPILED)
            if not isinstance(found, Declined):
                self.ways[COMPILED] += 1
                if isinstance(found, ExecutionResult):
                    return _answer(found, request_id, COMPILED)
                return Answer(found)
            way, context = found.way, found.context
        else:
            way = ExecutionWay("core", operation.kind.value)
        self.ways[way] += 1
        try:
            async with asyncio.timeout_at(latest(operation.kind)):
                with crowded() if prepared.fanout.work > CROWD else nullcontext():
                    result = await self._on_core(prepared, context)
        except TimeoutError:
            late = UpstreamTimeout("The operation ran out of time.")
            return Answer(None, refused(late).errors, way)
        return _answer(result, request_id, way)

    async def _on_core(self, prepared: Prepared, context: object) -> ExecutionResult:
        pacing.pace.set(Pace())
        name = prepared.operation.node.name
        running = execute(
            self._schema,
            prepared.operation.document,
            context_value=context,
            variable_values=dict(prepared.variables),
            operation_name=name.value if name else None,
            hide_suggestions=self._hide_suggestions,
            executor_class=PacedExecutor,
        )
        return await running if isawaitable(running) else running


def latest(kind: OperationType) -> float | None:
    """
    The moment after which a query is no longer computed; what its reads came to by their own
    deadline may still be told. The caller of a mutation is answered by the mutation itself.
    """
    due = deadlines.due(inf)
    return None if due == inf or kind is not OperationType.QUERY else due + GRACE


def _answer(result: ExecutionResult, request_id: str, way: ExecutionWay) -> Answer:
    errors = result.errors or []
    # Only an error of a field has a path, so without one nothing was executed.
    if result.data is None and all(error.path is None for error in errors):
        raise bad_request(errors)
    errors = sorted(errors, key=_place)
    return Answer(result.data, tuple(field_error(error, request_id) for error in errors), way)


def _place(error: GraphQLError) -> tuple[Any, ...]:
    """The place of an error in document and answer, so that their order is no matter of timing."""
    locations = [(each.line, each.column) for each in error.locations or ()]
    return locations, [
        (str(step), 0) if isinstance(step, str) else ("", step) for step in error.path or ()
    ]
