"""
Those who watch a table: by a row rule, of which there is one for all whom it lets see the same
rows, or by the keys of rows.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

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


W = TypeVar("W")


class Interests:
    """The watchers of one table."""

    def __init__(self) -> None:
        self._rules: dict[Condition, set[Watcher]] = {}
        self._keys: dict[bytes, set[Watcher]] = {}

    def __bool__(self) -> bool:
        return bool(self._rules or self._keys)

    def add(self, watcher: Watcher, interest: Condition | bytes) -> None:
        """Tell the watcher of changes from here on."""
        if isinstance(interest, bytes):
            self._keys.setdefault(interest, set()).add(watcher)
        else:
            self._rules.setdefault(interest, set()).add(watcher)

    def remove(self, watcher: Watcher, interest: Condition | bytes) -> None:
        """End what `add` began."""
        if isinstance(interest, bytes):
            _remove(self._keys, interest, watcher)
        else:
            _remove(self._rules, interest, watcher)

    def everybody(self) -> Iterator[Watcher]:
        """All watchers of the table; one who watches in several ways comes several times."""
        for found in (*self._rules.values(), *self._keys.values()):
            yield from found

    def are_of(self, watcher: Watcher) -> bool:
        """True if nobody else watches the table."""
        return all(each is watcher for each in self.everybody())

    def concerned(self, key: bytes, holds: Callable[[Condition], bool]) -> Iterable[Watcher]:
        """Those whom a change of the row `key` concerns; `holds` decides on a rule."""
        yield from self._keys.get(key, ())
        for rule, watchers in self._rules.items():
            if rule == EVERYTHING or holds(rule):
                yield from watchers


K = TypeVar("K")


def _remove(found: dict[K, set[Watcher]], key: K, watcher: Watcher) -> None:
    watchers = found.get(key)
    if watchers is None:
        return
    watchers.discard(watcher)
    if not watchers:
        del found[key]
