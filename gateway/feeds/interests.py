"""
Those who watch a table: by a row rule, of which there is one for all whom it lets see the same
rows, or by the keys of rows.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from gateway.feeds.anchors import anchors, spellings
from gateway.upstream.conditions import EVERYTHING, Condition

Interest = Condition | bytes | str
"""A row rule, the key of a row, or a legal entity, of a table that has no feed."""


class Watcher:
    """Somebody who wants to know when what they saw may be different."""

    __slots__ = ("noted", "wake")

    def __init__(self, wake: Callable[[], None]) -> None:
        """`wake` is called when a change concerns the watcher."""
        self.wake = wake
        self.noted: set[tuple[str, Interest]] = set()
        """The tables that it saw rows of, each with a rule or the key of a row."""


class Decides(Protocol):
    """Decides on one row that changed, as it was and as it is."""

    def __call__(self, rule: Condition) -> bool:
        """True if the rule lets it be seen, or nobody can tell."""

    def values(self, path: str) -> Sequence[Any] | None:
        """The values of a column or path; None where they are not known."""


class Interests:
    """The watchers of one table."""

    def __init__(self) -> None:
        self._rules: dict[Condition, set[Watcher]] = {}
        self._keys: dict[bytes, set[Watcher]] = {}
        self._anchored: dict[str, dict[Hashable, set[Condition]]] = {}
        """Rules by the columns and values that rows must have for them."""
        self._others: set[Condition] = set()
        """Rules that name no such values."""

    def __bool__(self) -> bool:
        return bool(self._rules or self._keys)

    def add(self, watcher: Watcher, interest: Condition | bytes) -> None:
        """Tell the watcher of changes from here on."""
        if isinstance(interest, bytes):
            self._keys.setdefault(interest, set()).add(watcher)
            return
        if interest not in self._rules:
            found = anchors(interest)
            if found is None:
                self._others.add(interest)
            for column, value in found or ():
                self._anchored.setdefault(column, {}).setdefault(value, set()).add(interest)
        self._rules.setdefault(interest, set()).add(watcher)

    def remove(self, watcher: Watcher, interest: Condition | bytes) -> None:
        """End what `add` began."""
        if isinstance(interest, bytes):
            _remove(self._keys, interest, watcher)
            return
        _remove(self._rules, interest, watcher)
        if interest not in self._rules:
            self._others.discard(interest)
            for column, value in anchors(interest) or ():
                if column in self._anchored:
                    _remove(self._anchored[column], value, interest)
                    if not self._anchored[column]:
                        del self._anchored[column]

    def everybody(self) -> Iterator[Watcher]:
        """All watchers of the table; one who watches in several ways comes several times."""
        for found in (*self._rules.values(), *self._keys.values()):
            yield from found

    def are_of(self, watcher: Watcher) -> bool:
        """True if nobody else watches the table."""
        return all(each is watcher for each in self.everybody())

    def concerned(self, key: bytes, holds: Decides) -> Iterable[Watcher]:
        """Those whom a change of the row `key` concerns."""
        yield from self._keys.get(key, ())
        for rule in self._asked(holds):
            if rule == EVERYTHING or holds(rule):
                yield from self._rules[rule]

    def _asked(self, row: Decides) -> set[Condition]:
        """The rules that may let a row be seen: the others cannot, by its values."""
        found = set(self._others)
        for column, rules in self._anchored.items():
            values = row.values(column)
            if values is None:
                found.update(*rules.values())
                continue
            for each in {spelled for value in values for spelled in spellings(value)}:
                found |= rules.get(each, set())
        return found


K = TypeVar("K")
V = TypeVar("V")


def _remove(found: dict[K, set[V]], key: K, value: V) -> None:
    values = found.get(key)
    if values is None:
        return
    values.discard(value)
    if not values:
        del found[key]
