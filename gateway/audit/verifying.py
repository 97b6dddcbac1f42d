"""Files of the audit -> whether all lines are there that were ever written, as they were."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import BinaryIO

from gateway.audit.chain import START, ChainKey, Place, Read
from gateway.audit.sinks import TAIL, read_seal

BEGINNINGS = frozenset({"opened", "healed", "gap"})
"""The notes with which a file may begin."""

UNENDED = "it has no seal and is not closed: lines may be cut off its end"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of checking files of lines."""

    lines: int
    head: str
    """The hash of the last line: kept elsewhere, it proves later that nothing was cut off."""
    problems: tuple[str, ...] = ()
    broken: int = 0
    """Lines that broke off when a process or the machine died: known to be no others."""
    behind: int = 0
    """The number of the line before the first, which is in an earlier file."""


@dataclass
class _Chain:
    """The state of one chain of lines."""

    place: Place = field(default_factory=Place)
    last: Read | None = None


def verify(paths: Iterable[str], key: ChainKey, head: str | None = None) -> Verdict:
    """
    Follow the lines of files, given in the order in which they were written.

    With `head`, the hash of a line that was last once, the line must still be there. OSError where
    a file cannot be read.
    """
    verifying = _Verifying(key, head)
    for path in paths:
        verifying.file(path)
    return verifying.verdict()


class _Verifying:
    def __init__(self, key: ChainKey, head: str | None) -> None:
        self._key, self._head = key, head
        self._seen = head in (None, START)
        self._chains: dict[str, _Chain] = {}
        self._problems: list[str] = []
        self._lines = self._broken = 0
        self._behind: int | None = None
        self._unended: str | None = None
        """The file of which only the next one can tell whether it is whole."""

    def file(self, path: str) -> None:
        sealed = read_seal(path)
        seal = self._key.unseal(sealed) if sealed else None
        before = self._unended
        with open(path, "rb") as file:
            last, passed = self._read(path, file, seal.place if seal else None)
        if before is not None and self._unended is not None:
            self._wrong(before, UNENDED)
        self._unended = None
        if last is not None and "chain" in last.body:
            self._output(path)
            return
        if sealed and seal is None:
            self._wrong(path, "the seal is damaged, or of another secret")
        elif seal is None:
            if last is None or last.event != "closed":
                self._unended = path
        elif not passed and seal.place.lines:
            self._wrong(path, f"line {seal.place.lines} of the seal is not there")

    def _output(self, path: str) -> None:
        """
        Check standard output that was collected: it has no seal, but each process ends its chain.
        """
        for chain in self._chains.values():
            if chain.last is not None and chain.last.event != "closed":
                at = chain.last.body.get("chain", "")
                self._wrong(path, f"the chain {at} is not closed: lines may be cut off its end")

    def verdict(self) -> Verdict:
        if self._unended is not None:
            self._wrong(self._unended, UNENDED)
        if not self._seen:
            self._problems.append("the line with that hash is missing")
        last = next(reversed(self._chains.values())).place if self._chains else Place()
        return Verdict(
            self._lines, last.hash, tuple(self._problems), self._broken, self._behind or 0
        )

    def _read(self, path: str, file: BinaryIO, sealed: Place | None) -> tuple[Read | None, bool]:
        """Follow a file; its last line, and whether the line of its seal was met."""
        last, passed, damaged, broken = None, False, list[int](), b""
        for number, line in enumerate(_lines(file), 1):
            self._lines += 1
            read = self._key.read(line)
            if read is None:
                damaged.append(number)
                broken = line
                continue
            self._follow(path, number, read, first=number == 1)
            if read.event == "healed":
                self._broken += 1
                if damaged and _is_of(broken, read):
                    damaged.pop()
            last = read
            passed = passed or read.place == sealed
        if damaged and last is not None and _is_begun(broken, last.place.lines + 1):
            damaged.pop()
            self._broken += 1
        for number in damaged:
            self._wrong(path, f"line {number} is not as it was written")
        return last, passed

    def _follow(self, path: str, number: int, read: Read, *, first: bool) -> None:
        chain = self._chains.get(read.body.get("chain", ""))
        if chain is not None and "chain" in read.body and read.place == chain.place:
            return  # a collector got it twice, as the first answer was lost
        follows = chain is not None and read.previous == chain.place.hash
        follows = follows and chain is not None and read.place.lines == chain.place.lines + 1
        if chain is None:
            chain = self._chains[read.body.get("chain", "")] = _Chain()
            self._behind = read.place.lines - 1 if self._behind is None else self._behind
            follows = read.event in BEGINNINGS
        if read.event == "gap":
            # A file that was not closed before the next one began is none where it is at hand.
            if not (first and follows and chain.last is not None):
                self._wrong(path, f"line {number}: {read.body['what']}")
        elif not follows:
            self._wrong(path, f"line {number} does not follow from those before it")
        if first and follows:
            self._unended = None  # it was renamed while nobody wrote
        chain.place, chain.last = read.place, read
        self._seen = self._seen or read.place.hash == self._head

    def _wrong(self, path: str, problem: str) -> None:
        self._problems.append(f"{path}: {problem}")


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file; of one that is longer than any of ours, only its beginning."""
    while line := file.readline(TAIL):
        rest = line
        while len(rest) == TAIL and not rest.endswith(b"\n"):
            rest = file.readline(TAIL)
        yield line if rest is line else line[:-1] + b"\n"


def _is_of(line: bytes, healed: Read) -> bool:
    return bool(healed.body["torn"] == sha256(line.removesuffix(b"\n")).hexdigest())


def _is_begun(line: bytes, number: int) -> bool:
    """True if the last line of a file is one that was being written; the next writer notes it."""
    begin = b'{"n":%d,' % number
    return not line.endswith(b"\n") and line[: len(begin)] == begin[: len(line)]
