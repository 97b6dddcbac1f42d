"""The composition root: settings -> the ASGI application. The one module that knows all others."""

import asyncio
import importlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, nullcontext
from functools import cache, partial
from typing import Any

import httpx2
from graphql import GraphQLSchema
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route
from starlette.types import Lifespan

from gateway.auth.policy_file import PolicyFile
from gateway.ceiling import Ceiling
from gateway.config.environment import load
from gateway.config.settings import Settings, SettingsError
from gateway.deliveries.opening_deliveries import deliveries_of
from gateway.engine import manifest
from gateway.engine.execution import Engine
from gateway.engine.limits import REGISTRY, Limits
from gateway.engine.trusted import Trusted
from gateway.feeds.keeping import FollowedRows
from gateway.http.auditing import audited
from gateway.http.costing import Cost, ages_of
from gateway.http.downloads import ROUTE, Downloads
from gateway.http.endpoint import VIEW_AS, Authenticate, GraphQLEndpoint
from gateway.http.exports import Exports
from gateway.http.gathering import FOLDER, WorkerMetrics
from gateway.http.graphiql.page import SignIn, graphiql_routes
from gateway.http.health import health_routes
from gateway.http.hints import hints_routes
from gateway.http.lag import Lag
from gateway.http.live import Live
from gateway.http.metrics import (
    AnyMetric,
    Counts,
    Gauge,
    Histogram,
    Metric,
    metrics_route,
    registry_of,
)
from gateway.http.middleware import REQUEST_ID, BodyLimit, Requests
from gateway.http.routing import GRAPHQL, Gateway
from gateway.http.sockets import Sockets
from gateway.http.stopping import Stopping
from gateway.http.supervised import end_with_supervisor
from gateway.http.watching import Watched, Watching
from gateway.memory import settle
from gateway.model.registry import Registry
from gateway.observing import logs
from gateway.observing.pauses import PAUSES
from gateway.outside import ACCOUNT, Outside
from gateway.plans.cost import DocumentCost
from gateway.plans.plans import Plans
from gateway.rereading import Rereading, Taking
from gateway.resolvers.orders.inputs import MOST
from gateway.resolvers.root import build
from gateway.schema.vocabulary import vocabulary
from gateway.tracing.tracing import Tracing

ALLOWED = ("Authorization", "Cache-Control", "Content-Type")
Beside = Callable[[], Coroutine[Any, Any, None]]
"""Work that goes on beside the requests of a process."""
PREFLIGHT_SECONDS = 600
MEGABYTE = 1024 * 1024
DURATIONS = "Seconds of requests, by name of the operation, kind, and ok or the code of its error."
UPSTREAM = "Seconds of requests to Dynamics, by service, kind, table, and status or code."
QUEUE = "Seconds that calls waited for a place; those that did not wait are not among them."
IN_FLIGHT = "Requests that are not answered yet."
STREAMS = "Streams of subscriptions that are open."
KEPT = "Bytes that are kept for later requests, by kind."
PAUSE = "Seconds for which the collector of garbage stopped all else, by generation."
WORK = "Seconds of CPU time that collections of garbage took, by generation."
TASKS = "Tasks of the event loop that have not ended."
LAG = "Seconds by which the process is behind with its work."
STATE = "What stands in the way of calls to a service, in numbers of this process."


