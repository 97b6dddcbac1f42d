"""
The log of what is written to the files of changes, which replicas share by one Redis.

Each replica has a file of its own and does to it what the log says, in the order of the log, so
that all files are the same. A step, which is one transaction, stands in the log before it is done
to any file: a replica that dies in between does it when it comes again, and another one goes on
from there. Now and then the log is cut, and a copy of the file takes the place of its beginning.
Each step names the one before it: a Redis that was started again without its last steps, which some
file has, is seen by that, and nothing that it has lost is taken for done.

All of it is encrypted by a key of the deployment, with its place inside: who reads Redis learns
nothing, and what others write or move is no step.
"""

import logging
import sqlite3
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Protocol
from uuid import uuid4

import msgspec
from joserfc.jwk import OctKey

from gateway.encoding import decrypted, encrypted
from gateway.errors import Overloaded
from gateway.telling.log_scripts import APPEND, BEGIN, ENTER, LEAVE, SHORTEN
from gateway.telling.steps_in_files import (
    LoggedStatement,
    LogPlace,
    do_step,
    leave_out,
    place_of,
    put_place,
    set_place,
)

log = logging.getLogger(__name__)

KEY: Final = "gateway:journal"
PATIENCE: Final = 15.0
"""Seconds to wait for another replica that writes."""
AGAIN: Final = 0.01
"""Seconds between two looks at it."""
TURN: Final = 10.0
"""Seconds after which a turn ends by itself, as of a replica that died."""
CUT: Final = 16 * 2**20
"""Bytes of the log from which on it is cut, unless the copy of the file is larger."""
PIECE: Final = 4 * 2**20
"""Bytes of a piece of the copy."""
TOGETHER: Final = 500
"""Steps that are read at once."""
KEPT: Final = 8 * 86_400
"""Seconds for which an abandoned log is kept; cursors of changes are good for a day less."""

UNFINISHED: Final = 600
"""Seconds for which a copy is kept that nobody has put in the log."""
NEWBORN: Final = 3_600
"""Seconds in which a log that began with an empty file makes room for one that was in a log."""


class LogStore(Protocol):
    """A Redis, asked by a thread that waits; its methods raise whatever goes wrong."""

    def eval(self, script: str, keys: int, *arguments: Any) -> Any: ...

    def hmget(self, key: str, fields: Sequence[str]) -> Any: ...

    def rpush(self, key: str, *texts: Any) -> Any: ...

    def lindex(self, key: str, number: int) -> Any: ...

    def expire(self, key: str, seconds: int) -> Any: ...

    def delete(self, key: str) -> Any: ...


class LogStep(msgspec.Struct, frozen=True, array_like=True):
    """The inside of a step, or of a piece of the copy."""

    log: str
    place: str
    content: bytes


class LogState(msgspec.Struct):
    """The log as it was when a turn began."""

    name: str
    first: int
    last: int
    copy: str
    """The key of the copy of the file as it was before the first step."""
    tip: str
    """Tells the last step from others of its number."""
    is_newborn: bool
    """True if it began lately, with a file that was in no log before."""
    has_lost: bool = False
    """True if a file had a step that the log has lost, and others may have been told of it."""


class StepOfAnother(ValueError):
    """A step, or a piece of a copy, is not what belongs in its place."""


_statements = msgspec.msgpack.Decoder(list[LoggedStatement]).decode
_step = msgspec.msgpack.Decoder(LogStep).decode


