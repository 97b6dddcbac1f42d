"""The values of computed members, for all rows of a fetch at once."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from inspect import isawaitable
from typing import Any

from gateway.admission.pacing import Pace, pace
from gateway.loaders.collected_loads import TOGETHER
from gateway.loaders.rows import Loaders
from gateway.model.tables import Row, Table
from gateway.model.ways_to_values import Loaded
from gateway.plans.arguments import Arguments
from gateway.plans.concurrent import together
from gateway.plans.fetches import Branch, Run
from gateway.upstream.row_keys import put


@dataclass(eq=False)
class Worked(Branch):
    """The value of a computed member for each parent."""

    function: Callable[..., Any] = field(kw_only=True)
    loaded: Loaded = field(kw_only=True)
    """The calls that it takes."""
    arguments: Arguments | None = field(kw_only=True, default=None)
    """The arguments of its field, if it has any."""
    table: Table = field(kw_only=True)

    def calls(self, run: Run) -> Collection[str]:
        """The names of the calls that it takes in this run, which others of its level share."""
        given = self.arguments(run.variables) if self.arguments else {}
        said = [name for name, value in given.items() if value is not None]
        return self.loaded(said, run.context.loaders)

    async def load(self, run: Run, parents: Sequence[Any]) -> None:
        function, cls, loaders = self._given(run), self.table.cls, run.context.loaders
        if len(parents) > TOGETHER:
            values = await self._in_parts(run, parents)
        else:
            values = [function(cls(parent), loaders) for parent in parents]
        waiting = [value for value in values if isawaitable(value)]
        if waiting:
            done = iter(await together(waiting))
            values = [next(done) if isawaitable(value) else value for value in values]
        put(parents, self.slot, values)

    def _given(self, run: Run) -> Callable[..., Any]:
        """The function, with the arguments that its field has in this operation."""
        given = self.arguments(run.variables) if self.arguments else None
        return partial(_called, self.function, given) if given else self.function

    async def _in_parts(self, run: Run, parents: Sequence[Any]) -> list[Any]:
        """The values, or tasks that work them out, begun so that others may go on between them."""
        function, cls, loaders = self._given(run), self.table.cls, run.context.loaders
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


def _called(
    function: Callable[..., Any], given: Mapping[str, Any], row: Row, loaders: Loaders
) -> Any:
    return function(row, loaders, **given)
