"""
Stores of sessions and of drafts, apart from one another: on disk they outlive a restart, and the
processes of one machine share them.

A session is sealed with its visitor's cookie and a draft with the portal's secret, so that whoever
reads the files finds neither tokens nor what people buy.
"""

import sqlite3
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

from portal.seals import Seals

WEEK: Final = 7 * 24 * 3600
"""Seconds for which a session that was left alone is kept."""
QUARTER: Final = 92 * 24 * 3600
"""Seconds for which a draft that was left alone is kept."""
MAXIMUM: Final = 20_000
"""Drafts at once in memory; beyond it those that were left alone for longest go."""
SESSION: Final = "session"
TABLE: Final = """
CREATE TABLE IF NOT EXISTS session (
    name TEXT PRIMARY KEY, content TEXT NOT NULL, touched REAL NOT NULL
) WITHOUT ROWID
"""
CLAIMS: Final = """
CREATE TABLE IF NOT EXISTS claim (name TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID
"""
DRAFTS: Final = """
CREATE TABLE IF NOT EXISTS draft (
    owner TEXT PRIMARY KEY, content TEXT NOT NULL, version INTEGER NOT NULL,
    held INTEGER NOT NULL, touched REAL NOT NULL
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored session, with the time of its visitor's last request."""

    content: bytes
    touched: float
    sealed: str = ""
    """The text that is stored: it is another one each time that somebody stores the session."""


class Store(Protocol):
    """A store of sessions by id. All of it is done before the next request is looked at."""

    def load(self, key: str) -> Kept | None: ...

    def add(self, key: str, kept: Kept) -> Kept:
        """The session as it is stored now."""

    def update(self, key: str, kept: Kept, before: Kept) -> Kept | None:
        """
        The session as it is stored now, in the place of `before`; None, and nothing is stored,
        where another process has stored it since or dropped it: signing out is final.
        """

    def drop(self, key: str) -> None: ...

    def claim(self, key: str, seconds: float) -> bool:
        """
        True if the caller alone may renew the session's tokens for so long, or until it releases
        the claim; False where another process may.
        """

    def release(self, key: str) -> None:
        """End what `claim` began."""


class FileStore:
    """A store in a SQLite file that the processes of one machine share."""

    def __init__(self, path: Path) -> None:
        """OSError or sqlite3.Error where the file cannot be used."""
        self._db = _opened(path, TABLE, CLAIMS)

    def load(self, key: str) -> Kept | None:
        found = self._db.execute(
            "SELECT content, touched FROM session WHERE name = ?", (session_name(key),)
        ).fetchone()
        content = Seals(key).open(SESSION, found[0]) if found else None
        return Kept(content, found[1], found[0]) if content is not None else None

    def add(self, key: str, kept: Kept) -> Kept:
        sealed = Seals(key).seal(SESSION, kept.content)
        self._db.execute("DELETE FROM session WHERE touched < ?", (time.time() - WEEK,))
        self._db.execute(
            "INSERT OR REPLACE INTO session VALUES (?, ?, ?)",
            (session_name(key), sealed, kept.touched),
        )
        return replace(kept, sealed=sealed)

    def update(self, key: str, kept: Kept, before: Kept) -> Kept | None:
        sealed = Seals(key).seal(SESSION, kept.content)
        done = self._db.execute(
            "UPDATE session SET content = ?, touched = ? WHERE name = ? AND content = ?",
            (sealed, kept.touched, session_name(key), before.sealed),
        )
        return replace(kept, sealed=sealed) if done.rowcount == 1 else None

    def drop(self, key: str) -> None:
        self._db.execute("DELETE FROM session WHERE name = ?", (session_name(key),))

    def claim(self, key: str, seconds: float) -> bool:
        now = time.time()
        self._db.execute("DELETE FROM claim WHERE until < ?", (now,))
        claimed = (session_name(key), now + seconds)
        return self._db.execute("INSERT OR IGNORE INTO claim VALUES (?, ?)", claimed).rowcount == 1

    def release(self, key: str) -> None:
        self._db.execute("DELETE FROM claim WHERE name = ?", (session_name(key),))


def session_name(key: str) -> str:
    """The name of a session in a store, of which nobody finds the cookie."""
    return sha256(f"name {key}".encode()).hexdigest()


def _opened(path: Path, *tables: str) -> sqlite3.Connection:
    """A file for its owner alone, which several processes may use at once."""
    path.touch(mode=0o600)
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    for each in tables:
        db.execute(each)
    return db


@dataclass(frozen=True, slots=True)
class Written:
    """A draft as it was written down; `held` if it must not be thrown away on any account."""

    content: bytes
    version: int
    held: bool


class DraftStore(Protocol):
    """A store of drafts by their owner. One that several machines share has these two methods."""

    async def load(self, owner: str) -> Written | None: ...

    async def save(self, owner: str, written: Written) -> bool:
        """
        Replace the previous version (none for the first); False if the stored version is another
        one, because somebody else was faster. True only after the data is safely stored.
        """


class MemoryDrafts:
    """Drafts of one process, for as long as it lives."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Written] = OrderedDict()

    async def load(self, owner: str) -> Written | None:
        return self._kept.get(owner)

    async def save(self, owner: str, written: Written) -> bool:
        before = self._kept.get(owner)
        if (before.version if before else 0) != written.version - 1:
            return False
        self._kept[owner] = written
        self._kept.move_to_end(owner)
        if len(self._kept) > MAXIMUM:
            idle = next((one for one, kept in self._kept.items() if not kept.held), None)
            self._kept.pop(idle or "", None)
        return True


class FileDrafts:
    """Drafts in a SQLite file that the processes of one machine share."""

    def __init__(self, path: Path, seals: Seals) -> None:
        """OSError or sqlite3.Error where the file cannot be used, ValueError without its secret."""
        self._seals = seals
        self._db = _opened(path, DRAFTS)
        # An order that is being checked must not go unnoticed, as it would without its secret.
        self._db.execute("PRAGMA synchronous = FULL")
        for owner, content in self._db.execute("SELECT owner, content FROM draft LIMIT 1"):
            if seals.open(draft_purpose(owner), content) is None:
                raise ValueError(f"{path} was sealed with another PORTAL_SECRET; name that one too")

    async def load(self, owner: str) -> Written | None:
        found = self._db.execute(
            "SELECT content, version, held FROM draft WHERE owner = ?", (owner,)
        ).fetchone()
        if found is None:
            return None
        content = self._seals.open(draft_purpose(owner), found[0])
        if content is None:
            raise ValueError("a draft was sealed with another secret")
        return Written(content, found[1], bool(found[2]))

    async def save(self, owner: str, written: Written) -> bool:
        content = self._seals.seal(draft_purpose(owner), written.content)
        now = time.time()
        if written.version > 1:
            done = self._db.execute(
                "UPDATE draft SET content = ?, version = ?, held = ?, touched = ? "
                "WHERE owner = ? AND version = ?",
                (content, written.version, written.held, now, owner, written.version - 1),
            )
        else:
            self._db.execute("DELETE FROM draft WHERE touched < ? AND NOT held", (now - QUARTER,))
            done = self._db.execute(
                "INSERT OR IGNORE INTO draft VALUES (?, ?, ?, ?, ?)",
                (owner, content, written.version, written.held, now),
            )
        return done.rowcount == 1


def draft_purpose(owner: str) -> str:
    """The purpose for which an owner's draft is sealed: it is no other's."""
    return f"draft {owner}"
