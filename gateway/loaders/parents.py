"""
The rows that a caller sees with those that they belong to alone: a page of all that belong to a row
that the caller sees.
"""

import unicodedata
from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import Any

from msgspec.structs import replace

from gateway.auth.principal import Principal
from gateway.loaders.asks import Ask
from gateway.loaders.belonging import parents_of
from gateway.loaders.keys import Keys
from gateway.loaders.keyset import KeysetPlace, place
from gateway.loaders.reader import Reader
from gateway.loaders.windows import Slice, Window, child_windows, root_window
from gateway.model.tables import Link, Table
from gateway.upstream.odata import Order
from gateway.upstream.pages import Row
from gateway.upstream.row_keys import raw_keys


async def listed(reader: Reader, wanted: Ask, of: Window) -> Slice:
    """A window of all rows that the caller may see; `wanted` names table and columns."""
    link = parent_of_list(reader.principal, wanted.table)
    if link is not None:
        return await _below(reader, link, wanted, of)
    return await root_window(reader, wanted, of)


def parent_of_list(principal: Principal, table: Table) -> Link | None:
    """The link to the rows below which a list is read, where it is merged from their lists."""
    links = parents_of(principal, table) if table.dialect.sorts_plainly else ()
    return links[0] if len(links) == 1 else None


async def _below(reader: Reader, link: Link, wanted: Ask, of: Window) -> Slice:
    """The window over the lists of all parents, each read as far as it may reach into the page."""
    parents = await reader.page(Ask(link.target, frozenset(link.target_paths)))
    keys = (key for key in raw_keys(parents.rows, link.target_paths) if None not in key)
    those = Keys(link.paths, tuple(dict.fromkeys(keys)))
    if not those.values:
        return Slice(wanted.table, of, count=0)
    wanted = replace(wanted, select=wanted.select | {*link.paths})
    slices = (await child_windows(reader, wanted, those, of)).values()
    rows = _ordered(wanted.table, of.order, list(chain.from_iterable(each.rows for each in slices)))
    kept = rows[max(len(rows) - of.size, 0) :] if of.backward else rows[: of.size]
    return Slice(
        wanted.table,
        of,
        kept,
        more=len(rows) > of.size or any(each.more for each in slices),
        count=sum(each.count or 0 for each in slices),
        count_is_exact=all(each.count_is_exact for each in slices),
    )


def _ordered(table: Table, order: Sequence[Order], rows: list[Row]) -> list[Row]:
    """The rows as a service that sorts plainly has them: text without regard to case."""
    placed = [(place(table, order, row), row) for row in rows]
    for number, item in reversed(list(enumerate(order))):
        placed.sort(key=partial(_sortable, number), reverse=item.descending)
    return [row for _, row in placed]


def _sortable(number: int, placed: tuple[KeysetPlace, Row]) -> Any:
    value = placed[0][number]
    if value is None:
        # A column that this environment does not have.
        return (False,)
    return True, _compared(value)


def _compared(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    bare = unicodedata.normalize("NFKD", value.casefold())
    return "".join(letter for letter in bare if not unicodedata.combining(letter))
