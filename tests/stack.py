"""The whole stack in one process: GraphQL in, the emulator at the far end, nothing faked."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

import httpx2
from starlette.applications import Starlette

from emulator.entra import SERVICE_CLIENT_ID, SERVICE_SECRET
from emulator.faults.connections import InProcess
from emulator.log import Entry
from emulator.server import build
from emulator.settings import Settings as EmulatorSettings
from emulator.tokens import HOUR
from gateway.app import create_app
from gateway.config.settings import Settings
from gateway.metadata import assumed
from gateway.model.tables import Table

EMULATOR = "http://127.0.0.1:8001"
GATEWAY = "http://127.0.0.1:8000"
WORLDS = Path(__file__).parents[1] / ".cache" / "worlds"
"""Worlds of earlier runs too: a file is named by all that a world is made by."""


@dataclass
class Answer:
    """A GraphQL answer."""

    status: int
    body: dict[str, Any]

    @property
    def data(self) -> dict[str, Any]:
        """The data, which must be all there."""
        assert "errors" not in self.body, self.body["errors"]
        found: dict[str, Any] = self.body["data"]
        return found

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.body.get("errors", [])]


@dataclass
class Stack:
    """A gateway in front of an emulator, and callers of both."""

    emulator: Starlette
    gateway: httpx2.AsyncClient
    upstream: httpx2.AsyncClient
    tokens: dict[str, str] = field(default_factory=dict)
    ends: dict[str, float] = field(default_factory=dict)
    """The moments after which these tokens are minted anew."""
    app: Starlette | None = None
    """The gateway itself, for what is not said over HTTP."""
    sold: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """The products that callers can order, once they were asked for."""

    async def token(self, name: str) -> str:
        """A token of a caller; long tests outlive one."""
        if name not in self.tokens or self.ends.get(name, inf) < time.monotonic():
            self.ends[name] = time.monotonic() + HOUR / 2
            minted = await self.upstream.post("/issuer/demo/token", json={"name": name})
            self.tokens[name] = minted.raise_for_status().json()["access_token"]
        return self.tokens[name]

    async def ask(
        self,
        query: str,
        *,
        as_: str = "jane",
        headers: dict[str, str] | None = None,
        **variables: Any,
    ) -> Answer:
        response = await self.gateway.post(
            "/graphql",
            json={"query": query, "variables": variables},
            headers={"Authorization": f"Bearer {await self.token(as_)}", **(headers or {})},
        )
        return Answer(response.status_code, response.json())

    async def service(self) -> dict[str, str]:
        """The credential that Dynamics itself takes, for asking it past the gateway."""
        minted = await self.upstream.post("/issuer/demo/token", json={"service": True})
        return {"Authorization": f"Bearer {minted.raise_for_status().json()['access_token']}"}

    async def rows(self, query: str) -> list[dict[str, Any]]:
        """All rows of a query as Dataverse itself answers it, past the gateway."""
        headers = await self.service()
        rows: list[dict[str, Any]] = []
        link: str | None = f"/api/data/v9.2/{query}"
        while link:
            answer = (await self.upstream.get(link, headers=headers)).raise_for_status().json()
            rows += answer["value"]
            link = answer.get("@odata.nextLink")
        return rows

    async def asked_upstream(
        self, query: str, *, as_: str = "jane", **variables: Any
    ) -> list[Entry]:
        """The calls of the gateway to Dynamics for a query that succeeds; a batch as its parts."""
        await self.ask("{ viewer { kind } }", as_=as_)
        self.emulator.state.log.clear()
        answer = await self.ask(query, as_=as_, **variables)
        assert answer.data
        calls: list[Entry] = self.emulator.state.log.calls()
        return calls


def settings(**changes: Any) -> Settings:
    """The settings of a gateway in front of the emulator."""
    return Settings(
        **{
            "dataverse_url": EMULATOR,
            "finops_url": EMULATOR,
            "token_url": f"{EMULATOR}/demo/oauth2/v2.0/token",
            "client_id": SERVICE_CLIENT_ID,
            "client_secret": SERVICE_SECRET,
            "issuer": f"{EMULATOR}/issuer",
            "audience": ("gateway",),
            "staff_roles": ("administrator",),
            "introspection": True,
            "learned_names": "off",
            # Most tests change the world between two questions.
            "keep_rows": 0.0,
            **changes,
        }
    )


def onward(page_info: dict[str, Any], after: str | None) -> str:
    """
    The cursor of the next page. It differs from the last one, or the list would be walked for ever.
    """
    following: str = page_info["endCursor"]
    assert following != after, "the next page starts where this one did"
    return following


def collection_of(table: Table) -> str:
    """The name of a table on the wire; one that the dictionary does not have, as declared."""
    known = {**assumed.dataverse(), **assumed.finops()}.get(table.entity)
    return known.collection if known else table.entity


def emulator(**changes: Any) -> Starlette:
    """An emulator of its own, whose small world is a copy of one that is generated once."""
    return build(EmulatorSettings(**{"base_url": EMULATOR, "cache": WORLDS, **changes}))


@asynccontextmanager
async def running(
    emulator: Starlette, upstream: httpx2.AsyncBaseTransport | None = None, /, **changes: Any
) -> AsyncIterator[Stack]:
    """A running gateway in front of `emulator`, over a way there that a test may have a hand in."""
    upstream = upstream or InProcess(app=emulator)
    app = create_app(settings(**changes), transport=upstream)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=upstream, base_url=EMULATOR) as direct,
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=GATEWAY) as client,
    ):
        yield Stack(emulator, client, direct, app=app)
