"""
Queries answered by plans: made once for an operation, its conditions and the types its ids lead to.

A plan is an attempt: anything that does not fit raises, and graphql-core answers the operation from
the reads that were recorded so far. It alone decides what an error is and how far a null reaches,
but for an operation of which nothing may be read: that ends at once, as nobody else is to wait for
the refusals of a caller who asks too much.
"""

import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationType,
    VariableNode,
)
from graphql.execution.values import VariableValues
from msgspec.structs import replace

from gateway.admission.aside import aside
from gateway.auth.principal import Kind
from gateway.engine.documents import FEW, PlannedOperation, PreparedOperation
from gateway.engine.execution import Declined, latest
from gateway.engine.fanout import LARGE
from gateway.engine.outcome import ExecutionWay, Stopped
from gateway.errors import GatewayError
from gateway.loaders.prepared import LONG
from gateway.plans.cost import DocumentCost, calls_of_plan
from gateway.plans.fetches import Run
from gateway.plans.leaves import Unusual
from gateway.plans.planner import BY_ID, QUERY, IdTypes, OperationRefused, Plan, Planner
from gateway.plans.rendering import Pieces
from gateway.plans.source import Unplanned
from gateway.plans.variables import NO_VARIABLES, Coerce, coercion
from gateway.schema.context import Context
from gateway.schema.selection import Selecting, responses
from gateway.upstream.names import Names
from gateway.upstream.tape import Tape

log = logging.getLogger(__name__)

NO_TYPES: IdTypes = frozenset()
KEPT = 64
"""Plans that are kept of one operation."""


@dataclass(frozen=True, slots=True)
class Outline:
    """The root fields of an operation under some conditions, and the plans made of them."""

    selecting: Selecting
    roots: Mapping[str, list[FieldNode]]
    by_id: bool
    """True if its plan depends on the types that ids lead to."""
    plans: dict[IdTypes, Plan | Unplanned] = field(default_factory=dict)


@dataclass(slots=True)
class Known:
    """Notes kept with an operation: the variables that decide on selections, and outlines."""

    coerce: Coerce
    conditions: tuple[str, ...]
    length: int
    """Characters of the document."""
    outlines: dict[tuple[Any, ...], Outline] = field(default_factory=dict)
    plan: Plan | None = None
    """The plan, where no variable decides on it."""


