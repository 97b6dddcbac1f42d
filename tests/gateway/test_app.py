"""The composed gateway: nobody gets in without a token, and what is off stays off."""

import asyncio
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.app import create_app
from gateway.config.parsers import HTTP_TRANSPORTS, HttpTransport
from gateway.config.settings import Settings, SettingsError
from tests.gateway.upstream.servers import always, serving

pytestmark = pytest.mark.anyio

ORIGIN = "https://shop.example"


class Nowhere(httpx2.AsyncBaseTransport):
    """No network at all; it remembers who was to be asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request.url.host)
        raise httpx2.ConnectError("nowhere")


def settings(**changes: Any) -> Settings:
    plain: dict[str, Any] = {
        "dataverse_url": "https://contoso.crm.example",
        "finops_url": "https://contoso.operations.example",
        "tenant": "contoso.example",
        "client_id": "gateway",
        "client_secret": "hush",
        "issuer": "https://issuer.example",
        "audience": ("gateway",),
    }
    return Settings(**plain | changes)


def client(transport: httpx2.AsyncBaseTransport, **changes: Any) -> httpx2.AsyncClient:
    app = create_app(settings(**changes), transport=transport)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="https://gateway")


class Seeing:
    """A middleware that remembers which paths it saw."""

    def __init__(self, app: ASGIApp, seen: list[str]) -> None:
        self._app = app
        self._seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._seen.append(scope["path"])
        await self._app(scope, receive, send)


async def test_a_middleware_that_is_added_sees_every_route() -> None:
    seen: list[str] = []
    app = create_app(settings(), transport=Nowhere())
    app.add_middleware(Seeing, seen=seen)
    transport = httpx2.ASGITransport(app)

    async with httpx2.AsyncClient(transport=transport, base_url="https://gateway") as http:
        await http.post("/graphql", json={"query": "{ __typename }"})
        for route in app.routes:
            assert isinstance(route, Route)
            await http.get(route.path)

    assert seen == ["/graphql", *(route.path for route in app.routes if isinstance(route, Route))]
    with pytest.raises(RuntimeError, match="middleware"):
        app.add_middleware(Seeing, seen=seen)


async def test_without_a_token_nothing_is_parsed_and_nobody_is_asked() -> None:
    nowhere = Nowhere()

    answer = await client(nowhere).post("/graphql", content=b"{ not even JSON")

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
    assert nowhere.asked == []


async def test_alive_but_not_ready_while_nothing_answers() -> None:
    gateway = client(Nowhere())

    assert (await gateway.get("/livez")).status_code == 200
    ready = await gateway.get("/readyz")

    assert ready.status_code == 503
    assert ready.json()["checks"] == {"keys": "failing", "load": "ok", "stopping": "ok"}


async def test_who_asks_for_health_again_and_again_asks_nobody_else() -> None:
    nowhere = Nowhere()
    gateway = client(nowhere)

    await asyncio.gather(*(gateway.get("/health") for _ in range(20)))
    once = len(nowhere.asked)
    for _ in range(20):
        assert (await gateway.get("/health")).status_code == 503

    assert 0 < once <= 6
    assert len(nowhere.asked) == once


async def test_what_is_off_by_default_is_off() -> None:
    gateway = client(Nowhere())

    preflight = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    assert (await gateway.get("/graphiql")).status_code == 404
    assert "access-control-allow-origin" not in (await gateway.get("/livez")).headers
    answer = await gateway.options("/graphql", headers=preflight)
    assert "access-control-allow-origin" not in answer.headers


async def test_cors_lets_in_the_origins_of_the_settings_alone() -> None:
    gateway = client(Nowhere(), cors_origins=(ORIGIN,))
    method = {"Access-Control-Request-Method": "POST"}

    ours = await gateway.options("/graphql", headers={"Origin": ORIGIN, **method})
    theirs = await gateway.options("/graphql", headers={"Origin": "https://evil.example", **method})

    assert ours.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-credentials" not in ours.headers
    assert "access-control-allow-origin" not in theirs.headers


@pytest.mark.parametrize("name", HTTP_TRANSPORTS)
async def test_dynamics_is_reached_by_either_transport(name: HttpTransport) -> None:
    token = b'{"access_token":"x","expires_in":3599}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(token), token)
    async with serving(always(answer)) as server:
        own = {"dataverse_url": server.url, "issuer": server.url, "tenant": None}
        app = create_app(settings(http_transport=name, token_url=f"{server.url}/token", **own))
        transport = httpx2.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="https://gateway") as gateway,
        ):
            services = (await gateway.get("/health")).json()["services"]

        assert services["dataverse"]["signIn"] == "ok"
        assert "/token" in {asked.target for asked in server.asked}
        assert await server.left_with(0)


def test_settings_that_cannot_work_are_refused_before_anything_listens() -> None:
    with pytest.raises(SettingsError, match="GATEWAY_CUSTOMER_ROLES"):
        create_app(settings(customer_roles=("administrator",)))
    with pytest.raises(ImportError, match="no_such_extension"):
        create_app(settings(extensions=("no_such_extension",)))


async def test_a_gateway_that_is_stopped_closes_its_connections() -> None:
    closed: list[str] = []

    class Closing(Nowhere):
        async def aclose(self) -> None:
            closed.append("transport")

    app = create_app(settings(), transport=Closing())
    async with app.router.lifespan_context(Starlette(routes=[Route("/", Response)])):
        assert closed == []

    assert closed