def create_app(
    settings: Settings,
    *,
    transport: httpx2.AsyncBaseTransport | None = None,
    stopping: Stopping | None = None,
    read: Callable[[], Settings] | None = None,
    tracing: Tracing | None = None,
    workers: str | None = None,
) -> Starlette:
    """
    The gateway for one environment. With a `transport` all its HTTP goes there instead of out.

    With `stopping` it heeds the signals by which its process is told to stop; with `read` settings
    that changed are taken while it serves. `tracing` is made of the settings where none is given.
    `workers` is the folder by which the worker processes gather their metrics.

    SettingsError, ImportError or TypeError where the settings or an extension cannot be used.
    """
    types = schema(settings)
    tracing = tracing or _tracing(settings)
    registered = Registry(settings.extensions)
    policy = PolicyFile(settings.policy, vocabulary(registered))
    outside = Outside(settings, policy, transport, tracing)
    limits = Limits(**settings.limits)
    plans = Plans(types, outside.names, expands=settings.expands, answer_bytes=limits.answer_bytes)
    engine = (tracing.engine if tracing else Engine)(
        types,
        limits,
        introspection=settings.introspection,
        plans=plans if settings.compiled_plans else None,
        trusted=_trusted(settings),
        most=MOST,
    )
    ceiling = Ceiling(settings.memory * MEGABYTE)
    ceiling.add("documents", 3, engine.documents)
    engine.documents.outlived = outside.prepared.outlived
    outside.keep_below(ceiling)
    authenticate: Authenticate = outside.authenticator.authenticate
    predict = plans.calls if settings.compiled_plans else DocumentCost(types).most
    live = _live(settings, engine, outside, limits) if settings.live else None
    if live and stopping:
        stopping.then.append(live.stop)
    page = settings.deadline, limits.answer_bytes
    exports = Exports(engine, outside.context, outside.audit, *page)
    if stopping:
        stopping.then.append(exports.stop)
    deliveries = deliveries_of(
        settings,
        policy,
        outside.telling,
        outside.authenticator.partner,
        outside.shared,
        engine,
        registered.tables.values(),
    )
    if tracing:
        authenticate = tracing.authenticating(authenticate)
    endpoint = GraphQLEndpoint(
        engine,
        authenticate,
        outside.context,
        look_as=outside.seen_as,
        explain=outside.explain,
        show_execution=settings.show_execution,
        measure=partial(Cost.before, predict, outside.calls_left),
        show_cost=settings.show_cost,
        ages=ages_of,
        answer_bytes=limits.answer_bytes,
        audit=outside.audit,
        deadline=settings.deadline,
        live=live,
        exports=exports,
    )
    downloads = Downloads(
        outside.papers,
        authenticate,
        outside.seen_as,
        outside.context,
        outside.audit,
        settings.deadline,
    )
    lag = Lag()
    conditions = {
        "keys": outside.has_keys,
        "load": lambda: not lag.is_too_much,
        "stopping": lambda: stopping is None or not stopping.begun,
    }
    watched = Watched({})
    registry = registry_of(_metrics(engine, endpoint, outside, watched, lag, ceiling, live))
    gathering = WorkerMetrics(workers) if workers else None
    telling = [partial(gathering.tell, registry)] if gathering and settings.metrics else []
    takers = outside.taking, lambda found: engine.trusting(_trusted(found))
    app = Gateway(
        routes=[
            Route(GRAPHQL, endpoint),
            Route(ROUTE, downloads),
            *health_routes(conditions, outside.health),
            *(hints_routes(settings.hints_secret, live.feeds.hint) if live else []),
            *([metrics_route(registry, gathering)] if settings.metrics else []),
            *_graphiql(settings),
        ],
        middleware=[
            Middleware(Requests, stopping=stopping),
            *_watching(settings, watched),
            *([tracing.requests()] if tracing else []),
            *_cors(settings),
            Middleware(BodyLimit, maximum=limits.body_bytes),
        ],
        lifespan=_lifespan(
            outside,
            tracing,
            stopping,
            lag.measure,
            *telling,
            *([live.feeds.run, FollowedRows(live.feeds, outside.kept).run] if live else []),
            *([outside.telling.journal.run] if outside.telling else []),
            *([deliveries.run] if deliveries else []),
            *_rereading(settings, read, takers),
        ),
    )
    most, of_caller = settings.live_streams, settings.live_streams_of_caller
    app.serve(endpoint, Sockets(endpoint, watched, most=most, most_of_caller=of_caller))
    app.state.live = live
    app.state.engine = engine
    return app


def from_environment() -> Starlette:
    """The gateway that the environment describes; what each worker process starts."""
    settings = load(limits=REGISTRY)
    start_log(settings)
    app = create_app(
        settings,
        stopping=stopping_of(settings),
        read=read_again,
        workers=os.environ.get(FOLDER),
    )
    end_with_supervisor()
    settle()
    PAUSES.measure()
    return app


def read_again() -> Settings:
    """The settings as they are now; SettingsError where they cannot be used."""
    return load(limits=REGISTRY)


def stopping_of(settings: Settings) -> Stopping:
    """The end of a process that serves."""
    return Stopping(settings.linger, settings.stop_within)


