"""A link to a document is good once for all replicas that reach one Redis, and no longer lost."""

from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette

from emulator.faults.actions import Fail
from emulator.faults.rules import Rule
from gateway.loaders import paper_links
from tests.gateway.test_papers import follow, is_refused, link
from tests.redis_server import Server, needs_redis
from tests.redis_server import server as server
from tests.stack import Stack, running

pytestmark = [pytest.mark.anyio, needs_redis]
Replicas = tuple[Stack, Stack]


@pytest.fixture
async def replicas(
    small_world: Starlette, server: Server, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Replicas]:
    monkeypatch.setattr(paper_links, "PATIENCE", 10.0)
    async with (
        running(small_world, customer_roles=("representative",), shared=server.url) as one,
        running(small_world, customer_roles=("representative",), shared=server.url) as other,
    ):
        yield one, other


async def test_a_link_that_one_replica_followed_leads_nowhere_at_another(
    replicas: Replicas,
) -> None:
    one, other = replicas
    url = await link(one)

    assert (await follow(other, url)).status_code == 200
    assert is_refused(await follow(one, url))


async def test_a_link_that_failed_at_one_replica_is_good_at_another(replicas: Replicas) -> None:
    one, other = replicas
    url = await link(one)
    one.emulator.state.faults.add_rule(Rule(action=Fail(status=503), set="SrsFinanceCopilots"))
    try:
        assert (await follow(one, url)).status_code == 503
    finally:
        one.emulator.state.faults.clear()

    assert (await follow(other, url)).status_code == 200


async def test_without_redis_a_link_is_good_once_at_each_replica(
    replicas: Replicas, server: Server
) -> None:
    one, other = replicas
    url = await link(one)
    server.kill()

    assert (await follow(one, url)).status_code == 200
    assert is_refused(await follow(one, url))
    assert (await follow(other, url)).status_code == 200
