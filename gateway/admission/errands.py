"""For whom a service is asked, and how urgent it is."""

from collections.abc import Hashable
from enum import Enum

import msgspec


class Lane(Enum):
    """A class of calls; where calls must wait, each class gets its part of the turns."""

    WRITES = "writes"
    """Changes, and what is read for them."""
    IDENTITY = "identity"
    """Calls that find out who a caller is."""
    PEOPLE = "people"
    PARTNERS = "partners"
    STAFF = "staff"
    EXPORTS = "exports"
    """Calls that a caller said can wait."""
    FEEDS = "feeds"
    """Calls that the gateway makes by itself, while nobody waits."""

    # Members are compared by identity; what Enum has for a hash is Python, for each call.
    __hash__ = object.__hash__


WEIGHTS = {
    Lane.WRITES: 32,
    Lane.IDENTITY: 32,
    Lane.PEOPLE: 16,
    Lane.PARTNERS: 8,
    Lane.STAFF: 8,
    Lane.EXPORTS: 2,
    Lane.FEEDS: 1,
}
"""The turns that a lane gets beside the others, while calls wait in each of them."""
FIRM = frozenset({Lane.WRITES, Lane.IDENTITY})
"""Lanes whose calls are not refused for want of budget or time, as long as their deadline lets."""


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
