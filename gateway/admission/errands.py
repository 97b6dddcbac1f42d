"""The caller and the urgency of a call to a service."""

from collections.abc import Hashable
from enum import Enum

import msgspec


class Lane(Enum):
    """A class of calls; where calls must wait, each class gets its part of the turns."""

    WRITES = "writes"
    """Writes, and the reads that they need."""
    IDENTITY = "identity"
    """Calls that find out who a caller is."""
    PEOPLE = "people"
    PARTNERS = "partners"
    STAFF = "staff"
    EXPORTS = "exports"
    """Calls that the caller marked as not urgent."""
    PRICES = "prices"
    """Prices and dates that the ERP works out, without which a page goes on as well."""
    LIVE = "live"
    """Calls for answers that are made anew because something changed; their callers have one."""
    FEEDS = "feeds"
    """The gateway's own calls, for which no request waits."""

    # Members are compared by identity; Enum's own hash is slow Python code, run on each call.
    __hash__ = object.__hash__


WEIGHTS = {
    Lane.WRITES: 32,
    Lane.IDENTITY: 32,
    Lane.PEOPLE: 16,
    Lane.PARTNERS: 8,
    Lane.STAFF: 8,
    Lane.EXPORTS: 2,
    Lane.PRICES: 4,
    Lane.LIVE: 4,
    Lane.FEEDS: 1,
}
"""The turns that a lane gets beside the others, while calls wait in each of them."""
FIRM = frozenset({Lane.WRITES, Lane.IDENTITY})
"""Lanes whose calls are never refused for lack of budget or time before their deadline."""


class Errand(msgspec.Struct, eq=False):
    """The lane and the caller of an operation, for its turn at the services."""

    lane: Lane = Lane.PEOPLE
    account: Hashable = None
    """The customer account; those who wait get their turns by account, then by caller."""
    caller: Hashable = None
    quota: int | None = None
    """Calls that the caller may cause within a window; None for no such bound."""
    sent: int = 0
    """Requests that were sent for it so far, repeated ones too."""
    waits: int = 0
    """Calls of it that wait for their turn."""
    user: int | None = None
    """The application user of its last call, where a service has several: it goes on with it."""
    spared: int = 0
    """Requests that were not sent for it, as others had read the same or were reading it."""

    @property
    def cost(self) -> int:
        """The calls that it is told to have cost, whatever others have read."""
        return self.sent + self.spared