class NotingCursor:
    """A cursor that notes what is written by it."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor
        self.noted: list[LoggedStatement] = []

    def execute(self, text: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        found = self._cursor.execute(text, values)
        # An insertion that was ignored may have used up a number.
        if text.startswith("INSERT") or found.rowcount > 0:
            self.noted.append(LoggedStatement(text, tuple(values)))
        return found

    def executemany(self, text: str, rows: Sequence[Sequence[Any]]) -> sqlite3.Cursor:
        if rows:
            self.noted.append(LoggedStatement(text, tuple(map(tuple, rows)), is_many=True))
        return self._cursor.executemany(text, rows)


class SharedLog:
    """The log, as one process writes and follows it; the methods block."""

    def __init__(self, store: LogStore, key: bytes) -> None:
        self._store, self._key = store, OctKey.import_key(key)
        self._me = uuid4().hex

    @contextmanager
    def turn(self, db: sqlite3.Connection) -> Iterator["LogTurn"]:
        """
        The turn of the one replica that writes, with a file that has all that was written before;
        Overloaded where there is none to be had.
        """
        with _told():
            state = self._entered()
        try:
            with _told():
                self._catch_up(state, db)
            yield LogTurn(self, state, db)
        finally:
            with suppress(Overloaded), _told():  # it ends by itself
                self._run(LEAVE)

    def _run(self, script: str, *arguments: Any) -> Any:
        return self._store.eval(script, 1, KEY, self._me, *arguments)

    def _entered(self) -> LogState:
        end = time.monotonic() + PATIENCE
        while not (found := self._run(ENTER, int(TURN * 1000), NEWBORN)):
            if time.monotonic() > end:
                raise TimeoutError
            time.sleep(AGAIN)
        name, first, last, copy, tip, newborn = (each.decode() if each else "" for each in found)
        return LogState(name, int(first or 1), int(last or 0), copy, tip, bool(newborn))

    def _begin(self, state: LogState, db: sqlite3.Connection, place: LogPlace) -> None:
        """Begin a log with a file as it is, as there is none, or Redis has lost some of it."""
        state.name, state.first, state.last, state.tip = uuid4().hex, 1, 0, ""
        if not self._run(BEGIN, state.name, "" if place.name else "newborn"):
            raise TimeoutError
        if place.name:
            leave_out(db)
        put_place(db, LogPlace(state.name, 0, ""))
        self.shorten(state, db)

    def _catch_up(self, state: LogState, db: sqlite3.Connection) -> None:
        place = place_of(db)
        was_in_another = bool(place.name) and place.name != state.name
        is_ahead = place.name == state.name and place.number > state.last
        if not state.copy or is_ahead or (was_in_another and state.is_newborn):
            self._begin(state, db, place)
            return
        if place.name != state.name or place.number + 1 < state.first:
            self._restore(state, db)
        try:
            self._follow(state, db)
        except StepOfAnother:
            # Redis has lost what this file has, and another replica has written since.
            self._restore(state, db)
            self._follow(state, db)
            state.has_lost = True

    def _follow(self, state: LogState, db: sqlite3.Connection) -> None:
        """Do what the file lacks; StepOfAnother where it is not the beginning of the log."""
        place = place_of(db)
        number, tip = place.number, place.tip
        while number < state.last:
            wanted = range(number + 1, min(number + TOGETHER, state.last) + 1)
            texts = self._store.hmget(KEY, [f"step {each}" for each in wanted])
            for number, text in zip(wanted, texts, strict=True):
                content = self._opened(state, _step_place(number, tip), text)
                tip = _tip(text)
                do_step(db, _statements(content), LogPlace(state.name, number, tip))
        if tip != state.tip:
            raise StepOfAnother

    def append(self, state: LogState, statements: Sequence[LoggedStatement]) -> bool:
        """
        Add a step; True if the log must be cut, or its copy is lost. Overloaded where the turn is
        over.
        """
        content = msgspec.msgpack.encode(statements)
        text = self._sealed(state, _step_place(state.last + 1, state.tip), content)
        tip = _tip(text.encode())
        with _told():
            found = self._run(APPEND, state.last, state.tip, text, tip, KEPT)
            if not found:
                raise TimeoutError
            state.last, state.tip = state.last + 1, tip
            return not self._store.expire(state.copy, KEPT) or int(found) > CUT

    def shorten(self, state: LogState, db: sqlite3.Connection) -> None:
        """Put a copy of the file in the place of all steps; they stay where that fails."""
        before, copy, size = state.copy, f"{KEY}:{uuid4().hex}", 0
        with _told():
            for number, piece in enumerate(_pieces(db)):
                place = _place(copy, state.last, number)
                text = self._sealed(state, place, zlib.compress(piece, 1))
                size += len(text)
                self._store.rpush(copy, text)
                self._store.expire(copy, UNFINISHED)
            self._store.expire(copy, KEPT)
            if not self._run(SHORTEN, state.last, copy, -max(0, size - CUT)):
                self._store.delete(copy)
                raise TimeoutError
            state.first, state.copy = state.last + 1, copy
            if before:
                self._store.delete(before)

    def _restore(self, state: LogState, db: sqlite3.Connection) -> None:
        """Make the file what the copy is; ValueError where some of it is missing."""
        with TemporaryDirectory() as folder:
            path, number, piece = Path(folder) / "copy", 0, b"before the first"
            with path.open("wb") as file:
                while piece:
                    text = self._store.lindex(state.copy, number)
                    place = _place(state.copy, state.first - 1, number)
                    piece = zlib.decompress(self._opened(state, place, text))
                    file.write(piece)
                    number += 1
            _copied(path, db)
        # The copy knows the tip of its last step.
        put_place(db, LogPlace(state.name, state.first - 1, place_of(db).tip))

    def _sealed(self, state: LogState, place: str, content: bytes) -> str:
        return encrypted(msgspec.msgpack.encode(LogStep(state.name, place, content)), self._key)

    def _opened(self, state: LogState, place: str, text: Any) -> bytes:
        found = _step(decrypted(text or b"", self._key) or b"")
        if (found.log, found.place) != (state.name, place):
            raise StepOfAnother
        return found.content


class LogTurn:
    """The turn of this process."""

    def __init__(self, log: SharedLog, state: LogState, db: sqlite3.Connection) -> None:
        self._log, self._state, self._db = log, state, db
        self._needs_copy = False

    def add(self, cursor: sqlite3.Cursor, statements: Sequence[LoggedStatement]) -> None:
        """Write down what a transaction did, before its end."""
        self._needs_copy = self._log.append(self._state, statements)
        set_place(cursor, LogPlace(self._state.name, self._state.last, self._state.tip))

    @property
    def has_lost(self) -> bool:
        """True if places of the journal may have been told which mean something else now."""
        return self._state.has_lost

    def end(self) -> None:
        """Put a new copy in the log, if it needs one; after the end of the transaction."""
        if self._needs_copy:
            with suppress(Overloaded):  # whoever writes next puts one
                self._log.shorten(self._state, self._db)


@contextmanager
def _told() -> Iterator[None]:
    """Tell of a log that is not to be had, for whatever reason, as callers may hear of it."""
    try:
        yield
    except (sqlite3.Error, Overloaded):
        raise
    except Exception as error:
        log.info("the log of changes in Redis cannot be used: %s", type(error).__name__)
        said = "Changes are not gathered for now; try again later."
        raise Overloaded(said, retryAfter=5) from error


def _step_place(number: int, before: str) -> str:
    return f"step {number} after {before}"


def _tip(text: bytes) -> str:
    """Tells a step from others of its number."""
    return sha256(text).hexdigest()[:16]


def _copied(path: Path, db: sqlite3.Connection) -> None:
    """Make a file what another one is; TimeoutError where some other process keeps it for long."""
    end = time.monotonic() + TURN

    def wait(status: int, remaining: int, total: int) -> None:
        if time.monotonic() > end:
            raise TimeoutError

    # SQLite itself would try again for ever.
    with closing(sqlite3.connect(path)) as copy:
        copy.backup(db, progress=wait)


def _place(copy: str, step: int, number: int) -> str:
    """The place of a piece: the copy has all up to this step."""
    return f"{copy} of {step}, piece {number}"


def _pieces(db: sqlite3.Connection) -> Iterator[bytes]:
    """A copy of a file, piece by piece; the last one is empty."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "copy"
        with closing(sqlite3.connect(path)) as copy:
            db.backup(copy)
        with path.open("rb") as file:
            yield from iter(partial(file.read, PIECE), b"")
    yield b""
