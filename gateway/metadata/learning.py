"""
The names of the environment, as they become known: what the last start left, else the dictionary;
then what the environment's own metadata says. What the operator says wins over both.
"""

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path

from gateway.config.parsers import Zones
from gateway.errors import GatewayError, UpstreamError
from gateway.metadata import assumed, fetching, remembered
from gateway.metadata.described import Entities
from gateway.metadata.naming import named, wanted
from gateway.metadata.overrides import Overrides
from gateway.metadata.remembered import Memory
from gateway.model.tables import Table
from gateway.upstream.allowance import Allowance
from gateway.upstream.names import Names
from gateway.upstream.odata import logical
from gateway.upstream.sender import now
from gateway.upstream.service import Service

log = logging.getLogger(__name__)

SECONDS = 15.0
"""Seconds that one reading of the metadata may take."""
AGAIN = 60.0
"""Seconds after which a reading that failed is tried again."""
CALLS = 100


class Learning:
    """Updates the names of both services from the environment's metadata."""

    def __init__(
        self,
        tables: Iterable[Table],
        *,
        dataverse: Service,
        finops: Names,
        overrides: Overrides,
        zones: Zones,
        file: Path | None,
    ) -> None:
        """`file` stores the names for the next start; None stores nothing."""
        tables = tuple(tables)
        self._tables = [table for table in tables if table.service == "dataverse"]
        self._dataverse = dataverse
        self._overrides = overrides
        self._file = file
        self._again: asyncio.Task[None] | None = None
        dataverse.names.zones = zones
        erp = assumed.finops()
        theirs = [table for table in tables if table.service == "finops"]
        finops.learn(named(wanted(theirs, erp), erp, overrides))
        known = remembered.load(file, dataverse.root) if file else None
        self._use(known or Memory(dataverse.root))

    async def start(self) -> None:
        """Read the metadata; where that fails go on with what is known, and try again later."""
        try:
            await self.read()
        except GatewayError as error:
            log.warning("the metadata cannot be read, names are taken from before: %s", error)
            self._again = asyncio.create_task(self._later())

    def stop(self) -> None:
        if self._again is not None:
            self._again.cancel()

    async def read(self) -> None:
        """Learn the names from the environment, and keep them for the next start."""
        wants = wanted(self._tables, assumed.dataverse())
        dated = [name for name, want in wants.items() if want.days]
        sized = [name for name, want in wants.items() if want.is_sized]
        allowance = Allowance(CALLS, now() + SECONDS)
        found = await fetching.dataverse(self._dataverse, wants, dated, sized, allowance)
        if not found:
            raise UpstreamError("Dataverse describes none of the tables.")
        missing = tuple(sorted(set(wants) - set(found)))
        memory = Memory(self._dataverse.root, found, missing)
        self._use(memory)
        self._tell(memory)
        if self._file is not None:
            remembered.save(self._file, memory)

    async def _later(self) -> None:
        while True:
            await asyncio.sleep(AGAIN)
            try:
                await self.read()
            except GatewayError as error:
                log.info("the metadata cannot be read: %s", error)
            else:
                return

    def _use(self, memory: Memory) -> None:
        entities: Entities = {**assumed.dataverse(), **memory.dataverse}
        wants = wanted(self._tables, entities)
        names = named(wants, entities, self._overrides, memory.missing)
        self._dataverse.names.learn(names)

    def _tell(self, memory: Memory) -> None:
        """Say once what the schema has and the environment has not."""
        for name, names in sorted(self._dataverse.names.entities.items()):
            if names.missing:
                log.warning("Dataverse has no table %s; what needs it is not available", name)
            for column in sorted({logical(column) for column in names.absent}):
                log.warning("Dataverse has no column %s.%s; it reads as null", name, column)
