"""
Availability to promise by the ERP: a row that asks is written to Dataverse, dual-write has it
answered while it is written, and the rows of the answer are read.

Nothing of a customer's stands in such a row: it names a product and a quantity. Answers are
remembered for a minute. It is there where the map that carries the requests runs.
"""

import logging
import time
from asyncio import Semaphore, gather, timeout_at
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid4

from msgspec import Struct
from msgspec.structs import replace

from gateway.admission.errands import Lane
from gateway.auth.expiring import Expiring
from gateway.errors import GatewayError, UpstreamError, UpstreamRefused
from gateway.loaders.batching import PacedLoader
from gateway.loaders.named import read_day
from gateway.upstream.allowance import Allowance
from gateway.upstream.conditions import Guid, Raw, one_of
from gateway.upstream.names import Reference, lookup_value
from gateway.upstream.odata import ODataQuery
from gateway.upstream.sender import now
from gateway.upstream.service import Service, Write

log = logging.getLogger(__name__)

REQUEST: Final = "msdyn_inventoryonhandrequest"
ENTRY: Final = "msdyn_inventoryonhandentry"
DAY, QUANTITY = "msdyn_atpdate", "msdyn_atpquantity"
OF: Final = lookup_value("msdyn_request")
RUNNING: Final = "msdyn_dualwriteruntimeconfigs"
"""The table of the maps that run; its columns are taken as they come."""
MAP_COLUMNS: Final = ("msdyn_internalentityname", "msdyn_internalentitylogicalname")
TOGETHER: Final = 25
"""Requests that are written at once."""
AT_ONCE: Final = 2
KEPT: Final = 60.0
"""Seconds for which an answer is remembered."""
PATIENCE: Final = 4.0
"""Seconds until a page goes on without an answer."""
LOOK: Final = 3.0
WEIGHT: Final = 600


class PromiseLine(Struct, frozen=True):
    """A product, and how much of it is wanted in the unit that it is kept in."""

    product: UUID
    quantity: Decimal


class PromisedQuantity(Struct, frozen=True):
    """The quantity that one warehouse can promise from a day on."""

    day: date
    quantity: Decimal


Promised = dict[PromiseLine, tuple[PromisedQuantity, ...]]


class Promises:
    """The promises of one environment, for all callers of a process."""

    def __init__(self, service: Service, clock: Callable[[], float] = time.monotonic) -> None:
        self._service = service
        self._clock = clock
        self._places = Semaphore(AT_ONCE)
        self.is_there: bool | None = None
        """True or False once the environment has said it."""
        self.remembered: Expiring[PromiseLine, tuple[PromisedQuantity, ...]] = Expiring(
            clock, weigh=lambda entries: WEIGHT
        )

    async def look(self) -> None:
        """Find out if the map runs that carries requests; until that is said it does not."""
        try:
            answer = await self._service.read(RUNNING, Allowance(1, now() + LOOK))
        except UpstreamError as error:
            if isinstance(error, UpstreamRefused):
                self.is_there = False
            return
        self.is_there = any(_runs(row) for row in answer.get("value") or ())

    async def promised(self, lines: Sequence[PromiseLine], allowance: Allowance) -> Promised:
        """The promises for lines, as far as the ERP answers."""
        known = {line: self.remembered.get(line) for line in lines}
        found = {line: entries for line, entries in known.items() if entries is not None}
        rest = [line for line, entries in known.items() if entries is None]
        parts = [rest[start : start + TOGETHER] for start in range(0, len(rest), TOGETHER)]
        for fresh in await gather(*(self._asked(part, allowance) for part in parts)):
            found |= fresh
        return found

    async def _asked(self, lines: Sequence[PromiseLine], allowance: Allowance) -> Promised:
        try:
            async with timeout_at(allowance.deadline):
                await self._places.acquire()
            try:
                found = await self._answered(lines, allowance)
            finally:
                self._places.release()
        except (GatewayError, TimeoutError) as error:
            if isinstance(error, UpstreamRefused):
                # A missing right, most likely: it is asked for again a while later.
                self.is_there = None
            log.info("availability to promise was not told: %s", error)
            return {}
        for line, entries in found.items():
            self.remembered.put(line, entries, until=self._clock() + KEPT)
        return found

    async def _answered(self, lines: Sequence[PromiseLine], allowance: Allowance) -> Promised:
        allowance.spend(2)
        deadline = min(allowance.deadline, now() + PATIENCE)
        errand = replace(allowance.errand, lane=Lane.PRICES, sent=0)
        own = Allowance(2, deadline, allowance.clock, errand=errand)
        keys = {uuid4(): line for line in lines}
        try:
            await self._service.write([_written(key, line) for key, line in keys.items()], own)
            asking = one_of(OF, [Guid(str(key)) for key in keys])
            query = ODataQuery(ENTRY, (DAY, QUANTITY, OF), asking)
            rows = (await self._service.fetch(query, own)).rows
        finally:
            allowance.errand.sent += errand.sent
        told = list(self._told(rows))
        return {
            line: tuple(entry for request, entry in told if request == key)
            for key, line in keys.items()
        }

    def _told(self, rows: Iterable[Raw]) -> Iterable[tuple[UUID, PromisedQuantity]]:
        names = self._service.names
        for row in rows:
            day = read_day(names, ENTRY, DAY, row[DAY], None)
            if day is not None and row[QUANTITY] is not None:
                yield UUID(row[OF]), PromisedQuantity(day, Decimal(str(row[QUANTITY])))


def _runs(row: Raw) -> bool:
    return REQUEST in map(row.get, MAP_COLUMNS) and not row.get("statecode")


def _written(key: UUID, line: PromiseLine) -> Write:
    row = {
        "msdyn_inventoryonhandrequestid": str(key),
        "msdyn_requestid": str(key),
        "msdyn_isatpcalculation": True,
        "msdyn_orderquantity": line.quantity,
        "msdyn_product": Reference("product", line.product),
    }
    return Write("POST", REQUEST, row)


class RequestPromises:
    """The promises that one request asks for: those of a list together."""

    def __init__(self, promises: Promises, allowance: Allowance) -> None:
        self._promises, self._allowance = promises, allowance
        self._lines = PacedLoader(self._listed)
        self._ordered = PacedLoader(self._all)

    @property
    def is_there(self) -> bool:
        return bool(self._promises.is_there)

    async def of(self, line: PromiseLine, *, listed: bool) -> tuple[PromisedQuantity, ...] | None:
        """
        The promises for a product; None where nobody says them. Products that are `listed` have
        none where they are more than are asked for at once; the lines of an order all have.
        """
        return await (self._lines if listed else self._ordered).load(line)

    async def _listed(self, lines: list[PromiseLine]) -> list[tuple[PromisedQuantity, ...] | None]:
        return [None] * len(lines) if len(lines) > TOGETHER else await self._all(lines)

    async def _all(self, lines: list[PromiseLine]) -> list[tuple[PromisedQuantity, ...] | None]:
        found = await self._promises.promised(lines, self._allowance)
        return [found.get(line) for line in lines]
