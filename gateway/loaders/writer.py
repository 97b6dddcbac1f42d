"""The only way to write rows: what a mutation built from rows that the reader loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway.auth.principal import Principal
from gateway.upstream.service import Allowance, Service

NewRow = tuple[str, dict[str, Any]]
"""An entity set and the row to create in it, as the Web API takes it."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes to Dataverse for one principal within one operation's allowance."""

    dataverse: Service
    principal: Principal
    allowance: Allowance

    async def create(self, permission: str, rows: Sequence[NewRow]) -> None:
        """
        Create all of `rows`, or none, in one change set; row n may be bound to as `$n`.

        Raises Forbidden where `permission` does not let the caller create, UpstreamRefused where
        Dataverse or the ERP says no, and UpstreamTimeout or UpstreamUnavailable where the outcome
        is unknown.
        """
        self.principal.access(permission, "create")
        await self.dataverse.create_set(rows, self.allowance)
