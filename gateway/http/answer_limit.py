"""
Answers as JSON within a limit of bytes. An answer that could exceed it is encoded part by part and
refused as soon as it does.
"""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from graphql import OperationType

from gateway.engine.execution import Prepared
from gateway.engine.limits import exceeded
from gateway.engine.outcome import refused
from gateway.errors import LimitExceeded
from gateway.upstream.allowance import Allowance

FRAME: Final = 64
"""Bytes of a field besides its text and its own name: quotes, ids, numbers, empty objects."""
TWICE: Final = 2
"""Texts of rows stand in cursors and ids too, in letters that are longer by a third."""
PART: Final = 65_536
"""Bytes that are encoded before other requests get a turn."""
CARRIED_OUT: Final = (
    "The mutation was carried out, and its answer is too large; send it again with the same "
    "idempotencyKey, and ask for less of it."
)
_encoder = msgspec.json.Encoder()


def is_safe(prepared: Prepared, context: Any, maximum: int) -> bool:
    """True if the operation and the bytes received for it rule out an answer above `maximum`."""
    _, work, linked, plain = prepared.fanout
    allowance: Allowance = context.loaders.reader.allowance
    room = maximum - work * (FRAME + prepared.operation.longest_name)
    return TWICE * (allowance.received * plain + allowance.longest * linked) <= room


async def encoded(content: Mapping[str, Any], maximum: int) -> bytes:
    """The answer in JSON; LimitExceeded as soon as it is larger than `maximum` bytes."""
    made, told = bytearray(), 0
    for part in _parts(content):
        made += part
        if len(made) > maximum:
            raise exceeded("answer_bytes", maximum, None, "bytes in its answer")
        if len(made) - told > PART:
            told = len(made)
            await asyncio.sleep(0)
    return bytes(made)


async def encoded_or_refused(
    content: Mapping[str, Any], maximum: int, kind: OperationType = OperationType.QUERY
) -> tuple[bytes, str | None]:
    """
    The answer in JSON; if it exceeds `maximum` bytes, that error in its place, and its code. Of a
    mutation the error says that it was carried out, lest somebody splits it and orders twice.
    """
    try:
        return await encoded(content, maximum), None
    except LimitExceeded as error:
        if kind is OperationType.MUTATION:
            error = LimitExceeded(CARRIED_OUT, **error.details, carriedOut=True)
        return _encoder.encode({"errors": refused(error).errors, "data": None}), error.code


def _parts(value: Any) -> Iterator[bytes]:
    if isinstance(value, msgspec.Struct):
        names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        yield from _members((name, getattr(value, own)) for name, own in names)
    elif isinstance(value, Mapping):
        yield from _members(iter(value.items()))
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield b"," if place else b"["
            yield from _parts(item)
        yield b"]" if value else b"[]"
    else:
        yield _encoder.encode(value)


def _members(members: Iterator[tuple[str, Any]]) -> Iterator[bytes]:
    opening = b"{"
    for name, value in members:
        yield opening + _encoder.encode(name) + b":"
        yield from _parts(value)
        opening = b","
    yield b"}" if opening == b"," else b"{}"
