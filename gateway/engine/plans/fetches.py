"""
The upstream reads of a plan: a tree in which each fetch reads, for all rows of its parent at once,
what belongs to them, and puts it into a slot of each row.

They go through the reader and the windows of the loaders, so that row rules, paging and the limits
of Dynamics are what they are on graphql-core.
"""

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable, iscoroutinefunction
from typing import Any, TypeVar

from graphql.execution.values import VariableValues

from gateway.engine.plans.arguments import Arguments
from gateway.engine.plans.shapes import Rows
from gateway.loaders.hiding import withheld
from gateway.loaders.reader import Ask, Key, Keys
from gateway.loaders.windows import Slice, child_windows, root_window
from gateway.schema.context import Context
from gateway.schema.listing import root_window_of, window_of
from gateway.tables import Back, Computed, Link, Table
from gateway.upstream.conditions import Guid
from gateway.upstream.rows import Checked, folded, keys_of, values_at


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a plan."""

    context: Context
    variables: VariableValues


@dataclass(eq=False)
class Branch:
    """Something read for every row of a parent, and kept in `slot` of the row."""

    slot: str = ""

    @property
    @abstractmethod
    def loader(self) -> Hashable:
        """Which of the request's dataloaders would load it; None where none has a part in it."""

    @abstractmethod
    async def load(self, run: Run, parents: Sequence[Any]) -> None:
        """Fill the slot of each parent, and go on below."""


B = TypeVar("B", bound=Branch)


@dataclass(eq=False)
class Fetch(Branch):
    """Rows of one table."""

    table: Table = field(kw_only=True)
    select: set[str] = field(default_factory=set)
    """The columns that the operation needs, besides those that the gate adds."""
    shown: set[str] = field(default_factory=set)
    """Members without a column of their own, which a role may hide all the same."""
    branches: dict[Hashable, Any] = field(default_factory=dict)
    shape: Rows = field(init=False)

    def __post_init__(self) -> None:
        self.shape = Rows(self.table.name)
        self.members = self.table.members

    def branch(self, key: Hashable, make: Callable[[], B]) -> B:
        """The branch of this key; fields that ask for the same share one."""
        if key not in self.branches:
            self.branches[key] = made = make()
            made.slot = self.shape.slot()
        found: B = self.branches[key]
        return found

    def hides(self, hidden: frozenset[str]) -> bool:
        """Whether roles that hide these members hide something that is selected here or below."""
        return (
            not withheld(self.table, hidden).isdisjoint(self.select)
            or any(f"{self.table.name}.{name}" in hidden for name in self.shown)
            or any(b.hides(hidden) for b in self.branches.values() if isinstance(b, Fetch))
        )

    def ask(self, *columns: str) -> Ask:
        return Ask(self.table, frozenset({*self.select, *columns}), shape=self.shape)

    async def below(self, run: Run, rows: Sequence[Any]) -> None:
        """Load all branches, at once."""
        if rows:
            await together([branch.load(run, rows) for branch in self.branches.values()])


class Root(Fetch):
    """Rows that no other row leads to."""

    @abstractmethod
    async def read(self, run: Run) -> Any:
        """The value from which the root field is rendered."""

    async def load(self, run: Run, parents: Sequence[Any]) -> None:
        raise TypeError("a root has no parents")


@dataclass(eq=False)
class Listed(Root):
    """A window of all rows that the caller may see."""

    arguments: Arguments = field(kw_only=True)
    counted: bool = field(kw_only=True)

    @property
    def loader(self) -> None:
        return None

    async def read(self, run: Run) -> Slice:
        wanted = await root_window_of(
            self.table, run.context, self.arguments(run.variables), counted=self.counted
        )
        found = await root_window(run.context.loaders.reader, self.ask(), wanted)
        await self.below(run, found.rows)
        return found


@dataclass(eq=False)
class Keyed(Root):
    """Rows by keys that the caller sent, or that the caller is."""

    keys: Callable[[Run], Sequence[Key]] = field(kw_only=True)

    @property
    def loader(self) -> Hashable:
        return "one", self.table.name, tuple(self.table.key), False

    async def read(self, run: Run) -> list[Checked | None]:
        keys = self.keys(run)
        wanted = tuple(dict.fromkeys(keys))
        columns = tuple(self.table.key)
        found = await _by_key(run, self.ask(*columns), Keys(columns, wanted, from_rows=False))
        await self.below(run, [found[key] for key in map(folded, wanted) if key in found])
        return [found.get(folded(key)) for key in keys]


