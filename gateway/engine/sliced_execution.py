"""graphql-core's executor in slices, so that a large answer keeps nobody else waiting."""

from typing import Any

from graphql.execution.incremental import IncrementalExecutor

from gateway.admission.pacing import Pace, pace
from gateway.memory import look


class PacedExecutor(IncrementalExecutor):
    """Completes objects and lists of one operation in slices, by the pace that is set around it."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._pace = pace.get() or Pace()

    def complete_object_value(self, *given: Any) -> Any:
        if self._pace.is_over():
            return self._later(super().complete_object_value, *given)
        return super().complete_object_value(*given)

    def complete_iterable_value(self, *given: Any) -> Any:
        if self._pace.is_over():
            return self._later(super().complete_iterable_value, *given)
        return super().complete_iterable_value(*given)

    async def _later(self, complete: Any, *given: Any) -> Any:
        await self._pace.turn()
        look()
        found = complete(*given)
        return await found if self.is_awaitable(found) else found
