"""Processes are told to stop under load, behind a balancer that learns late: nothing is lost."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.gateway.orders.ordering import mutation
from tests.nightly import NIGHTLY
from tests.replicas import LateBalancer, Site, site

pytestmark = pytest.mark.anyio

ROLLOUTS = 10 if NIGHTLY else 1
CLIENTS = 40 if NIGHTLY else 8
REQUESTS = 50_000 if NIGHTLY else 100
"""Requests while processes are replaced, at least."""
THINK = 0.2
"""Seconds between two requests of a client, on average."""
READ = "{ orders(first: 2) { nodes { number status } } }"
PRODUCTS = """{ products(first: 100, filter: { state: { eq: ACTIVE } }) { nodes {
  id orderQuantities { multiple } price { unitPrice { amount } } } } }"""
CREATE = mutation("createSalesOrder")
EVENTS = "text/event-stream"
VARIABLES = {"GATEWAY_LINGER": "3", "GATEWAY_LOG_LEVEL": "warning"}


@dataclass
class Load:
    """Clients that keep their connections, and never send anything twice."""

    url: str
    token: str
    line: dict[str, str]
    going: bool = True
    outcomes: Counter[str] = field(default_factory=Counter)
    placed: set[str] = field(default_factory=set)

    async def client(self, number: int) -> None:
        random = Random(number)  # noqa: S311 - the same each time
        headers = {"Authorization": f"Bearer {self.token}"}
        settings: dict[str, Any] = {"base_url": self.url, "trust_env": False, "timeout": 40.0}
        async with httpx2.AsyncClient(headers=headers, **settings) as http:
            while self.going:
                await asyncio.sleep(random.uniform(0, 2 * THINK))
                self.outcomes[await self._one(http, writes=random.random() < 0.1)] += 1

    async def _one(self, http: httpx2.AsyncClient, *, writes: bool) -> str:
        reference = f"rollout {uuid4()}"
        sent: dict[str, Any] = {"query": READ}
        if writes:
            order = {
                "idempotencyKey": str(uuid4()),
                "customerReference": reference,
                "lines": [self.line],
            }
            sent = {"query": CREATE, "variables": {"input": order}}
        try:
            answer = await http.post("/graphql", json=sent)
        except httpx2.TransportError as error:
            return type(error).__name__
        body = answer.json()
        if answer.status_code != 200 or "errors" in body:
            return f"{answer.status_code} {body.get('errors')}"
        if writes:
            payload = body["data"]["createSalesOrder"]
            if payload["status"] != "CREATED":
                return str(payload["status"] or payload["errors"])
            self.placed.add(reference)
        return "ok"


async def line_of(url: str, token: str) -> dict[str, str]:
    """A line that can be ordered."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(trust_env=False, timeout=40.0) as http:
        body = (await http.post(f"{url}/graphql", json={"query": PRODUCTS}, headers=headers)).json()
    product = next(
        each
        for each in body["data"]["products"]["nodes"]
        if each["price"] and each["orderQuantities"] is None
    )
    return {"product": product["id"], "quantity": "1"}


async def references(found: Site) -> Counter[str]:
    """The references of all orders in Dataverse, past the gateway."""
    async with httpx2.AsyncClient(base_url=found.emulator, trust_env=False) as http:
        minted = await http.post("/issuer/demo/token", json={"service": True})
        headers = {"Authorization": f"Bearer {minted.json()['access_token']}"}
        rows: Counter[str] = Counter()
        link: str | None = "/api/data/v9.2/salesorders"
        while link:
            answer = (await http.get(link, headers=headers)).raise_for_status().json()
            rows.update(str(value) for row in answer["value"] for value in row.values())
            link = answer.get("@odata.nextLink")
        return rows


async def test_rollouts_of_two_replicas_lose_and_double_nothing() -> None:
    async with site() as found:
        running = [await found.start(**VARIABLES) for _ in range(2)]
        token = await found.token("jane")
        line = await line_of(running[0].url, token)
        async with LateBalancer(found).serving() as url:
            load = Load(url, token, line)
            clients = [asyncio.create_task(load.client(number)) for number in range(CLIENTS)]
            rollouts = 0
            while rollouts < ROLLOUTS or load.outcomes.total() < REQUESTS:
                for old in running:
                    running = [*running[1:], await found.start(**VARIABLES)]
                    await asyncio.sleep(2)
                    assert await old.ended(signal.SIGTERM) in (0, -signal.SIGTERM)
                rollouts += 1
            load.going = False
            await asyncio.gather(*clients)
        orders = await references(found)

    assert set(load.outcomes) == {"ok"}, load.outcomes
    assert load.outcomes["ok"] >= REQUESTS
    assert load.placed
    assert {orders[each] for each in load.placed} == {1}


async def test_a_process_that_stops_is_not_ready_and_closes_kept_connections() -> None:
    async with site() as found:
        replica = await found.start(**VARIABLES)
        async with httpx2.AsyncClient(base_url=replica.url, trust_env=False) as kept:
            before = await kept.get("/livez")
            replica.process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.5)
            during = await kept.get("/livez")
            anew = await httpx2.AsyncClient(trust_env=False).get(f"{replica.url}/readyz")
        code = await asyncio.wait_for(replica.process.wait(), 30)

    assert "connection" not in before.headers
    assert (during.status_code, during.headers["connection"]) == (200, "close")
    assert (anew.status_code, anew.json()["checks"]["stopping"]) == (503, "failing")
    assert code in (0, -signal.SIGTERM)


async def test_streams_end_at_once_when_a_process_stops_and_go_on_at_another() -> None:
    async with site() as found:
        old, new = [await found.start(**VARIABLES) for _ in range(2)]
        bearer = {"Authorization": f"Bearer {await found.token('jane')}", "Accept": EVENTS}
        async with httpx2.AsyncClient(headers=bearer, trust_env=False, timeout=60) as http:
            began = 0.0
            async for line in lines_of(http, old.url):
                if line.startswith("data: "):
                    first = line
                    old.process.send_signal(signal.SIGTERM)
                    began = time.monotonic()
            ended = time.monotonic() - began
            late = [line async for line in lines_of(http, old.url)]
            code = await asyncio.wait_for(old.process.wait(), 60)
            gone = time.monotonic() - began
            again = await anext(
                line async for line in lines_of(http, new.url) if line.startswith("data: ")
            )

    assert again == first
    assert late == ["retry: 1000", ": stopping", ""]
    assert code in (0, -signal.SIGTERM)
    # Without it all would last until the 25th second.
    assert ended < 15, ended
    assert gone < 15, gone


async def lines_of(http: httpx2.AsyncClient, url: str) -> AsyncIterator[str]:
    """The lines of a stream, to its end."""
    query = {"query": f"subscription {READ}"}
    async with http.stream("POST", f"{url}/graphql", json=query) as response:
        async for line in response.aiter_lines():
            yield line


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_second_signal_ends_it_at_once(workers: str) -> None:
    async with site() as found:
        replica = await found.start(
            GATEWAY_LINGER="60", GATEWAY_STOP_WITHIN="90", GATEWAY_WORKERS=workers
        )
        began = time.monotonic()
        await replica.ended(signal.SIGTERM, signal.SIGTERM)

    assert time.monotonic() - began < 50
