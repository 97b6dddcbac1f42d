"""Reads that depend on the names and forms of the environment, made again when these change."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any, TypeVar

from gateway.errors import UpstreamMismatch
from gateway.upstream.names import Names, NamesChanged

T = TypeVar("T")


async def until_named(read: Callable[[], Awaitable[T]]) -> T:
    """
    The result of `read`, made again where the service says that it lacks a column that was asked
    for.
    """
    while True:
        try:
            return await read()
        except NamesChanged:
            continue


def read_day(names: Names, entity: str, path: str, raw: Any, company: Any) -> date | None:
    """Read a column's value as a day; UpstreamMismatch if it is not one."""
    try:
        return names.day(entity, path, raw, company)
    except (ValueError, TypeError, OverflowError):
        raise UpstreamMismatch("A column's value is not a day.") from None
