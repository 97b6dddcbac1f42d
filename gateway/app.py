"""The composition root: settings -> the ASGI application. The one module that knows all others."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import httpx2
from graphql import GraphQLSchema
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from gateway.admission.flights import Flights
from gateway.audit import recorder
from gateway.auth.authenticator import Authenticator
from gateway.auth.errands import PRIORITY, errand_of
from gateway.auth.issuers import issuers
from gateway.auth.keys import Keys
from gateway.auth.policy_file import PolicyFile
from gateway.auth.principal import Principal
from gateway.auth.tokens import Tokens
from gateway.directory import Directory
from gateway.doctor.looking import Looking
from gateway.doctor.relied import relied
from gateway.endpoint import VIEW_AS, GraphQLEndpoint
from gateway.engine import manifest
from gateway.engine.execution import Engine
from gateway.engine.limits import REGISTRY, Limits
from gateway.engine.plans.plans import Plans
from gateway.engine.trusted import Trusted
from gateway.environment import load
from gateway.explaining import Explanation, explanation
from gateway.graphiql.page import SignIn, graphiql_routes
from gateway.health import Probe, health_routes
from gateway.keying import key_for
from gateway.loaders.footing import Footing
from gateway.loaders.reader import Reader
from gateway.loaders.rows import Loaders
from gateway.loaders.seals import Seal
from gateway.loaders.writer import Writer, Writes
from gateway.memory import settle
from gateway.metadata import assumed, overrides, remembered
from gateway.metadata.learning import Learning
from gateway.metrics import Counts, Metric, metrics_route
from gateway.middleware import REQUEST_ID, BodyLimit, Requests
from gateway.parsers import HttpTransport
from gateway.receiving import Received
from gateway.reconciling import Report, reconcile
from gateway.registry import Registry
from gateway.resolvers.auditing import audited
from gateway.resolvers.inputs import MOST
from gateway.resolvers.root import build
from gateway.routing import GRAPHQL, Gateway
from gateway.schema import languages
from gateway.schema.choosing import account_id, contact_name
from gateway.schema.context import Context
from gateway.schema.sales import FINGERPRINT, KEY, SalesOrder
from gateway.schema.vocabulary import vocabulary
from gateway.settings import Settings
from gateway.tables import ServiceName
from gateway.upstream.allowance import Allowance
from gateway.upstream.credentials import ServiceLogin, Signed, service_login
from gateway.upstream.exchange import Httpx2Transport, Request, Transport
from gateway.upstream.names import Names
from gateway.upstream.odata import DATAVERSE, FINOPS, Dialect
from gateway.upstream.sender import Sent, now, sender_of
from gateway.upstream.service import Service
from gateway.upstream.transport import Http1Transport

DATAVERSE_ROOT = "/api/data/v9.2/"
FINOPS_ROOT = "/data/"
ACCOUNT = "X-Account"
"""The header by which a caller of several accounts chooses one for the whole request."""
_ACCOUNT = ACCOUNT.lower().encode()
TRANSPORTS: Mapping[HttpTransport, Callable[[int], Transport]] = {
    "own": Http1Transport,
    "httpx2": Httpx2Transport.stock,
}
"""The transport to Dynamics, with at most so many connections to each service."""
PREFLIGHT_SECONDS = 600
DRAIN = 30.0
"""Seconds that writes under way get when the process is told to stop."""
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
    engine = Engine(
        types,
        limits,
        introspection=settings.introspection,
        plans=Plans(types, outside.names, expands=settings.expands)
        if settings.compiled_plans
        else None,
        trusted=_trusted(settings),
        most=MOST,
    )
    endpoint = GraphQLEndpoint(
        engine,
        outside.authenticator.authenticate,
        outside.context,
        look_as=outside.seen_as,
        explain=outside.explain,
        show_execution=settings.show_execution,
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
    return audited(build(settings.extensions)._schema)


class Outside:
    """The services of the process: HTTP clients, tokens, keys and remembered callers."""

    def __init__(
        self, settings: Settings, policy: PolicyFile, transport: httpx2.AsyncBaseTransport | None
    ) -> None:
        self._registry = Registry(settings.extensions)
        self._settings = settings
        self._given = transport
        self._transports: list[Transport] = []
        self._flights: Flights[Request, Sent] = Flights()
        self._client = httpx2.AsyncClient(transport=transport, trust_env=False)
        anonymous = self._transport()
        dataverse = service_login(settings, settings.dataverse_url, anonymous)
        finops = service_login(settings, settings.finops_url, anonymous)
        self._services: Mapping[ServiceName, Service] = {
            "dataverse": self._service(
                DATAVERSE, settings.dataverse_url + DATAVERSE_ROOT, dataverse
            ),
            "finops": self._service(FINOPS, settings.finops_url + FINOPS_ROOT, finops),
        }
        self._writes = Writes(
            Seal(key_for("receipts", settings.receipt_secret or settings.own_secret)),
            patience=settings.mutation_deadline,
            limit=settings.write_limit,
        )
        self._footing = Footing(
            self._services["dataverse"],
            SalesOrder.__table__.entity,
            key=KEY,
            fingerprint=FINGERPRINT,
            required=settings.order_keys,
        )
        self._language = languages.option(settings.order_language)
        self._overrides = overrides.load(settings.names) if settings.names else {}
        self._learning = Learning(
            self._registry.tables.values(),
            dataverse=self._services["dataverse"],
            finops=self._services["finops"].names,
            overrides=self._overrides,
            zones=settings.time_zone,
            file=remembered.file_of(settings.learned_names),
        )
        self._keys = [Keys(issuer, self._client) for issuer in issuers(settings, policy.current())]
        self._directory = Directory(
            self._services["dataverse"],
            deadline=settings.deadline,
            external_identities=settings.external_identities,
            contact_parties=settings.contact_parties,
            web_roles=settings.web_roles,
            outage=lambda: policy.current().outage,
        )
        self.authenticator = Authenticator(Tokens(self._keys), self._directory, policy.current)
        self.audit = recorder.opened(
            settings.audit_file,
            key_for("audit", settings.audit_secret or settings.own_secret),
            required=settings.audit_required,
        )
        self.probes: Mapping[str, Probe] = {
            "dataverse": dataverse.token,
            "finops": finops.token,
            **{f"issuer {n}": keys.ready for n, keys in enumerate(self._keys, 1)},
        }

    def context(self, principal: Principal, request: Received) -> Context:
        """The context of one request; NotFound where it names a foreign account."""
        if account := request.header(_ACCOUNT):
            principal = principal.choosing(account_id(account))
        return self.shared(
            principal,
            request.id,
            request.source,
            begun=request.begun,
            priority=request.headers.get(PRIORITY),
        )

    async def seen_as(self, staff: Principal, name: str) -> Principal:
        """The customer of this global id, contact id or e-mail address, as staff look with it."""
        return await self.authenticator.seen_as(staff, contact_name(name))

    def shared(
        self,
        principal: Principal,
        request: str,
        source: str = "",
        *,
        begun: float | None = None,
        priority: bytes | None = None,
    ) -> Context:
        """The same for a request of this id, which came at `begun` with this `Priority`."""
        clock = asyncio.get_running_loop().time
        deadline = (clock() if begun is None else begun) + self._settings.deadline
        errand = errand_of(principal, priority)
        allowance = Allowance(self._settings.upstream_calls, deadline, clock, errand=errand)
        return Context(
            principal,
            Loaders(Reader(self._services, principal, allowance)),
            Writer(self._services["dataverse"], principal, allowance, self._writes, self._footing),
            request,
            self._settings.unpriced,
            self._language,
            audit=self.audit,
            source=source,
        )

    @property
    def names(self) -> Names:
        """The names of tables in Dataverse."""
        return self._services["dataverse"].names

    def calls(self) -> Counts:
        """The number of calls to Dynamics, by service and outcome."""
        for name, service in self._services.items():
            for outcome, number in service.sender.outcomes.items():
                yield (name, outcome), number

    async def explain(self, context: Context) -> Explanation:
        """The explanation of one request's answer, with time of its own."""
        reader, deadline = context.loaders.reader, now() + self._settings.deadline
        errand = reader.allowance.errand
        allowance = Allowance(self._settings.upstream_calls, deadline, errand=errand)
        return await explanation(replace(reader, allowance=allowance))

    async def learn(self) -> None:
        """Read the names of the environment, for a command that lasts no longer than its answer."""
        await self._learning.start()
        self._learning.stop()

    def looking(self, say: Callable[[str], None]) -> Looking:
        """The means of the doctor; names are those of the dictionary and of the names file."""
        tables = tuple(self._registry.tables.values())
        return Looking(
            self._services,
            tables,
            {
                name: relied((each for each in tables if each.service == name), service.names)
                for name, service in self._services.items()
            },
            {"dataverse": assumed.dataverse(), "finops": assumed.finops()},
            self._overrides,
            say,
        )

    async def reconcile(self, *, days: int, minutes: int) -> Report:
        """The orders of the last `days` that one side lacks, but for those younger than that."""
        sides = self._services["dataverse"], self._services["finops"]
        return await reconcile(*sides, days=days, minutes=minutes)

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        async with self.open():
            self.audit.start()
            await self._learning.start()
            keys = (each.start() for each in self._keys)
            await asyncio.gather(self._footing.start(), self._directory.start(), *keys)
            flushing = asyncio.create_task(self.audit.flushing())
            yield
            flushing.cancel()
            self._learning.stop()
            self._directory.stop()
            await self._writes.drain(DRAIN)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """The HTTP clients, connected while this lasts, and the audit's file."""
        async with AsyncExitStack() as stack:
            stack.callback(self.audit.close)
            await stack.enter_async_context(self._client)
            for transport in self._transports:
                stack.push_async_callback(transport.aclose)
            yield

    def _service(self, dialect: Dialect, root: str, login: ServiceLogin) -> Service:
        return Service(
            Signed(self._transport(), login),
            # Links that the service sends begin with this, in the form that it gives addresses.
            str(httpx2.URL(root)),
            dialect,
            write_patience=self._settings.write_timeout,
            sender=sender_of(self._settings, dialect.service, self._flights),
        )

    def _transport(self) -> Transport:
        if self._given is not None:
            made: Transport = Httpx2Transport(self._given)
        else:
            make = TRANSPORTS[self._settings.http_transport]
            made = make(self._settings.upstream_concurrency)
        self._transports.append(made)
        return made


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
            allow_headers=["Authorization", "Content-Type", REQUEST_ID, ACCOUNT, VIEW_AS],
            expose_headers=[REQUEST_ID, "Retry-After", "RateLimit", "RateLimit-Policy"],
            max_age=PREFLIGHT_SECONDS,
        )
    ]
