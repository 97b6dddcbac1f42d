"""The cost of an operation in calls to Dynamics, as callers are told of it who ask for it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from graphql import OperationType

from gateway.admission.budget_windows import CallsLeft
from gateway.engine.documents import PreparedOperation
from gateway.engine.execution import Prepared
from gateway.http import shedding
from gateway.schema.context import Context

COST: Final = "cost"
"""The extension of a request that asks for it, and of the answer that tells it."""
AGE: Final = "age"
"""The extension of an answer that has older rows in it."""
Predict = Callable[[PreparedOperation, Mapping[str, Any], Context], Awaitable[int]]
"""Works out the calls that a query will take."""


Left = Callable[[Context], CallsLeft | None]
"""Tells the calls that a caller has left; None where nobody counts them."""


def ages_of(context: Context) -> dict[str, Any]:
    """`extensions.age`: the age in seconds of rows that are shown as their service is down."""
    aged = context.loaders.reader.allowance.aged
    return {AGE: {name: round(age) for name, age in aged.items()}} if aged else {}


class Cost:
    """The cost of one operation: made before it runs, told afterwards."""

    def __init__(self, predicted: int | None, left: Left, context: Context) -> None:
        self._predicted, self._left, self._context = predicted, left, context

    @classmethod
    async def before(
        cls, predict: Predict, left: Left, prepared: Prepared, context: Context
    ) -> "Cost":
        """The cost of an operation that has not run yet."""
        if prepared.kind is not OperationType.QUERY:
            return cls(None, left, context)
        predicted = await predict(prepared.operation, prepared.variables, context)
        return cls(predicted, left, context)

    def told(self) -> tuple[dict[str, Any], dict[str, str]]:
        """`extensions.cost`, and the headers that say the same of what is left."""
        left = self._left(self._context)
        shown = {
            "predicted": self._predicted,
            "actual": self._context.loaders.reader.allowance.errand.cost,
            "remaining": left and left.calls,
            "resetsIn": left and left.seconds,
        }
        return shown, shedding.fields(left) if left else {}
