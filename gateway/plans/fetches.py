"""
The upstream reads of a plan: a tree in which each fetch reads, for all rows of its parent at once,
what belongs to them, and puts it into a slot of each row.

They go through the reader and the windows of the loaders, so that row rules, paging and the limits
of Dynamics are what they are on graphql-core.
"""

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, repeat
from typing import Any, TypeVar

from graphql.execution.values import VariableValues
from msgspec import Struct
from msgspec.structs import replace

from gateway.admission.pacing import MANY, breathe
from gateway.loaders.asks import Ask
from gateway.loaders.hiding import withheld
from gateway.loaders.keys import Keys, link_keys, places_of
from gateway.loaders.windows import (
    FoundSlices,
    Slice,
    Window,
    child_windows,
    sliced,
    windows_of_all,
)
from gateway.model.tables import Back, Link, Table
from gateway.plans.arguments import Arguments
from gateway.plans.concurrent import together
from gateway.plans.leaves import Unusual
from gateway.plans.nested import EXPANDS, RULES, Nested, lookups_of
from gateway.plans.structs import RowStructs
from gateway.schema.context import Context
from gateway.schema.listing import window_of
from gateway.upstream.conditions import EVERYTHING
from gateway.upstream.odata import Expand
from gateway.upstream.row_keys import (
    Folded,
    indexed,
    put,
    raw_keys,
    share,
    share_in_turns,
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


B = TypeVar("B", bound=Branch)
V = TypeVar("V")
Reading = Callable[[], Awaitable[V]]
"""A read that is not begun yet."""
NOTHING_CAME: Mapping[Any, Nested] = {}
NOTHING_BEGUN: Mapping[Any, FoundSlices] = {}
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
        rows = [row for page in pages for row in page.rows]
        if rows[MANY:]:
            await breathe(len(rows))
        return indexed(rows, keys.columns)

    async def below(
        self,
        run: Run,
        rows: Sequence[Any],
        came: Mapping["Fetch", Nested] = NOTHING_CAME,
        begun: Mapping["Fetch", FoundSlices] = NOTHING_BEGUN,
    ) -> None:
        """
        Fill the slots of all branches at once, also of those whose rows came inside of ours, or
        were read along with ours.
        """
        if not rows or not self.branches:
            return
        inside = [(branch, branch.unfold(rows, nested)) for branch, nested in came.items()]
        read = [b for b in self.branches.values() if b not in came and b not in begun]
        if read or begun:  # they wait for those below them
            if rows[MANY:]:
                await share_in_turns(rows)
            else:
                share(rows)
        await together(
            [branch.load(run, rows) for branch in read]
            + [branch.fill(run, rows, slices) for branch, slices in begun.items()]
            + [branch.below(run, found) for branch, found in inside if branch.branches]
        )

    def expanding(self, run: Run, *, lists: bool) -> Mapping["Fetch", Nested]:
        """
        The branches whose rows can be fetched by `$expand` inside these rows, instead of by a read
        of their own; lists of them only with `lists`.
        """
        if not run.expands or self.shared:
            return NOTHING_CAME
        lookups = lookups_of(self.select)
        deep = any("/" in each for each in lookups)
        fetches = [each for each in self.branches.values() if isinstance(each, Fetch)]
        found = {fetch: fetch.nested(run) for fetch in fetches}
        came = {
            fetch: nested
            for fetch, nested in found.items()
            if nested is not None
            and not (nested.of and (deep or not lists))
            and nested.expand.navigation not in lookups
        }
        lookups = lookups.union(*(nested.lookups for nested in came.values()))
        return came if len(lookups) + RULES <= EXPANDS else NOTHING_CAME

    def asked_with(self, came: Mapping["Fetch", Nested], *columns: str) -> Ask:
        """The question to the service, with these branches inside."""
        if not came:
            return self.ask(*columns)
        inside = tuple((nested.expand, fetch.shape, fetch.slot) for fetch, nested in came.items())
        return replace(self.ask(*columns), expands=inside)

    async def with_begun(
        self, run: Run, read: Reading[V], keys: Keys, of: Window | None = None
    ) -> tuple[V, Mapping["Fetch", FoundSlices]]:
        """
        The outcome of a read of these rows by their keys, and the lists below them that are read by
        the same keys at the same time. `of`: the window of each key.
        """
        if not run.expands or self.shared:
            return await read(), NOTHING_BEGUN
        fetches = [each for each in self.branches.values() if isinstance(each, Fetch)]
        along = {each: more for each in fetches if (more := each.along(run, keys, of))}
        if not along:
            return await read(), NOTHING_BEGUN
        found, *slices = await together([read(), *(more() for more in along.values())])
        return found, dict(zip(along, slices, strict=True))

    async def fill(self, run: Run, parents: Sequence[Any], slices_of: FoundSlices) -> None:
        """As `load`, with the windows of a read that was made along with that of the parents."""
        raise NotImplementedError

    def along(self, run: Run, above: Keys, outer: Window | None) -> Reading[FoundSlices] | None:
        """
        The read of these rows by the keys of those above them, where the columns of these keys are
        among those that the rows name their parents by. `outer`: the window of each key.
        """
        return None

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
        keys = link_keys(self.link, raw_keys(parents, self.link.paths))
        wanted = tuple(dict.fromkeys(keys.values()))
        if not wanted:
            return
        found = await self.by_key(run, Keys(self.link.target_paths, wanted))
        places = places_of(self.link, wanted)
        rows = {each: found.get(places[key]) for each, key in keys.items()}
        put(parents, self.slot, map(rows.get, raw_keys(parents, self.link.paths)))
        await self.below(run, [found[key] for key in places.values() if key in found])

    def nested(self, run: Run) -> Nested | None:
        link, reader = self.link, run.context.loaders.reader
        if self.shared or not link.navigation:
            return None
        implied = reader.implied(link, down=False)
        bounds = implied or reader.pointed_at(link)
        if bounds is None:
            return None
        select = self.select.union(bounds.proof) or self.table.key
        if any(path.count("/") > 1 for path in select):
            return None
        expand = Expand(link.navigation, tuple(sorted(select)))
        return Nested(expand, bounds, implied=implied is not None)

    def unfold(self, parents: Sequence[Any], nested: Nested) -> Sequence[Any]:
        found = [target for target in values_at(parents, self.slot) if target is not None]
        mine = nested.bounds.meeting(found)
        if len(mine) < len(found):
            if nested.implied:
                raise Unusual("rows inside that are not the caller's")
            seen = set(map(id, mine))
            inside = values_at(parents, self.slot)
            put(parents, self.slot, [row if id(row) in seen else None for row in inside])
        return mine


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
        await self.fill(run, parents, _nothing_found)

    async def fill(self, run: Run, parents: Sequence[Any], slices_of: FoundSlices) -> None:
        of = self._window(run)
        raw = list(raw_keys(parents, self.back.paths))
        keys = link_keys(self.back.link, raw)
        wanted = tuple(dict.fromkeys(keys.values()))
        those, came = Keys(self.back.link.paths, wanted), self.expanding(run, lists=False)
        begun = NOTHING_BEGUN
        found = slices_of(those)
        if found is None:
            reading = partial(self._windows, run, those, of, came)
            read, begun = await self.with_begun(run, reading, those, of)
            found = read
        places = places_of(self.back.link, wanted)
        slices = {each: found[places[key]] for each, key in keys.items()}
        none = Slice(self.table, of, count=0)
        pages = [slices.get(each, none) for each in raw]
        put(parents, self.slot, pages if self.paged else [page.rows for page in pages])
        shown = [found[place].rows for place in dict.fromkeys(places.values())]
        await self.below(run, list(chain.from_iterable(shown)), came, begun)

    async def _windows(
        self, run: Run, keys: Keys, of: Window, came: Mapping[Fetch, Nested]
    ) -> dict[Folded, Slice]:
        if not keys.values:
            return {}
        if self.shared:
            return await run.context.loaders.windows(self.back, self.ask(), keys, of)
        ask = self.asked_with(came, *keys.columns)
        return await child_windows(run.context.loaders.reader, ask, keys, of)

    def along(self, run: Run, above: Keys, outer: Window | None) -> Reading[FoundSlices] | None:
        link, reader = self.back.link, run.context.loaders.reader
        named = dict(zip(link.target_paths, link.paths, strict=True))
        if self.shared or not above.values or not named.keys() >= {*above.columns}:
            return None
        if not reader.sees(self.table, from_rows=above.from_rows):
            return None
        of = self._window(run)
        keys = above.by(tuple(named[column] for column in above.columns))
        if keys.columns == link.paths:
            return partial(self._begun, run, keys, of)
        if of.start is not None or outer is None:
            return None
        ask = self.asked_with(self.expanding(run, lists=False), *link.paths)
        return partial(windows_of_all, reader, ask, keys, of, outer, named)

    async def _begun(self, run: Run, keys: Keys, of: Window) -> FoundSlices:
        found = await self._windows(run, keys, of, self.expanding(run, lists=False))
        return lambda _: found

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


def _nothing_found(_: Keys) -> None:
    return None


def fetches_of(fetch: Fetch) -> Iterator[Fetch]:
    """A fetch and all below it."""
    yield fetch
    for branch in fetch.branches.values():
        if isinstance(branch, Fetch):
            yield from fetches_of(branch)
