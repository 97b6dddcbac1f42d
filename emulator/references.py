"""Reads what `@odata.bind` points at: a row by its id or by an alternate key."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from emulator.errors import Refusal
from emulator.odata.lexer import split
from emulator.values import GUID

TARGET: Final = re.compile(r"(?:https?://[^/]+)?(?:/?api/data/v[\d.]+)?/?(\w+)\((.*)\)", re.DOTALL)


@dataclass(frozen=True)
class Reference:
    """An entity set with either the id of a row or the columns and values of one of its keys."""

    set: str
    id: str | None
    key: tuple[tuple[str, str], ...] = ()


def reference(text: str) -> Reference:
    """Read what a bind refers to, or raise `ValueError` with the reason it cannot be read."""
    found = TARGET.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"'{text}' is not of the form /entityset(id)")
    entity_set, inside = found.groups()
    try:
        return Reference(entity_set, guid(inside))
    except ValueError:
        return Reference(entity_set, None, tuple(sorted(_parts(inside))))


def guid(text: object) -> str:
    """A GUID in Dataverse's own spelling, from any case, with braces or without."""
    if isinstance(text, str) and GUID.fullmatch(text):
        return text.lower()
    try:
        return str(UUID(str(text)))
    except ValueError as error:
        raise ValueError(f"'{text}' is not a GUID") from error


def _parts(inside: str) -> Iterator[tuple[str, str]]:
    try:
        parts = split(inside, ",")
    except Refusal as error:
        raise ValueError(str(error)) from error
    for part in parts:
        name, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"'{inside}' is neither an id nor a list of key columns")
        yield name.strip(), _plain(value.strip())


def _plain(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] == "'"
    return value[1:-1].replace("''", "'") if quoted else value
