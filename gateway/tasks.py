"""The end of tasks that run beside others."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    """
    Cancel tasks, and wait until they have ended: what they have open is closed by themselves,
    before others close what it belongs to.
    """
    ending = list(tasks)
    for each in ending:
        each.cancel()
    await asyncio.gather(*ending, return_exceptions=True)


async def heeding(work: Awaitable[T]) -> T:
    """
    The outcome of work, or CancelledError where this task was cancelled meanwhile. Before Python
    3.12 `asyncio.wait_for`, which libraries use, can lose a cancellation that comes just as it
    ends (https://github.com/python/cpython/issues/86296): the task would go on for ever.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        return await work
    finally:
        if task and task.cancelling() > before:
            raise asyncio.CancelledError
