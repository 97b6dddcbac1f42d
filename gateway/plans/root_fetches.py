"""The upstream reads with which a plan begins: lists, and rows by their keys."""

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from gateway.errors import CLOSED, UpstreamError
from gateway.loaders.asks import Ask
from gateway.loaders.keys import Keys
from gateway.loaders.parents import listed
from gateway.loaders.windows import Slice
from gateway.plans.arguments import Arguments
from gateway.plans.fetches import NOTHING_BEGUN, Fetch, Run, V
from gateway.plans.nested import Nested
from gateway.schema.listing import read_root
from gateway.upstream.conditions import Guid
from gateway.upstream.row_keys import Checked, Key, folded


class RootRefused(Exception):
    """The rows of a root field were not asked for, so that there are none below them either."""

    def __init__(self, error: UpstreamError) -> None:
        super().__init__()
        self.error = error


class RootFetch(Fetch):
    """Rows that no other row leads to; RootRefused where no call may be made for them."""

    @abstractmethod
    async def read(self, run: Run) -> Any:
        """The value from which the root field is rendered."""

    async def load(self, run: Run, parents: Sequence[Any]) -> None:
        raise TypeError("a root has no parents")


@dataclass(eq=False)
class Listed(RootFetch):
    """A window of all rows that the caller may see."""

    arguments: Arguments = field(kw_only=True)
    counted: bool = field(kw_only=True)

    async def read(self, run: Run) -> Slice:
        came, ask = self._asked(run)
        arguments, read = self.arguments(run.variables), partial(listed, run.context.loaders.reader)
        try:
            found = await read_root(
                self.table, run.context, arguments, partial(read, ask), counted=self.counted
            )
        except CLOSED as error:
            raise RootRefused(error) from None
        await self.below(run, found.rows, came)
        return found

    def _asked(self, run: Run) -> tuple[Mapping[Fetch, Nested], Ask]:
        """
        The question to the service besides the window, with the branches whose rows may travel
        inside.
        """

        def make() -> tuple[Mapping[Fetch, Nested], Ask]:
            came = self.expanding(run, lists=True)
            return came, self.asked_with(came)

        if not run.brief:
            return make()
        key = self, run.expands, tuple(run.variables.coerced.items())
        try:
            hash(key)
        except TypeError:  # variables that are objects
            return make()
        prepared = run.context.loaders.reader.prepared
        found: tuple[Mapping[Fetch, Nested], Ask] = prepared.expansions.prepared(key, make)
        return found


@dataclass(eq=False)
class Keyed(RootFetch):
    """Rows by keys that the caller sent, or that the caller is."""

    keys: Callable[[Run], Sequence[Key]] = field(kw_only=True)

    async def read(self, run: Run) -> list[Checked | None]:
        keys = self.keys(run)
        if len(keys) == 1 and run.brief and not self.shared:
            guid, *rest = keys[0]
            if isinstance(guid, Guid) and not rest:
                return [await self._row(run, guid)]
        wanted = tuple(dict.fromkeys(keys))
        those = Keys(tuple(self.table.key), wanted, from_rows=False)
        found, begun = await self.with_begun(
            run, lambda: _asked_for(self.by_key(run, those)), those
        )
        rows = [found[key] for key in map(folded, wanted) if key in found]
        await self.below(run, rows, begun=begun)
        return [found.get(folded(key)) for key in keys]

    async def _row(self, run: Run, guid: Guid) -> Checked | None:
        """The row of this key."""
        (column,) = self.table.key
        reader, begun = run.context.loaders.reader, NOTHING_BEGUN
        if self.branches and run.expands:
            those = Keys((column,), ((guid,),), from_rows=False)
            page, begun = await self.with_begun(
                run, lambda: _asked_for(reader.row(self.ask(column), column, guid)), those
            )
        else:
            try:
                page = await reader.row(self.ask(column), column, guid)
            except CLOSED as error:
                raise RootRefused(error) from None
        rows = [row for row in page.rows if str(getattr(row, column)).casefold() == guid]
        if self.branches:
            await self.below(run, rows[-1:], begun=begun)
        return rows[-1] if rows else None


async def _asked_for(reading: Awaitable[V]) -> V:
    """The outcome of a root's own read, beside which others are made."""
    try:
        return await reading
    except CLOSED as error:
        raise RootRefused(error) from None
