"""The end of tasks that run beside others."""

import asyncio
from collections.abc import Iterable


async def ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    """
    Cancel tasks, and wait until they have ended: what they have open is closed by themselves,
    before others close what it belongs to.
    """
    ending = list(tasks)
    for each in ending:
        each.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
