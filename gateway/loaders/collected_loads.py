"""Loads of many keys by one call, which waits until all is computed that leads to further keys."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Sequence
from typing import Any, TypeVar

from aiodataloader import DataLoader, Loader

from gateway.admission.pacing import ROUNDS, Pace, pace

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
TOGETHER = 250
"""The number of waiters that get their value in one round of the event loop."""


class PacedLoader(DataLoader[K, V]):
    """
    A data loader that keeps the pace of its operation.

    Its batch waits for slices that are still computed, as they may ask for further keys. Each
    waiter has a future of its own: cancelling one takes nothing from the others, and many of them
    are served in several rounds of the event loop. A key that failed is loaded anew.
    """

    def __init__(self, load: Callable[[list[K]], Coroutine[Any, Any, list[V]]]) -> None:
        """`load` returns the values of keys, in their order."""
        super().__init__(load)
        self._waiting: dict[K, list[asyncio.Future[V]]] = {}

    def load(self, key: K) -> "asyncio.Future[V]":
        kept = super().load(key)
        waiter: asyncio.Future[V] = self.loop.create_future()
        if kept.done():
            waiter.set_result(kept.result())
        else:
            self._waiting.setdefault(key, []).append(waiter)
        return waiter

    def do_resolve_reject(self, key: K, future: "asyncio.Future[V]") -> None:
        """Queue a key; called by the library for each key that it does not know."""
        self._queue.append(Loader(key, future))
        if len(self._queue) == 1:
            self.loop.call_soon(asyncio.ensure_future, self._dispatch())

    async def _dispatch(self) -> None:
        keeping = pace.get()
        if keeping is not None and keeping.is_busy:
            await keeping.settled()
        queue, self._queue = self._queue, []
        asyncio.ensure_future(self._run(queue, keeping))  # noqa: RUF006 - its waiters hold it

    async def _run(self, queue: Sequence[Loader], keeping: Pace | None) -> None:
        try:
            values = await self.batch_load_fn([each.key for each in queue])
        except Exception as error:  # noqa: BLE001 - raised where the values are waited for
            for each in queue:
                self.clear(each.key)
                for waiter in self._waiting.pop(each.key):
                    if not waiter.done():
                        waiter.set_exception(error)
            return
        served = []
        for (key, kept), value in zip(queue, values, strict=True):
            kept.set_result(value)
            served += [(waiter, value) for waiter in self._waiting.pop(key)]
        if keeping is None or len(served) <= TOGETHER:
            _serve(served)
            return
        with keeping.holding():
            for start in range(0, len(served), TOGETHER):
                _serve(served[start : start + TOGETHER])
                await asyncio.sleep(0)
            for _ in range(ROUNDS):
                await asyncio.sleep(0)


def _serve(waiters: Sequence[tuple["asyncio.Future[V]", V]]) -> None:
    for waiter, value in waiters:
        if not waiter.done():
            waiter.set_result(value)
