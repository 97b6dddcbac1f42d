"""
Sessions on disk, so that they outlive a restart and other processes find them. What is written is
sealed with a key that is made from the visitor's cookie: whoever reads the file finds neither
tokens nor an id that is worth anything.
"""

import sqlite3
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

WEEK: Final = 7 * 24 * 3600
"""Seconds for which what was left alone is kept."""
SEALED: Final = {"alg": "dir", "enc": "A256GCM"}
TABLE: Final = """
CREATE TABLE IF NOT EXISTS session (
    name TEXT PRIMARY KEY, content TEXT NOT NULL, touched REAL NOT NULL
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A session as it was written down, and when its visitor was there last."""

    content: bytes
    touched: float


class Store(Protocol):
    """Where sessions are kept by id. All of it is done before the next request is looked at."""

    def load(self, key: str) -> Kept | None: ...

    def add(self, key: str, kept: Kept) -> None: ...

    def update(self, key: str, kept: Kept) -> None:
        """Nothing, where the session has been dropped: signing out is final."""

    def drop(self, key: str) -> None: ...


class File:
    """A store in a SQLite file that the processes of one machine share."""

    def __init__(self, path: Path) -> None:
        """OSError or sqlite3.Error where the file cannot be used."""
        path.touch(mode=0o600)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(TABLE)

    def load(self, key: str) -> Kept | None:
        found = self._db.execute(
            "SELECT content, touched FROM session WHERE name = ?", (_name(key),)
        ).fetchone()
        content = _opened(key, found[0]) if found else None
        return Kept(content, found[1]) if content is not None else None

    def add(self, key: str, kept: Kept) -> None:
        self._db.execute("DELETE FROM session WHERE touched < ?", (time.time() - WEEK,))
        self._db.execute(
            "INSERT OR REPLACE INTO session VALUES (?, ?, ?)",
            (_name(key), _sealed(key, kept.content), kept.touched),
        )

    def update(self, key: str, kept: Kept) -> None:
        self._db.execute(
            "UPDATE session SET content = ?, touched = ? WHERE name = ?",
            (_sealed(key, kept.content), kept.touched, _name(key)),
        )

    def drop(self, key: str) -> None:
        self._db.execute("DELETE FROM session WHERE name = ?", (_name(key),))


def _name(key: str) -> str:
    return sha256(f"name {key}".encode()).hexdigest()


def _seal(key: str) -> OctKey:
    return OctKey.import_key(sha256(f"seal {key}".encode()).digest())


def _sealed(key: str, content: bytes) -> str:
    return jwe.encrypt_compact(SEALED, content, _seal(key))


def _opened(key: str, content: str) -> bytes | None:
    try:
        return jwe.decrypt_compact(content, _seal(key)).plaintext
    except JoseError:
        return None
