"""
An SQLite file that processes of one machine share, and that threads of one take in turn. Replicas
on several machines have a file each, which a log keeps the same.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Final
from uuid import uuid4

from gateway.errors import Overloaded
from gateway.telling.shared_log import NotingCursor, SharedLog
from gateway.telling.steps_in_files import transaction
from gateway.telling.tables_of_changes import TABLES

log = logging.getLogger(__name__)

NOT_OURS: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
    }
)
"""Failures of the machine, as of a disk that is full, and not of what was asked."""
PATIENCE: Final = 10.0
"""Seconds to wait for another process that writes."""
WriteCursor = sqlite3.Cursor | NotingCursor


class SharedFile:
    """The file; its methods block."""

    def __init__(self, path: str, shared: SharedLog | None = None) -> None:
        """
        Opens or makes the file; OSError, sqlite3.Error if it cannot be used. What is written
        raises Overloaded where it cannot be, or the log `shared` is not to be had.
        """
        Path(path).touch(mode=0o600)  # it says which rows there are
        self._db = sqlite3.connect(
            path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
        )
        self._lock, self._log, self._failing = Lock(), shared, False
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(TABLES)
        if shared is None:
            # Whatever is written from now on is in no log.
            self._db.execute("UPDATE place_in_log SET name = '' WHERE name != ''")
        else:
            with suppress(Overloaded):  # later, then
                self._check()

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

    def _check(self) -> None:
        """Overloaded for a file that has nothing of the log yet: it is another journal."""
        if self._log is not None:
            with self._lock:
                (name,) = self._db.execute("SELECT name FROM place_in_log").fetchone()
            if not name:
                with self._writing():
                    pass

    @contextmanager
    def _writing(self) -> Iterator[WriteCursor]:
        """All that is written inside, or nothing of it; Overloaded where it cannot be written."""
        try:
            with self._written() as cursor:
                yield cursor
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in NOT_OURS:  # behind it are its kinds
                raise
            self._fails(str(error))
            said = "Changes are not gathered for now; try again later."
            raise Overloaded(said, retryAfter=5) from error
        self._fails("")

    def _fails(self, problem: str) -> None:
        """Tell the log once of a problem, and once of its end."""
        if problem and not self._failing:
            log.error("the file of changes cannot be written: %s", problem)
        elif self._failing and not problem:
            log.warning("the file of changes can be written again")
        self._failing = bool(problem)

    @contextmanager
    def _written(self) -> Iterator[WriteCursor]:
        with self._lock:
            if self._log is None:
                with transaction(self._db) as cursor:
                    yield cursor
                return
            with self._log.turn(self._db) as turn:
                with transaction(self._db) as cursor:
                    noting = NotingCursor(cursor)
                    if turn.has_lost:
                        # Cursors of it expire.
                        noting.execute("UPDATE journal SET name = ?", (uuid4().hex[:16],))
                    yield noting
                    if noting.noted:
                        turn.add(cursor, noting.noted)
                turn.end()
