"""Reads that depend on the names and forms of the environment, made again when these change."""

from collections.abc import Awaitable, Callable, Coroutine
from datetime import date
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from gateway.errors import UpstreamMismatch
from gateway.upstream.names import Names, NamesChanged

P = ParamSpec("P")
T = TypeVar("T")


def until_named(read: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """
    Decorate a read that is made again where the service says that it lacks a column that was asked
    for.
    """

    @wraps(read)
    async def reading(*args: P.args, **kwargs: P.kwargs) -> T:
        while True:
            try:
                return await read(*args, **kwargs)
            except NamesChanged:
                continue

    return reading


def read_day(names: Names, entity: str, path: str, raw: Any, company: Any) -> date | None:
    """Read a column's value as a day; UpstreamMismatch if it is not one."""
    try:
        return names.day(entity, path, raw, company)
    except (ValueError, TypeError, OverflowError):
        raise UpstreamMismatch("A column's value is not a day.") from None
