"""An SQLite file that processes of one machine share, and that threads of one take in turn."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from typing import Final

PATIENCE: Final = 10.0
"""Seconds to wait for another process that writes."""
LEASES: Final = """
CREATE TABLE IF NOT EXISTS lease (
    role TEXT PRIMARY KEY, name TEXT NOT NULL, until REAL NOT NULL
);
"""


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
        self._db.executescript(LEASES + tables)

    def close(self) -> None:
        """Close it; what is asked of it afterwards raises sqlite3.ProgrammingError."""
        with self._lock:
            self._db.close()

    def hold(self, role: str, name: str, moment: float, until: float) -> bool:
        """Take or keep the role of the one process that does it; False while another has it."""
        with self._writing() as db:
            asked = "SELECT name, until FROM lease WHERE role = ?"
            found = db.execute(asked, (role,)).fetchone()
            if found is not None and found[0] != name and found[1] > moment:
                return False
            db.execute("INSERT OR REPLACE INTO lease VALUES (?, ?, ?)", (role, name, until))
            return True

    def release(self, role: str, name: str) -> None:
        """Give a role back."""
        with self._writing() as db:
            db.execute("DELETE FROM lease WHERE role = ? AND name = ?", (role, name))

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
