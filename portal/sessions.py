"""
The portal's memory of a visitor. Of somebody who has signed in the server keeps a session, and the
browser holds its random id; of anybody else the browser itself carries the little that there is.

Sessions live in memory and, where there is a store, are written down after each request that
changed them. They survive being signed out by time: half-sent forms wait for the same person.
Drafts are no part of them: they belong to the person, not to the visit (`keeping.py`).
"""

import asyncio
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

import msgspec

from portal.errors import Unavailable
from portal.seals import Seals
from portal.stores import Kept, Store

log = logging.getLogger(__name__)

MAXIMUM: Final = 20_000
"""Sessions at once in memory; beyond it those unused for longest go."""
GUEST: Final = "guest"
CARRIED: Final = 3_500
"""Characters that a browser keeps of one cookie for sure."""
RARELY: Final = 60
"""Seconds after which a visit is written down although it changed nothing, at most."""
TRIES: Final = 20
"""Changes of other processes in the meantime, after which one gives up."""
CLAIMED: Final = 15.0
"""Seconds that one process has to renew the tokens of a session."""
LOOK: Final = 0.1
"""Seconds between two looks if another process has renewed them."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens that the issuer gave for one person; times are of `time.time`."""

    access: str
    refresh: str | None
    id: str | None
    expires: float


@dataclass(slots=True)
class User:
    """The signed-in person, with the last answer of the gateway about their rights."""

    subject: str
    tokens: Tokens
    since: float
    viewer: Mapping[str, Any] = field(default_factory=dict)
    viewed: float = 0.0
    name: str | None = None
    """The issuer's name for them, if they are nobody's contact."""
    seen_as: str | None = None
    """The contact whose view of the site a member of staff sees."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A form that was sent after the session had ended; it waits for the same person."""

    path: str
    form: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Loan:
    """The shared draft of a colleague that a visitor has opened."""

    account: str
    id: str
    """That of its sharing."""
    desk: str
    key: str
    """The key of the draft."""
    until: float
    """The time until which the gateway's word counts that they may order for the account."""
    is_at_hand: bool = True
    """False while they work on their own draft again."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to say on the next page; `tone` is that of its box."""

    text: str
    tone: str = ""


@dataclass(slots=True)
class Guest:
    """The data that a browser carries, sealed, for a visitor of whom the server keeps nothing."""

    language: str | None = None
    theme: str = "system"
    after_sign_in: str = "/dashboard"
    issuer: dict[str, Any] = field(default_factory=dict)
    """The data that authlib keeps between leaving for the issuer and coming back."""


@dataclass(slots=True)
class Memory(Guest):
    """The part of a session that is written down."""

    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    user: User | None = None
    subject: str | None = None
    account: dict[str, Any] | None = None
    """The account that was picked; None for all of them."""
    loan: Loan | None = None
    pending: Pending | None = None
    notices: list[Notice] = field(default_factory=list)


