"""
The lines that an operation leaves in the audit: one before each mutation and one after it, whatever
becomes of it, one for each field that was refused, and one for each look of staff as a customer.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass
from inspect import isawaitable
from typing import Any, Final

import msgspec
from graphql import (
    FieldNode,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    StringValueNode,
    Visitor,
    visit,
)

from gateway.audit.events import Event, who
from gateway.auth.principal import Principal
from gateway.engine.execution import Prepared
from gateway.engine.outcome import Answer
from gateway.errors import INTERNAL, Forbidden, GatewayError, InvalidInput
from gateway.model.tables import Node
from gateway.schema import ids
from gateway.schema.context import Context

Resolver = Callable[..., Any]

LEFT: Final = "LEFT"
"""The outcome of a mutation whose caller went away: a write that was under way goes on."""


def audited(schema: GraphQLSchema) -> GraphQLSchema:
    """The schema with its mutations wrapped; one that an adopter adds is audited too."""
    mutations = schema.mutation_type.fields if schema.mutation_type else {}
    for field in mutations.values():
        if field.resolve is not None:
            field.resolve = _recording(field.resolve)
    return schema


def observed(
    answer: Answer, prepared: Prepared, request: str, principal: Principal, source: str = ""
) -> Iterator[Event]:
    """
    The lines of an operation besides those of its mutations: one for each field that was refused,
    however many rows it has, and one where staff looked as somebody.
    """
    if principal.viewer is not None:
        roots = ",".join(_roots(prepared.operation.node))
        rows = (*_named(prepared), *_ids_in(answer.data))
        seen = _unique(rows)
        yield Event(request, "view-as", who(principal), roots, "done", seen, source=source)
    refused = {
        ".".join(step for step in error.get("path", ()) if isinstance(step, str))
        for error in answer.errors
        if error["extensions"]["code"] == Forbidden.code
    }
    for field in sorted(refused):
        named, code = _unique(_named(prepared)), Forbidden.code
        yield Event(request, "denial", who(principal), field, code, named, source=source)


def _roots(operation: OperationDefinitionNode) -> Iterator[str]:
    for node in operation.selection_set.selections:
        yield node.name.value if isinstance(node, FieldNode) else "..."


def _named(prepared: Prepared) -> Iterator[str]:
    """The ids that a request names, in its variables or in its text."""
    literals = _Literals()
    visit(prepared.operation.document, literals)
    yield from _ids_in([dict(prepared.variables), literals.found])


class _Literals(Visitor):
    """Collects the strings in a document."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def enter_string_value(self, node: StringValueNode, *_: object) -> None:
        self.found.append(node.value)


def _unique(rows: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(rows))


def _recording(resolve: Resolver) -> Resolver:
    async def recorded(source: Any, info: GraphQLResolveInfo[Context], **arguments: Any) -> Any:
        named = list(_ids_in(arguments))
        outcome = INTERNAL
        # No change is decided, nor previewed, by what was read for somebody else a while ago.
        info.context.loaders.reader.allowance.fresh = True
        await info.context.audit.begin(_event(info, "", named))
        try:
            payload = resolve(source, info, **arguments)
            payload = await payload if isawaitable(payload) else payload
            outcome = ",".join(_codes(payload)) or "done"
            named += _rows_of(payload)
        except GatewayError as error:
            outcome = error.code
            raise
        except asyncio.CancelledError:
            outcome = LEFT
            raise
        finally:
            info.context.audit.record(_event(info, outcome, named))
        return payload

    return recorded


def _event(info: GraphQLResolveInfo[Context], outcome: str, named: list[str]) -> Event:
    context = info.context
    caller, rows = who(context.principal), _unique(named)
    return Event(
        context.request_id,
        "mutation",
        caller,
        info.field_name,
        outcome,
        rows,
        source=context.source,
    )


def _ids_in(sent: Any) -> Iterator[str]:
    """The global ids in the input or in the answer."""
    match sent:
        case dict():
            for value in sent.values():
                yield from _ids_in(value)
        case list():
            for value in sent:
                yield from _ids_in(value)
        case msgspec.Struct():  # an object of a plan's answer
            for name in sent.__struct_fields__:
                yield from _ids_in(getattr(sent, name))
        case str() if _is_id(sent):
            yield sent


def _is_id(text: str) -> bool:
    try:
        ids.decode(text)
    except (InvalidInput, UnicodeEncodeError):
        return False
    return True


def _rows_of(payload: Any) -> Iterator[str]:
    """The ids of the rows that a payload hands back."""
    for value in _values(payload):
        for row in value if isinstance(value, list) else [value]:
            if isinstance(row, Node):
                yield ids.of(row)


def _codes(payload: Any) -> list[str]:
    """The codes of the errors in the input."""
    errors = getattr(payload, "errors", None) or []
    return sorted({str(getattr(error, "code", "")) for error in errors})


def _values(payload: Any) -> list[Any]:
    if isinstance(payload, Node):
        return [payload]
    if not is_dataclass(payload):
        return []
    return [getattr(payload, field.name, None) for field in fields(payload)]
