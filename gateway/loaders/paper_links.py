"""
Links to printed documents, pictures and attached files: sealed for one caller and a few minutes,
and good for one download.

A link grants nothing by itself: the caller must be signed in as whoever asked for it, and the row
behind it is read again under the row rule when it is followed.
"""

import hashlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from secrets import token_hex
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from gateway.admission.remote import Remote
from gateway.auth.expiring import Expiring
from gateway.auth.principal import Principal
from gateway.errors import NotFound
from gateway.loaders.seals import Broken, Seal

LIFETIME = 300
"""Seconds for which a link can be followed."""
PATH = "/documents/"
"""The path of links, below the address of the gateway."""
REMEMBERED = 100_000
"""Links that were followed, and are remembered until they would have expired anyway."""


PATIENCE: Final = 1.0
"""Seconds that the place of all replicas may take to say if a link was followed."""
WITHOUT: Final = "links are good once for each replica for now"
FOLLOW: Final = "return redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[1]) and 1 or 0"
"""Notes that a link is followed; 0 where it was."""
LEAVE: Final = "return redis.call('DEL', KEYS[1])"


class SharedScripts(Protocol):
    """A place that all replicas reach, which runs scripts on its keys."""

    async def run(self, script: str, key: str, *arguments: str) -> Any:
        """The result of the script; raises whatever goes wrong."""


class LinkContent(Struct, frozen=True, array_like=True):
    """The content of a link: the row by its id, and the part of it that the link leads to."""

    until: int
    holder: str
    nonce: str
    id: str
    first: date | None = None
    last: date | None = None
    picture: str = ""
    """The version of the picture that it leads to; empty for anything else."""
    attachment: str = ""
    """The id of the attached file that it leads to; empty for anything else."""


class PaperLinks:
    """Makes and reads the links of a process; all processes with the same key read them."""

    def __init__(
        self,
        key: bytes,
        *,
        archived: bool = False,
        shared: SharedScripts | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """
        `archived`: an extension keeps documents, so that some are there without the ERP. `shared`:
        the place by which replicas know which links were followed; without it, or while it does
        not answer, each process knows its own alone.
        """
        self.are_archived = archived
        self._shared = shared
        self._remote = Remote(WITHOUT, again=0)
        self._seal = Seal(key)
        self._clock = clock
        self._followed: Expiring[str, bool] = Expiring(clock, REMEMBERED)

    def made(
        self,
        holder: Principal,
        id_: str,
        first: date | None = None,
        last: date | None = None,
        *,
        picture: str = "",
        attachment: str = "",
    ) -> tuple[str, datetime]:
        """The path by which the holder gets what belongs to a row, and until when."""
        until = int(self._clock()) + LIFETIME
        holder_, nonce = _name_of(holder), token_hex(8)
        linked = LinkContent(until, holder_, nonce, id_, first, last, picture, attachment)
        path = PATH + self._seal.seal(msgspec.json.encode(linked))
        return path, datetime.fromtimestamp(until, UTC)

    @asynccontextmanager
    async def following(self, text: str, holder: Principal) -> AsyncIterator[LinkContent]:
        """
        The content of a link, which leads nowhere from now on, unless this ends with an error.

        NotFound, which says the same for all of them, for one that was altered, is over, was
        followed, or is somebody else's.
        """
        linked = self._read(text, holder)
        self._followed.put(linked.nonce, True, until=linked.until)
        if await self._run(FOLLOW, linked, str(LIFETIME)) == 0:
            raise NotFound(MISSING)
        try:
            yield linked
        except BaseException:
            self._followed.put(linked.nonce, False, until=linked.until)
            await self._run(LEAVE, linked)
            raise

    async def _run(self, script: str, linked: LinkContent, *arguments: str) -> Any:
        """The outcome of a script on a link; None where nobody shares, or answers."""
        if self._shared is None:
            return None
        key = f"gateway:link:{linked.nonce}"
        return await self._remote.outcome(self._shared.run(script, key, *arguments), PATIENCE)

    def _read(self, text: str, holder: Principal) -> LinkContent:
        try:
            linked = msgspec.json.decode(self._seal.open(text), type=LinkContent)
        except (Broken, UnicodeEncodeError, msgspec.MsgspecError):
            raise NotFound(MISSING) from None
        mine = linked.holder == _name_of(holder)
        if not mine or linked.until <= self._clock() or self._followed.get(linked.nonce):
            raise NotFound(MISSING)
        return linked


MISSING = "There is no such document; links are good for one download within five minutes."


def _name_of(holder: Principal) -> str:
    """A digest of a caller, and of who looks with the caller's eyes."""
    viewer, contact = holder.viewer, holder.contact
    parts = [
        *(holder.kind.value, holder.issuer, holder.subject),
        *(str(contact.id) if contact else "", viewer.issuer if viewer else ""),
        viewer.subject if viewer else "",
    ]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:32]
