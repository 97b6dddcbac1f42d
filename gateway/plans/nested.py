"""Rows that travel inside of other rows by `$expand`, and the lookups that this takes."""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.loaders.bounds import Bounds
from gateway.loaders.windows import Window
from gateway.upstream.odata import Expand

EXPANDS, RULES = 15, 2
"""Expands that Dataverse takes in one query, and how many of them a row rule may need."""


@dataclass(frozen=True, slots=True)
class Nested:
    """Rows that may travel inside of their parents, and what they are looked at by when they do."""

    expand: Expand
    bounds: Bounds
    """The bounds of the caller in their table."""
    of: Window | None = None
    """The window that they are of each parent's list."""
    implied: bool = True
    """True if all rows that travel so are within the bounds; if not, others are left out."""

    @property
    def lookups(self) -> set[str]:
        """The lookups that are followed for them: their own, and those of paths below it."""
        navigation = self.expand.navigation
        return {navigation, *(f"{navigation}/{each}" for each in lookups_of(self.expand.select))}


def lookups_of(paths: Iterable[str]) -> set[str]:
    """The lookups that paths lead through, each with those before it."""
    steps = [path.split("/") for path in paths]
    return {"/".join(each[:end]) for each in steps for end in range(1, len(each))}
