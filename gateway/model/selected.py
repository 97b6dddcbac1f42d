"""Rows as JSON -> the values at their selected columns and paths."""

from typing import Any

from gateway.upstream.conditions import Raw, value_at


def selected(raw: Raw, path: str) -> Any:
    """The value at `path`; LookupError if it was never asked for, which would read as null."""
    if not is_selected(raw, path):
        raise LookupError(f"'{path}' was not selected")
    return value_at(raw, path)


def is_selected(raw: Raw, path: str) -> bool:
    """True if the column at `path` was asked for, which no empty lookup on the way denies."""
    place: Any = raw
    for step in path.split("/"):
        if not hasattr(place, "get"):
            break  # an empty lookup, or what a service sent in the place of a row
        if step not in place:
            return False
        place = place.get(step)
    return True
