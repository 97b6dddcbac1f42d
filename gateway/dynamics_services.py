"""The services of Dynamics, as one process reaches them: clients, logins, budgets and names."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from gateway.admission.budget_windows import CallsLeft
from gateway.admission.flights import Flights
from gateway.admission.governor import Governor
from gateway.client.exchange import Request
from gateway.client.transport_choice import Transports
from gateway.config.settings import Settings
from gateway.http.dependencies import Probe
from gateway.http.upstream_metrics import UpstreamMetrics
from gateway.metadata import overrides, remembered
from gateway.metadata.learning import Learning
from gateway.model.tables import ServiceName, Table
from gateway.sharing import leases_of
from gateway.tasks import ended
from gateway.tracing.tracing import Tracing
from gateway.upstream.allowance import Allowance
from gateway.upstream.credentials import ServiceLogin, Signed
from gateway.upstream.dialects import DATAVERSE, FINOPS
from gateway.upstream.logins import Logins
from gateway.upstream.odata import Dialect
from gateway.upstream.sender import Sent, now, sender_of
from gateway.upstream.service import Service
from gateway.upstream.state import ServiceState, state_of

DATAVERSE_ROOT = "/api/data/v9.2/"
FINOPS_ROOT = "/data/"


class DynamicsServices:
    """The services by their names, with all that a process has for reaching them."""

    def __init__(
        self,
        settings: Settings,
        tables: Collection[Table],
        transport: httpx2.AsyncBaseTransport | None,
        tracing: Tracing | None,
        store: Any,
    ) -> None:
        """
        With a `transport` all HTTP goes there instead of out. `store` is what replicas share, if
        they do; the names of `tables` are learned.
        """
        self._settings, self._tracing = settings, tracing
        self._transports = Transports(settings, transport, tracing.calling if tracing else None)
        self._flights: Flights[Request, Sent] = Flights()
        self.logins = Logins(settings, self._transports.make())
        dataverse, finops = self.logins.dataverse, (self.logins.finops,)
        self.by_name: Mapping[ServiceName, Service] = {
            "dataverse": self._service(
                DATAVERSE, settings.dataverse_url + DATAVERSE_ROOT, dataverse
            ),
            "finops": self._service(FINOPS, settings.finops_url + FINOPS_ROOT, finops),
        }
        self.dataverse, self.finops = self.by_name["dataverse"], self.by_name["finops"]
        self._sign_ins: Mapping[str, Probe] = {
            "dataverse": self.logins.dataverse_well,
            "finops": self.logins.finops.token,
        }
        self.metrics = UpstreamMetrics({of: s.sender for of, s in self.by_name.items()})
        governors = {each.root: each.sender.governor for each in self.by_name.values()}
        self.leases = leases_of(settings, governors, store)
        self.overrides = overrides.load(settings.names) if settings.names else {}
        self.learning = Learning(
            tables,
            self.by_name,
            overrides=self.overrides,
            zones=settings.time_zone,
            file=remembered.file_of(settings.learned_names),
        )

    def calls_left(self, allowance: Allowance) -> CallsLeft | None:
        """The calls that a caller has left at the service that leaves fewest, if any counts."""
        errand, moment = allowance.errand, allowance.clock()
        governors = [service.sender.governor for service in self.by_name.values()]
        found = [left for each in governors if (left := each.left(errand, moment))]
        return min(found, default=None, key=lambda left: left.calls)

    def states(self) -> tuple[Mapping[str, ServiceState], Mapping[str, Probe]]:
        """The states of the services, and what tries to sign in to each."""
        return {name: state_of(each.sender) for name, each in self.by_name.items()}, self._sign_ins

    def turn(self) -> None:
        """Let go of what was counted of calls that are long past."""
        for service in self.by_name.values():
            service.sender.tally.turn(now())

    @asynccontextmanager
    async def leased(self) -> AsyncIterator[None]:
        """The budget shared with other replicas, where there are any, while this lasts."""
        if self.leases is None:
            yield
            return
        await self.leases.renew()
        keeping = asyncio.create_task(self.leases.keep())
        yield
        await ended([keeping])
        await self.leases.leave()

    async def aclose(self) -> None:
        await self._transports.aclose()

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
