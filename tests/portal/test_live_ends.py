"""A page's stream ends with the session that it was opened in, wherever and however that ends."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from portal.sessions import Sessions
from portal.stores import FileStore
from tests.portal.site import Visitor, visiting

pytestmark = pytest.mark.anyio

PATIENCE = 30.0


async def beats(*_: Any) -> AsyncIterator[dict[str, Any] | None]:
    """A gateway at which nothing changes, and which says so all the time."""
    yield {"orders": {}}
    while True:
        await asyncio.sleep(0.02)
        yield None


async def signs_out_elsewhere(visitor: Visitor, store: FileStore) -> None:
    elsewhere = Sessions(idle=3_600, lifetime=3_600, store=store)
    found = elsewhere.find(visitor.client.cookies["portal"])
    assert found
    elsewhere.drop(found)


async def is_left_alone(visitor: Visitor, store: FileStore) -> None:
    visitor.session.touched -= 100_000


async def is_there_for_too_long(visitor: Visitor, store: FileStore) -> None:
    assert visitor.session.user
    visitor.session.user.since -= 1_000_000


async def signs_in_as_another(visitor: Visitor, store: FileStore) -> None:
    await visitor.sign_in("may")


async def loses_the_store(visitor: Visitor, store: FileStore) -> None:
    """As a file that was deleted: nothing is known of anybody any more."""
    store.drop(visitor.session.id)


ENDS = (
    signs_out_elsewhere,
    is_left_alone,
    is_there_for_too_long,
    signs_in_as_another,
    loses_the_store,
)


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
async def test_a_stream_ends_with_its_session(port: int, tmp_path: Path, end: Any) -> None:
    store = FileStore(tmp_path / "sessions")
    async with visiting(port, "jane", store=store) as jane:
        site = jane.app.state.site
        site.gateway.follow = beats
        path = "/live/dashboard"
        looking = asyncio.create_task(jane.client.get(path))
        await asyncio.sleep(0.3)
        assert not looking.done()

        await end(jane, store)

        async with asyncio.timeout(PATIENCE):
            answer = await looking
        assert answer.text.startswith("retry: ")
        assert "event: same" in answer.text
        if end is not signs_in_as_another:
            assert (await jane.client.get(path)).status_code == 401


async def test_a_stream_goes_on_while_somebody_is_signed_in(port: int) -> None:
    async with visiting(port, "jane") as jane:
        jane.app.state.site.gateway.follow = beats
        looking = asyncio.create_task(jane.client.get("/live/dashboard"))
        for _ in range(3):
            await jane.get("/dashboard")
        await asyncio.sleep(0.3)

        assert not looking.done()
        looking.cancel()
        await asyncio.wait({looking})
