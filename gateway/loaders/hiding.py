"""
Columns that a caller's roles hide: they are not requested, compared or sorted by, and a mark in the
row raises Forbidden when one is read.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from strawberry.utils.str_converters import to_camel_case

from gateway.errors import Forbidden
from gateway.model.tables import Table
from gateway.upstream.conditions import WITHHELD, Condition, columns
from gateway.upstream.odata import Order


@lru_cache(maxsize=4096)
def withheld(table: Table, hidden: frozenset[str]) -> frozenset[str]:
    """The columns of the hidden members of a table; whatever else reads them is hidden too."""
    return frozenset(
        path
        for name, spec in table.specs.items()
        if f"{table.name}.{to_camel_case(name)}" in hidden
        for path in spec.own_paths
    )


def shows(table: Table, name: str, hidden: frozenset[str]) -> bool:
    """True if a member is neither hidden nor worked out from a column that is."""
    seen = f"{table.name}.{to_camel_case(name)}" not in hidden
    return seen and withheld(table, hidden).isdisjoint(table.specs[name].paths)


def check(secret: frozenset[str], where: Iterable[Condition], order: Iterable[Order]) -> None:
    """Forbidden where rows would be chosen or sorted by a column that is withheld."""
    used = {column for part in where for column in columns(part)}
    used.update(item.column for item in order)
    if not secret.isdisjoint(used):
        raise Forbidden("Your role may not filter or sort by this column.")


def mark(rows: Sequence[dict[str, Any]], paths: Iterable[str]) -> None:
    """Put the mark at `paths` of all rows, over any value."""
    for path in paths:
        *steps, last = path.split("/")
        for row in rows:
            place = row
            for step in steps:
                place[step] = place.get(step) or {}
                place = place[step]
            place[last] = WITHHELD
