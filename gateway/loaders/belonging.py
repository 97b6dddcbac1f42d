"""
Rows that a caller sees only with a row that they belong to: which links say so, and which rows of
many have such a row.
"""

from collections.abc import Awaitable, Callable, Sequence
from operator import contains
from typing import Any

from msgspec.structs import replace

from gateway.auth.principal import Access, Principal
from gateway.errors import UpstreamMismatch
from gateway.loaders.keys import Keys
from gateway.model.members.link import Link, links_back
from gateway.model.tables import Table
from gateway.upstream.conditions import Guid
from gateway.upstream.pages import Page
from gateway.upstream.row_keys import Folded, keys_of, plain, raw_keys

ReadLinked = Callable[[Link, Keys], Awaitable[list[Page]]]
"""Reads the rows of these keys that a link leads to, as far as the caller sees them."""


def parents_of(principal: Principal, table: Table) -> list[Link]:
    """
    The links to the rows with which alone the caller sees those of `table`; none where they are
    seen by themselves.
    """
    reach = principal.rights.reach
    if table.rule.linked_only or reach.get((table.needs, "read")) is not Access.PARENT:
        return []
    alone = {needs for (needs, _), access in reach.items() if access is not Access.PARENT}
    return [each for each in links_back(table) if each.target.needs in alone]


async def belonging(
    links: Sequence[Link], found: list[tuple[Keys, Page]], read: ReadLinked
) -> list[tuple[Keys, Page]]:
    """The rows of which the caller sees a row that one of `links` leads to."""
    rows = [row for _, page in found for row in page.rows]
    seen = [await _seen(link, rows, read) for link in links]

    def kept(page: Page) -> list[Any]:
        keys = zip(*(keys_of(page.rows, link.paths) for link in links), strict=True)
        pairs = zip(page.rows, keys, strict=True)
        return [row for row, each in pairs if any(map(contains, seen, each))]

    return [(keys, replace(page, rows=kept(page))) for keys, page in found]


async def _seen(link: Link, rows: Sequence[Any], read: ReadLinked) -> set[Folded]:
    """The keys in these rows that lead to a row that the caller sees."""
    found = {key for key in raw_keys(rows, link.paths) if None not in key}
    try:
        wanted = tuple(tuple(map(Guid if link.by_guid else plain, key)) for key in found)
    except (TypeError, ValueError):
        raise UpstreamMismatch("A key is not of its declared type.") from None
    pages = await read(link, Keys(link.target_paths, wanted, from_rows=False)) if wanted else []
    return {key for page in pages for key in keys_of(page.rows, link.target_paths)}
