"""The parts of one app, each made of those before it, and the app that they are."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from typing import Any

from graphql import GraphQLSchema
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from front.stopping import Stopping
from gateway.ceiling import Ceiling
from gateway.config.settings import Settings, SettingsError
from gateway.deliveries.delivering import Deliveries
from gateway.deliveries.opening_deliveries import deliveries_of
from gateway.deliveries.order_news import DOCUMENTS
from gateway.engine import manifest
from gateway.engine.execution import Engine
from gateway.engine.limits import Limits
from gateway.engine.trusted import Trusted
from gateway.feeds.keeping import FollowedRows
from gateway.http.cost_extension import Cost, Predict, ages_of
from gateway.http.downloads import ROUTE, Downloads
from gateway.http.endpoint import VIEW_AS, Authenticate, GraphQLEndpoint
from gateway.http.exports import Exports
from gateway.http.gathering import WorkerMetrics
from gateway.http.graphiql.graphiql_page import SignIn, graphiql_routes
from gateway.http.health import health_routes
from gateway.http.hints import hints_routes
from gateway.http.lag import Lag
from gateway.http.live import Live
from gateway.http.metrics import metrics_route, registry_of
from gateway.http.middleware import BodyLimit, Requests
from gateway.http.process_metrics import ProcessMetrics
from gateway.http.receiving import REQUEST_ID
from gateway.http.routing import GRAPHQL, Gateway
from gateway.http.sockets import Sockets
from gateway.http.watching import Watched, Watching
from gateway.outside import ACCOUNT, Outside
from gateway.plans.cost import DocumentCost
from gateway.plans.plans import Plans
from gateway.rereading import Rereading
from gateway.resolvers.orders.inputs import MOST
from gateway.tasks import ended
from gateway.tracing.tracing import Tracing

Beside = Callable[[], Coroutine[Any, Any, None]]
"""Work that goes on beside the requests of a process."""
PREFLIGHT_SECONDS = 600
MEGABYTE = 1024 * 1024
ALLOWED = ("Authorization", "Cache-Control", "Content-Type", REQUEST_ID, ACCOUNT, VIEW_AS)
"""The headers that pages of other origins may send."""
EXPOSED = (REQUEST_ID, "Retry-After", "RateLimit", "RateLimit-Policy")
"""The headers that they may read."""


class Assembly:
    """The parts of one app, each made of those before it."""

    def __init__(
        self,
        settings: Settings,
        types: GraphQLSchema,
        outside: Outside,
        *,
        tracing: Tracing | None,
        stopping: Stopping | None,
        read: Callable[[], Settings] | None,
        workers: str | None,
    ) -> None:
        """The arguments but the first three are those of `create_app`."""
        self._settings, self._outside = settings, outside
        self._tracing, self._stopping, self._read = tracing, stopping, read
        self._limits = Limits(**settings.limits)
        self._authenticate = self._authentication()
        self._predict, self._engine = self._execution(types)
        self._ceiling = self._kept()
        self._live = self._feeding() if settings.live else None
        self._exports = self._exporting()
        self._deliveries = self._delivering()
        self._endpoint = self._answering()
        self._lag, self._watched = Lag(), Watched({})
        self._registry = registry_of(self._numbers().all())
        self._gathering = WorkerMetrics(workers) if workers else None

    def app(self) -> Gateway:
        """The ASGI application of these parts."""
        app = Gateway(
            routes=[*self._routes()],
            middleware=[*self._middleware()],
            lifespan=self._lifespan,
        )
        app.serve(self._endpoint, self._sockets())
        app.state.live = self._live
        app.state.engine = self._engine
        return app

    # The parts

    def _authentication(self) -> Authenticate:
        """The authentication of callers, with a span for each where they are traced."""
        authenticate: Authenticate = self._outside.authenticator.authenticate
        return self._tracing.authenticating(authenticate) if self._tracing else authenticate

    def _execution(self, types: GraphQLSchema) -> tuple[Predict, Engine]:
        """The engine with its plans, and the prediction of the calls that a query takes."""
        settings, limits = self._settings, self._limits
        plans = Plans(
            types,
            self._outside.names,
            expands=settings.expands,
            answer_bytes=limits.answer_bytes,
        )
        engine = (self._tracing.engine if self._tracing else Engine)(
            types,
            limits,
            introspection=settings.introspection,
            plans=plans if settings.compiled_plans else None,
            trusted=trusted_of(settings),
            most=MOST,
        )
        return (plans.calls if settings.compiled_plans else DocumentCost(types).most), engine

    def _kept(self) -> Ceiling:
        """The bound of all that the process keeps for later requests."""
        ceiling = Ceiling(self._settings.memory * MEGABYTE)
        ceiling.add("documents", 3, self._engine.documents)
        self._engine.documents.outlived = self._outside.prepared.outlived
        self._outside.keep_below(ceiling)
        return ceiling

    def _feeding(self) -> Live:
        """The live queries, over feeds of the tables that they show."""
        live = Live(
            self._engine,
            self._outside.context,
            self._outside.feeds(),
            answer_bytes=self._limits.answer_bytes,
            audit=self._outside.audit,
            deadline=self._settings.deadline,
            most=self._settings.live_streams,
            most_of_caller=self._settings.live_streams_of_caller,
        )
        if self._stopping:
            self._stopping.then.append(live.stop)
        return live

    def _exporting(self) -> Exports:
        """The exports of whole lists."""
        outside, limits = self._outside, self._limits
        pages = self._settings.deadline, limits.answer_bytes
        exports = Exports(self._engine, outside.context, outside.audit, *pages)
        if self._stopping:
            self._stopping.then.append(exports.stop)
        return exports

    def _delivering(self) -> Deliveries | None:
        """The deliveries of partners' webhooks, where there can be any."""
        outside = self._outside
        deliveries = deliveries_of(
            self._settings,
            outside.policy,
            outside.telling,
            outside.authenticator,
            outside.shared,
            self._engine,
            outside.tables,
        )
        if deliveries:
            outside.invitations.tell = deliveries.invited
        return deliveries

    def _answering(self) -> GraphQLEndpoint:
        """The endpoint of GraphQL over HTTP."""
        settings, outside = self._settings, self._outside
        return GraphQLEndpoint(
            self._engine,
            self._authenticate,
            outside.context,
            look_as=outside.seen_as,
            explain=outside.explain,
            show_execution=settings.show_execution,
            measure=partial(Cost.before, self._predict, outside.calls_left),
            show_cost=settings.show_cost,
            ages=ages_of,
            answer_bytes=self._limits.answer_bytes,
            audit=outside.audit,
            deadline=settings.deadline,
            live=self._live,
            exports=self._exports,
        )

    def _numbers(self) -> ProcessMetrics:
        return ProcessMetrics(
            self._engine,
            self._endpoint,
            self._outside.metrics,
            self._watched,
            self._lag,
            self._ceiling,
            self._live,
        )

    def _sockets(self) -> Sockets:
        most, of_caller = self._settings.live_streams, self._settings.live_streams_of_caller
        return Sockets(self._endpoint, self._observers(), most=most, most_of_caller=of_caller)

    def _downloads(self) -> Downloads:
        """The documents that links of answers lead to."""
        outside = self._outside
        return Downloads(
            outside.papers,
            self._authenticate,
            outside.seen_as,
            outside.context,
            outside.audit,
            self._settings.deadline,
        )

    # The app

    def _routes(self) -> Iterator[Route]:
        settings = self._settings
        yield Route(GRAPHQL, self._endpoint)
        yield Route(ROUTE, self._downloads())
        yield from health_routes(
            {
                "keys": self._outside.has_keys,
                "load": lambda: not self._lag.is_too_much,
                "stopping": lambda: self._stopping is None or not self._stopping.begun,
            },
            self._outside.health,
        )
        if self._live:
            yield from hints_routes(settings.hints_secret, self._live.feeds.hint)
        if settings.metrics:
            yield metrics_route(self._registry, self._gathering)
        if settings.graphiql and settings.graphiql_client_id is not None:
            page = SignIn(settings.issuer, settings.graphiql_client_id, settings.graphiql_scope)
            yield from graphiql_routes(page)

    def _observers(self) -> Iterator[Middleware]:
        """The middleware of what is asked, over HTTP or a WebSocket."""
        settings = self._settings
        if settings.metrics or settings.access_log or settings.slow:
            lines, slow = settings.access_log, settings.slow
            yield Middleware(Watching, watched=self._watched, lines=lines, slow=slow)
        if self._tracing:
            yield self._tracing.requests()

    def _middleware(self) -> Iterator[Middleware]:
        settings = self._settings
        yield Middleware(Requests, stopping=self._stopping)
        yield from self._observers()
        if settings.cors_origins:
            yield Middleware(
                CORSMiddleware,
                allow_origins=settings.cors_origins,
                allow_methods=["GET", "POST"],
                allow_headers=ALLOWED,
                expose_headers=EXPOSED,
                max_age=PREFLIGHT_SECONDS,
            )
        yield Middleware(BodyLimit, maximum=self._limits.body_bytes)

    def _beside(self) -> Iterator[Beside]:
        """The work that goes on beside requests."""
        yield self._lag.measure
        if self._gathering and self._settings.metrics:
            yield partial(self._gathering.tell, self._registry)
        if self._live:
            yield self._live.feeds.run
            yield FollowedRows(self._live.feeds, self._outside.kept).run
        if self._outside.telling:
            yield self._outside.telling.journal.run
        if self._deliveries:
            yield self._deliveries.run
        if self._read:
            takers = self._outside.taking, lambda found: self._engine.trusting(trusted_of(found))
            yield Rereading(self._settings, self._read, *takers).run

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        async with self._outside.lifespan(app):
            tasks = [asyncio.create_task(each()) for each in self._beside()]
            stopping = self._stopping
            with stopping.heeding(self._outside.hurry) if stopping else nullcontext():
                yield
            await ended(tasks)
        if self._tracing:
            await asyncio.to_thread(self._tracing.flush)


def trusted_of(settings: Settings) -> Trusted:
    """The documents of the manifest that the settings name."""
    path = settings.trusted_documents
    theirs = manifest.load(path) if path else {}
    if settings.trusted_only and not theirs:
        lacks = "has no document, and GATEWAY_TRUSTED_ONLY refuses all others"
        raise SettingsError([f"{manifest.VARIABLE}: {lacks}"])
    return Trusted({**DOCUMENTS, **theirs}, only=settings.trusted_only)
