"""What the services were asked, for tests that count requests and read filters."""

from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from emulator.exchange import Ask


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


class Log:
    """All requests since the last `clear`, oldest first, up to a limit that a demo never feels."""

    def __init__(self, limit: int = 100_000) -> None:
        self.entries: list[Entry] = []
        self.limit = limit

    def add(self, service: str, ask: Ask, status: int, parts: list[Entry] | None = None) -> None:
        if len(self.entries) >= self.limit:
            del self.entries[: self.limit // 2]
        self.entries.append(entry(service, ask, status, parts))

    def clear(self) -> None:
        self.entries.clear()

    def calls(self) -> list[Entry]:
        """The requests with each batch replaced by its parts."""
        return [part for each in self.entries for part in (each.parts or [each])]


def entry(service: str, ask: Ask, status: int, parts: list[Entry] | None = None) -> Entry:
    query = unquote_plus(ask.query)
    return Entry(service, ask.method, unquote_plus(ask.path), query, status, ask.body, parts or [])
