"""
The places to which the lines of the audit go. `append` raises OSError where one could not be
written whole.
"""

import fcntl
import os
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from stat import S_ISREG
from typing import Final, Protocol
from uuid import uuid4

from gateway.audit.chain import LONGEST, SEAL_SIZE, ChainKey, FileSeal, Line, Note, Place, Read

SEAL: Final = ".seal"
"""Behind the name of a file: that of its seal."""
PROMPT: Final = 0.01
"""Seconds that a line waits for other processes, or for a reader, where all requests wait with it.
"""
START: Final = 0.1
"""Seconds that a process waits for others when it starts or ends."""
PAUSE: Final = 0.001
CHANGES: Final = 5
"""The number of times that a file may be put in place of another while one line is written."""
TAIL: Final = 2 * LONGEST
"""Bytes at the end of a file in which its last whole line begins."""
FLAGS: Final = os.O_CLOEXEC | os.O_NONBLOCK
"""Flags of all files: nobody waits for the other end of a pipe that was put in place of one."""


class Busy(OSError):
    """Others keep a sink that is good, or nobody reads it just now."""


class Sink(Protocol):
    """Takes lines."""

    def start(self) -> None:
        """Note where the lines of this process begin; OSError where that is not possible."""

    def append(self, body: Line, patience: float = PROMPT) -> None:
        """Write a line; Busy where that would take more than so many seconds."""

    def close(self) -> None: ...


class _Nowhere:
    """Takes lines and does nothing with them."""

    def start(self) -> None:
        pass

    def append(self, body: Line, patience: float = PROMPT) -> None:
        pass

    def close(self) -> None:
        pass


NOWHERE: Final = _Nowhere()


@dataclass(frozen=True, slots=True)
class _End:
    """The end of a file."""

    size: int
    last: Read | None
    """The last whole line; None where there is none that the key made."""
    torn: bytes
    """The bytes behind it: a line that broke off."""

    @property
    def is_empty(self) -> bool:
        """True if there is no line, whole or damaged."""
        return self.size == len(self.torn)


class FileSink:
    """
    A file, and a seal beside it that says where it ends. Any number of processes append to it; who
    renames it starts a new one, which goes on where the old one ended.

    What happened to the file behind our back is noted in it, and stops nobody.
    """

    def __init__(self, path: str, key: ChainKey) -> None:
        """OSError where the file cannot be written to, or is none."""
        self._path, self._key = path, key
        self._descriptor: int | None = _opened(path)
        self._known: tuple[int, Place] | None = None
        """The size of the file behind our last line, and that line's place."""
        self._last = Place()
        """The place of our last line, in whichever file: a seal says that somebody removed it."""

    def start(self) -> None:
        with self._held(START) as file:
            self._place(file)

    def append(self, body: Line, patience: float = PROMPT) -> None:
        with self._held(patience) as file:
            self._write(file, body, self._place(file))

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = self._known = None

    @contextmanager
    def _alone(self, until: float) -> Iterator[None]:
        """
        Lock the seal, as the lock of a file ends nothing for who writes to one that was renamed.

        A seal that cannot be opened stops nobody: it is damage, which shows by itself.
        """
        try:
            seal = os.open(self._path + SEAL, os.O_RDWR | os.O_CREAT | FLAGS, 0o600)
        except OSError:
            yield
            return
        try:
            _lock(seal, until)
            yield
        finally:
            os.close(seal)

    @contextmanager
    def _held(self, patience: float) -> Iterator[int]:
        """The file that now has the name, opened, and nobody else's for this while."""
        until = time.monotonic() + patience
        with self._alone(until), self._file(until) as file:
            yield file

    @contextmanager
    def _file(self, until: float) -> Iterator[int]:
        """The file that now has the name, opened and locked."""
        for _ in range(CHANGES):
            if self._descriptor is None:
                self._descriptor = _opened(self._path)
            file = self._descriptor
            _lock(file, until)
            try:
                if _is_at(file, self._path):
                    yield file
                    return
                self._leave(file)
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)
            self.close()
        raise OSError(f"{self._path} is replaced again and again")

    def _leave(self, file: int) -> None:
        """End a file that was renamed, unless another process did; of a deleted one nothing is."""
        with suppress(OSError):
            end, seal = self._end(file), self._key.unseal(read_seal(self._path))
            # It is closed by who comes first, while the seal is still that of its end.
            if seal and not seal.closed and _ends(end, seal.place) and os.fstat(file).st_nlink:
                last = self._write(file, _note("closed", "the file was renamed"), seal.place)
                self._seal(FileSeal(last, closed=True))

    def _place(self, file: int) -> Place:
        """
        Find the last line, behind which the next one is written; damage to the file is recorded
        first.
        """
        if self._known is not None and self._known[0] == os.fstat(file).st_size:
            return self._known[1]
        end, sealed = self._end(file), read_seal(self._path)
        seal = self._later(self._key.unseal(sealed) if sealed else FileSeal(Place()))
        before = seal.place if seal else Place()
        place = end.last.place if end.last else before if end.is_empty else Place()
        begins = end.is_empty and seal is not None and (seal.closed or not before.lines)
        apart = b"\n" if end.torn else b""
        if not begins and (missing := _missing(end, sealed, seal)):
            # Before all else: the seal of any other line would say that nothing is missing.
            behind = Place(max(place.lines, before.lines), place.hash)
            place, apart = self._write(file, _note("gap", missing), behind, before=apart), b""
        if end.torn:
            place = self._write(file, _healed(end.torn), place, before=apart)
        elif begins:
            place = self._write(file, _note("opened", _begins(place)), place)
        self._known, self._last = (os.fstat(file).st_size, place), place
        return place

    def _write(self, file: int, body: Line, after: Place, *, before: bytes = b"") -> Place:
        """Append a line, behind what ends one that broke off; or nothing of it."""
        size = os.fstat(file).st_size
        line, place = self._key.line(body, after)
        line = before + line
        try:
            if os.write(file, line) != len(line):
                raise OSError("only a part of a line was written")
        except OSError:
            self._known = None
            with suppress(OSError):
                os.ftruncate(file, size)
            raise
        self._known, self._last = (size + len(line), place), place
        self._seal(FileSeal(place))
        return place

    def _end(self, file: int) -> _End:
        size = os.fstat(file).st_size
        start = max(size - TAIL, 0)
        tail = os.pread(file, size - start, start)
        whole, newline, torn = tail.rpartition(b"\n")
        last = self._key.read(whole.rpartition(b"\n")[2] + newline) if newline else None
        # Of a line that broke off before its newline nothing is missing.
        return _End(size, self._key.read(torn + b"\n") or last, torn)

    def _later(self, seal: FileSeal | None) -> FileSeal | None:
        """The seal, or the last line of this process: an old seal may be put back with its file."""
        if seal is None or seal.place.lines > self._last.lines or seal.place == self._last:
            return seal
        return FileSeal(self._last)

    def _seal(self, seal: FileSeal) -> None:
        """A line that is ahead of its seal is good, so what goes wrong here is no matter."""
        with suppress(OSError):
            file = os.open(self._path + SEAL, os.O_WRONLY | os.O_CREAT | FLAGS, 0o600)
            try:
                os.pwrite(file, self._key.seal(seal), 0)
                os.ftruncate(file, SEAL_SIZE)
            finally:
                os.close(file)


