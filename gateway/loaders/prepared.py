"""
The bounds of tables and the recent queries, prepared once for a caller and used by each of their
reads.
"""

from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar
from weakref import ref

from msgspec import Struct, field

from gateway.auth.principal import Principal
from gateway.ceiling import unheld
from gateway.loaders.asks import Ask, Frame
from gateway.loaders.bounds import Bounds
from gateway.model.tables import Link
from gateway.upstream.service import Call

K = TypeVar("K")
V = TypeVar("V")

RECENT = 16
"""Queries of a kind that are kept prepared for a caller; each keeps its plan alive."""
LONG = 2_000
"""Characters of a URL or document above which its preparation is not kept."""
PREPARED: Final = 8_000
"""Bytes that a prepared query takes at most."""


class RecentQueries(dict[K, V]):
    """At most `RECENT` values; beyond that all are forgotten, as callers may ask without end."""

    def prepared(
        self, key: K, make: Callable[[], V], length: Callable[[V], int] = lambda made: 0
    ) -> V:
        """
        The value that `make` returns, which follows from the caller and `key` alone.

        It is not kept if its `length` is above `LONG`: callers decide how much they ask, and there
        are many callers.
        """
        if key in self:
            return self[key]
        made = make()
        if length(made) <= LONG:
            if len(self) >= RECENT:
                self.clear()
            self[key] = made
        return made


class PreparedQueries(Struct, eq=False):
    """The prepared queries of one principal: they hold what it may see, and serve nobody else."""

    bounds: dict[tuple[str, int, bool], Bounds] = field(default_factory=dict)
    """The bounds of tables: by table, version of the names, and if rows are linked to."""
    implied: dict[tuple[Link, bool], Bounds | None] = field(default_factory=dict)
    """The bounds behind links, by link and if it is followed down; see `Reader.implied`."""
    calls: RecentQueries[Ask, Call] = field(default_factory=RecentQueries)
    """Lists, ready to be sent."""
    frames: RecentQueries[tuple[int, str, int], Frame] = field(default_factory=RecentQueries)
    """Queries for one row by its id, but for the id."""
    expansions: RecentQueries[Hashable, Any] = field(default_factory=RecentQueries)
    """Lists of plans: their questions, and the rows that travel inside of theirs."""

    def __len__(self) -> int:
        return len(self.calls) + len(self.frames) + len(self.expansions)

    def clear(self) -> None:
        """Forget the recent queries; the next time each is wanted it is prepared again."""
        self.calls.clear()
        self.frames.clear()
        self.expansions.clear()


class PreparedByPrincipal:
    """
    The prepared queries of the principals of a process; each is dropped with its principal.

    They are counted now and then, and forgotten together. They hold plans whose documents are kept
    no longer, so those count too.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[ref[Principal], PreparedQueries]] = {}
        self._counted = self._outlived = 0
        self.grown: Callable[[], None] = unheld

    def of(self, principal: Principal) -> PreparedQueries:
        """Those of this very principal: an equal one has its own."""
        key = id(principal)
        known = self._known.get(key)
        if known is not None and known[0]() is principal:
            return known[1]
        queries = PreparedQueries()
        self._known[key] = ref(principal, lambda _: self._known.pop(key, None)), queries
        return queries

    @property
    def size(self) -> int:
        """The bytes that they took when they were counted, with the plans that may outlive."""
        return self._counted + self._outlived

    def outlived(self, size: int) -> None:
        """Count plans of `size` bytes that only prepared queries still keep."""
        if self._counted:
            self._outlived += size

    def count(self) -> None:
        """Count them: whoever prepares a query does not wait for that."""
        self._counted = PREPARED * sum(len(queries) for _, queries in self._known.values())
        if not self._counted:
            self._outlived = 0
        self.grown()

    def drop(self) -> None:
        """Forget all of them; the next time each is wanted it is prepared again."""
        for _, queries in list(self._known.values()):
            queries.clear()
        self._counted = self._outlived = 0
