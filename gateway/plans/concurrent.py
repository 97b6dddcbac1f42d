"""Reads of a plan that wait for Dynamics at the same time."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

PATIENCE = 1.0
"""Seconds to wait for the other reads of a plan that was abandoned."""


async def together(awaitables: Sequence[Awaitable[Any]]) -> list[Any]:
    """
    The outcomes of all reads, or the first error.

    After an error, wait a short while for the other reads, so that graphql-core can reuse their
    answers. Reads that still run then continue in the background: see `Replay`.
    """
    if len(awaitables) < 2:
        return [await each for each in awaitables]
    tasks = [asyncio.ensure_future(each) for each in awaitables]
    try:
        return await asyncio.gather(*tasks)
    except Exception:
        await _settled(tasks)
        raise


async def _settled(tasks: Sequence[asyncio.Future[Any]]) -> None:
    """Wait for all of them, up to PATIENCE."""
    try:
        await asyncio.wait(tasks, timeout=PATIENCE)
    except asyncio.CancelledError:
        for task in tasks:
            task.cancel()
        raise
