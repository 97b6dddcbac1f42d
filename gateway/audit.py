"""
What was changed, refused or looked at as a customer -> one line each in an append-only file. Every
line holds the hash of the one before it, so that none can be altered or left out unnoticed.
"""

import fcntl
import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO, Literal

import msgspec

from gateway.auth.principal import Principal
from gateway.errors import GatewayError, Unauthenticated
from gateway.settings import SettingsError

START = "0" * 64
"""What the first line has for the hash of the line before it."""
TAIL = 65_536
"""Bytes at the end of the file in which the last line is looked for; longer than any line."""
ROWS, WHAT = 100, 1_000
"""How many ids one line names at most, and characters of what was asked: aliases can be long."""

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth a line. It names rows by id and never says what is in them."""

    request: str
    event: Literal["mutation", "denial", "view-as"]
    who: Mapping[str, str | None]
    what: str
    """The mutation, the field that was refused, or the contact that was looked as."""
    outcome: str
    """`done`, or a code."""
    rows: tuple[str, ...] = ()
    """Ids that the request named; where staff looked as somebody, those in the answer too."""
    reason: str = ""
    """Why somebody was not let in, which only the operator learns."""


def who(principal: Principal | None) -> dict[str, str | None]:
    """A caller by ids; nobody, where the door stayed shut."""
    if principal is None:
        return {}
    viewer, contact = principal.viewer, principal.contact
    return {
        "kind": principal.kind.value,
        "issuer": principal.issuer,
        "subject": principal.subject,
        "contact": str(contact.id) if contact else None,
        "viewer": viewer.subject if viewer else None,
    }


class Audit:
    """Appends to one file, from however many processes. Without a file it does nothing."""

    def __init__(self, path: str | None = None) -> None:
        """SettingsError where the file cannot be written to."""
        self._file = None if path is None else _opened(path)

    def record(self, event: Event) -> None:
        """Append the line of `event`, behind whatever the other processes wrote."""
        if self._file is None:
            return
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            cut = {"what": event.what[:WHAT], "rows": event.rows[:ROWS]}
            line = asdict(event) | cut | {"at": datetime.now(UTC).isoformat()}
            self._file.write(_sealed(line, _last(self._file)))
            self._file.flush()
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


NO_AUDIT = Audit()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a file of lines is worth."""

    lines: int
    head: str
    """The hash of the last line: kept elsewhere, it proves later that nothing was cut off."""
    problem: str | None = None


def verify(path: str, head: str | None = None) -> Verdict:
    """
    Follow the chain from the first line; the problem names the line at which it breaks.

    With `head`, the hash of a line that was last once, the line must still be there. OSError where
    the file cannot be read.
    """
    with open(path, "rb") as file:
        count, last, seen = 0, START, head in (None, START)
        for count, line in enumerate(file, 1):
            found = _read(line, last)
            if found is None:
                return Verdict(count, last, f"line {count} does not follow from those before it")
            last = found
            seen = seen or last == head
    return Verdict(count, last, None if seen else "the line with that hash is missing")


def _opened(path: str) -> BinaryIO:
    try:
        return os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "a+b")
    except OSError as error:
        problem = f"{path} cannot be written to: {error.strerror}"
        raise SettingsError([f"GATEWAY_AUDIT_FILE: {problem}"]) from None


def _last(file: BinaryIO) -> str:
    """The hash in the last line."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - TAIL, 0))
    lines = file.read().splitlines()
    return str(msgspec.json.decode(lines[-1])["hash"]) if lines else START


def _sealed(line: Line, previous: str) -> bytes:
    body = line | {"previous": previous}
    return msgspec.json.encode(body | {"hash": _hash(body)}) + b"\n"


def _hash(body: Line) -> str:
    return hashlib.sha256(msgspec.json.encode(body, order="sorted")).hexdigest()


def _read(line: bytes, previous: str) -> str | None:
    """The hash of a line; None where it is damaged or follows another."""
    try:
        body: Line = msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError:
        return None
    found = body.pop("hash", None)
    whole = line.endswith(b"\n") and body.get("previous") == previous and found == _hash(body)
    return str(found) if whole else None


def refusal(error: GatewayError, request: str, principal: Principal | None) -> Event:
    """Somebody who was not let in, not to do this at all, or not where they wanted to look."""
    what = error.details.get("argument", "request")
    if isinstance(error, Unauthenticated):
        return Event(request, "denial", error.who, what, error.code, reason=error.reason)
    return Event(request, "denial", who(principal), what, error.code)
