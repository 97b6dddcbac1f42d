"""The end that a draft came to: the order that it became, and who ordered it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Colleague:
    """One of those who share a draft, by the desk that is their own, and their name."""

    desk: str
    name: str


@dataclass(frozen=True, slots=True)
class Placed:
    """The order that a draft became."""

    key: str
    order: str
    number: str | None
    by: Colleague | None = None
    """The one who ordered it, if it was shared."""

    def is_known_to(self, desk: str) -> bool:
        """True if the order is that of the owner of this desk, and not of a colleague."""
        return self.by is None or self.by.desk == desk