@dataclass(slots=True)
class Session(Memory):
    """One visitor. `subject` outlives `user`, so that what waits is handed to nobody else."""

    id: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    touched: float = field(default_factory=time.time)
    kept: Kept | None = None
    """The stored form of the session."""
    carried: Guest = field(default_factory=Guest)
    """As the browser has it, where the server keeps nothing."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def signed_in(self, user: User) -> None:
        """
        Start the session of a person whom the issuer signed in; forms that wait for another person
        are dropped.
        """
        if self.subject != user.subject:
            self.account = self.pending = self.loan = None
            self.notices = []
        self.subject, self.user = user.subject, user

    def expire(self) -> None:
        self.user = None

    def guest(self) -> Guest:
        """The part of the session that is not about the person."""
        return Guest(self.language, self.theme, self.after_sign_in, dict(self.issuer))

    def signed_out(self) -> None:
        """Nothing of the person is left, only how the site is to look."""
        self.user = self.account = self.pending = self.subject = self.loan = None
        self.after_sign_in, self.issuer, self.notices = "/dashboard", {}, []


def carried(session: Session, seals: Seals) -> str:
    """The cookie of a guest; empty where there is nothing to remember."""
    found = session.guest()
    if found == Guest():
        return ""
    text = seals.seal(GUEST, msgspec.json.encode(found))
    if len(text) <= CARRIED:
        return text
    # A page with a very long address is not worth failing to sign in.
    return seals.seal(GUEST, msgspec.json.encode(replace(found, after_sign_in="/dashboard")))


def guest(cookie: str | None, seals: Seals) -> Session:
    """The session of a visitor who has not signed in; a new one if the cookie is not valid."""
    content = seals.open(GUEST, cookie) if cookie else None
    if content is None:
        return Session()
    try:
        found = msgspec.json.decode(content, type=Guest)
    except msgspec.DecodeError:
        return Session()
    known = {each.name: getattr(found, each.name) for each in fields(Guest)}
    return Session(**{**known, "issuer": dict(found.issuer)}, carried=found)


def written(session: Session) -> bytes:
    return msgspec.json.encode({each.name: getattr(session, each.name) for each in fields(Memory)})


def read(key: str, kept: Kept) -> Session | None:
    """None for what another version of the portal wrote and this one does not understand."""
    try:
        memory = msgspec.json.decode(kept.content, type=Memory)
    except msgspec.DecodeError:
        log.warning("a session of another version is forgotten")
        return None
    values = {each.name: getattr(memory, each.name) for each in fields(Memory)}
    return Session(id=key, touched=kept.touched, kept=kept, **values)


def merged(ours: bytes, before: bytes, theirs: bytes) -> Memory:
    """
    A session that two processes changed at once, with the changes of both. What both changed is as
    we have it, but a member of the person that they alone changed, as their tokens are.
    """
    mine, known, others = (msgspec.json.decode(each, type=dict) for each in (ours, before, theirs))
    found = _merged(mine, known, others)
    if mine["user"] and known["user"] and others["user"]:
        found["user"] = _merged(mine["user"], known["user"], others["user"])
    kept = [each for each in others["notices"] if each not in known["notices"]]
    found["notices"] = [*mine["notices"], *(each for each in kept if each not in mine["notices"])]
    return msgspec.convert(found, Memory)


def _merged(
    ours: dict[str, Any], before: Mapping[str, Any], theirs: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        name: theirs[name] if value == before.get(name) and name in theirs else value
        for name, value in ours.items()
    }


class Sessions:
    """All sessions of this process, and those that other processes put into the store."""

    def __init__(self, *, idle: float, lifetime: float, store: Store | None = None) -> None:
        self._idle = idle
        self._lifetime = lifetime
        self._store = store
        self._rarely = min(RARELY, idle / 10)
        self._kept: OrderedDict[str, Session] = OrderedDict()

    def find(self, key: str | None, *, touch: bool = True) -> Session | None:
        """The session, signed out if it was left alone for too long; `touch` if it no longer is."""
        session = self._known(key) if key else None
        if session is None:
            return None
        now = time.time()
        if session.user and self._over(session, session.user, now):
            session.expire()
        if touch:
            session.touched = now
        self._kept.move_to_end(session.id)
        return session

    def is_signed_in(self, key: str, subject: str) -> bool:
        """True while this person is signed in by the session, wherever they signed out."""
        try:
            session = self.find(key, touch=False)
        except Unavailable:
            return False
        return bool(session and session.user and session.user.subject == subject)

    def _known(self, key: str) -> Session | None:
        """As another process left it, if one was at it since; gone if it was dropped there."""
        session = self._kept.get(key)
        if self._store is None or (session and session.kept is None):
            return session
        kept = self._store.load(key)
        if kept is None:
            self._kept.pop(key, None)
            return None
        if session is None or session.kept != kept:
            session = read(key, kept)
        if session:
            self.keep(session)
        return session

    def save(self, session: Session) -> None:
        """Store the changes that a request made to the session."""
        if self._store is None or not self.is_kept(session):
            return
        for _ in range(TRIES):
            kept = Kept(written(session), session.touched)
            if session.kept is None:
                session.kept = self._store.add(session.id, kept)
                return
            if not self._differs(kept, session.kept):
                return
            if stored := self._store.update(session.id, kept, session.kept):
                session.kept = stored
                return
            if not self.refresh(session):
                return
        raise Unavailable("sessions")

    def _differs(self, kept: Kept, before: Kept) -> bool:
        """True if a session is to be written down again."""
        return kept.content != before.content or kept.touched - before.touched > self._rarely

    def refresh(self, session: Session) -> bool:
        """Take the changes that other processes stored; False where it was dropped there."""
        kept = self._store.load(session.id) if self._store else None
        if kept is None or session.kept is None:
            return self._store is None
        try:
            found = merged(written(session), session.kept.content, kept.content)
        except (msgspec.DecodeError, msgspec.ValidationError, KeyError):
            log.warning("a session of another version is written anew")
        else:
            for each in fields(Memory):
                setattr(session, each.name, getattr(found, each.name))
        session.kept, session.touched = kept, max(session.touched, kept.touched)
        return True

    @asynccontextmanager
    async def renewing(self, session: Session) -> AsyncIterator[None]:
        """
        Wait until no other process renews the session's tokens, and take those that it got: an
        issuer may take each refresh token only once. Changes are stored at the end.
        """
        if self._store is None or session.kept is None:
            yield
            return
        until = time.monotonic() + CLAIMED
        while not self._store.claim(session.id, CLAIMED):
            if time.monotonic() > until:
                raise Unavailable("issuer")
            await asyncio.sleep(LOOK)
        try:
            if not self.refresh(session):
                session.expire()
            async with asyncio.timeout(CLAIMED):
                yield
            self.save(session)
        except TimeoutError:
            raise Unavailable("issuer") from None
        finally:
            self._store.release(session.id)

    def keep(self, session: Session) -> None:
        self._kept[session.id] = session
        while len(self._kept) > MAXIMUM:
            self._kept.popitem(last=False)

    def is_kept(self, session: Session) -> bool:
        return session.id in self._kept

    def renew(self, session: Session) -> None:
        """
        A new id and form token, so that nothing known before sign-in is worth anything after.
        It is here alone that the server begins to keep something of a visitor.
        """
        self.drop(session)
        session.id, session.csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        session.kept = None
        self.keep(session)

    def drop(self, session: Session) -> None:
        self._kept.pop(session.id, None)
        if self._store:
            self._store.drop(session.id)

    def _over(self, session: Session, user: User, now: float) -> bool:
        return now - session.touched > self._idle or now - user.since > self._lifetime
