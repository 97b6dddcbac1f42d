"""Every mutation of a schema -> the same, leaving a line in the audit whatever becomes of it."""

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from inspect import isawaitable
from typing import Any

from graphql import GraphQLResolveInfo, GraphQLSchema

from gateway.audit import Event, who
from gateway.errors import INTERNAL, GatewayError, InvalidInput
from gateway.schema import ids
from gateway.schema.context import Context
from gateway.tables import Node

Resolve = Callable[..., Any]


def audited(schema: GraphQLSchema) -> GraphQLSchema:
    """The schema with its mutations wrapped; one that an adopter adds is audited too."""
    mutations = schema.mutation_type.fields if schema.mutation_type else {}
    for field in mutations.values():
        if field.resolve is not None:
            field.resolve = _recording(field.resolve)
    return schema


def _recording(resolve: Resolve) -> Resolve:
    async def recorded(source: Any, info: GraphQLResolveInfo[Context], **arguments: Any) -> Any:
        named = list(_ids_in(arguments))
        outcome = INTERNAL
        try:
            payload = resolve(source, info, **arguments)
            payload = await payload if isawaitable(payload) else payload
            outcome = ",".join(_codes(payload)) or "done"
            named += _rows_of(payload)
        except GatewayError as error:
            outcome = error.code
            raise
        finally:
            _record(info, outcome, named)
        return payload

    return recorded


def _record(info: GraphQLResolveInfo[Context], outcome: str, named: list[str]) -> None:
    context = info.context
    rows = tuple(dict.fromkeys(named))
    context.audit.record(
        Event(
            context.request_id, "mutation", who(context.principal), info.field_name, outcome, rows
        )
    )


def _ids_in(sent: Any) -> Iterator[str]:
    """The global ids in what the caller sent."""
    match sent:
        case dict():
            for value in sent.values():
                yield from _ids_in(value)
        case list():
            for value in sent:
                yield from _ids_in(value)
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
    """The codes of what was wrong with the input."""
    errors = getattr(payload, "errors", None) or []
    return sorted({str(getattr(error, "code", "")) for error in errors})


def _values(payload: Any) -> list[Any]:
    if not is_dataclass(payload):
        return []
    return [getattr(payload, field.name, None) for field in fields(payload)]
