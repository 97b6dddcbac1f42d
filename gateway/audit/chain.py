"""
Lines that hold on to each other: each has a number and the hash of the one before it, and a hash of
its own that only who has the key can make. The hash is that of the very bytes.
"""

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

START = "0" * 64
"""The previous hash in the first line of a chain."""
LONGEST = 16_384
"""Bytes of the longest line."""
SHORT = 4_096
"""The maximum size in bytes of a denial's line, which any client can cause."""
APART = 300
"""Bytes of what a chain adds to a line."""
ROWS, WHAT = 100, 1_000
"""The most ids that one line names, and characters of the question: aliases can be long."""

Line = Mapping[str, Any]
Note = Literal["opened", "closed", "healed", "gap"]
"""Notes of a file about itself: its beginning, its end, a line that broke off, missing lines."""

_encode = msgspec.json.Encoder().encode
_HASH = b',"hash":"'
_END = b'"}\n'
_TAIL = len(_HASH) + 64 + len(_END)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a chain: the number of a line, and its hash."""

    lines: int = 0
    hash: str = START


@dataclass(frozen=True, slots=True)
class Read:
    """A line that the key made."""

    place: Place
    previous: str
    event: str
    body: Line


@dataclass(frozen=True, slots=True)
class FileSeal:
    """The end of a file, stored beside it; without it, a cut-off end would not be noticed."""

    place: Place
    closed: bool = False
    """True if the file was left for a new one."""


SEAL_SIZE = 160
"""Bytes of a seal, always the same, so that it is written anew in its place."""


@dataclass(frozen=True, slots=True)
class ChainKey:
    """Makes and knows the lines of one chain."""

    secret: bytes

    def line(self, body: Line, after: Place) -> tuple[bytes, Place]:
        """The line that follows the one at `after`, and its own place."""
        number = after.lines + 1
        text = _encode({"n": number, **body, "previous": after.hash})
        found = self._hash(b"line", text)
        return text[:-1] + _HASH + found.encode() + _END, Place(number, found)

    def read(self, line: bytes) -> Read | None:
        """A line; None where it is damaged, or of another key."""
        text, end = line[:-_TAIL] + b"}", line[-_TAIL:]
        made = self._hash(b"line", text)
        if not hmac.compare_digest(_HASH + made.encode() + _END, end):
            return None
        body: dict[str, Any] = msgspec.json.decode(text)
        return Read(Place(body["n"], made), body["previous"], body["event"], body)

    def seal(self, seal: FileSeal) -> bytes:
        text = _encode([seal.place.lines, seal.place.hash, seal.closed])
        return (self._hash(b"seal", text).encode() + text).ljust(SEAL_SIZE - 1) + b"\n"

    def unseal(self, sealed: bytes) -> FileSeal | None:
        """A seal; None where it is damaged, or of another key."""
        hash_, text = sealed[:64], sealed[64:].rstrip()
        made = self._hash(b"seal", text).encode()
        if len(sealed) != SEAL_SIZE or not hmac.compare_digest(made, hash_):
            return None
        lines, last, closed = msgspec.json.decode(text)
        return FileSeal(Place(lines, last), closed)

    def _hash(self, purpose: bytes, text: bytes) -> str:
        return hmac.digest(self.secret, purpose + b"\x00" + text, "sha256").hex()


def bounded(body: Line) -> dict[str, Any]:
    """
    The event without its empty fields, and with only as many ids as fit into a line; `more` counts
    the others.
    """
    rows = body.get("rows", ())
    found = {name: value for name, value in body.items() if value and name != "rows"}
    found["what"] = body["what"][:WHAT].encode("ascii", "replace").decode()
    room = (SHORT if body["event"] == "denial" else LONGEST) - len(_encode(found)) - APART
    kept = list(_fitting(rows[:ROWS], room))
    more = len(rows) - len(kept)
    return found | ({"rows": kept} if rows else {}) | ({"more": more} if more else {})


def _fitting(rows: tuple[str, ...], room: int) -> Iterator[str]:
    for row in rows:
        room -= len(_encode(row)) + 1
        if room < 0:
            return
        yield row
