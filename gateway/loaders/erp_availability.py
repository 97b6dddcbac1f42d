"""
Availability to promise by the ERP: a row that asks is written to Dataverse, dual-write has it
answered while it is written, and the rows of the answer are read.

Nothing of a customer's stands in such a row: it names a product and a quantity. Answers are
remembered for a minute. It is there where the map that carries the requests runs.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Final
from uuid import UUID, uuid4

from msgspec import Struct
from msgspec.structs import replace

from gateway.admission.errands import Lane
from gateway.errors import UpstreamError, UpstreamRefused
from gateway.loaders.name_changes import read_day
from gateway.loaders.remembered_answers import AnswersTogether, RememberedAnswers, spare
from gateway.upstream.allowance import Allowance
from gateway.upstream.conditions import Guid, Raw, one_of
from gateway.upstream.names import Reference, lookup_value
from gateway.upstream.odata import ODataQuery
from gateway.upstream.row_writes import Write
from gateway.upstream.sender import now
from gateway.upstream.service import Service

REQUEST: Final = "msdyn_inventoryonhandrequest"
ENTRY: Final = "msdyn_inventoryonhandentry"
DAY, QUANTITY = "msdyn_atpdate", "msdyn_atpquantity"
OF: Final = lookup_value("msdyn_request")
RUNNING: Final = "msdyn_dualwriteruntimeconfigs"
"""The table of the maps that run; its columns are taken as they come."""
MAP_COLUMNS: Final = ("msdyn_internalentityname", "msdyn_internalentitylogicalname")
AT_ONCE: Final = 2
CALLS: Final = 2
"""Calls of one question: the write, and the read of its answer."""
UNANSWERED: Final = "availability to promise was not told"
PATIENCE: Final = 4.0
"""Seconds until a page goes on without an answer."""
LOOK: Final = 3.0


class PromiseLine(Struct, frozen=True):
    """A product, and how much of it is wanted in the unit that it is kept in."""

    product: UUID
    quantity: Decimal


class PromisedQuantity(Struct, frozen=True):
    """The quantity that one warehouse can promise from a day on."""

    day: date
    quantity: Decimal


Entries = tuple[PromisedQuantity, ...]
Promised = dict[PromiseLine, Entries]


class Promises:
    """The promises of one environment, for all callers of a process."""

    def __init__(self, service: Service, clock: Callable[[], float] = time.monotonic) -> None:
        self._service = service
        self.is_there: bool | None = None
        """True or False once the environment has said it."""
        self.answers: RememberedAnswers[PromiseLine, Entries] = RememberedAnswers(
            AT_ONCE, UNANSWERED, clock
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

        async def ask(lines: Sequence[PromiseLine]) -> Promised:
            try:
                return await self._answered(lines, allowance)
            except UpstreamRefused:
                # A missing right, most likely: it is asked for again a while later.
                self.is_there = None
                raise

        pay = partial(spare, self._service, allowance, CALLS)
        return await self.answers.find(lines, ask, pay, allowance.deadline)

    async def _answered(self, lines: Sequence[PromiseLine], allowance: Allowance) -> Promised:
        allowance.spend(CALLS)
        allowance.paid += CALLS
        deadline = min(allowance.deadline, now() + PATIENCE)
        errand = replace(allowance.errand, lane=Lane.PRICES, sent=0)
        own = Allowance(CALLS, deadline, allowance.clock, errand=errand)
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
    """The promises that one request asks for."""

    def __init__(self, promises: Promises, allowance: Allowance) -> None:
        self._promises = promises
        self._together = AnswersTogether(partial(promises.promised, allowance=allowance))

    @property
    def is_there(self) -> bool:
        return bool(self._promises.is_there)

    async def of(self, line: PromiseLine, *, listed: bool) -> Entries | None:
        """The promises for a product, as with `AnswersTogether.of`."""
        return await self._together.of(line, listed=listed)
