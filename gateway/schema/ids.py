"""
Global ids: type and key of a row in one opaque text.

An id grants nothing. Whoever sends one still meets the row rule when the row is read.
"""

from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec

from gateway.errors import InvalidInput
from gateway.model.tables import TABLES, Row, Table
from gateway.upstream.conditions import Guid
from gateway.upstream.row_keys import Key

NOT_AN_ID = "Not a valid id for this field; send an id as an answer returned it."
"""The message for an id that is damaged, and for one that leads to another type."""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[str | int]).decode
_URLSAFE = bytes.maketrans(b"+/", b"-_")
_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")
"""Maps characters outside of our alphabet to one that is in none."""
LONGEST = 512
"""Longest id that is looked at, in characters."""


def of(row: Row) -> str:
    """The id of a row."""
    table = row.__table__
    return encode(table, tuple(row.raw[column] for column in table.key))


def encode(table: Table, key: Key) -> str:
    return writer(table)(*(str(part) if isinstance(part, UUID) else part for part in key))


def writer(table: Table) -> Callable[..., str]:
    """
    Return a function like `encode` for one table, which takes the parts of a key as rows hold them.
    """
    name = table.name

    def write(*key: Any) -> str:
        return b2a_base64(_encode((name, *key))).translate(_URLSAFE, b"=\n").decode()

    return write


def decode(text: str, guid: type[UUID | Guid] = UUID) -> tuple[Table, Key]:
    """
    The table and typed key that an id names; raises InvalidInput for anything else, another
    spelling of the same key included, so that one row has one id wherever ids are compared or kept.

    `guid`: what a GUID becomes; a `Guid` must have the spelling that services give it.
    """
    try:
        if len(text) > LONGEST:
            raise ValueError
        padded = text.encode("ascii").translate(_STANDARD) + b"=" * (-len(text) % 4)
        name, *parts = _decode(a2b_base64(padded, strict_mode=True))
        if b2a_base64(_encode((name, *parts)), newline=False) != padded:
            raise ValueError
        table = TABLES[name]  # type: ignore[index]  # a number is no name of a table
        types = table.key.values()
        key = tuple([_typed(type_, part, guid) for type_, part in zip(types, parts, strict=True)])
    except (ValueError, TypeError, KeyError, msgspec.DecodeError):
        raise InvalidInput(NOT_AN_ID, argument="id") from None
    return table, key


def key(table: Table, text: str, guid: type[UUID | Guid] = UUID) -> Key:
    """The key of a row of `table`; raises InvalidInput for the id of anything else."""
    found, parts = decode(text, guid)
    if found is not table:
        raise InvalidInput(NOT_AN_ID, argument="id")
    return parts


def _typed(type_: type, part: str | int, guid: type[UUID | Guid]) -> UUID | str | int:
    if type_ is UUID:
        found = guid(part)  # type: ignore[arg-type]  # a number raises, as it should
        if str(found) != part:
            raise ValueError
        return found
    if not isinstance(part, type_):
        raise TypeError
    return part
