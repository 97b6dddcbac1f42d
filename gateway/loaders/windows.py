"""
A window of a list (the first or last n rows, after or before a place) for one parent or for many.

Many parents share each request: rows arrive in the order asked for, parents that have enough drop
out, and the rest go on behind the last row. A link costs one call, plus pages and URL chunks.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from gateway.admission.pacing import MANY, breathe
from gateway.engine.limits import DEFAULT_SIZE, MAXIMUM_SIZE
from gateway.errors import InvalidInput
from gateway.loaders.asks import Ask
from gateway.loaders.keys import Keys
from gateway.loaders.keyset import KeysetPlace, beyond, decode, place, reverse, total_order
from gateway.loaders.reader import Reader
from gateway.model.tables import Table
from gateway.upstream.conditions import EVERYTHING, Condition, both, columns, renamed
from gateway.upstream.odata import Order
from gateway.upstream.pages import Page, Row
from gateway.upstream.row_keys import Folded, folded, grouped, keys_of
from gateway.upstream.service import PAGE_SIZE

FoundSlices = Callable[[Keys], "dict[Folded, Slice] | None"]
"""The windows of these parents, of rows that were read along with them; none where that failed."""


@dataclass(frozen=True, slots=True)
class Window:
    """The rows of a list are wanted. `order` is the caller's, with the key as tie-break."""

    size: int
    order: tuple[Order, ...]
    where: Condition = EVERYTHING
    start: KeysetPlace | None = None
    backward: bool = False
    counted: bool = False

    @property
    def direction(self) -> tuple[Order, ...]:
        """The order in which rows are read."""
        return reverse(self.order) if self.backward else self.order


@dataclass(slots=True)
class Slice:
    """The rows of a window, in the caller's order, and what lies around them."""

    table: Table
    window: Window
    rows: list[Row] = field(default_factory=list)
    more: bool = False
    """True if rows follow in the direction of reading."""
    count: int | None = None
    count_is_exact: bool = True

    @property
    def has_next(self) -> bool:
        return self.window.start is not None if self.window.backward else self.more

    @property
    def has_previous(self) -> bool:
        return self.more if self.window.backward else self.window.start is not None


def window(
    table: Table,
    *,
    first: int | None = None,
    last: int | None = None,
    after: str | None = None,
    before: str | None = None,
    where: Condition = EVERYTHING,
    order: tuple[Order, ...] = (),
    counted: bool = False,
) -> Window:
    """The window that paging arguments mean; raises InvalidInput or InvalidCursor."""
    backward = last is not None
    if backward and (first is not None or after is not None):
        raise InvalidInput("'last' goes with 'before', 'first' with 'after'.", argument="last")
    if before is not None and not backward:
        raise InvalidInput("'before' goes with 'last'.", argument="before")
    size = last if last is not None else DEFAULT_SIZE if first is None else first
    if not 0 <= size <= MAXIMUM_SIZE:
        name = "last" if backward else "first"
        raise InvalidInput(f"'{name}' must be from 0 to {MAXIMUM_SIZE}.", argument=name)
    full = total_order(table, order)
    cursor = before if backward else after
    start = None if cursor is None else decode(table, full, cursor)
    return Window(size, full, where, start, backward, counted)


async def root_window(reader: Reader, wanted: Ask, of: Window) -> Slice:
    """A window of all rows that the caller may see; `wanted` names table and columns."""
    table = wanted.table
    count_along = of.counted and of.start is None
    page = await reader.page(_ask(wanted, of, of.size + 1, of.start, count=count_along))
    rows, more = page.rows, page
    while len(rows) <= of.size and not more.complete and more.last:
        # The gate dropped rows, which is a defect somewhere; it must not end the list early.
        start = place(table, of.direction, more.last)
        more = await reader.page(_ask(wanted, of, of.size + 1, start))
        rows = rows + more.rows
    result = sliced(table, of, rows)
    if count_along:
        result.count, result.count_is_exact = page.count, page.count_is_exact
    elif of.counted:
        counting = await reader.page(
            replace(wanted, select=frozenset(), where=of.where, top=1, count=True, expands=())
        )
        result.count, result.count_is_exact = counting.count, counting.count_is_exact
    return result


async def child_windows(
    reader: Reader, wanted: Ask, parents: Keys, of: Window
) -> dict[Folded, Slice]:
    """The same window for each parent, which the children name in columns that `wanted` has too."""
    found = Gathering(wanted, parents, of)
    pending = [(parents, of.start)]
    while pending:
        asks = [
            (_ask(wanted, of, _top(of, part), start, count=found.alone), part)
            for part, start in pending
        ]
        pending = []
        for part, page in await reader.chunked(asks):
            if page.rows[MANY:]:  # the gate has just looked at each of them
                await breathe(len(page.rows))
            pending += found.take(part, page)
    if of.counted and not found.counted:
        await found.count(reader)
    return found.slices


