"""
Batched loading for one request: links of a whole level travel in one call each.

Keys are taken from rows that the reader let through, never from a caller's text, except in `node`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, TypeVar

from msgspec.structs import replace

from gateway.errors import UpstreamMismatch
from gateway.loaders.asks import Ask, RowShape
from gateway.loaders.calculations import Calculations, RequestCalculations
from gateway.loaders.collected_loads import PacedLoader
from gateway.loaders.keys import Keys
from gateway.loaders.paper_links import PaperLinks
from gateway.loaders.parents import listed
from gateway.loaders.reader import Reader, Services
from gateway.loaders.windows import Slice, Window, child_windows
from gateway.model.tables import Back, Link, Row, Table
from gateway.upstream.conditions import Guid, Raw, Value, value_at
from gateway.upstream.row_keys import Folded, Key, folded, grouped, indexed, plain

Select = frozenset[str]
Load = tuple[Key, Select]
"""One load: the key of a row (or of its parent), and the columns wanted of it."""
R = TypeVar("R", bound=Row)


class Loaders:
    """
    The loaders of one request: they read rows under the row rules, in one call per list.

    A computed member gets them as its argument; a root field finds them at `info.context.loaders`.
    Use `matching` to read the rows of a table whose columns have given values. GatewayError if
    Dynamics does not answer.

    Example:

        @extend(Machine)
        class AcmeVisits:
            @computed("acme_machineid", doc="The number of visits that the caller may see.")
            async def visit_count(self, loaders: Loaders) -> int | None:
                by_machine = {lookup_value("acme_machineid"): UUID(self.raw["acme_machineid"])}
                return len(await loaders.matching(Visit, by_machine, paths(Visit, "reason")))

        # { machines { nodes { visitCount } } }
    """

    def __init__(
        self,
        reader: Reader,
        papers: PaperLinks | None = None,
        calculations: Calculations | None = None,
    ) -> None:
        """
        `papers` makes the links to documents; None where none are handed out. `calculations` are
        the ERP's; None where nobody asks for them.
        """
        self.reader = reader
        self.papers = papers
        self._calculations = calculations
        self._loaders: dict[Hashable, PacedLoader[Load, Any]] = {}

    def through(self, before: Callable[[Services], Services], *, strict: bool = False) -> "Loaders":
        """Loaders of the same request that ask what `before` puts before its services."""
        return self.reading_by(self.reader.through(before, strict=strict))

    def reading_by(self, reader: Reader) -> "Loaders":
        """Loaders of the same request that read by another reader, and have read nothing yet."""
        return Loaders(reader, self.papers, self._calculations)

    @cached_property
    def calculated(self) -> RequestCalculations | None:
        """The prices and promises of this request."""
        shared = self._calculations
        return RequestCalculations(shared, self.reader.allowance) if shared else None

    def forget(self) -> None:
        """Drop all cached rows after a write."""
        self._loaders.clear()

    async def one(self, link: Link, row: Row, select: Select) -> Row | None:
        """The row that `link` leads to; None where it is empty or not the caller's to see."""
        key = _link_key(row.raw, link, link.paths)
        if key is None:
            return None
        found = await _shared(self._by_key(link.target, link.target_paths).load((key, select)))
        return None if found is None else link.target.cls(found)

    async def many(self, back: Back, row: Row, select: Select, window: Window) -> Slice:
        """A window of the rows that point at `row`."""
        key = _link_key(row.raw, back.link, back.paths)
        if key is None:
            return Slice(back.child, window, count=0)
        found: Slice = await _shared(self._by_parent(back, window).load((key, select)))
        return found

    async def page(self, table: Table, select: Select, window: Window) -> Slice:
        """A window of all rows that the caller may see."""
        return await listed(self.reader, Ask(table, select), window)

    async def node(self, cls: type[R], key: Key, select: Select) -> R | None:
        """The row with a key that the caller sent; the row rule decides whether it exists."""
        table = cls.__table__
        by_key = self._by_key(table, tuple(table.key), from_rows=False)
        found = await _shared(by_key.load((key, select)))
        return None if found is None else cls(found)

    async def matching(
        self, cls: type[R], on: Mapping[str, Value], select: Select, *, from_rows: bool = True
    ) -> list[R]:
        """
        All rows of `cls` whose columns have the values `on`, with the columns `select`.

        The calls for all rows of a list are one request. Pass `from_rows=False` if the caller sent
        the values, rather than a row that was read.
        """
        columns = tuple(on)
        load = self._loader(
            ("matching", cls, columns, from_rows),
            partial(self._groups, cls.__table__, columns, from_rows=from_rows),
        )
        rows: list[Raw] = await _shared(load.load((tuple(on.values()), select)))
        return [cls(row) for row in rows]

    async def keyed(self, ask: Ask, keys: Keys) -> dict[Folded, Any]:
        """The rows of many keys; equal loads of the operation share one call."""
        load = self._by_key(ask.table, keys.columns, from_rows=keys.from_rows, shape=ask.shape)
        rows = await load.load_many([(key, ask.select) for key in keys.values])
        pairs = zip(keys.values, rows, strict=True)
        return {folded(key): row for key, row in pairs if row is not None}

    async def windows(
        self, back: Back, ask: Ask, keys: Keys, window: Window
    ) -> dict[Folded, Slice]:
        """The same window for many parents, shared in the same way."""
        load = self._by_parent(back, window, shape=ask.shape)
        slices = await load.load_many([(key, ask.select) for key in keys.values])
        return dict(zip(map(folded, keys.values), slices, strict=True))

    def _by_key(
        self,
        table: Table,
        columns: tuple[str, ...],
        *,
        from_rows: bool = True,
        shape: RowShape | None = None,
    ) -> PacedLoader[Load, Raw | None]:
        return self._loader(
            ("one", table.name, columns, from_rows, shape),
            partial(self._rows, Ask(table, frozenset(), shape=shape), columns, from_rows=from_rows),
        )

    def _by_parent(
        self, back: Back, window: Window, *, shape: RowShape | None = None
    ) -> PacedLoader[Load, Slice]:
        return self._loader(
            ("many", back.child.name, back.link.name, window, shape),
            partial(self._slices, Ask(back.child, frozenset(), shape=shape), back, window),
        )

    def _loader(
        self,
        name: Hashable,
        load: Callable[[list[Load]], Coroutine[Any, Any, list[Any]]],
    ) -> PacedLoader[Load, Any]:
        if name not in self._loaders:
            self._loaders[name] = PacedLoader(load)
        return self._loaders[name]

    async def _rows(
        self, ask: Ask, columns: tuple[str, ...], wanted: Sequence[Load], *, from_rows: bool
    ) -> list[Raw | None]:
        keys = Keys(columns, _keys(wanted), from_rows)
        ask = replace(ask, select=_union(wanted) | set(columns))
        pages = await self.reader.keyed([(ask, keys)])
        rows = [row for page in pages for row in page.rows]
        found = indexed(rows, columns)
        return [found.get(folded(key)) for key, _ in wanted]

    async def _slices(
        self, ask: Ask, back: Back, window: Window, wanted: Sequence[Load]
    ) -> list[Slice]:
        columns = back.link.paths
        ask = replace(ask, select=_union(wanted) | set(columns))
        found = await child_windows(self.reader, ask, Keys(columns, _keys(wanted)), window)
        return [found[folded(key)] for key, _ in wanted]

    async def _groups(
        self,
        table: Table,
        columns: tuple[str, ...],
        wanted: Sequence[Load],
        *,
        from_rows: bool,
    ) -> list[list[Raw]]:
        ask = Ask(table, _union(wanted) | set(columns))
        pages = await self.reader.keyed([(ask, Keys(columns, _keys(wanted), from_rows))])
        groups = grouped([row for page in pages for row in page.rows], columns)
        return [groups.get(folded(key), []) for key, _ in wanted]


def _shared(load: Awaitable[Any]) -> Awaitable[Any]:
    """
    A load as one of those who wait for it sees it: a round of the event loop later, as those see it
    who wait for many. What the two ways to execute load next travels in the same calls then.
    """
    return asyncio.shield(load)


def _keys(wanted: Iterable[Load]) -> tuple[Key, ...]:
    return tuple(dict.fromkeys(key for key, _ in wanted))


def _union(wanted: Iterable[Load]) -> Select:
    """One request serves all who wait for it, so it asks for what any of them needs."""
    return frozenset().union(*(select for _, select in wanted))


def _link_key(row: Raw, link: Link, paths: tuple[str, ...]) -> Key | None:
    """
    The key in a row's columns, typed; None if any part of it is empty.

    UpstreamMismatch where a service sent what no key is made of.
    """
    values = [value_at(row, path) for path in paths]
    if any(value is None or value == "" for value in values):
        return None
    try:
        return tuple(map(Guid if link.by_guid else plain, values))
    except (TypeError, ValueError):
        raise UpstreamMismatch("A key is not of its declared type.") from None
