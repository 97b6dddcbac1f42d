"""Desks -> what a store keeps of them, each written in place of the version that it was made of."""

import asyncio
import logging
from collections.abc import Callable
from hashlib import sha256
from typing import Final
from weakref import WeakValueDictionary

import msgspec

from portal.desks import Desk
from portal.errors import Unavailable
from portal.stores import DraftStore, Written

log = logging.getLogger(__name__)

TRIES: Final = 20
"""Changes of others in the meantime, after which one gives up."""


def owner_of(issuer: str, subject: str, account: str | None) -> str:
    """The name of a person's desk for one account: it is the same after every sign-in."""
    return sha256("\0".join((issuer, subject, account or "")).encode()).hexdigest()


class Desks:
    """All desks; a change never overwrites one that another process stored meanwhile."""

    def __init__(self, store: DraftStore) -> None:
        self._store = store
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def find(self, owner: str) -> Desk:
        """The desk; an empty one if nothing was ever begun."""
        return _read(await self._store.load(owner))

    async def change(self, owner: str, move: Callable[[Desk], Desk]) -> Desk:
        """
        Apply `move` to the current desk and store the result; exceptions of `move` pass through.
        """
        for _ in range(TRIES):
            found = await self._store.load(owner)
            before = _read(found)
            after = move(before)
            if after == before:
                return before
            version = found.version + 1 if found else 1
            content = msgspec.json.encode(after)
            if await self._store.save(owner, Written(content, version, after.is_sent)):
                return after
        raise Unavailable("drafts")

    def lock(self, owner: str) -> asyncio.Lock:
        """The lock of sending: the second click of two waits for the answer to the first."""
        return self._locks.setdefault(owner, asyncio.Lock())


def _read(written: Written | None) -> Desk:
    """Read a desk. Another version's is forgotten, unless an order may come of it."""
    if written is None:
        return Desk()
    try:
        return msgspec.json.decode(written.content, type=Desk)
    except msgspec.DecodeError:
        if written.held:
            raise
        log.warning("a draft of another version is forgotten")
        return Desk()
