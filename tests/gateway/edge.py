"""The edge around the small orders schema: an ASGI app as the gateway's own, with one token."""

from collections.abc import Mapping
from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway.auth.principal import Kind, Principal
from gateway.engine.execution import Engine
from gateway.errors import Forbidden, Unauthenticated, UpstreamThrottled
from gateway.http.endpoint import GraphQLEndpoint
from gateway.http.health import Condition, health_routes
from gateway.http.middleware import BodyLimit, Requests
from gateway.http.receiving import Received
from tests.gateway.engine.orders import orders_schema

TOKEN = "Bearer jane"
REFUSALS = {
    "Bearer stranger": Forbidden("No contact has this identity."),
    "Bearer busy": UpstreamThrottled("Dynamics is busy.", retryAfter=7),
}
BODY_LIMIT = 20_000


async def authenticate(header: str | None) -> Principal:
    if header in REFUSALS:
        raise REFUSALS[header]
    if header != TOKEN:
        raise Unauthenticated("A bearer token is needed.")
    return Principal(kind=Kind.CUSTOMER, issuer="https://issuer.example", subject="jane")


def context(principal: Principal, request: Received) -> str:
    return principal.subject


async def broken(request: Request) -> Response:
    raise RuntimeError("row-canary")


async def framed(request: Request) -> Response:
    return PlainTextResponse("hello", headers={"X-Frame-Options": "SAMEORIGIN"})


def edge_app(
    *, introspection: bool = True, conditions: Mapping[str, Condition] | None = None
) -> Starlette:
    engine = Engine(orders_schema(), introspection=introspection)
    return Starlette(
        routes=[
            Route("/graphql", GraphQLEndpoint(engine, authenticate, context)),
            Route("/broken", broken),
            Route("/framed", framed),
            *health_routes(conditions or {}),
        ],
        middleware=[Middleware(Requests), Middleware(BodyLimit, maximum=BODY_LIMIT)],
    )


def client(app: Any = None) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=app or edge_app())
    return httpx2.AsyncClient(
        transport=transport, base_url="http://gateway", headers={"Authorization": TOKEN}
    )
