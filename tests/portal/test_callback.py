"""Strangers on the way back from the issuer: each sign-in that was begun costs it one try."""

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from portal.signin import EXCHANGES
from tests.portal.site import Visitor, visiting
from tests.waiting import served_by_thread

pytestmark = pytest.mark.anyio


@dataclass
class Issuer:
    """An issuer that takes no code, and counts those who bring one."""

    url: str
    tries: int = 0
    at_once: list[int] = field(default_factory=list)
    under_way: int = 0

    async def discovery(self, request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/jwks",
            }
        )

    async def token(self, request: Request) -> Response:
        self.tries += 1
        self.under_way += 1
        self.at_once.append(self.under_way)
        await asyncio.sleep(0.05)
        self.under_way -= 1
        return JSONResponse({"error": "invalid_grant"}, 400)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        issuer = Issuer(f"http://127.0.0.1:{found.getsockname()[1]}")
        routes = [
            Route("/.well-known/openid-configuration", issuer.discovery),
            Route("/token", issuer.token, methods=["POST"]),
        ]
        with served_by_thread(Starlette(routes=routes), found):
            yield issuer


async def begun(visitor: Visitor) -> str:
    """The state of a sign-in that the portal began."""
    there = await visitor.client.get("/sign-in")
    return parse_qs(urlsplit(there.headers["location"]).query)["state"][0]


async def test_a_callback_that_belongs_to_no_sign_in_asks_the_issuer_nothing(
    issuer: Issuer,
) -> None:
    async with visiting(1, issuer=issuer.url) as visitor:
        await begun(visitor)
        for state in ("", "x", "_state_issuer_x"):
            await visitor.client.get(f"/callback?code=x&state={state}")

    assert issuer.tries == 0


async def test_a_sign_in_is_tried_at_the_issuer_once_however_often_it_is_sent(
    issuer: Issuer,
) -> None:
    async with visiting(1, issuer=issuer.url) as visitor:
        state = await begun(visitor)
        cookie = visitor.client.cookies["portal-guest"]
        for _ in range(20):
            visitor.client.cookies.set("portal-guest", cookie, domain="127.0.0.1")
            back = await visitor.client.get(f"/callback?code=x&state={state}")

    assert back.headers["location"] == "/sign-in"
    assert issuer.tries == 1


async def test_few_sign_ins_are_tried_at_the_issuer_at_once(issuer: Issuer) -> None:
    async with visiting(1, issuer=issuer.url) as visitor:
        held = []
        for _ in range(3 * EXCHANGES):
            visitor.client.cookies.clear()
            state = await begun(visitor)
            held.append((state, visitor.client.cookies["portal-guest"]))
        visitor.client.cookies.clear()
        await asyncio.gather(
            *(
                visitor.client.get(
                    f"/callback?code=x&state={state}", headers={"Cookie": f"portal-guest={cookie}"}
                )
                for state, cookie in held
            )
        )

    assert issuer.tries == len(held)
    assert max(issuer.at_once) <= EXCHANGES
