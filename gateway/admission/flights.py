"""Shares equal reads in flight: a second caller waits for the first one's answer."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from contextvars import Context
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")
V = TypeVar("V")


class Once(Generic[K, V]):
    """Work that is done once for all who want it at the time."""

    def __init__(self) -> None:
        self._under_way: dict[K, asyncio.Task[V]] = {}

    @property
    def busy(self) -> bool:
        """True if anything is under way."""
        return bool(self._under_way)

    async def done(self, key: K, work: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """
        Return the result of `work`, or of the one begun before for the same `key`.

        It goes on when those who wait for it go away, and knows nothing of their deadlines.
        """
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(work(), context=Context())
            self._under_way[key] = task
            task.add_done_callback(partial(self._end, key))
        return await asyncio.shield(task)

    def _end(self, key: K, task: asyncio.Task[V]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            task.exception()  # is asked for here, as all who waited may be gone


class Flight(msgspec.Struct, Generic[R, V], eq=False):
    """One read that was sent, and those who wait for its answer too."""

    request: R
    waiting: list["asyncio.Future[V | None]"] = []

    async def landed(self, until: float) -> V | None:
        """
        Its answer, or the error that everybody would get; None where it was given up.

        TimeoutError at `until`.
        """
        future: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        self.waiting.append(future)
        async with asyncio.timeout_at(until):
            return await future

    def end(self, answer: V | None, error: Exception | None) -> None:
        """Tell those who wait that it was answered, came to an error, or was given up."""
        for future in self.waiting:
            if future.done():
                continue
            if error is None:
                future.set_result(answer)
            else:
                future.set_exception(error)


class Flights(Generic[R, V]):
    """
    Reads that were sent and are not answered yet, by address. The first asks for all; it costs next
    to nothing where nobody wants the same.
    """

    __slots__ = ("_flying",)

    def __init__(self) -> None:
        self._flying: dict[str, Flight[R, V]] = {}

    def of(self, address: str, request: R) -> Flight[R, V] | None:
        """The read under way that asks for just the same, if any."""
        flight = self._flying.get(address)
        return flight if flight is not None and flight.request == request else None

    def begin(self, address: str, request: R) -> Flight[R, V]:
        """A read is sent; those who come later may wait for it."""
        flight = self._flying[address] = Flight(request)
        return flight

    def end(
        self, address: str, flight: Flight[R, V], answer: V | None, error: Exception | None
    ) -> None:
        """As `Flight.end`; from here on others ask anew."""
        if self._flying.get(address) is flight:
            del self._flying[address]
        if flight.waiting:
            flight.end(answer, error)

    def forget(self) -> None:
        """Forget the reads in flight after a write, so that later reads do not share them."""
        self._flying.clear()
