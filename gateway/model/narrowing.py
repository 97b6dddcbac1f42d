"""
Arguments by which root lists are narrowed, such as `search`: a function of the request's loaders
finds the condition that the value means, which comes on top of the row rule.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from gateway.model.declarations import Row
from gateway.upstream.conditions import Condition

Narrow = Callable[[Any, Any], Awaitable[Condition]]
"""The request's `Loaders`, and the value of the argument -> the condition that it means."""
Guess = Callable[[Any, Any], Condition]
"""The same without asking anybody: the condition that it most likely means."""


@dataclass(frozen=True, slots=True)
class Narrowing:
    """One such argument."""

    type: Any
    doc: str
    meaning: Narrow
    calls: int
    """The calls by which it finds the condition, and that of a guess in vain, at most."""
    guess: Guess | None
    """With it, rows are read while the condition is found out, and again if it is another one."""


def narrows(
    target: type[Row],
    name: str,
    type_: Any,
    doc: str,
    *,
    calls: int,
    guess: Guess | None = None,
) -> Callable[[Narrow], Narrow]:
    """Declare a function as the argument `name` of the root list of the table `target`."""

    def declare(function: Narrow) -> Narrow:
        target.__table__.narrowings[name] = Narrowing(type_, doc, function, calls, guess)
        return function

    return declare
