"""
Long work that reads no rows, done beside the event loop: in one thread, one after the other, so
that the loop goes on between its steps.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

T = TypeVar("T")
Given = TypeVarTuple("Given")
_thread = ThreadPoolExecutor(1, thread_name_prefix="aside")


async def aside(work: Callable[[*Given], T], *given: *Given) -> T:
    """The outcome of `work`, which must keep nothing that the loop changes meanwhile."""
    return await asyncio.get_running_loop().run_in_executor(_thread, work, *given)
