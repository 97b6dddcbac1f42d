"""Checks that Dataverse has the columns and the key without which an order could be made twice."""

import logging
from dataclasses import dataclass

from gateway.errors import UpstreamError, UpstreamRefused, WritesRefused
from gateway.upstream.allowance import Allowance
from gateway.upstream.conditions import Compare
from gateway.upstream.odata import ODataQuery
from gateway.upstream.pages import Row
from gateway.upstream.sender import now
from gateway.upstream.service import Service

log = logging.getLogger(__name__)

REMEMBER_GOOD, REMEMBER_BAD = 3_600.0, 60.0
SECONDS = 5.0
"""Seconds that one check may take."""


@dataclass(frozen=True, slots=True)
class SafetyCheck:
    """The result of one check; `lacks` is empty where all is there."""

    lacks: str
    until: float
    """The time of the next look, on the loop's clock."""


class WriteSafety:
    """Checks that the environment has the columns and an active key, and caches the result."""

    def __init__(
        self,
        dataverse: Service,
        entity: str,
        *,
        key: str,
        fingerprint: str,
        required: bool = True,
    ) -> None:
        """
        `key` and `fingerprint` are two text columns of `entity`, the first with an alternate key of
        its own. Without `required` writes go ahead where they are missing, without a fingerprint.
        """
        self._dataverse = dataverse
        self._entity, self._key, self._fingerprint = entity, key, fingerprint
        self._required = required
        self._found = SafetyCheck("unknown", 0.0)

    async def start(self) -> None:
        """Check at the start, so that the log reports a problem before a caller meets it."""
        try:
            await self.marked()
        except (UpstreamError, WritesRefused) as error:
            log.warning("orders cannot be written: %s", error.message)

    async def marked(self) -> bool:
        """True if orders carry key and fingerprint; WritesRefused where they must and do not."""
        if now() >= self._found.until:
            lacks = await self._lacks()
            self._found = SafetyCheck(lacks, now() + (REMEMBER_BAD if lacks else REMEMBER_GOOD))
        if self._found.lacks and self._required:
            raise WritesRefused(
                "No order is accepted in this environment; report the reason to the operator.",
                reason=self._found.lacks,
            )
        return not self._found.lacks

    async def _lacks(self) -> str:
        for column in (self._key, self._fingerprint):
            if not await self._rows("Attributes", "LogicalName", column):
                return f"{self._entity} has no column {column}"
        keys = await self._rows("Keys", "KeyAttributes", "EntityKeyIndexStatus")
        mine = [key for key in keys if key["KeyAttributes"] == [self._key]]
        if not mine:
            return f"{self._entity} has no alternate key of {self._key} alone"
        status = mine[0]["EntityKeyIndexStatus"]
        if status == "Active":
            return ""
        return f"the alternate key of {self._key} is {status}, not Active"

    async def _rows(self, part: str, *names: str) -> list[Row]:
        """Attributes by their name, or all keys with two of their properties."""
        resource = f"EntityDefinitions(LogicalName='{self._entity}')/{part}"
        query = (
            ODataQuery(resource, names[:1], Compare(names[0], "eq", names[1]))
            if part == "Attributes"
            else ODataQuery(resource, names)
        )
        try:
            return (await self._dataverse.fetch(query, Allowance(5, now() + SECONDS))).rows
        except UpstreamRefused as error:
            if error.details["reason"]:
                log.warning("metadata of %s cannot be read: %s", self._entity, error.details)
            return []
