"""The connections of a process to its services, and the state that it keeps about them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2
from msgspec.structs import replace
from starlette.applications import Starlette

from gateway.admission.budget_windows import CallsLeft
from gateway.admission.flights import Flights
from gateway.admission.governor import Governor
from gateway.audit import recorder
from gateway.auth.authenticator import Authenticator
from gateway.auth.issuers import issuers
from gateway.auth.on_behalf import PRIORITY, errand_of
from gateway.auth.policy_file import PolicyFile
from gateway.auth.principal import Principal
from gateway.auth.signing_keys import PAUSE, SigningKeys
from gateway.auth.tokens import Tokens
from gateway.ceiling import Ceiling
from gateway.client.exchange import Request
from gateway.client.transports import Transports
from gateway.config.settings import Settings, SettingsError
from gateway.directory import Directory
from gateway.doctor.looking import Looking
from gateway.doctor.relied import relied
from gateway.doctor.surroundings import Surroundings
from gateway.feeds.following import Feeds
from gateway.feeds.polls import Polls
from gateway.feeds.relay import Relay
from gateway.http.dependencies import Probe, examined
from gateway.http.explaining import Explanation, explanation
from gateway.http.receiving import Received
from gateway.http.upstream_metrics import UpstreamMetrics
from gateway.keying import key_for
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
from gateway.metadata import overrides, remembered
from gateway.metadata.learning import Learning
from gateway.metadata.origins import ORIGINS
from gateway.model.registry import Registry
from gateway.model.tables import ServiceName
from gateway.paperwork import Paperwork
from gateway.reconciling import Reconciliation, reconcile
from gateway.schema.account_ids import account_id, contact_name
from gateway.schema.business import languages
from gateway.schema.business.sales import FINGERPRINT, KEY, SalesOrder
from gateway.schema.context import Context
from gateway.sharing import leases_of, store_of, vault_of
from gateway.telling.opening import telling_of
from gateway.tracing.tracing import Tracing
from gateway.upstream.allowance import Allowance
from gateway.upstream.credentials import ServiceLogin, Signed
from gateway.upstream.dialects import DATAVERSE, FINOPS
from gateway.upstream.logins import Logins
from gateway.upstream.names import Names
from gateway.upstream.odata import Dialect
from gateway.upstream.sender import Sent, now, sender_of
from gateway.upstream.service import Service
from gateway.upstream.state import ServiceState, state_of

DATAVERSE_ROOT = "/api/data/v9.2/"
FINOPS_ROOT = "/data/"
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
        self._tracing = tracing
        self._registry = Registry(settings.extensions)
        self._settings = settings
        self._transports = Transports(settings, transport, tracing.calling if tracing else None)
        self._flights: Flights[Request, Sent] = Flights()
        self._store = store_of(settings)
        self._vault = vault = vault_of(settings, self._store)
        self.kept = KeptRows(
            settings.keep_rows,
            outage=lambda: policy.current().rows_outage,
            shared=SharedRows(vault) if vault else None,
        )
        self._seen = SeenRows(KeptRows(outage=lambda: policy.current().seen_outage))
        self.prepared = PreparedByPrincipal()
        self._client = httpx2.AsyncClient(transport=transport, trust_env=False)
        anonymous = self._transports.make()
        self._logins = logins = Logins(settings, anonymous)
        self._services: Mapping[ServiceName, Service] = {
            "dataverse": self._service(
                DATAVERSE, settings.dataverse_url + DATAVERSE_ROOT, logins.dataverse
            ),
            "finops": self._service(FINOPS, settings.finops_url + FINOPS_ROOT, (logins.finops,)),
        }
        self.metrics = UpstreamMetrics({of: s.sender for of, s in self._services.items()})
        self._leases = leases_of(
            settings,
            {each.root: each.sender.governor for each in self._services.values()},
            self._store,
        )
        self.papers = Paperwork(
            settings, self._services["finops"], logins.finops, transport, self._store
        )
        self._calculations = Calculations(self._services["dataverse"], self._services["finops"])
        tables = self._registry.tables.values()
        self.telling = telling_of(settings, self._services["dataverse"], tables)
        self._writes = Writes(
            Seal(key_for("receipts", settings.receipt_secret or settings.own_secret)),
            patience=settings.mutation_deadline,
            limit=settings.write_limit,
        )
        self._write_safety = WriteSafety(
            self._services["dataverse"],
            SalesOrder.__table__.entity,
            key=KEY,
            fingerprint=FINGERPRINT,
            required=settings.order_keys,
        )
        self._language = languages.option(settings.order_language)
        self._overrides = overrides.load(settings.names) if settings.names else {}
        self._learning = Learning(
            tables,
            self._services,
            overrides=self._overrides,
            zones=settings.time_zone,
            file=remembered.file_of(settings.learned_names),
        )
        self._keys = [
            SigningKeys(each, self._client) for each in issuers(settings, policy.current())
        ]
        self._directory = Directory(
            self._services["dataverse"],
            deadline=settings.deadline,
            external_identities=settings.external_identities,
            contact_parties=settings.contact_parties,
            web_roles=settings.web_roles,
            outage=lambda: policy.current().outage,
            vault=vault,
        )
        self._tokens = Tokens(self._keys)
        self.authenticator = Authenticator(self._tokens, self._directory, policy.current)
        self.audit = recorder.opened(
            settings.audit_file,
            key_for("audit", settings.audit_secret or settings.own_secret),
            required=settings.audit_required,
        )
        self._policy = policy
        self._sign_ins: Mapping[str, Probe] = {
            "dataverse": logins.dataverse_well,
            "finops": logins.finops.token,
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
            fresh=b"no-cache" in request.headers.get(CACHING, b""),
        )

    def keep_below(self, ceiling: Ceiling) -> None:
        """Let all that is kept of callers, and rows, share this ceiling."""
        ceiling.add("rows", 3, self.kept)
        ceiling.add("seen", 1, self._seen.kept)
        ceiling.add("tokens", 1, self._tokens.verified)
        ceiling.add("callers", 1, *(each.outcomes for each in self._directory.kept))
        ceiling.add("principals", 1, self.authenticator.made)
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
        reader = Reader(self._services, principal, allowance, kept=self.kept, prepared=prepared)
        if self._policy.current().seen_outage:
            reader = replace(reader, seen=self._seen)
        dataverse, writes, safety = self._services["dataverse"], self._writes, self._write_safety
        return Context(
            principal,
            Loaders(reader, self.papers.links, self._calculations),
            Writer(dataverse, principal, allowance, writes, safety, self.kept),
            request,
            self._settings.unpriced,
            self._language,
            audit=self.audit,
            source=source,
            telling=self.telling,
        )

    def feeds(self) -> Feeds:
        """The feeds of the tables that somebody watches."""
        return Feeds(
            self._services["dataverse"],
            self._registry.tables.values(),
            self._settings,
            self.kept.forget,
            Polls(self._services["finops"]),
            Relay(self._store, self._vault) if self._vault else None,
        )

    @property
    def names(self) -> Names:
        """The names of tables in Dataverse."""
        return self._services["dataverse"].names

    def calls_left(self, context: Context) -> CallsLeft | None:
        """The calls that a caller has left at the service that leaves fewest, if any counts."""
        allowance = context.loaders.reader.allowance
        errand, moment = allowance.errand, allowance.clock()
        governors = [service.sender.governor for service in self._services.values()]
        found = [left for each in governors if (left := each.left(errand, moment))]
        return min(found, default=None, key=lambda left: left.calls)

    def has_keys(self) -> bool:
        """True if callers of one issuer at least can be told apart."""
        return any(each.are_known for each in self._keys)

    async def health(self) -> dict[str, Any]:
        """The state of all that the gateway depends on."""
        issuers = {f"issuer {n}": keys.ready for n, keys in enumerate(self._keys, 1)}
        states: dict[str, ServiceState] = {
            name: state_of(each.sender) for name, each in self._services.items()
        }
        return await examined(states, self._sign_ins, issuers)

    def taking(self, settings: Settings) -> Callable[[], None]:
        """
        Check other settings, and return what takes them: credentials, and profiles of issuers.

        SettingsError where they cannot be used.
        """
        prove = self._logins.taking(settings)
        found = {each.url: each for each in issuers(settings, self._policy.current())}
        if found.keys() != {each.issuer.url for each in self._keys}:
            raise SettingsError(["GATEWAY_ISSUERS: issuers come and go at the next start"])

        def take() -> None:
            prove()
            for each in self._keys:
                each.describe(found[each.issuer.url])

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
        await self._learning.learn()

    def looking(self, say: Callable[[str], None]) -> Looking:
        """The means of the doctor; names are those of the dictionary and of the names file."""
        tables = tuple(self._registry.tables.values())
        first, *others = self._logins.apart(self._services["dataverse"])
        return Looking(
            {**self._services, "dataverse": first},
            tables,
            {
                name: relied((each for each in tables if each.service == name), service.names)
                for name, service in self._services.items()
            },
            {name: origin.assumed() for name, origin in ORIGINS.items()},
            self._overrides,
            say,
            tuple(others),
        )

    def surroundings(self) -> Surroundings:
        """The parties that this process talks to, for a check that they answer."""
        store = self._leases.store if self._leases else None
        return Surroundings(self._settings, self._keys, self._services, self._client, store)

    async def reconcile(self, *, days: int, minutes: int) -> Reconciliation:
        """The orders of the last `days` that one side lacks, but for those younger than that."""
        sides = self._services["dataverse"], self._services["finops"]
        return await reconcile(*sides, days=days, minutes=minutes)

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        async with self.open():
            self.audit.start()
            await self._learning.start()
            keys = (each.start() for each in self._keys)
            await asyncio.gather(
                self._write_safety.start(),
                self._directory.start(),
                self.papers.look(),
                self._calculations.look(),
                *keys,
            )
            tasks = [
                asyncio.create_task(each) for each in (self.audit.flushing(), self._look_around())
            ]
            if self._leases is not None:
                await self._leases.renew()
                tasks.append(asyncio.create_task(self._leases.keep()))
            yield
            for task in tasks:
                task.cancel()
            if self._leases is not None:
                await self._leases.leave()
            self._learning.stop()
            self._directory.stop()
            await self._writes.drain(DRAIN)

    async def _look_around(self) -> None:
        """Ask again for what did not answer at the start, and let go of what is old."""
        while True:
            await asyncio.sleep(PAUSE)
            for service in self._services.values():
                service.sender.tally.turn(now())
            self.prepared.count()
            if not self.has_keys():
                await asyncio.gather(*(each.start() for each in self._keys))
            await self._calculations.look()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """The HTTP clients, connected while this lasts, and the audit's file."""
        async with AsyncExitStack() as stack:
            stack.callback(self.audit.close)
            await stack.enter_async_context(self._client)
            stack.push_async_callback(self.papers.aclose)
            stack.push_async_callback(self._transports.aclose)
            yield

    def _service(self, dialect: Dialect, root: str, logins: tuple[ServiceLogin, ...]) -> Service:
        governor = self._tracing.governor if self._tracing else Governor
        return Service(
            Signed(self._transports.make(), logins),
            # Links that the service sends begin with this, in the form that it gives addresses.
            str(httpx2.URL(root)),
            dialect,
            write_patience=self._settings.write_timeout,
            sender=sender_of(
                self._settings, dialect.service, self._flights, governor, users=len(logins)
            ),
        )
