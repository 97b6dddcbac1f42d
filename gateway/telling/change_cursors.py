"""
Cursors of changes: a place in the journal, the caller and the rules that it is good for, encrypted,
so that nobody learns from it how much changed at others.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from math import ceil
from typing import Final

import msgspec
from joserfc.jwk import OctKey
from msgspec import Struct

from gateway.auth.principal import Principal
from gateway.encoding import decrypted, encrypted
from gateway.errors import CursorExpired, InvalidCursor
from gateway.upstream.conditions import All, AnyOf, Condition, In, Not, Spelled

LONGEST: Final = 16_384
"""Characters of the longest text that is looked at."""


class ChangeCursor(Struct, frozen=True):
    """The inside of a cursor."""

    journal: str
    """The name of the journal that it is a place in."""
    place: str
    """The last change that was told; as many digits for every place."""
    at: int
    """The time of it in whole seconds, rounded up: it is good for no less than it should be."""
    caller: str
    rules: Mapping[str, str]
    """The tables that it is of, each with a digest of the caller's row rule."""


class ChangeCursors:
    """Writes cursors, and reads those that it wrote."""

    def __init__(self, key: bytes, journal: Callable[[], str]) -> None:
        """`journal`: the name of the journal as it is now."""
        self._key, self._journal = OctKey.import_key(key), journal

    def written(self, place: int, at: float, caller: Principal, rules: Mapping[str, str]) -> str:
        cursor = ChangeCursor(
            self._journal(), f"{place:020d}", ceil(at), caller_digest(caller), rules
        )
        return encrypted(msgspec.msgpack.encode(cursor), self._key)

    def read(self, text: str, caller: Principal) -> ChangeCursor:
        """
        The cursor of a text. InvalidCursor for any that was not written for this caller,
        CursorExpired for one of a journal that is gone.
        """
        inside = decrypted(text, self._key) if len(text) <= LONGEST else None
        try:
            found = msgspec.msgpack.decode(inside or b"", type=ChangeCursor)
        except msgspec.MsgspecError:
            raise InvalidCursor("This is not a cursor of changes.") from None
        if found.caller != caller_digest(caller):
            raise InvalidCursor("This is not a cursor of changes.")
        if found.journal != self._journal():
            raise CursorExpired("The journal of this cursor is gone; begin anew.")
        return found


def caller_digest(caller: Principal) -> str:
    """Tells callers apart, and those with whose eyes staff look."""
    parts = [caller.issuer, caller.subject]
    if (staff := caller.viewer) is not None:  # all whom they look as have their name
        parts += [staff.issuer, staff.subject, str(caller.contact and caller.contact.id)]
    return sha256(repr(parts).encode()).hexdigest()[:16]


def rule_digest(rule: Condition) -> str:
    """The same for rules that let the same rows be seen, in whichever order they name them."""
    return sha256(_canonical(rule).encode()).hexdigest()[:16]


def _canonical(rule: Condition) -> str:
    match rule:
        case All(parts) | AnyOf(parts):
            return f"{type(rule).__name__}({sorted(map(_canonical, parts))})"
        case Not(part) | Spelled(part):
            return f"{type(rule).__name__}({_canonical(part)})"
        case In(column, values):
            return f"In({column}, {sorted(map(repr, values))})"
    return repr(rule)