class Output:
    """
    Standard output, of which a collector makes what it likes. Each process has a chain of its own,
    named in its lines, as processes cannot see each other's.
    """

    def __init__(self, key: ChainKey, descriptor: int = 1) -> None:
        self._key, self._descriptor = key, descriptor
        self._chain, self._place, self._torn = uuid4().hex, Place(), b""

    def start(self) -> None:
        pass  # a command that has nothing to tell prints nothing

    def append(self, body: Line, patience: float = PROMPT) -> None:
        until = time.monotonic() + patience
        if not self._place.lines and not self._torn:
            self._write(begun(), until)
        if self._torn:
            self._write(_healed(self._torn), until, b"\n")
        self._write(body, until)

    def close(self) -> None:
        if self._place.lines:
            with suppress(OSError):
                self.append(ended())

    def _write(self, body: Line, until: float, before: bytes = b"") -> None:
        line, place = self._key.line({"chain": self._chain, **body}, self._place)
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        left = before + line
        while left:
            # A pipe that is ready takes this much without waiting for its reader.
            if not poll.poll(max(until - time.monotonic(), 0) * 1_000):
                self._torn += line[: len(line) - len(left)]
                raise Busy("nobody reads the output")
            left = left[os.write(self._descriptor, left[: select.PIPE_BUF]) :]
        self._place, self._torn = place, b""


def begun() -> dict[str, str]:
    """The first line of a chain of one process."""
    return _note("opened", _begins(Place()))


def ended() -> dict[str, str]:
    """Its last one."""
    return _note("closed", "the process ended")


def _ends(end: _End, place: Place) -> bool:
    return end.last is not None and end.last.place == place


def _note(event: Note, what: str) -> dict[str, str]:
    return {"at": datetime.now(UTC).isoformat(), "event": event, "what": what}


def _healed(torn: bytes) -> dict[str, str]:
    what = f"{len(torn)} bytes of a line that broke off"
    return _note("healed", what) | {"torn": sha256(torn).hexdigest()}


def _begins(place: Place) -> str:
    return f"behind line {place.lines} of an earlier file" if place.lines else "a new chain"


def _missing(end: _End, sealed: bytes, seal: FileSeal | None) -> str:
    """The difference between a file and its seal, in lines; empty where all is well."""
    if seal is None:
        return "the seal is damaged, or of another secret"
    if end.is_empty:
        return f"the file with the lines up to {seal.place.lines} is not here"
    if end.last is None:
        return "the last line is damaged, or of another secret"
    if not sealed:
        return "there was no seal"
    if end.last.place.lines < seal.place.lines:
        return f"the lines up to {seal.place.lines} are not here"
    if end.last.place.lines == seal.place.lines and end.last.place != seal.place:
        return f"line {seal.place.lines} is another one"
    return ""


def read_seal(path: str) -> bytes:
    """The seal of a file as it stands there; nothing where there is none."""
    try:
        file = os.open(path + SEAL, os.O_RDONLY | FLAGS)
    except FileNotFoundError:
        return b""
    try:
        return os.read(file, SEAL_SIZE + 1)
    finally:
        os.close(file)


def _opened(path: str) -> int:
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | FLAGS, 0o600)
    if not S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(f"{path} is no file")
    return file


def _is_at(file: int, path: str) -> bool:
    """True if an open file is still the one of that name."""
    try:
        there, here = os.stat(path), os.fstat(file)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


def _lock(file: int, until: float) -> None:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise Busy("another process keeps the file locked") from None
            time.sleep(PAUSE)
