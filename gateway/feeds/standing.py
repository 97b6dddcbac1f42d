"""
The place of a feed of one process in the news that replicas tell each other.

Each news leads from one position to the next. A process that is at another position than the reader
of its feed has missed some, or the reader could not tell them: it reads the feed itself, once.
"""

from hashlib import sha256

from msgspec import Struct


def position_of(link: str) -> str:
    """The position behind news that end with this delta link, such as "9f86d081884c7d65"."""
    return sha256(link.encode()).hexdigest()[:16]


class Standing(Struct):
    """The positions of one feed."""

    at: str = ""
    """Behind the last news that it knows; empty before it was read."""
    earlier: str = ""
    """The one before, at which the reader still seems to be for a moment."""
    behind: str = ""
    """One that others are at, to be reached by a read of its own; empty in general."""
    doubted: str = ""
    """One of the reader that differed at the last look: its news may be under way."""
    told_at: float = 0.0
    """The time at which it last told others."""

    def move(self, position: str) -> None:
        """Be at the next position, as all before it is known."""
        if position != self.at:
            self.earlier, self.at = self.at, position
        if self.behind == position:
            self.behind = ""

    def hear(self, before: str, after: str, has_rows: bool) -> bool:
        """True for news with all rows that follow on what is known; others have to be read."""
        if self.behind or before != self.at or not has_rows:
            self.behind = after
            return False
        self.move(after)
        return True

    def lags(self, reader: str) -> bool:
        """True if it is behind the reader, as it is when their positions have differed twice."""
        if reader in (self.at, self.earlier):
            self.doubted = ""
        elif reader != self.doubted:
            self.doubted = reader
        else:
            self.behind, self.doubted = reader, ""
        return bool(self.behind)
