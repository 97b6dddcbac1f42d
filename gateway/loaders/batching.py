"""Loads of many keys by one call, which waits until all that is computed has said what it wants."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterable, Sequence
from itertools import chain
from typing import Any, Generic, TypeVar

from gateway.admission.pacing import ROUNDS, Pace, pace

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
TOGETHER = 250
"""Those who are told an outcome in one round of the event loop."""


class Batching(Generic[K, V]):
    """
    Loads what is wanted in one round of the event loop by one call, each key once. What failed is
    loaded anew when it is wanted again.
    """

    def __init__(self, load: Callable[[list[K]], Coroutine[Any, Any, list[V]]]) -> None:
        """`load` returns the values of keys, in their order."""
        self._load_all = load
        self._known: dict[K, V] = {}
        self._waiting: dict[K, list[asyncio.Future[V]]] = {}
        self._queue: list[K] = []

    def load(self, key: K) -> "asyncio.Future[V]":
        """The value of a key. Whoever gives up waiting takes nothing from the others."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[V] = loop.create_future()
        if key in self._known:
            future.set_result(self._known[key])
        elif key in self._waiting:
            self._waiting[key].append(future)
        else:
            self._waiting[key] = [future]
            self._queue.append(key)
            if len(self._queue) == 1:
                loop.call_soon(asyncio.ensure_future, self._dispatch())
        return future

    def load_many(self, keys: Iterable[K]) -> "asyncio.Future[list[V]]":
        return asyncio.gather(*[self.load(key) for key in keys])

    async def _dispatch(self) -> None:
        keeping = pace.get()
        if keeping is not None and keeping.is_busy:
            await keeping.settled()
        keys, self._queue = self._queue, []
        asyncio.ensure_future(self._load(keys, keeping))  # noqa: RUF006 - who waits for it holds it

    async def _load(self, keys: list[K], keeping: Pace | None) -> None:
        try:
            values = await self._load_all(keys)
        except Exception as error:  # noqa: BLE001 - raised where the values are waited for
            for future in chain.from_iterable(self._waiting.pop(key) for key in keys):
                if not future.done():
                    future.set_exception(error)
            return
        told = []
        for key, value in zip(keys, values, strict=True):
            self._known[key] = value
            told += [(future, value) for future in self._waiting.pop(key)]
        if keeping is None or len(told) <= TOGETHER:
            _tell(told)
            return
        with keeping.holding():
            for start in range(0, len(told), TOGETHER):
                _tell(told[start : start + TOGETHER])
                await asyncio.sleep(0)
            for _ in range(ROUNDS):
                await asyncio.sleep(0)


def _tell(told: Sequence[tuple["asyncio.Future[V]", V]]) -> None:
    for future, value in told:
        if not future.done():
            future.set_result(value)
