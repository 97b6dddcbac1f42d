"""
Desks, shelves and boards -> what a store keeps of them, each written in place of the version that
it was made of.
"""

import asyncio
import logging
from collections.abc import Callable
from hashlib import sha256
from typing import Final, Generic, TypeVar
from weakref import WeakValueDictionary

import msgspec

from portal.boards import Board
from portal.desks import Desk
from portal.errors import Unavailable
from portal.shelves import Shelf
from portal.stores import DraftStore, Written

log = logging.getLogger(__name__)

TRIES: Final = 20
"""Changes of others in the meantime, after which one gives up."""


def owner_of(issuer: str, subject: str, account: str | None) -> str:
    """The name of a person's desk for one account: it is the same after every sign-in."""
    return sha256("\0".join((issuer, subject, account or "")).encode()).hexdigest()


def shelf_of(issuer: str, subject: str | None, account: str | None) -> str:
    """The name of a person's shelf for one account, or without a person of the account's own."""
    whose = ("own", subject) if subject else ("shared", "")
    return sha256("\0".join(("shelf", *whose, issuer, account or "")).encode()).hexdigest()


def board_of(issuer: str, account: str) -> str:
    """The name of the board of an account."""
    return sha256("\0".join(("board", issuer, account)).encode()).hexdigest()


CLOSED: Final = b"!"
"""The sign before what an earlier build of the portal would misread: it refuses to."""

Thing = TypeVar("Thing")


class _Things(Generic[Thing]):
    """Things by their owner; a change never overwrites one that another process stored."""

    def __init__(self, store: DraftStore, empty: Thing, is_held: Callable[[Thing], bool]) -> None:
        """`is_held` tells which must never be thrown away."""
        self._store = store
        self._empty = empty
        self._is_held = is_held

    async def find(self, owner: str) -> Thing:
        """The thing; an empty one if nothing was ever begun."""
        return self._read(await self._store.load(owner))

    async def change(self, owner: str, move: Callable[[Thing], Thing]) -> Thing:
        """
        Apply `move` to the current thing and store the result; exceptions of `move` pass through.
        """
        for _ in range(TRIES):
            found = await self._store.load(owner)
            before = self._read(found)
            after = move(before)
            if after == before:
                return before
            version = found.version + 1 if found else 1
            content = self._mark(after) + msgspec.json.encode(after)
            if await self._store.save(owner, Written(content, version, self._is_held(after))):
                return after
        raise Unavailable("drafts")

    def _mark(self, thing: Thing) -> bytes:
        """The sign before the thing in the store: nothing, or CLOSED."""
        return b""

    def _read(self, written: Written | None) -> Thing:
        """Read one. Another version's is forgotten, unless it is held."""
        if written is None:
            return self._empty
        try:
            return msgspec.json.decode(written.content.removeprefix(CLOSED), type=type(self._empty))
        except msgspec.DecodeError:
            if written.held:
                raise
            log.warning("a draft of another version is forgotten")
            return self._empty


class Desks(_Things[Desk]):
    """All desks. One whose order may come to exist is held."""

    def __init__(self, store: DraftStore) -> None:
        super().__init__(store, Desk(), lambda desk: desk.is_sent)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def _mark(self, thing: Desk) -> bytes:
        """A build without shared drafts would send one that is being ordered as its owner's own."""
        return CLOSED if thing.is_sent and thing.sharing else b""

    def lock(self, owner: str) -> asyncio.Lock:
        """The lock of sending: the second click of two waits for the answer to the first."""
        return self._locks.setdefault(owner, asyncio.Lock())


class Shelves(_Things[Shelf]):
    """All shelves, in the store of the desks. Templates are kept until somebody removes them."""

    def __init__(self, store: DraftStore) -> None:
        super().__init__(store, Shelf(), lambda shelf: shelf.is_used)


class Boards(_Things[Board]):
    """All boards, in the store of the desks."""

    def __init__(self, store: DraftStore) -> None:
        super().__init__(store, Board(), lambda board: board.is_used)
