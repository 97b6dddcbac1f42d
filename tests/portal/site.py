"""A portal in this process in front of a running demo, and people who visit it."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from starlette.applications import Starlette

from portal.app import create_app
from portal.desks import Desk
from portal.keeping import owner_of
from portal.sessions import Session
from portal.settings import Settings
from portal.signin import tls

PUBLIC = "http://127.0.0.1:8399"
"""The portal's address, as it says itself; nothing listens there."""


class Counting(httpx2.AsyncHTTPTransport):
    """The way to the gateway, counted; it can lose answers and break, and refuse to write."""

    def __init__(self) -> None:
        super().__init__(verify=tls())
        self.asked: list[bytes] = []
        self.is_down = False
        self.loses = 0
        """The number of answers to orders that are lost from here on."""
        self.drops = 0
        """The number of orders that never reach the gateway from here on."""
        self.refusal = ""
        """The code with which orders are refused before they reach the gateway."""
        self.meanwhile: Callable[[], None] | None = None
        """Called once while an order is placed, when the gateway has done its part."""
        self.refusals: dict[str, str] = {}
        """The code with which other operations are refused, by their names."""
        self.answers: dict[str, Any] = {}
        """The data with which operations are answered in place of the gateway, by their names."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.is_down:
            raise httpx2.ConnectError("down")
        self.asked.append(await request.aread())
        is_order = b'"operationName":"Place"' in self.asked[-1]
        if is_order and self.drops:
            self.drops -= 1
            raise httpx2.ReadTimeout("dropped")
        if is_order and self.refusal:
            error = {"message": "refused", "extensions": {"code": self.refusal}}
            return httpx2.Response(200, json={"data": None, "errors": [error]})
        for name, code in self.refusals.items():
            if b'"operationName":"%s"' % name.encode() in self.asked[-1]:
                error = {"message": "refused", "extensions": {"code": code}}
                return httpx2.Response(200, json={"data": None, "errors": [error]})
        for name, data in self.answers.items():
            if b'"operationName":"%s"' % name.encode() in self.asked[-1]:
                return httpx2.Response(200, json={"data": data})
        response = await super().handle_async_request(request)
        if is_order and self.meanwhile:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        is_request = b'"operationName":"Ask"' in self.asked[-1]
        if self.loses and (is_order or is_request):
            self.loses -= 1
            await response.aread()
            raise httpx2.ReadTimeout("lost")
        return response


@dataclass
class Visitor:
    """Somebody with a browser, as far as HTTP goes."""

    client: httpx2.AsyncClient
    app: Starlette
    gateway: Counting
    issuer: httpx2.AsyncClient
    seen: list[httpx2.Response] = field(default_factory=list)

    async def sign_in(self, name: str) -> httpx2.Response:
        start = await self.client.get("/sign-in")
        sent = await self.issuer.post(start.headers["location"], data={"user": name})
        return await self.get(sent.headers["location"].removeprefix(PUBLIC))

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        return await self._follow(await self.client.get(path, headers=headers))

    async def post(self, path: str, **form: str) -> httpx2.Response:
        """A form of the last page that was seen, with its token, and the draft that it is about."""
        hidden = {name: self.hidden(name) for name in ("csrf", "draft", "seen")}
        known = {name: value for name, value in hidden.items() if value}
        return await self._follow(await self.client.post(path, data={**known, **form}))

    @property
    def csrf(self) -> str:
        return self.hidden("csrf")

    def hidden(self, name: str) -> str:
        """A hidden field of the last page."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.seen[-1].text)
        return found[1] if found else ""

    @property
    def session(self) -> Session:
        found = self.app.state.site.sessions.find(self.client.cookies["portal"])
        assert found
        return found  # type: ignore[no-any-return]

    @property
    def owner(self) -> str:
        """The name of the visitor's desk for the account that is picked."""
        known = self.accounts
        picked = known[0] if len(known) == 1 else self.session.account
        issuer = self.app.state.site.settings.issuer
        return owner_of(issuer, str(self.session.subject), picked["id"] if picked else None)

    async def desk(self) -> Desk:
        """The work that the visitor has under way."""
        found: Desk = await self.app.state.site.desks.find(self.owner)
        return found

    @property
    def accounts(self) -> list[dict[str, Any]]:
        assert self.session.user
        return list(self.session.user.viewer["accounts"]["nodes"])

    @property
    def account(self) -> str:
        """The id of the first account that the visitor may act for."""
        return str(self.accounts[0]["id"])

    async def _follow(self, response: httpx2.Response) -> httpx2.Response:
        while response.is_redirect and response.headers["location"].startswith("/"):
            response = await self.client.get(response.headers["location"])
        self.seen.append(response)
        return response


def settings(port: int, **changes: Any) -> Settings:
    return Settings(
        **{
            "gateway_url": f"http://127.0.0.1:{port}",
            "issuer": f"http://127.0.0.1:{port + 1}/issuer",
            "client_id": "portal",
            "client_secret": "portal-demo-secret",
            "public_url": PUBLIC,
            **changes,
        }
    )


@asynccontextmanager
async def visiting(port: int, name: str | None = None, **changes: Any) -> AsyncIterator[Visitor]:
    gateway, store = Counting(), changes.pop("store", None)
    app = create_app(settings(port, **changes), transport=gateway, store=store)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=PUBLIC) as client,
        httpx2.AsyncClient(verify=tls(), trust_env=False) as issuer,
    ):
        visitor = Visitor(client, app, gateway, issuer)
        if name:
            await visitor.sign_in(name)
        yield visitor
