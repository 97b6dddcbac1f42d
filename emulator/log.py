"""A log of requests to the services, for tests that count requests and read filters."""

from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from emulator.callers import application
from emulator.exchange import Ask

NOT_SERVED = 0
"""The status of a request whose connection was cut before anything was done."""


@dataclass(slots=True)
class Entry:
    """One request; a batch lists its parts."""

    service: str
    method: str
    path: str
    query: str
    status: int
    body: bytes = b""
    parts: list["Entry"] = field(default_factory=list)
    application: str | None = None
    """The client id of the application that sent it."""


class Log(list[Entry]):
    """All requests since the last `clear`, oldest first, up to a limit that a demo never feels."""

    limit = 100_000

    def add(self, service: str, ask: Ask, status: int, parts: list[Entry] | None = None) -> None:
        if len(self) >= self.limit:
            del self[: self.limit // 2]
        self.append(entry(service, ask, status, parts))

    def calls(self) -> list[Entry]:
        """The requests with each batch replaced by its parts."""
        return [part for each in self for part in (each.parts or [each])]


def entry(service: str, ask: Ask, status: int, parts: list[Entry] | None = None) -> Entry:
    query = unquote_plus(ask.query)
    path, sender = unquote_plus(ask.path), application(ask.headers)
    return Entry(service, ask.method, path, query, status, ask.body, parts or [], sender)