@dataclass(eq=False)
class Linked(Fetch):
    """The rows that a link of the parents leads to."""

    link: Link = field(kw_only=True)

    @property
    def loader(self) -> Hashable:
        return "one", self.table.name, self.link.target_paths, True

    async def load(self, run: Run, parents: Sequence[Any]) -> None:
        keys = _link_keys(self.link, parents, self.link.paths)
        wanted = tuple(dict.fromkeys(key for key in keys if key is not None))
        if not wanted:
            return
        columns = self.link.target_paths
        found = await _by_key(run, self.ask(*columns), Keys(columns, wanted))
        places = _places(self.link, wanted)
        slot = self.slot
        for parent, key in zip(parents, keys, strict=True):
            if key is not None:
                setattr(parent, slot, found.get(places[key]))
        await self.below(run, [found[key] for key in places.values() if key in found])


@dataclass(eq=False)
class Children(Fetch):
    """A window of the rows that point at each parent."""

    back: Back = field(kw_only=True)
    arguments: Arguments = field(kw_only=True)
    spelled: str = field(kw_only=True)
    """The arguments as text."""
    counted: bool = field(kw_only=True)

    @property
    def loader(self) -> Hashable:
        return "many", self.table.name, self.back.link.name, self.spelled, self.counted

    async def load(self, run: Run, parents: Sequence[Any]) -> None:
        reader = run.context.loaders.reader
        of = window_of(self.table, reader, self.arguments(run.variables), counted=self.counted)
        keys = _link_keys(self.back.link, parents, self.back.paths)
        wanted = tuple(dict.fromkeys(key for key in keys if key is not None))
        columns = self.back.link.paths
        found = (
            await child_windows(reader, self.ask(*columns), Keys(columns, wanted), of)
            if wanted
            else {}
        )
        places = _places(self.back.link, wanted)
        slices = {key: found[place] for key, place in places.items()}
        none, slot = Slice(self.table, of, count=0), self.slot
        for parent, key in zip(parents, keys, strict=True):
            setattr(parent, slot, none if key is None else slices[key])
        await self.below(run, [row for slice_ in slices.values() for row in slice_.rows])


@dataclass(eq=False)
class Worked(Branch):
    """What a computed member makes of each parent."""

    spec: Computed = field(kw_only=True)
    table: Table = field(kw_only=True)

    @property
    def loader(self) -> Hashable:
        if not iscoroutinefunction(self.spec.function):
            return None
        return "computed", self.table.name

    async def load(self, run: Run, parents: Sequence[Any]) -> None:
        function, cls, loaders = self.spec.function, self.table.cls, run.context.loaders
        values = [function(cls(parent), loaders) for parent in parents]
        waiting = [value for value in values if isawaitable(value)]
        if waiting:
            done = iter(await together(waiting))
            values = [next(done) if isawaitable(value) else value for value in values]
        for parent, value in zip(parents, values, strict=True):
            setattr(parent, self.slot, value)


async def together(awaitables: Sequence[Awaitable[Any]]) -> list[Any]:
    """
    The outcomes of all, once all have one; raises the first that went wrong.

    Nothing is left running: what was answered so far is read again where a plan is given up.
    """
    if len(awaitables) == 1:
        return [await awaitables[0]]
    outcomes = await asyncio.gather(*awaitables, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return outcomes


async def _by_key(run: Run, ask: Ask, keys: Keys) -> dict[Any, Checked]:
    if not keys.values:
        return {}
    pages = await run.context.loaders.reader.keyed([(ask, keys)])
    rows = [row for page in pages for row in page.rows]
    return dict(zip(keys_of(rows, keys.columns), rows, strict=True))


def _link_keys(link: Link, rows: Sequence[Any], paths: Sequence[str]) -> list[Key | None]:
    """The key in each row's columns, typed; None where any part of it is empty."""
    keys: Iterable[Any] = zip(*(values_at(rows, path) for path in paths), strict=True)
    if link.by_guid:
        return [None if None in key or "" in key else tuple(map(Guid, key)) for key in keys]
    return [None if None in key or "" in key else key for key in keys]


def _places(link: Link, keys: Sequence[Key]) -> Mapping[Key, Any]:
    """Where rows are found by their keys; a GUID that was read has one spelling already."""
    return {key: key if link.by_guid else folded(key) for key in keys}


def loaders_of(fetch: Fetch) -> Iterable[Hashable]:
    """The dataloaders that would have a part in a fetch and all below it."""
    if fetch.loader is not None:
        yield fetch.loader
    for branch in fetch.branches.values():
        if isinstance(branch, Fetch):
            yield from loaders_of(branch)
        elif branch.loader is not None:
            yield branch.loader
