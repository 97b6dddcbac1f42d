"""
The upstream reads of a plan: a tree in which each fetch reads, for all rows of its parent at once,
what belongs to them, and puts it into a slot of each row.

They go through the reader and the windows of the loaders, so that row rules, paging and the limits
of Dynamics are what they are on graphql-core.
"""

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable
from itertools import chain, repeat
from typing import Any, TypeVar

from graphql.execution.values import VariableValues
from msgspec import Struct
from msgspec.structs import replace

from gateway.admission.pacing import Pace, pace
from gateway.loaders.asks import Ask
from gateway.loaders.batching import TOGETHER
from gateway.loaders.bounds import Bounds
from gateway.loaders.hiding import withheld
from gateway.loaders.keys import Keys
from gateway.loaders.windows import Slice, Window, child_windows, sliced
from gateway.model.tables import Back, Computed, Link, Table
from gateway.plans.arguments import Arguments
from gateway.plans.leaves import Unusual
from gateway.plans.structs import RowStructs
from gateway.schema.context import Context
from gateway.schema.listing import window_of
from gateway.upstream.conditions import EVERYTHING, Guid
from gateway.upstream.odata import Expand
from gateway.upstream.row_keys import (
    Folded,
    Key,
    folded,
    indexed,
    plain,
    put,
    raw_keys,
    share,
    values_at,
)


class Run(Struct, frozen=True):
    """One execution of a plan."""

    context: Context
    variables: VariableValues
    expands: bool = False
    """True if rows may travel inside of one another."""
    brief: bool = False
    """True if prepared queries may be kept for the caller, and the plan with them."""


@dataclass(eq=False)
class Branch:
    """Something read for every row of a parent, and kept in `slot` of the row."""

    slot: str = ""

    @abstractmethod
    async def load(self, run: Run, parents: Sequence[Any]) -> None:
        """Fill the slot of each parent, and go on below."""


@dataclass(frozen=True, slots=True)
class Nested:
    """Rows that may travel inside of their parents, and what they are looked at by when they do."""

    expand: Expand
    bounds: Bounds
    """The bounds of the caller in their table."""
    of: Window | None = None
    """The window that they are of each parent's list."""


B = TypeVar("B", bound=Branch)
PATIENCE = 1.0
"""Seconds to wait for the other reads after one has failed."""
EXPANDS, RULES = 15, 2
"""Expands that Dataverse takes in one query, and how many of them a row rule may need."""
NOTHING_CAME: Mapping[Any, Nested] = {}
CURSORS = frozenset({"cursor", "startCursor", "endCursor"})
ROWS_ALONE = frozenset({"nodes", "edges", "node", "__typename"})