async def windows_of_all(
    reader: Reader, wanted: Ask, above: Keys, of: Window, outer: Window, named: Mapping[str, str]
) -> FoundSlices:
    """
    The windows of parents that are read at the same time as their rows, by the keys of the parents'
    own parents (`above`), of which each has a window of parents (`outer`). `named` has the columns
    by which the rows name what the parents' columns hold.

    There is nothing for parents that were not asked for, and none at all where one page does not
    hold the rows of all.
    """
    most = 2 * (outer.size + 1) * (of.size + 1) * len(above.values)
    where = renamed(outer.where, named) if columns(outer.where) <= named.keys() else EVERYTHING
    asked = dataclasses.replace(of, where=both(of.where, where))
    ask = _ask(wanted, asked, min(most, PAGE_SIZE), None)
    pages = [page for _, page in await reader.chunked([(ask, above)])]

    def found(parents: Keys) -> dict[Folded, Slice] | None:
        if not all(page.complete for page in pages):
            return None
        gathering = Gathering(wanted, parents, of)
        for page in pages:
            gathering.take(parents, page)
        return gathering.slices

    return found


class Gathering:
    """The rows read so far, by parent."""

    def __init__(self, wanted: Ask, parents: Keys, window: Window) -> None:
        self.wanted, self.parents, self.window = wanted, parents, window
        self.table = wanted.table
        self.rows: dict[Folded, list[Row]] = {folded(key): [] for key in parents.values}
        self.counts: dict[Folded, int] = {}
        self.count_is_exact = True
        self.cut = window.start is not None
        """True if rows were left unread, so that counting those that are here would not do."""

    @property
    def alone(self) -> bool:
        """True if the service itself can count along: one parent, from the start of its list."""
        window = self.window
        return window.counted and window.start is None and len(self.parents.values) == 1

    @property
    def counted(self) -> bool:
        return bool(self.counts) or not self.cut

    def take(self, keys: Keys, page: Page) -> list[tuple[Keys, KeysetPlace | None]]:
        """
        Assign rows to their parents; return the parents that need more rows, and where to continue.
        """
        for key, rows in grouped(page.rows, keys.columns).items():
            mine = self.rows.get(key)
            if mine is not None:
                mine.extend(rows)
        if page.count is not None:
            self.counts = dict.fromkeys(self.rows, page.count)
            self.count_is_exact = page.count_is_exact
        if page.complete or page.last is None:
            return []
        self.cut = True
        wanting = tuple(k for k in keys.values if len(self.rows[folded(k)]) <= self.window.size)
        start = place(self.table, self.window.direction, page.last)
        return [(keys.having(wanting), start)] if wanting else []

    async def count(self, reader: Reader) -> None:
        """Count each parent's rows by reading their keys, one page of them."""
        select = frozenset(self.parents.columns)
        ask = replace(
            self.wanted, select=select, where=self.window.where, top=PAGE_SIZE, expands=()
        )
        self.counts = dict.fromkeys(self.rows, 0)
        for page in await reader.keyed([(ask, self.parents)]):
            self.count_is_exact &= page.complete
            for key in keys_of(page.rows, self.parents.columns):
                self.counts[key] += 1

    @property
    def slices(self) -> dict[Folded, Slice]:
        return {key: self._slice(key, rows) for key, rows in self.rows.items()}

    def _slice(self, key: Folded, rows: list[Row]) -> Slice:
        result = sliced(self.table, self.window, rows)
        result.count = self.counts.get(key, len(rows))
        result.count_is_exact = self.count_is_exact
        return result


def _top(of: Window, keys: Keys) -> int:
    """The number of rows to ask for: exact for one parent, with room for uneven ones for many."""
    wanted = of.size + 1
    return wanted if len(keys.values) == 1 else min(PAGE_SIZE, 2 * wanted * len(keys.values))


def _ask(
    wanted: Ask, of: Window, top: int, start: KeysetPlace | None, *, count: bool = False
) -> Ask:
    direction = of.direction
    where = of.where if start is None else both(of.where, beyond(wanted.table, direction, start))
    return Ask(
        wanted.table, wanted.select, where, direction, top, count, wanted.shape, wanted.expands
    )


def sliced(table: Table, of: Window, rows: list[Any]) -> Slice:
    """The window of rows that were read in its direction, one more than wanted if there is one."""
    more = len(rows) > of.size
    kept = rows[: of.size] if more else rows
    return Slice(table, of, kept[::-1] if of.backward else kept, more)
