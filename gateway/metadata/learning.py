"""
The names of the environment, as they become known: what the last start left, else the dictionary;
then what the environment's own metadata says. What the operator says wins over both.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from gateway.admission.errands import Errand, Lane
from gateway.config.parsers import Zones
from gateway.errors import GatewayError, UpstreamError
from gateway.metadata import remembered
from gateway.metadata.described import Entities
from gateway.metadata.origins import ORIGINS, Reading
from gateway.metadata.overrides import Overrides
from gateway.metadata.remembered import Learned
from gateway.metadata.wire_names import named, wanted
from gateway.model.tables import ServiceName, Table
from gateway.upstream import forbidden
from gateway.upstream.allowance import Allowance
from gateway.upstream.odata import ODataQuery, logical
from gateway.upstream.sender import now
from gateway.upstream.service import Service

log = logging.getLogger(__name__)

SECONDS = 15.0
"""Seconds that one reading of the metadata may take."""
PATIENCE = 5.0
"""Seconds that a start waits for it; then the reading goes on beside the first requests."""
AGAIN = 60.0
"""Seconds after which a reading that failed is tried again."""
CALLS = 100
LOOK = Errand(Lane.FEEDS)


class Side(Struct, frozen=True):
    """One service, the declared tables that are its own, and the ways to know their names."""

    service: Service
    tables: tuple[Table, ...]
    assumed: Entities
    read: Reading

    @property
    def label(self) -> str:
        return self.service.dialect.label


class Learning:
    """Updates the names of both services from the environment's metadata."""

    def __init__(
        self,
        tables: Iterable[Table],
        services: Mapping[ServiceName, Service],
        *,
        overrides: Overrides,
        zones: Zones,
        file: Path | None,
    ) -> None:
        """`file` stores the names for the next start; None stores nothing."""
        self._overrides, self._file = overrides, file
        self._memory = dict(remembered.load(file)) if file else {}
        self._tasks: list[asyncio.Task[None]] = []
        tables = tuple(tables)
        self._sides = [
            Side(
                services[name],
                tuple(table for table in tables if table.service == name),
                origin.assumed(),
                origin.read,
            )
            for name, origin in ORIGINS.items()
        ]
        services["dataverse"].names.zones = zones
        for side in self._sides:
            self._use(side, self._memory.get(side.service.root, Learned()))

    async def start(self) -> None:
        """Read the metadata; where that fails go on with what is known, and try again later."""
        reading = [asyncio.create_task(self._first(side)) for side in self._sides]
        self._tasks += reading
        done, _ = await asyncio.wait(reading, timeout=PATIENCE)
        for each in done:
            each.result()
        self._tasks += [asyncio.create_task(self._look_again(side)) for side in self._sides]

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def learn(self) -> None:
        """Read the metadata once, however long it takes, for a command that cannot begin before."""
        await asyncio.gather(*(self._is_read(side, logging.WARNING) for side in self._sides))

    async def _first(self, side: Side) -> None:
        if not await self._is_read(side, logging.WARNING):
            self._tasks.append(asyncio.create_task(self._later(side)))

    async def _is_read(self, side: Side, level: int) -> bool:
        """Read the metadata of a service; False, with a line of `level` in the log, if it fails."""
        try:
            await self._read(side)
        except GatewayError as error:
            words = "the metadata of %s cannot be read, names are taken from before: %s"
            log.log(level, words, side.label, error)
            return False
        return True

    async def _later(self, side: Side) -> None:
        while True:
            await asyncio.sleep(AGAIN)
            if await self._is_read(side, logging.INFO):
                return

    async def _look_again(self, side: Side) -> None:
        """Ask from time to time for the tables that may not be read, as a right may be granted."""
        names = side.service.names
        while True:
            await asyncio.sleep(forbidden.LOOK_AGAIN)
            for entity in sorted(names.left_out):
                if names.entities[entity].needs & names.left_out:
                    continue
                query = ODataQuery(entity, (), top=1)
                try:
                    await side.service.fetch(query, Allowance(1, now() + SECONDS, errand=LOOK))
                except GatewayError:
                    continue
                forbidden.take_back(names, entity)
                log.warning("%s can be read again", entity)

    async def _read(self, side: Side) -> None:
        """Learn the names from the environment, and keep them for the next start."""
        wants = wanted(side.tables, side.assumed)
        allowance = Allowance(CALLS, now() + SECONDS)
        found = await side.read(side.service, wants, self._overrides, allowance)
        if not found:
            raise UpstreamError(f"{side.label} describes none of the tables.")
        learned = Learned(found, tuple(sorted(set(wants) - set(found))))
        self._use(side, learned)
        self._tell(side)
        self._memory[side.service.root] = learned
        if self._file is not None:
            remembered.save(self._file, self._memory)

    def _use(self, side: Side, learned: Learned) -> None:
        entities: Entities = {**side.assumed, **learned.entities}
        wants = wanted(side.tables, entities)
        names = side.service.names
        names.left_out.clear()
        names.learn(named(wants, entities, self._overrides, learned.missing))

    def _tell(self, side: Side) -> None:
        """Say once what the schema has and the environment has not."""
        for name, names in sorted(side.service.names.entities.items()):
            if names.missing:
                log.warning("%s has no table %s; what needs it is not available", side.label, name)
            for column in sorted({logical(column) for column in names.absent}):
                log.warning("%s has no column %s.%s; it reads as null", side.label, name, column)
