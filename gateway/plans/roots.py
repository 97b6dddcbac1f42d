"""The upstream reads with which a plan begins: lists, and rows by their keys."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.loaders.asks import Ask
from gateway.loaders.keys import Keys
from gateway.loaders.parents import listed
from gateway.loaders.windows import Slice
from gateway.plans.arguments import Arguments
from gateway.plans.fetches import Fetch, Nested, Run
from gateway.schema.listing import root_window_of
from gateway.upstream.conditions import Guid
from gateway.upstream.row_keys import Checked, Key, folded


class RootFetch(Fetch):
    """Rows that no other row leads to."""

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
        wanted = await root_window_of(
            self.table, run.context, self.arguments(run.variables), counted=self.counted
        )
        came, ask = self._asked(run)
        found = await listed(run.context.loaders.reader, ask, wanted)
        await self.below(run, found.rows, came)
        return found

    def _asked(self, run: Run) -> tuple[Mapping[Fetch, Nested], Ask]:
        """
        The question to the service besides the window, with the branches whose rows may travel
        inside.
        """

        def make() -> tuple[Mapping[Fetch, Nested], Ask]:
            came = self.expanding(run)
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
        found = await self.by_key(run, Keys(tuple(self.table.key), wanted, from_rows=False))
        await self.below(run, [found[key] for key in map(folded, wanted) if key in found])
        return [found.get(folded(key)) for key in keys]

    async def _row(self, run: Run, guid: Guid) -> Checked | None:
        """The row of this key."""
        (column,) = self.table.key
        page = await run.context.loaders.reader.row(self.ask(column), column, guid)
        rows = [row for row in page.rows if str(getattr(row, column)).casefold() == guid]
        await self.below(run, rows[-1:])
        return rows[-1] if rows else None
