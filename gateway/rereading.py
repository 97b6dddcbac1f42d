"""
Settings and their files, read again while a process serves: what changed is taken, or said.

Secrets, certificates, issuers, partners and trusted documents are taken. A change with a mistake is
refused as a whole: everything stays as it was.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Final

from gateway.config.settings import PREFIX, Settings, SettingsError

log = logging.getLogger(__name__)
EVERY: Final = 30.0
"""Seconds between two looks; a policy file is read again as often."""
TAKEN: Final = frozenset(
    {"client_secret", "client_certificate", "pool", "issuers", "partners", "trusted_documents"}
    | {"audience", "scope", "algorithms", "jwks_url", "subject_claim", "identity_provider"}
    | {"email_claim", "email_verified_claim", "email_domains", "match_email"}
    | {"roles_claim", "token_roles", "customer_roles", "staff_roles"}
)
"""The settings that hold at once; all others hold from the next start on."""
FILES: Final = ("issuers", "trusted_documents")
"""The settings that name files."""

Taking = Callable[[Settings], Callable[[], None]]
"""Checks new settings, or raises SettingsError; what it returns takes them, and cannot fail."""
Stamp = tuple[int, int]


class Rereading:
    """The settings of one process, and those who take new ones."""

    def __init__(self, settings: Settings, read: Callable[[], Settings], *taking: Taking) -> None:
        """`read` reads the settings anew, or raises SettingsError."""
        self._read, self._taking = read, taking
        self._seen: tuple[object, ...] = (settings, _stamps(settings))
        self._settings = settings

    async def run(self) -> None:
        """Look again and again, until it is cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            self.look()

    def look(self) -> None:
        """Take what changed, or say why not: once for each change."""
        try:
            found = self._read()
        except SettingsError as error:
            self._once((error.mistakes,), "settings stay as they were: %s", str(error))
            return
        seen = found, _stamps(found)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            taken = [each(found) for each in self._taking]
        except SettingsError as error:
            log.error("settings stay as they were: %s", error)
            return
        for take in taken:
            take()
        log.info("settings were read again")
        for name in _held_back(self._settings, found):
            log.warning("%s changed: it holds from the next start on", name)
        self._settings = found

    def _once(self, seen: tuple[object, ...], message: str, said: str) -> None:
        if seen != self._seen:
            self._seen = seen
            log.error(message, said)


def _held_back(before: Settings, now: Settings) -> Iterator[str]:
    for each in fields(Settings):
        changed = getattr(before, each.name) != getattr(now, each.name)
        if changed and each.name not in TAKEN:
            yield PREFIX + each.name.upper()


def _stamps(settings: Settings) -> tuple[Stamp, ...]:
    """The times and lengths of the files that settings name."""
    return tuple(map(_stamp, [getattr(settings, name) for name in FILES]))


def _stamp(path: str | None) -> Stamp:
    try:
        found = Path(path).stat() if path else None
    except OSError:
        return 0, -1
    return (found.st_mtime_ns, found.st_size) if found else (0, 0)
