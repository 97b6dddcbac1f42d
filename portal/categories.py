"""The categories of the gateway as a tree, with the path to the one that is chosen. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

DEEPEST: Final = 12
"""Levels that are followed upwards at most, whatever the rows say."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A category, and those below it that are open."""

    id: str
    name: str
    is_chosen: bool
    is_open: bool
    below: tuple["Branch", ...] = ()


def tree(rows: Iterable[Mapping[str, Any]] | None, chosen: str | None) -> tuple[Branch, ...]:
    """The top of the tree, open along the path to the category that is chosen."""
    known = {row["id"]: row for row in rows or ()}
    return tuple(_branches(known, None, {*path(known, chosen)}, chosen))


def path(known: Mapping[str, Mapping[str, Any]], chosen: str | None) -> list[str]:
    """The ids from the top down to a category; none for one that is not there."""
    found: list[str] = []
    while chosen is not None and chosen in known and len(found) < DEEPEST:
        found.append(chosen)
        chosen = known[chosen]["parentId"]
    return found[::-1]


def _branches(
    known: Mapping[str, Mapping[str, Any]], above: str | None, open_: set[str], chosen: str | None
) -> Iterator[Branch]:
    for key, row in known.items():
        # A category whose parent is not told stands at the top.
        parent = row["parentId"] if row["parentId"] in known else None
        if parent != above:
            continue
        below = tuple(_branches(known, key, open_, chosen)) if key in open_ else ()
        name = row["friendlyName"] or row["name"] or ""
        yield Branch(key, name, key == chosen, key in open_, below)
