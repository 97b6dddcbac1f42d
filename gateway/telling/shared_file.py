"""An SQLite file that processes of one machine share, and that threads of one take in turn."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from typing import Final

PATIENCE: Final = 10.0
"""Seconds to wait for another process that writes."""


class SharedFile:
    """The file; its methods block."""

    def __init__(self, path: str, tables: str) -> None:
        """Opens or makes the file with `tables`; OSError, sqlite3.Error if it cannot be used."""
        Path(path).touch(mode=0o600)  # it says which rows there are
        self._db = sqlite3.connect(
            path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
        )
        self._lock = Lock()
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(tables)

    def close(self) -> None:
        """Close it; what is asked of it afterwards raises sqlite3.ProgrammingError."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Cursor]:
        """All that is written inside, or nothing of it."""
        with self._lock, closing(self._db.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")
