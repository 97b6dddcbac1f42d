"""
The journal of a deployment as an SQLite file: of each followed table the delta link that goes on,
of each row what proves row rules, and the changes of the last days in their order.

The methods block; `gateway.telling.journal` calls them in a thread. Processes of one machine share
the file, and one of them at a time reads Dataverse (`hold`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from gateway.telling.shared_file import SharedFile, WriteCursor

UNTRACKED: Final = "-"
"""Stands in the place of the link of a table that the environment never tracked."""
PAUSED: Final = "~"
"""The same for one that was read as a whole before, and that Dataverse does not tell of now."""

JournalProof = Mapping[str, Any]
"""The columns of a row that prove row rules."""
_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class FollowedTable(Struct, frozen=True):
    """The state of one table in the journal."""

    entity: str
    columns: str
    """The columns that were read, as text; with others the table is read as a whole again."""
    link: str
    """The delta link that goes on; empty where the table must be read as a whole."""
    read_at: float
    """The time of the last read; 0 before the first that ended."""

    @property
    def is_told(self) -> bool:
        """True if Dataverse tells of its changes, as far as is known."""
        return self.link not in (UNTRACKED, PAUSED)


class SeenRow(Struct, frozen=True):
    """A row as Dataverse told of it."""

    row: bytes
    version: int
    proof: JournalProof | None
    """None for a row that was deleted."""


class JournalEntry(Struct, frozen=True):
    """One change of one row."""

    place: int
    entity: str
    row: bytes
    version: int
    before: JournalProof | None
    """None for a row that was not there."""
    after: JournalProof | None
    """None for a row that is gone."""


class JournalFile(SharedFile):
    """The file; one connection of this process, which its threads take in turn."""

    @property
    def name(self) -> str:
        """Tells journals apart: a place says nothing of another one."""
        self._check()
        with self._lock:
            return str(self._db.execute("SELECT name FROM journal").fetchone()[0])

    # What is read

    def followed(self) -> dict[str, FollowedTable]:
        """All tables that are followed, by name."""
        with self._lock:
            rows = self._db.execute("SELECT entity, columns, link, read_at FROM followed")
            return {each[0]: FollowedTable(*each) for each in rows}

    def begin(self, entity: str, columns: str) -> int:
        """Begin to read a table as a whole; the number of this sweep."""
        with self._writing() as db:
            db.execute(
                "INSERT INTO followed VALUES (?, ?, '', 0) ON CONFLICT (entity) DO UPDATE "
                "SET columns = excluded.columns, link = iif(link IN (?, ?), link, '')",
                (entity, columns, UNTRACKED, PAUSED),
            )
            asked = "SELECT coalesce(max(sweep), 0) + 1 FROM known WHERE entity = ?"
            return int(db.execute(asked, (entity,)).fetchone()[0])

    def lose(self, entity: str) -> None:
        """The delta link of a table is of no use any more."""
        with self._writing() as db:
            db.execute("UPDATE followed SET link = '' WHERE entity = ?", (entity,))

    def refuse(self, entity: str, at: float) -> None:
        """Dataverse does not tell of a table; what is known of it is kept, to be compared with."""
        with self._writing() as db:
            db.execute(
                "UPDATE followed SET link = iif(read_at = 0 OR link = ?, ?, ?), read_at = ? "
                "WHERE entity = ?",
                (UNTRACKED, UNTRACKED, PAUSED, at, entity),
            )

    def take(self, entity: str, rows: Sequence[SeenRow], at: float, sweep: int | None) -> None:
        """Remember rows, and write down which of them changed."""
        with self._writing() as db:
            (first,) = db.execute(
                "SELECT read_at = 0 OR link = ? FROM followed WHERE entity = ?", (UNTRACKED, entity)
            ).fetchone()
            for each in rows:
                _take(db, entity, each, at, sweep, is_new=bool(first and sweep))

    def go_on(self, entity: str, link: str, at: float, sweep: int | None) -> None:
        """All that changed until now was taken, `link` goes on; ends the sweep, if it is one."""
        with self._writing() as db:
            if sweep is not None:
                asked = "SELECT row, version FROM known WHERE entity = ? AND gone = 0 AND sweep < ?"
                for row, version in db.execute(asked, (entity, sweep)).fetchall():
                    _take(db, entity, SeenRow(row, version, None), at, sweep, is_new=False)
            db.execute(
                "UPDATE followed SET link = ?, read_at = ? WHERE entity = ?", (link, at, entity)
            )

    def forget(self, before: float) -> None:
        """Forget changes that are older, and rows that were gone by then."""
        with self._writing() as db:
            old = "SELECT entity, row FROM changed WHERE at < ? AND after IS NULL"
            for entity, row in db.execute(old, (before,)).fetchall():
                db.execute(
                    "DELETE FROM known WHERE entity = ? AND row = ? AND gone = 1", (entity, row)
                )
            db.execute("DELETE FROM changed WHERE at < ?", (before,))

    # What is told

    def end(self) -> int:
        """The place of the newest change, whether or not it is still remembered."""
        with self._lock:
            asked = "SELECT seq FROM sqlite_sequence WHERE name = 'changed'"
            found = self._db.execute(asked).fetchone()
            return int(found[0]) if found else 0

    def entries(
        self, entities: Sequence[str], after: int, until: int, most: int
    ) -> list[JournalEntry]:
        """The next changes of these tables in their order."""
        marks = ", ".join("?" * len(entities))
        asked = (
            "SELECT place, entity, row, version, before, after FROM changed "  # noqa: S608 - marks
            f"WHERE place > ? AND place <= ? AND entity IN ({marks}) ORDER BY place LIMIT ?"
        )
        with self._lock:
            found = self._db.execute(asked, (after, until, *entities, most)).fetchall()
        return [
            JournalEntry(place, entity, row, version, _opened(before), _opened(after_))
            for place, entity, row, version, before, after_ in found
        ]

    def proof(self, entity: str, row: bytes) -> JournalProof | None:
        """The last proof of a row, also of one that is gone; None for one that is not known."""
        asked = "SELECT proof FROM known WHERE entity = ? AND row = ?"
        with self._lock:
            found = self._db.execute(asked, (entity, row)).fetchone()
        return _opened(found[0]) if found else None


def _take(
    db: WriteCursor, entity: str, seen: SeenRow, at: float, sweep: int | None, *, is_new: bool
) -> None:
    """`is_new`: the table is read for the first time, so that no row of it is a change."""
    asked = "SELECT version, proof, gone, sweep FROM known WHERE entity = ? AND row = ?"
    found = db.execute(asked, (entity, seen.row)).fetchone()
    version, proof, gone, swept = found or (0, None, 1, 0)
    before = None if gone else proof
    after = None if seen.proof is None else _encode(seen.proof)
    if after is None and before is None:
        return
    newer = seen.version if after is not None else version
    kept = after if after is not None else proof
    db.execute(
        "INSERT OR REPLACE INTO known VALUES (?, ?, ?, ?, ?, ?)",
        (entity, seen.row, newer, kept, after is None, swept if sweep is None else sweep),
    )
    # What is told again, as by a feed that begins anew, is no further change.
    same = after is not None and before is not None and 0 < seen.version == version
    if not (is_new or same):
        db.execute(
            "INSERT INTO changed (entity, row, version, before, after, at) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (entity, seen.row, newer, before, after, at),
        )


def _opened(text: bytes | None) -> JournalProof | None:
    return None if text is None else _decode(text)