def start_log(settings: Settings) -> None:
    """Log to standard error, as the settings say."""
    logs.start(settings.log_level, settings.log_format)
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


def _rereading(
    settings: Settings, read: Callable[[], Settings] | None, takers: Sequence[Taking]
) -> list[Beside]:
    return [Rereading(settings, read, *takers).run] if read else []


def _tracing(settings: Settings) -> Tracing | None:
    """
    The maker of spans, if switched on; SettingsError where the SDK is not installed.
    """
    if not settings.traces:
        return None
    try:
        # Nobody else should need the SDK, which is an extra.
        found: Tracing = importlib.import_module("gateway.tracing.spans").started()
    except ModuleNotFoundError as error:
        needed = f"needs {error.name}; install dynamics-gateway[otel]"
        raise SettingsError([f"GATEWAY_TRACES: {needed}"]) from None
    return found


def _lifespan(
    outside: Outside, tracing: Tracing | None, stopping: Stopping | None, *beside: Beside
) -> Lifespan[Starlette]:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with outside.lifespan(app):
            tasks = [asyncio.create_task(each()) for each in beside]
            with stopping.heeding(outside.hurry) if stopping else nullcontext():
                yield
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if tracing:
            await asyncio.to_thread(tracing.flush)

    return lifespan


def _live(settings: Settings, engine: Engine, outside: Outside, limits: Limits) -> Live:
    """The live queries, over feeds of the tables that they show."""
    return Live(
        engine,
        outside.context,
        outside.feeds(),
        answer_bytes=limits.answer_bytes,
        audit=outside.audit,
        deadline=settings.deadline,
        most=settings.live_streams,
        most_of_caller=settings.live_streams_of_caller,
    )


def _trusted(settings: Settings) -> Trusted:
    path = settings.trusted_documents
    return Trusted(manifest.load(path) if path else {}, only=settings.trusted_only)


def _watching(settings: Settings, watched: Watched) -> list[Middleware]:
    if not (settings.metrics or settings.access_log or settings.slow):
        return []
    lines, slow = settings.access_log, settings.slow
    return [Middleware(Watching, watched=watched, lines=lines, slow=slow)]


def _metrics(
    engine: Engine,
    endpoint: GraphQLEndpoint,
    outside: Outside,
    watched: Watched,
    lag: Lag,
    ceiling: Ceiling,
    live: Live | None,
) -> list[AnyMetric]:
    ways = "Operations, by how they were answered and why not by a plan."
    refusals = "Requests that were not executed, by code."
    calls = "Requests to Dynamics, repeated ones too, by status or code."

    def refused() -> Counts:
        return (((code,), number) for code, number in endpoint.refusals.items())

    def streams() -> int:
        return live.number if live else 0

    metrics = [
        Metric("operations", ways, ("way", "reason"), engine.ways.items),
        Metric("refusals", refusals, ("code",), refused),
        Metric("upstream_calls", calls, ("service", "outcome"), outside.metrics.calls),
    ]
    durations = [
        Histogram("request", DURATIONS, ("operation", "kind", "outcome"), watched.spent),
        Histogram(
            "upstream", UPSTREAM, ("service", "kind", "table", "outcome"), outside.metrics.durations
        ),
        Histogram("collector_pause", PAUSE, ("generation",), PAUSES.spent),
        Histogram("collector_cpu", WORK, ("generation",), PAUSES.worked),
        Histogram("queue_wait", QUEUE, ("service",), outside.metrics.waits),
    ]
    gauges = [
        Gauge("requests_in_flight", IN_FLIGHT, (), lambda: [((), watched.in_flight - streams())]),
        Gauge("streams", STREAMS, (), lambda: [((), streams())]),
        Gauge("kept_bytes", KEPT, ("of",), lambda: [((of,), n) for of, n in ceiling.sizes.items()]),
        Gauge("tasks", TASKS, (), lambda: [((), len(asyncio.all_tasks()))]),
        Gauge("lag_seconds", LAG, (), lambda: [((), lag.seconds)]),
        Gauge("upstream_state", STATE, ("service", "of"), outside.metrics.gauges),
    ]
    return [*metrics, *durations, *gauges]


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
