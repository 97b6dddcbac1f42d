"""Tasks end when they are told to, whatever libraries do with the word."""

import asyncio

import pytest

from gateway.tasks import ended, heeding

pytestmark = pytest.mark.anyio


async def test_a_task_that_is_cancelled_as_its_work_ends_is_cancelled() -> None:
    answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(heeding(asyncio.wait_for(answer, 10)))
    await asyncio.sleep(0)
    answer.set_result(1)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_work_that_ends_by_itself_has_its_outcome() -> None:
    assert await heeding(asyncio.sleep(0, "done")) == "done"
    with pytest.raises(ZeroDivisionError):
        await heeding(failing())


async def failing() -> float:
    await asyncio.sleep(0)
    return 1 / 0


async def test_tasks_have_ended_once_they_are_waited_for() -> None:
    closed = []

    async def beside() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            closed.append(True)

    tasks = [asyncio.create_task(beside()) for _ in range(3)]
    await asyncio.sleep(0)
    await ended(tasks)

    assert closed == [True] * 3
