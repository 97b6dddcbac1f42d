"""Relay connections over the windows that the loaders bring."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import strawberry

from gateway.loaders import keyset
from gateway.loaders.windows import Slice
from gateway.model.tables import Row

T = TypeVar("T")
COUNTS = ("totalCount", "totalCountIsLowerBound")
"""The fields of a connection for which its rows are counted."""


@strawberry.type(description="The place of a page in its list.")
class PageInfo:
    """The place of a page, as Relay names it."""

    has_next_page: bool = strawberry.field(description="True if rows follow this page.")
    has_previous_page: bool = strawberry.field(description="True if rows precede this page.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first row.")
    end_cursor: str | None = strawberry.field(
        description="The cursor of the last row: `after` it the next page begins."
    )


@strawberry.type(description="A row in a list, and its place there.")
class Edge(Generic[T]):
    """One row of a page with its cursor."""

    node: T = strawberry.field(description="The row.")
    cursor: str = strawberry.field(description="The row's place in this list and this order.")


@strawberry.type(description="One page of a list.")
class Connection(Generic[T]):
    """A page of rows. `Listing` gives its values."""

    edges: list[Edge[T]] = strawberry.field(description="The rows with their cursors.")
    nodes: list[T] = strawberry.field(description="The rows alone.")
    page_info: PageInfo = strawberry.field(description="The place of the page in its list.")
    total_count: int = strawberry.field(
        description="The number of rows in the whole list; at least so many where "
        "`totalCountIsLowerBound`."
    )
    total_count_is_lower_bound: bool = strawberry.field(
        description="True if Dynamics stopped counting, as it does at 5,000 rows."
    )


@dataclass(frozen=True, slots=True)
class ResolvedEdge:
    """A resolved edge; its cursor is computed when it is selected."""

    listing: "Listing"
    node: Row

    @property
    def cursor(self) -> str:
        return self.listing.cursor(self.node)


class Listing:
    """The values that the fields of a connection read."""

    def __init__(self, found: Slice) -> None:
        self._found = found
        self.nodes: Sequence[Row] = [found.table.cls(row) for row in found.rows]

    @property
    def edges(self) -> list[ResolvedEdge]:
        return [ResolvedEdge(self, node) for node in self.nodes]

    @property
    def page_info(self) -> PageInfo:
        return PageInfo(
            has_next_page=self._found.has_next,
            has_previous_page=self._found.has_previous,
            start_cursor=self.cursor(self.nodes[0]) if self.nodes else None,
            end_cursor=self.cursor(self.nodes[-1]) if self.nodes else None,
        )

    @property
    def total_count(self) -> int | None:
        return self._found.count

    @property
    def total_count_is_lower_bound(self) -> bool:
        return not self._found.count_is_exact

    def cursor(self, row: Row) -> str:
        return keyset.encode(self._found.table, self._found.window.order, row.raw)
