"""
The feed of one table: pages of changes -> each row that changed, as it was and as it is.

A feed remembers of each row what proves row rules, so that a row that is deleted, or given to
somebody else, concerns those who saw it.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from math import inf
from typing import Any, Final

from msgspec import Struct

from gateway.feeds.interests import Interests
from gateway.feeds.standing import Standing
from gateway.model.proofs import FeedColumns, RowId, row_id
from gateway.upstream.conditions import Condition, value_at
from gateway.upstream.delta_pages import DeltaPage

DELETED: Final = "deleted"
MOST_ROWS: Final = 1_000_000
"""Rows of one table of which the proofs are remembered; a change of others concerns everybody."""

Proof = tuple[Any, ...]


class Unproven(Exception):
    """A row rule cannot be decided, as a row that it needs is not known."""


class State(Enum):
    """The state of a feed."""

    NEW = "new"
    """It has no delta link yet, or has lost it."""
    FOLLOWED = "followed"
    UNTRACKED = "untracked"
    """The environment does not track the table, or does not let us read it."""


class RowChange(Struct, frozen=True):
    """A row that changed: what proved its rules before, and what does now."""

    feed: "Feed"
    row: RowId
    before: Proof | None
    """None for a row that was not known."""
    after: Proof | None
    """None for a row that is gone."""

    def sides(self) -> Iterator["ProvenRow"]:
        """The row as it was and as it is, as far as there are proofs of it; Unproven without."""
        if self.before is None and (self.after is None or self.feed.is_full):
            raise Unproven
        for proof in (self.before, self.after):
            if proof is not None:
                yield ProvenRow(self.feed, proof)


class ProvenRow:
    """The columns of a row that prove rules, read as a row; `get` raises Unproven for others."""

    __slots__ = ("_feed", "_proof")

    def __init__(self, feed: "Feed", proof: Proof) -> None:
        self._feed, self._proof = feed, proof

    def get(self, name: str) -> Any:
        """The value of a column, or the row that a lookup leads to."""
        place = self._feed.places.get(name)
        if place is not None:
            return self._proof[place]
        return self._feed.parent(name, self._proof)


class Feed:
    """The changes of one table, and those who want to know of them."""

    def __init__(self, columns: FeedColumns, feeds: Mapping[str, "Feed"]) -> None:
        """`feeds`: all of them by table, for rules that lead through parents."""
        self.columns = columns
        self.places = {name: place for place, name in enumerate(columns.proof)}
        self.interests = Interests()
        self.state = State.NEW
        self.remembers = True
        """False while it is read for rows that are kept alone, of which no rule is to be proved."""
        self.link = ""
        self.standing = Standing()
        self.read_at = 0.0
        """The time of the last read that succeeded."""
        self.synced_at = -inf
        """The time at which it was read as a whole."""
        self._feeds = feeds
        self._lookups = {step: f"_{step}_value" for step in columns.steps}
        self._rows: dict[RowId, Proof] = {}
        self._proofs: dict[Proof, Proof] = {}
        """One copy of proofs that many rows have in common."""
        self.spelled: tuple[str | None, ...] = ()
        """The columns of `proof` on the wire; None for one that the environment lacks."""
        self.spelled_key = columns.key

    @property
    def entity(self) -> str:
        return self.columns.entity

    @property
    def is_full(self) -> bool:
        """True if there may be rows of which nothing is remembered."""
        return not self.remembers or len(self._rows) >= MOST_ROWS

    def forget(self) -> None:
        """Begin anew: the rows that are remembered may not be those that there are."""
        self.state, self.link, self.standing = State.NEW, "", Standing()
        self._rows.clear()
        self._proofs.clear()

    def take(self, page: DeltaPage) -> list[RowChange]:
        """Remember the rows of a page; each with its proof as it was."""
        return [change for each in page.value if (change := self._taken(each)) is not None]

    def parent(self, step: str, proof: Proof) -> "ProvenRow | None":
        """The row that a lookup of a row leads to; Unproven if it is not known."""
        lookup = self._lookups.get(step)
        feed = self._feeds.get(self.columns.steps.get(step, ""))
        if lookup is None or feed is None:
            raise Unproven
        key = proof[self.places[lookup]]
        if key is None:
            return None
        found = feed._rows.get(row_id(key))
        if found is None:
            raise Unproven
        return ProvenRow(feed, found)

    def _taken(self, row: dict[str, Any]) -> RowChange | None:
        gone = row.get("reason") == DELETED
        key = row.get("id" if gone else self.spelled_key)
        if not isinstance(key, str):
            return None
        known = row_id(key)
        if not self.columns.proof:
            return RowChange(self, known, (), None if gone else ())
        if gone:
            return RowChange(self, known, self._rows.pop(known, None), None)
        proof = tuple([None if name is None else row.get(name) for name in self.spelled])
        before = self._rows.get(known)
        if before is not None or not self.is_full:
            self._rows[known] = self._proofs.setdefault(proof, proof)
        return RowChange(self, known, before, proof)


class RowDecision:
    """`Decides` by the proofs of a row that changed."""

    def __init__(self, change: RowChange) -> None:
        try:
            self._sides: list[Any] | None = list(change.sides())
        except Unproven:
            self._sides = None

    def __call__(self, rule: Condition) -> bool:
        if self._sides is None:
            return True
        try:
            return any(rule.holds(side) for side in self._sides)
        except Unproven:
            return True

    def values(self, path: str) -> Sequence[Any] | None:
        if self._sides is None:
            return None
        try:
            return [value_at(side, path) for side in self._sides]
        except Unproven:
            return None


def holding(change: RowChange) -> RowDecision:
    """True for rules that let a row be seen as it was, or as it is."""
    return RowDecision(change)
