"""The orders in which a list can be shown -> those offered to a visitor, and the one asked for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.visits import Visit

INNER_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Sort:
    """An order of a list: by one member of its rows, as `Product.addedAt`."""

    label: str
    member: str
    is_descending: bool = False

    @property
    def order(self) -> dict[str, str]:
        """The order as the gateway takes it."""
        field = INNER_CAPITAL.sub("_", self.member.partition(".")[2]).upper()
        return {"field": field, "direction": "DESC" if self.is_descending else "ASC"}


Sorts = Mapping[str, Sort]
"""The orders of a list by the name that its address has for each; the first one is the usual."""


def offered(visit: Visit, sorts: Sorts) -> dict[str, str]:
    """The labels of the orders by members that are there and not hidden from the visitor."""
    return {name: sort.label for name, sort in sorts.items() if visit.reads(sort.member)}


def order(visit: Visit, sorts: Sorts) -> dict[str, Any]:
    """The variable for the order that the address names, or the usual one; empty without any."""
    names = [*offered(visit, sorts)]
    wanted = visit.query.get("sort", "")
    chosen = wanted if wanted in names else next(iter(names), None)
    return {"orderBy": [sorts[chosen].order]} if chosen else {}
