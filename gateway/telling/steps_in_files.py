"""
The steps of the log of changes in a file: the last one that was done to it, and how one is done.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, Final

import msgspec

from gateway.telling.tables_of_changes import TABLES

GAP: Final = 1_000_000
"""Places that are left out where some that were told may be lost: none means two changes."""


class LoggedStatement(msgspec.Struct, frozen=True, array_like=True):
    """One statement with its values, or with many rows of them."""

    text: str
    values: Sequence[Any]
    is_many: bool = False


class LogPlace(msgspec.Struct, frozen=True):
    """The last step that was done to a file, and the log that it is of."""

    name: str
    """Empty for a file that is in no log."""
    number: int
    tip: str


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Cursor]:
    """All that is written inside, or nothing of it."""
    with closing(db.cursor()) as cursor:
        cursor.execute("BEGIN IMMEDIATE")
        try:
            yield cursor
            cursor.execute("COMMIT")
        except BaseException:
            if db.in_transaction:  # SQLite ends it by itself where the disk is full
                cursor.execute("ROLLBACK")
            raise


def do_step(db: sqlite3.Connection, statements: Sequence[LoggedStatement], place: LogPlace) -> None:
    """Do to a file what a step says, and remember that it was done."""
    with transaction(db) as cursor:
        for each in statements:
            run: Callable[..., Any] = cursor.executemany if each.is_many else cursor.execute
            run(each.text, each.values)
        set_place(cursor, place)


def place_of(db: sqlite3.Connection) -> LogPlace:
    """The last step that was done to a file."""
    return LogPlace(*db.execute("SELECT name, number, tip FROM place_in_log").fetchone())


def put_place(db: sqlite3.Connection, place: LogPlace) -> None:
    """Say of which log a file has done which step."""
    db.executescript(TABLES)
    with transaction(db) as cursor:
        set_place(cursor, place)


def set_place(cursor: sqlite3.Cursor, place: LogPlace) -> None:
    """The same in a transaction that is under way."""
    values = place.name, place.number, place.tip
    cursor.execute("UPDATE place_in_log SET name = ?, number = ?, tip = ?", values)


def leave_out(db: sqlite3.Connection) -> None:
    """Leave places of the journal out, as the next ones may have been told by another replica."""
    with transaction(db) as cursor:
        if not cursor.execute(
            "UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'changed'", (GAP,)
        ).rowcount:
            cursor.execute("INSERT INTO sqlite_sequence VALUES ('changed', ?)", (GAP,))
