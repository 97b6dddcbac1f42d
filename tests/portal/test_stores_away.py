"""The site while its store of sessions is away or never answers."""

import signal
import time

import httpx2
import pytest

from portal.sessions import Session
from portal.shared_stores import PATIENCE
from tests.portal.site import PUBLIC, visiting
from tests.redis_server import Server as RedisServer
from tests.redis_server import needs_redis, server  # noqa: F401 - a fixture

pytestmark = pytest.mark.anyio


@needs_redis
async def test_every_page_says_so_while_the_store_is_away(
    port: int,
    server: RedisServer,  # noqa: F811
) -> None:
    async with visiting(port, "jane", shared=server.url) as visitor:
        assert (await visitor.get("/dashboard")).status_code == 200
        server.kill()
        for path in ("/", "/dashboard", "/orders/new/review", "/sign-in", "/nowhere"):
            page = await visitor.client.get(path)
            assert (page.status_code, "We cannot reach our systems" in page.text) == (503, True), (
                path
            )
        posted = await visitor.client.post("/orders/new/submit", data={"csrf": visitor.csrf})
        assert (posted.status_code, "Nothing is lost." in posted.text) == (503, True)
        async with httpx2.AsyncClient(
            transport=visitor.client._transport, base_url=PUBLIC
        ) as guest:
            assert (await guest.get("/")).status_code == 200


@needs_redis
async def test_a_page_that_was_made_is_shown_though_its_session_cannot_be_written_down(
    port: int,
    server: RedisServer,  # noqa: F811
) -> None:
    async with visiting(port, "jane", shared=server.url) as visitor:
        found = visitor.app.state.site.sessions.save

        def gone(session: Session) -> None:
            server.kill()
            found(session)

        visitor.app.state.site.sessions.save = gone
        shown = await visitor.client.get("/language/nl?back=/profile")
        assert (shown.status_code, shown.headers["location"]) == (303, "/profile")


@needs_redis
async def test_a_store_that_never_answers_holds_up_few_who_ask(
    port: int,
    server: RedisServer,  # noqa: F811
) -> None:
    async with visiting(port, shared=server.url) as visitor:
        assert server.process
        server.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        for n in range(20):
            page = await visitor.client.get("/", headers={"Cookie": f"portal=invented-{n}"})
            assert page.status_code == 503
        took = time.monotonic() - began
        server.process.send_signal(signal.SIGCONT)

    assert took < 20 * PATIENCE / 2