@dataclass(eq=False)
class Fetch(Branch):
    """Rows of one table."""

    table: Table = field(kw_only=True)
    shape: RowStructs = field(kw_only=True)
    shared: bool = False
    """True if another fetch of the operation may want the same rows, so that both share them."""
    select: set[str] = field(default_factory=set)
    """The columns that the operation needs, besides those that the gate adds."""
    shown: set[str] = field(default_factory=set)
    """Members without a column of their own, which a role may hide all the same."""
    branches: dict[Hashable, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.members = self.table.members
        self._asks: dict[tuple[str, ...], Ask] = {}

    def branch(self, key: Hashable, make: Callable[[], B]) -> B:
        """The branch of this key; fields that ask for the same share one."""
        if key not in self.branches:
            self.branches[key] = made = make()
            made.slot = self.shape.slot()
        found: B = self.branches[key]
        return found

    def hides(self, hidden: frozenset[str]) -> bool:
        """True if roles that hide these members hide something that is selected here or below."""
        return (
            not withheld(self.table, hidden).isdisjoint(self.select)
            or any(f"{self.table.name}.{name}" in hidden for name in self.shown)
            or any(b.hides(hidden) for b in self.branches.values() if isinstance(b, Fetch))
        )

    def ask(self, *columns: str) -> Ask:
        """
        The question to the service, with these columns besides; asked for once all selections are
        known.
        """
        if columns not in self._asks:
            select = frozenset({*self.select, *columns})
            self._asks[columns] = Ask(self.table, select, shape=self.shape)
        return self._asks[columns]

    async def by_key(self, run: Run, keys: Keys) -> dict[Folded, Any]:
        """The rows of these keys."""
        if not keys.values:
            return {}
        if self.shared:
            return await run.context.loaders.keyed(self.ask(), keys)
        pages = await run.context.loaders.reader.keyed([(self.ask(*keys.columns), keys)])
        return indexed([row for page in pages for row in page.rows], keys.columns)

    async def below(
        self, run: Run, rows: Sequence[Any], came: Mapping["Fetch", Nested] = NOTHING_CAME
    ) -> None:
        """Fill the slots of all branches at once, also of those whose rows came inside of ours."""
        if not rows or not self.branches:
            return
        inside = [(branch, branch.unfold(rows, nested)) for branch, nested in came.items()]
        read = [branch for branch in self.branches.values() if branch not in came]
        if read:
            share(rows)  # as they wait for those below them
        await together(
            [branch.load(run, rows) for branch in read]
            + [branch.below(run, found) for branch, found in inside if branch.branches]
        )

    def expanding(self, run: Run) -> Mapping["Fetch", Nested]:
        """
        The branches whose rows can be fetched by `$expand` inside these rows, instead of by a read
        of their own.
        """
        if not run.expands or self.shared or any(path.count("/") > 1 for path in self.select):
            return NOTHING_CAME
        fetches = [each for each in self.branches.values() if isinstance(each, Fetch)]
        found = {fetch: fetch.nested(run) for fetch in fetches}
        came = {fetch: nested for fetch, nested in found.items() if nested is not None}
        lookups = {path.partition("/")[0] for path in self.select if "/" in path}
        return came if len(came) + len(lookups) + RULES <= EXPANDS else NOTHING_CAME

    def asked_with(self, came: Mapping["Fetch", Nested]) -> Ask:
        """The question to the service, with these branches inside."""
        if not came:
            return self.ask()
        inside = tuple((nested.expand, fetch.shape, fetch.slot) for fetch, nested in came.items())
        return replace(self.ask(), expands=inside)

    def nested(self, run: Run) -> Nested | None:
        """
        The form in which the rows may travel inside of their parents, where that is proved to be
        the same.
        """
        return None

    def unfold(self, parents: Sequence[Any], nested: Nested) -> Sequence[Any]:
        """Look at what has travelled so, which the decoder put into the slots; all these rows."""
        raise NotImplementedError

    def plain(self, *columns: str) -> tuple[str, ...] | None:
        """The columns read of a row inside another; None where that needs a further row inside."""
        select = self.select.union(columns) or self.table.key
        return None if any("/" in path for path in select) else tuple(sorted(select))


@dataclass(eq=False)
class Linked(Fetch):
    """The rows that a link of the parents leads to."""

    link: Link = field(kw_only=True)

    async def load(self, run: Run, parents: Sequence[Any]) -> None:
        keys = _link_keys(self.link, raw_keys(parents, self.link.paths))
        wanted = tuple(dict.fromkeys(keys.values()))
        if not wanted:
            return
        found = await self.by_key(run, Keys(self.link.target_paths, wanted))
        places = _places(self.link, wanted)
        rows = {each: found.get(places[key]) for each, key in keys.items()}
        put(parents, self.slot, map(rows.get, raw_keys(parents, self.link.paths)))
        await self.below(run, [found[key] for key in places.values() if key in found])

    def nested(self, run: Run) -> Nested | None:
        link = self.link
        if self.shared or not link.navigation:
            return None
        bounds = run.context.loaders.reader.implied(link, down=False)
        select = None if bounds is None else self.plain(*bounds.proof)
        if bounds is None or select is None:
            return None
        return Nested(Expand(link.navigation, select), bounds)

    def unfold(self, parents: Sequence[Any], nested: Nested) -> Sequence[Any]:
        found = [target for target in values_at(parents, self.slot) if target is not None]
        if len(nested.bounds.meeting(found)) < len(found):
            raise Unusual("rows inside that are not the caller's")
        return found


@dataclass(eq=False)
class Children(Fetch):
    """A window of the rows that point at each parent."""

    back: Back = field(kw_only=True)
    arguments: Arguments = field(kw_only=True)
    counted: bool = field(kw_only=True)
    told: set[str] = field(default_factory=set)
    """The fields that are selected of the connection, of its edges and of its page info."""

    @property
    def cursors(self) -> bool:
        """True if the answer has cursors, which say by which columns the rows are ordered."""
        return not self.told.isdisjoint(CURSORS)

    @property
    def paged(self) -> bool:
        """True if the answer tells of the pages; if not, a slot has the rows and no `Slice`."""
        return not self.told <= ROWS_ALONE

    async def load(self, run: Run, parents: Sequence[Any]) -> None:
        of = self._window(run)
        raw = list(raw_keys(parents, self.back.paths))
        keys = _link_keys(self.back.link, raw)
        wanted = tuple(dict.fromkeys(keys.values()))
        found = await self._windows(run, Keys(self.back.link.paths, wanted), of)
        places = _places(self.back.link, wanted)
        slices = {each: found[places[key]] for each, key in keys.items()}
        none = Slice(self.table, of, count=0)
        pages = [slices.get(each, none) for each in raw]
        put(parents, self.slot, pages if self.paged else [page.rows for page in pages])
        shown = [found[place].rows for place in dict.fromkeys(places.values())]
        await self.below(run, list(chain.from_iterable(shown)))

    async def _windows(self, run: Run, keys: Keys, of: Window) -> dict[Folded, Slice]:
        if not keys.values:
            return {}
        if self.shared:
            return await run.context.loaders.windows(self.back, self.ask(), keys, of)
        return await child_windows(run.context.loaders.reader, self.ask(*keys.columns), keys, of)

    def nested(self, run: Run) -> Nested | None:
        link, reader = self.back.link, run.context.loaders.reader
        if self.shared or self.counted or not (link.collection and link.navigation):
            return None
        of = self._window(run)
        order = {item.column for item in of.direction}
        select = self.plain(*link.paths, *(order if self.cursors else ()))
        secret = withheld(self.table, run.context.principal.rights.hidden)
        simple = of.start is None and of.where == EVERYTHING and order.isdisjoint(secret)
        bounds = reader.implied(link, down=True)
        if not simple or select is None or bounds is None:
            return None
        return Nested(Expand(link.collection, select, of.direction, of.size + 1), bounds, of)

    def unfold(self, parents: Sequence[Any], nested: Nested) -> Sequence[Any]:
        of = nested.of
        assert of is not None  # noqa: S101 - for the types
        (own,), (theirs,) = self.back.link.paths, self.back.paths
        inside = values_at(parents, self.slot)
        rows = list(chain.from_iterable(inside))
        keys = map(repeat, values_at(parents, theirs), map(len, inside))
        if values_at(rows, own) != list(chain.from_iterable(keys)):
            raise Unusual("rows inside of another row than theirs")
        if not self.paged and not of.backward and max(map(len, inside)) <= of.size:
            return rows
        pages = [sliced(self.table, of, rows) for rows in inside]
        put(parents, self.slot, pages if self.paged else [page.rows for page in pages])
        return [row for page in pages for row in page.rows]

    def _window(self, run: Run) -> Window:
        reader = run.context.loaders.reader
        return window_of(self.table, reader, self.arguments(run.variables), counted=self.counted)


@dataclass(eq=False)
class Worked(Branch):
    """The value of a computed member for each parent."""

    spec: Computed = field(kw_only=True)
    table: Table = field(kw_only=True)

    async def load(self, run: Run, parents: Sequence[Any]) -> None:
        function, cls, loaders = self.spec.function, self.table.cls, run.context.loaders
        if len(parents) > TOGETHER:
            values = await self._in_parts(run, parents)
        else:
            values = [function(cls(parent), loaders) for parent in parents]
        waiting = [value for value in values if isawaitable(value)]
        if waiting:
            done = iter(await together(waiting))
            values = [next(done) if isawaitable(value) else value for value in values]
        put(parents, self.slot, values)

    async def _in_parts(self, run: Run, parents: Sequence[Any]) -> list[Any]:
        """The values, or tasks that work them out, begun so that others may go on between them."""
        function, cls, loaders = self.spec.function, self.table.cls, run.context.loaders
        keeping = pace.get() or Pace()
        pace.set(keeping)
        values: list[Any] = []
        with keeping.holding():
            for start in range(0, len(parents), TOGETHER):
                for parent in parents[start : start + TOGETHER]:
                    value = function(cls(parent), loaders)
                    values.append(asyncio.ensure_future(value) if isawaitable(value) else value)
                await asyncio.sleep(0)
        return values


async def together(awaitables: Sequence[Awaitable[Any]]) -> list[Any]:
    """
    The outcomes of all reads, or the first error.

    After an error the others, which are paid for, have up to PATIENCE to finish; those that still
    run then continue in the background.
    """
    if len(awaitables) < 2:
        return [await each for each in awaitables]
    tasks = [asyncio.ensure_future(each) for each in awaitables]
    try:
        return await asyncio.gather(*tasks)
    except Exception:
        await _settled(tasks)
        raise


async def _settled(tasks: Sequence[asyncio.Future[Any]]) -> None:
    """Wait for all of them, up to PATIENCE."""
    try:
        await asyncio.wait(tasks, timeout=PATIENCE)
    except asyncio.CancelledError:
        for task in tasks:
            task.cancel()
        raise


def _link_keys(link: Link, raw: Iterable[tuple[Any, ...]]) -> dict[tuple[Any, ...], Key]:
    """The keys in columns of rows, typed; without those of which any part is empty."""
    part = Guid if link.by_guid else plain
    return {
        each: tuple(map(part, each))
        for each in dict.fromkeys(raw)
        if None not in each and "" not in each
    }


def _places(link: Link, keys: Sequence[Key]) -> Mapping[Key, Any]:
    """The places of rows by their keys; a GUID that was read has one spelling already."""
    return {key: key if link.by_guid else folded(key) for key in keys}


def fetches_of(fetch: Fetch) -> Iterator[Fetch]:
    """A fetch and all below it."""
    yield fetch
    for branch in fetch.branches.values():
        if isinstance(branch, Fetch):
            yield from fetches_of(branch)
