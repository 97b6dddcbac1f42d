"""
Answers as JSON within a limit of bytes. An answer that is large, or could exceed the limit, is
encoded part by part, and refused as soon as it does.
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import msgspec
from graphql import OperationType

from gateway.engine.execution import Prepared
from gateway.engine.fanout import LARGE
from gateway.engine.limits import exceeded
from gateway.engine.outcome import refused
from gateway.errors import LimitExceeded
from gateway.upstream.allowance import Allowance

FRAME: Final = 64
"""Bytes of a field besides its text and its own name: quotes, ids, numbers, empty objects."""
TWICE: Final = 2
"""The factor for texts of rows: cursors and ids repeat them, a third longer."""
PART: Final = 65_536
"""Bytes that are encoded before other requests get a turn."""
CARRIED_OUT: Final = (
    "The mutation was carried out, and its answer is too large; send it again with the same "
    "idempotencyKey, and ask for less of it."
)
INNER: Final = (dict, list, tuple, msgspec.Struct)
"""The types of values that have others in them."""
_encoder = msgspec.json.Encoder()


def is_small(prepared: Prepared, context: Any, maximum: int) -> bool:
    """
    True if the answer is not much work, and the bytes received for it rule out one above `maximum`.
    """
    _, work, linked, plain = prepared.fanout
    if work > LARGE:
        return False
    allowance: Allowance = context.loaders.reader.allowance
    room = maximum - work * (FRAME + prepared.operation.longest_name)
    return TWICE * (allowance.received * plain + allowance.longest * linked) <= room


async def encoded(content: Mapping[str, Any], maximum: int) -> bytearray:
    """
    The answer in JSON; LimitExceeded as soon as it is larger than `maximum` bytes. Its lists lose
    what was encoded, so that a large answer is held once.
    """
    made, told = bytearray(), 0
    for part in _parts(content):
        made += part
        if len(made) > maximum:
            raise exceeded("answer_bytes", maximum, None, "bytes in its answer")
        if len(made) - told > PART:
            told = len(made)
            await asyncio.sleep(0)
    return made


async def encoded_or_refused(
    content: Mapping[str, Any], maximum: int, kind: OperationType = OperationType.QUERY
) -> tuple[bytes | bytearray, str | None]:
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
        yield from _members([(name, getattr(value, own)) for name, own in names])
    elif isinstance(value, Mapping):
        if any(isinstance(each, INNER) for each in value.values()):
            yield from _members(value.items())
        else:
            yield _encoder.encode(value)
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield b"," if place else b"["
            yield from _parts(item)
            if isinstance(value, list) and isinstance(item, dict | msgspec.Struct | msgspec.Raw):
                value[place] = None
        yield b"]" if value else b"[]"
    else:
        yield _encoder.encode(value)


def _members(members: Collection[tuple[str, Any]]) -> Iterator[bytes]:
    opening = b"{"
    for name, value in members:
        yield opening + _encoder.encode(name) + b":"
        yield from _parts(value)
        opening = b","
    yield b"}" if opening == b"," else b"{}"
