"""The connections of a process to its services, and the state that it keeps about them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2
from msgspec.structs import replace
from starlette.applications import Starlette

from gateway.admission.budget_windows import CallsLeft
from gateway.audit import recorder
from gateway.auth.on_behalf import PRIORITY, errand_of
from gateway.auth.policy_file import PolicyFile
from gateway.auth.principal import Kind, Principal
from gateway.auth.signing_keys import PAUSE
from gateway.callers import Callers
from gateway.ceiling import Ceiling
from gateway.client.trusted_certificates import trusted
from gateway.config.settings import Settings
from gateway.derived_keys import key_for
from gateway.doctor.looking import Looking
from gateway.doctor.relied import relied
from gateway.doctor.surroundings import Surroundings
from gateway.dynamics_services import DynamicsServices
from gateway.feeds.following import Feeds
from gateway.feeds.polls import Polls
from gateway.feeds.relay import Relay
from gateway.http.dependencies import examined
from gateway.http.explaining import Explanation, explanation
from gateway.http.receiving import Received
from gateway.loaders.calculations import Calculations
from gateway.loaders.kept_rows import KeptRows
from gateway.loaders.prepared import PreparedByPrincipal
from gateway.loaders.reader import Reader
from gateway.loaders.rows import Loaders
from gateway.loaders.seals import Seal
from gateway.loaders.seen_rows import SeenRows
from gateway.loaders.shared_rows import SharedRows
from gateway.loaders.write_safety import WriteSafety
from gateway.loaders.writer import Writer, Writes
from gateway.metadata.origins import ORIGINS
from gateway.model.registry import Registry
from gateway.paperwork import Paperwork
from gateway.reconciling import Reconciliation, reconcile
from gateway.schema.account_ids import account_id, contact_name
from gateway.schema.business import languages
from gateway.schema.business.sales import FINGERPRINT, KEY, SalesOrder
from gateway.schema.context import Context
from gateway.sharing import store_of, vault_of
from gateway.tasks import ended
from gateway.telling.opening import telling_of
from gateway.tracing.tracing import Tracing
from gateway.upstream.allowance import Allowance
from gateway.upstream.names import Names
from gateway.upstream.sender import now
from gateway.upstream.service import Service

ACCOUNT = "X-Account"
"""The header by which a caller of several accounts chooses one for the whole request."""
CACHING = b"cache-control"
"""The header by which a caller has rows asked for anew (`no-cache`), whatever is kept."""
_ACCOUNT = ACCOUNT.lower().encode()
DRAIN = 2.0
"""Seconds that writes under way get when all requests have ended."""


class Outside:
    """The services of the process: HTTP clients, tokens, keys and remembered callers."""

    def __init__(
        self,
        settings: Settings,
        policy: PolicyFile,
        transport: httpx2.AsyncBaseTransport | None,
        tracing: Tracing | None = None,
    ) -> None:
        self._settings, self.policy = settings, policy
        self.tables = tuple(Registry(settings.extensions).tables.values())
        self._store = store_of(settings)
        self._vault = vault_of(settings, self._store)
        self._services = services = DynamicsServices(
            settings, self.tables, transport, tracing, self._store
        )
        self._client = httpx2.AsyncClient(transport=transport, verify=trusted(), trust_env=False)
        self._callers = Callers(settings, policy, services.dataverse, self._client, self._vault)
        self.authenticator, self.metrics = self._callers.authenticator, services.metrics
        self.invitations = self._callers.invitations
        self.kept = self._kept_rows()
        self._seen = SeenRows(KeptRows(outage=lambda: policy.current().seen_outage))
        self.prepared = PreparedByPrincipal()
        self.papers = Paperwork(
            settings, services.finops, services.logins.finops, transport, self._store
        )
        self._calculations = Calculations(services.dataverse, services.finops)
        self.telling = telling_of(settings, services.dataverse, self.tables)
        self._writes = _writes(settings)
        self._write_safety = _write_safety(settings, services.dataverse)
        self._language = languages.option(settings.order_language)
        self.audit = _audit(settings)

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
            fresh=b"no-cache" in request.headers.get(CACHING, b""),
        )

    def keep_below(self, ceiling: Ceiling) -> None:
        """Let all that is kept of callers, and rows, share this ceiling."""
        ceiling.add("rows", 3, self.kept)
        ceiling.add("seen", 1, self._seen.kept)
        self._callers.keep_below(ceiling)
        ceiling.add("prepared", 1, self.prepared)
        self._calculations.keep_below(ceiling)
        ceiling.add("pictures", 2, self.papers.pictures)

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
        fresh: bool = False,
    ) -> Context:
        """
        The shared services for one request, with its id, its start `begun` and its `Priority`
        header. With `fresh`, no cached row is used.
        """
        clock = asyncio.get_running_loop().time
        deadline = (clock() if begun is None else begun) + self._settings.deadline
        errand = errand_of(principal, priority)
        allowance = Allowance(self._settings.upstream_calls, deadline, clock, errand=errand)
        allowance.fresh = fresh
        prepared = self.prepared.of(principal)
        services, writes, safety = self._services, self._writes, self._write_safety
        reader = Reader(services.by_name, principal, allowance, kept=self.kept, prepared=prepared)
        if self.policy.current().seen_outage:
            reader = replace(reader, seen=self._seen)
        return Context(
            principal,
            Loaders(reader, self.papers.links, self._calculations),
            Writer(services.dataverse, principal, allowance, writes, safety, self.kept),
            request,
            self._settings.unpriced,
            self._language,
            audit=self.audit,
            source=source,
            telling=self.telling,
            invitations=self.invitations,
            stands=self.authenticator.stands,
        )

    def feeds(self) -> Feeds:
        """The feeds of the tables that somebody watches."""
        return Feeds(
            self._services.dataverse,
            self.tables,
            self._settings,
            self.kept.forget,
            Polls(self._services.finops),
            Relay(self._store, self._vault) if self._vault else None,
        )

    @property
    def names(self) -> Names:
        """The names of tables in Dataverse."""
        return self._services.dataverse.names

    def calls_left(self, context: Context) -> CallsLeft | None:
        """The calls that a caller has left at the service that leaves fewest, if any counts."""
        return self._services.calls_left(context.loaders.reader.allowance)

    def has_keys(self) -> bool:
        """True if callers of one issuer at least can be told apart."""
        return self._callers.has_keys()

    async def health(self) -> dict[str, Any]:
        """The state of all that the gateway depends on."""
        states, sign_ins = self._services.states()
        return await examined(states, sign_ins, self._callers.issuers())

    def taking(self, settings: Settings) -> Callable[[], None]:
        """
        Check other settings, and return what takes them: credentials, and profiles of issuers.

        SettingsError where they cannot be used.
        """
        takers = self._services.logins.taking(settings), self._callers.taking(settings)

        def take() -> None:
            for each in takers:
                each()

        return take

    def hurry(self) -> None:
        """Have whoever waits for a write answered, as the process ends shortly."""
        self._writes.hurry()

    async def explain(self, context: Context) -> Explanation:
        """The explanation of one request's answer, with time of its own."""
        reader, deadline = context.loaders.reader, now() + self._settings.deadline
        errand = reader.allowance.errand
        allowance = Allowance(self._settings.upstream_calls, deadline, errand=errand)
        return await explanation(replace(reader, allowance=allowance))

    async def learn(self) -> None:
        """Read the names of the environment, for a command that lasts no longer than its answer."""
        await self._services.learning.learn()

    def looking(self, say: Callable[[str], None]) -> Looking:
        """The means of the doctor; names are those of the dictionary and of the names file."""
        services, tables = self._services, self.tables
        first, *others = services.logins.apart(services.dataverse)
        return Looking(
            {**services.by_name, "dataverse": first},
            tables,
            {
                name: relied((each for each in tables if each.service == name), service.names)
                for name, service in services.by_name.items()
            },
            {name: origin.assumed() for name, origin in ORIGINS.items()},
            services.overrides,
            say,
            self.policy.current().granted(Kind.CUSTOMER),
            tuple(others),
        )

    def surroundings(self) -> Surroundings:
        """The parties that this process talks to, for a check that they answer."""
        services = self._services
        return Surroundings(
            self._settings, self._callers.keys, services.by_name, self._client, services.leases
        )

    async def reconcile(self, *, days: int, minutes: int) -> Reconciliation:
        """The orders of the last `days` that one side lacks, but for those younger than that."""
        sides = self._services.dataverse, self._services.finops
        return await reconcile(*sides, days=days, minutes=minutes)

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        async with self.open():
            self.audit.start()
            await self._services.learning.start()
            await asyncio.gather(
                self._callers.start(),
                self._write_safety.start(),
                self.papers.look(),
                self._calculations.look(),
            )
            beside = self.audit.flushing(), self._look_around()
            tasks = [asyncio.create_task(each) for each in beside]
            async with self._services.leased():
                yield
            await ended(tasks)
            self._services.learning.stop()
            self._callers.stop()
            await self._writes.drain(DRAIN)

    async def _look_around(self) -> None:
        """Ask again for what did not answer at the start, and let go of what is old."""
        while True:
            await asyncio.sleep(PAUSE)
            self._services.turn()
            self.prepared.count()
            if not self.has_keys():
                await self._callers.fetch_keys()
            await self._calculations.look()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """The HTTP clients, connected while this lasts, and the audit's file."""
        async with AsyncExitStack() as stack:
            stack.callback(self.audit.close)
            await stack.enter_async_context(self._client)
            stack.push_async_callback(self.papers.aclose)
            stack.push_async_callback(self._services.aclose)
            yield

    def _kept_rows(self) -> KeptRows:
        """The rows of reference data that are kept, and shared with other replicas."""
        return KeptRows(
            self._settings.keep_rows,
            outage=lambda: self.policy.current().rows_outage,
            shared=SharedRows(self._vault) if self._vault else None,
        )


def _writes(settings: Settings) -> Writes:
    secret = settings.receipt_secret or settings.own_secret
    return Writes(
        Seal(key_for("receipts", secret)),
        patience=settings.mutation_deadline,
        limit=settings.write_limit,
    )


def _write_safety(settings: Settings, dataverse: Service) -> WriteSafety:
    """The look for the columns by which no order is made twice."""
    return WriteSafety(
        dataverse,
        SalesOrder.__table__.entity,
        key=KEY,
        fingerprint=FINGERPRINT,
        required=settings.order_keys,
    )


def _audit(settings: Settings) -> recorder.Audit:
    key = key_for("audit", settings.audit_secret or settings.own_secret)
    return recorder.opened(
        settings.audit_file,
        key,
        required=settings.audit_required,
        patience=settings.audit_patience,
    )
