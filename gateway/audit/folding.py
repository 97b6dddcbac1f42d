"""Denials of one kind and source: a few are told one by one, the rest of a minute in one line."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from gateway.audit.events import Event

WINDOW = 60.0
"""Seconds after which the counted denials are written in one line."""
EACH = 5
"""The number of denials of one kind and source that get a line of their own in that time."""
SOURCES = 200
"""Kinds and sources that are told apart in that time; those of all others are counted together."""

Source = tuple[str, str, str | None, str | None, str]
"""The outcome, the reason and the source (issuer and subject, or address) of a denial."""


class Folding:
    """Decides which denials get a line of their own, and counts the others."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until = clock() + WINDOW
        self._seen: dict[Source, int] = {}
        self._first: dict[Source, Event] = {}

    def admits(self, event: Event) -> bool:
        """True if this one has a line of its own."""
        source = _source(event)
        if source not in self._seen and len(self._seen) >= SOURCES:
            source = (event.outcome, event.reason, None, None, "others")
            self._seen.setdefault(source, EACH)
        seen = self._seen[source] = self._seen.get(source, 0) + 1
        if seen > EACH and source not in self._first:
            self._first[source] = _folded(event, source)
        return seen <= EACH

    def ended(self) -> Iterator[Event]:
        """The events that were counted, once the time is over."""
        if self._clock() >= self._until:
            yield from self.rest()

    def rest(self) -> Iterator[Event]:
        """Return the counted events and start counting again."""
        first, seen = self._first, self._seen
        self._first, self._seen, self._until = {}, {}, self._clock() + WINDOW
        for source, event in first.items():
            yield replace(event, count=seen[source] - EACH)


def _source(event: Event) -> Source:
    subject = event.who.get("subject")
    address = "" if subject else event.source
    return event.outcome, event.reason, event.who.get("issuer"), subject, address


def _folded(event: Event, source: Source) -> Event:
    who = event.who if source[-1] != "others" else {}
    return replace(event, what="folded", who=who, rows=(), source=source[-1] or event.source)