class Plans:
    """The plans of one schema's operations."""

    def __init__(
        self,
        schema: GraphQLSchema,
        names: Names,
        *,
        expands: bool = False,
        answer_bytes: int | None = None,
    ) -> None:
        """
        With `expands` rows travel inside of one another where that is proved to be the same.
        `answer_bytes`: those that a large answer takes at most.
        """
        self._expands, self._answer_bytes = expands, answer_bytes
        self._schema = schema
        self._documents = DocumentCost(schema)
        self._planner = Planner(schema, names)

    async def run(
        self,
        operation: PreparedOperation,
        variables: Mapping[str, Any],
        context: Context,
        work: int = 0,
    ) -> dict[str, Any] | ExecutionResult | Declined:
        """
        The data of the answer, which may be so much work; a result with errors where nothing may be
        read, Declined where graphql-core must answer, Stopped where the answer was given up.
        """
        try:
            planned = operation.planned
            known = self._known(planned)
            run = self._run(known, variables, operation.literals, context)
            if known.plan is None and operation.fields > FEW:
                await self.prepare(operation, variables)
            plan = known.plan or self._plan(planned, known, run.variables)
        except Unplanned as unplanned:
            return Declined(ExecutionWay("core", str(unplanned)), context)
        hidden = context.principal.rights.hidden
        if hidden and plan.hides(hidden):
            return Declined(ExecutionWay("core", "hidden members"), context)
        loaders = context.loaders
        tape = Tape(loaders.reader.allowance.clock)
        try:
            attempt = replace(context, loaders=loaders.through(tape.recording, strict=True))
            run = replace(run, context=attempt)
            return await plan.run(run, self._pieces() if work > LARGE else None)
        except Stopped:
            raise
        except OperationRefused as refusal:
            tape.end()
            return _refused(operation, run.variables, refusal)
        except Exception as error:  # noqa: BLE001 - graphql-core decides what it means
            tape.end()
            loaders.reader.begin_again()
            way = ExecutionWay("fallback", _reason(error))
            return Declined(way, replace(context, loaders=loaders.through(tape.replaying)))

    def _pieces(self) -> Pieces:
        return Pieces(self._answer_bytes, latest(OperationType.QUERY))

    async def calls(
        self, operation: PreparedOperation, variables: Mapping[str, Any], context: Context
    ) -> int:
        """The calls to Dynamics that a query will take; see `gateway.plans.cost`."""
        try:
            if operation.fields > FEW:
                await self.prepare(operation, variables)
            planned = operation.planned
            known = self._known(planned)
            run = self._run(known, variables, operation.literals, context)
            plan = known.plan or self._plan(planned, known, run.variables)
            hidden = context.principal.rights.hidden
            if not (hidden and plan.hides(hidden)):
                return calls_of_plan(plan, run)
        except (Unplanned, Unusual, GatewayError, GraphQLError):
            pass  # the document says the same, but for what a plan knows of the caller
        return await self._documents.most(operation)

    def _run(
        self,
        known: Known,
        variables: Mapping[str, Any],
        literals: Mapping[str, Any],
        context: Context,
    ) -> Run:
        # Staff may be told of each read, so theirs are one a table.
        inside = self._expands and context.principal.kind is not Kind.STAFF
        expands = inside and context.principal.viewer is None
        values = known.coerce(variables)
        if literals:
            values = _with(values, literals)
        return Run(context, values, expands, known.length + _length(values) <= LONG)

    def warm(self, operation: PreparedOperation) -> None:
        """
        Plan an operation ahead of its first request, if no variable decides on its selections.
        """
        known = self._known(operation.planned)
        if not known.conditions:
            with suppress(Unplanned):
                self._planned(self._outline(operation.planned, known, NO_VARIABLES), NO_TYPES)

    async def prepare(self, operation: PreparedOperation, variables: Mapping[str, Any]) -> None:
        """Plan a query beside the loop, where it is not planned for these variables yet."""
        with suppress(Unplanned):
            known = self._known(operation.planned)
            if known.plan is None:
                values = _with(known.coerce(variables), operation.literals)
                await aside(self._plan, operation.planned, known, values)

    def _plan(self, operation: PlannedOperation, known: Known, variables: VariableValues) -> Plan:
        outline = self._outline(operation, known, variables)
        try:
            types = self._planner.types(outline.roots, variables) if outline.by_id else NO_TYPES
        except (GatewayError, GraphQLError, Unusual):
            raise Unplanned("ids that cannot be used") from None
        plan = self._planned(outline, types)
        if not (known.conditions or outline.by_id):
            known.plan = plan
        return plan

    def _known(self, operation: PlannedOperation) -> Known:
        if operation.known is None:
            coerce = coercion(self._schema, operation.node)
            deciding = tuple(sorted(_deciding(operation.document)))
            operation.known = Known(coerce, deciding, _end(operation.document))
        found: Known = operation.known
        return found

    def _outline(
        self, operation: PlannedOperation, known: Known, variables: VariableValues
    ) -> Outline:
        key = tuple(map(variables.coerced.get, known.conditions))
        found = known.outlines.get(key)
        if found is None:
            if len(known.outlines) >= KEPT:
                known.outlines.clear()
            deciding = _only(known.conditions, variables)
            selecting = Selecting(_fragments(operation.document), deciding)
            roots = responses(selecting, [operation.node], QUERY)
            by_id = any(nodes[0].name.value in BY_ID for nodes in roots.values())
            known.outlines[key] = found = Outline(selecting, roots, by_id)
        return found

    def _planned(self, outline: Outline, types: IdTypes) -> Plan:
        plan = outline.plans.get(types)
        if plan is None:
            if len(outline.plans) >= KEPT:
                outline.plans.clear()
            try:
                plan = self._planner.plan(outline.selecting, outline.roots, types)
            except Unplanned as unplanned:
                plan = unplanned
            except Exception:  # a defect of ours, which makes queries slower and nothing else
                log.exception("a query could not be planned")
                plan = Unplanned("a defect of the planner")
            outline.plans[types] = plan
        if isinstance(plan, Unplanned):
            raise plan
        return plan


def _refused(
    operation: PreparedOperation, variables: VariableValues, refusal: OperationRefused
) -> ExecutionResult:
    """The result that graphql-core comes to where each root field raises its error."""
    selecting = Selecting(_fragments(operation.document), variables)
    roots = responses(selecting, [operation.node], QUERY)
    errors = [
        GraphQLError(error.message, roots[response], path=[response], original_error=error)
        for response, error in refusal.errors.items()
    ]
    return ExecutionResult(dict.fromkeys(refusal.errors), errors)


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    found = (node for node in document.definitions if isinstance(node, FragmentDefinitionNode))
    return {node.name.value: node for node in found}


def _with(values: VariableValues, literals: Mapping[str, Any]) -> VariableValues:
    """The values of variables, and of those that stand for literals."""
    return VariableValues(values.sources, {**values.coerced, **literals})


def _only(names: Iterable[str], variables: VariableValues) -> VariableValues:
    """The variables of these names alone: what else a caller sent must not stay with the plan."""
    sources = {name: variables.sources[name] for name in names if name in variables.sources}
    coerced = {name: variables.coerced[name] for name in names if name in variables.coerced}
    return VariableValues(sources, coerced)


def _length(variables: VariableValues) -> int:
    """The characters of the scalar variables; values in lists and objects are never cached."""
    values = variables.coerced.values()
    return sum([len(str(each)) for each in values if not isinstance(each, dict | list)])


def _end(document: DocumentNode) -> int:
    assert document.loc is not None  # noqa: S101 - for the types: it was parsed with places
    return document.loc.end


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, Unusual) else type(error).__name__


def _deciding(document: DocumentNode) -> set[str]:
    """The variables used in `@skip` and `@include`, at any depth."""
    found: set[str] = set()
    pending: list[Any] = list(document.definitions)
    while pending:
        node = pending.pop()
        for directive in getattr(node, "directives", None) or ():
            found.update(_named(argument.value for argument in directive.arguments or ()))
        below = getattr(node, "selection_set", None)
        pending.extend(below.selections if below is not None else ())
    return found


def _named(values: Iterable[Any]) -> Iterable[str]:
    return (value.name.value for value in values if isinstance(value, VariableNode))
