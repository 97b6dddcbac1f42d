"""The composition root: settings -> the ASGI application. The one module that knows all others."""

import logging
from collections.abc import Sequence
from functools import cache, partial

import httpx2
from graphql import GraphQLSchema
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from gateway.auth.policy_file import PolicyFile
from gateway.config.environment import load
from gateway.config.settings import Settings
from gateway.engine import manifest
from gateway.engine.execution import Engine
from gateway.engine.limits import REGISTRY, Limits
from gateway.engine.trusted import Trusted
from gateway.http.auditing import audited
from gateway.http.costing import Cost
from gateway.http.endpoint import VIEW_AS, GraphQLEndpoint
from gateway.http.graphiql.page import SignIn, graphiql_routes
from gateway.http.health import health_routes
from gateway.http.metrics import Counts, Metric, metrics_route
from gateway.http.middleware import REQUEST_ID, BodyLimit, Requests
from gateway.http.routing import GRAPHQL, Gateway
from gateway.memory import settle
from gateway.model.registry import Registry
from gateway.outside import ACCOUNT, Outside
from gateway.plans.cost import DocumentCost
from gateway.plans.plans import Plans
from gateway.resolvers.orders.inputs import MOST
from gateway.resolvers.root import build
from gateway.schema.vocabulary import vocabulary

ALLOWED = ("Authorization", "Cache-Control", "Content-Type")
PREFLIGHT_SECONDS = 600
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def create_app(
    settings: Settings, *, transport: httpx2.AsyncBaseTransport | None = None
) -> Starlette:
    """
    The gateway for one environment. With a `transport` all its HTTP goes there instead of out.

    SettingsError, ImportError or TypeError where the settings or an extension cannot be used.
    """
    types = schema(settings)
    outside = Outside(
        settings, PolicyFile(settings.policy, vocabulary(Registry(settings.extensions))), transport
    )
    limits = Limits(**settings.limits)
    plans = Plans(types, outside.names, expands=settings.expands)
    engine = Engine(
        types,
        limits,
        introspection=settings.introspection,
        plans=plans if settings.compiled_plans else None,
        trusted=_trusted(settings),
        most=MOST,
    )
    predict = plans.calls if settings.compiled_plans else DocumentCost(types).most
    endpoint = GraphQLEndpoint(
        engine,
        outside.authenticator.authenticate,
        outside.context,
        look_as=outside.seen_as,
        explain=outside.explain,
        show_execution=settings.show_execution,
        measure=partial(Cost, predict, outside.calls_left),
        show_cost=settings.show_cost,
        answer_bytes=limits.answer_bytes,
        audit=outside.audit,
        deadline=settings.deadline,
    )
    app = Gateway(
        routes=[
            Route(GRAPHQL, endpoint),
            *health_routes(outside.probes),
            *_metrics(settings, engine, endpoint, outside),
            *_graphiql(settings),
        ],
        middleware=[
            Middleware(Requests),
            *_cors(settings),
            Middleware(BodyLimit, maximum=limits.body_bytes),
        ],
        lifespan=outside.lifespan,
    )
    app.serve(endpoint)
    app.state.engine = engine
    return app


def from_environment() -> Starlette:
    """The gateway that the environment describes; what each worker process starts."""
    settings = load(limits=REGISTRY)
    start_log(settings)
    app = create_app(settings)
    settle()
    return app


def start_log(settings: Settings) -> None:
    """Log to standard error, as the settings say."""
    logging.basicConfig(level=settings.log_level.upper(), format=LOG_FORMAT)
    # It logs every URL, and with it what customers search for.
    logging.getLogger("httpx2").setLevel(logging.WARNING)


def schema(settings: Settings) -> GraphQLSchema:
    """The schema of our tables and of those that extensions declare."""
    return _audited_schema(settings.extensions) if settings.extensions else _our_schema()


def _audited_schema(extensions: Sequence[str] = ()) -> GraphQLSchema:
    return audited(build(extensions)._schema)


@cache
def _our_schema() -> GraphQLSchema:
    """The schema without extensions, which all apps of a process share: it never changes."""
    return _audited_schema()


def _trusted(settings: Settings) -> Trusted:
    path = settings.trusted_documents
    return Trusted(manifest.load(path) if path else {}, only=settings.trusted_only)


def _metrics(
    settings: Settings, engine: Engine, endpoint: GraphQLEndpoint, outside: Outside
) -> list[Route]:
    if not settings.metrics:
        return []
    ways = "Operations, by how they were answered and why not by a plan."
    refusals = "Requests that were not executed, by code."
    calls = "Requests to Dynamics, repeated ones too, by status or code."

    def refused() -> Counts:
        return (((code,), number) for code, number in endpoint.refusals.items())

    metrics = [
        Metric("operations", ways, ("way", "reason"), engine.ways.items),
        Metric("refusals", refusals, ("code",), refused),
        Metric("upstream_calls", calls, ("service", "outcome"), outside.calls),
    ]
    return [metrics_route(metrics)]


def _graphiql(settings: Settings) -> list[Route]:
    if not settings.graphiql or settings.graphiql_client_id is None:
        return []
    return graphiql_routes(
        SignIn(settings.issuer, settings.graphiql_client_id, settings.graphiql_scope)
    )


def _cors(settings: Settings) -> list[Middleware]:
    if not settings.cors_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=[
                "Authorization",
                "Cache-Control",
                "Content-Type",
                REQUEST_ID,
                ACCOUNT,
                VIEW_AS,
            ],
            expose_headers=[REQUEST_ID, "Retry-After", "RateLimit", "RateLimit-Policy"],
            max_age=PREFLIGHT_SECONDS,
        )
    ]
