"""The means of every check of the doctor: the two services, the schema, and a voice."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from gateway.doctor.findings import Finding
from gateway.doctor.relied import Relied
from gateway.errors import SignInFailed, UpstreamError, UpstreamRefused
from gateway.metadata.described import Entities
from gateway.metadata.overrides import Override, Overrides
from gateway.model.tables import ServiceName, Table
from gateway.upstream.allowance import Allowance
from gateway.upstream.sender import now
from gateway.upstream.service import Service

SECONDS = 20.0
"""Seconds that one step may wait for the services."""
CALLS = 2_000


class Looking(Struct, frozen=True):
    """One visit of the doctor."""

    services: Mapping[ServiceName, Service]
    tables: tuple[Table, ...]
    relied: Mapping[ServiceName, Relied]
    assumed: Mapping[ServiceName, Entities]
    """The names and facts that are assumed of an environment before any of it is read."""
    overrides: Overrides
    """The overrides in the current names file."""
    say: Callable[[str], None]
    """Reports the progress to the operator."""
    granted: frozenset[tuple[str, str]] = frozenset()
    """The permissions and privileges that the policy grants to customers."""
    pool: tuple[Service, ...] = ()
    """Dataverse by each further application user alone."""

    def without(self, services: Collection[ServiceName]) -> "Looking":
        """The same visit, in which nothing is asked of these services."""
        return replace(
            self,
            tables=tuple(table for table in self.tables if table.service not in services),
            relied={name: uses for name, uses in self.relied.items() if name not in services},
        )

    def allowance(self, seconds: float = SECONDS) -> Allowance:
        return Allowance(CALLS, now() + seconds)


class CheckResult(Struct):
    """The result of a check: findings, and the overrides that mend them in the names file."""

    findings: list[Finding]
    overrides: dict[str, Override] = {}
    dumped: Mapping[str, list[dict[str, Any]]] = {}
    """The rows of Dataverse that the dump gets, by their name there."""
    out_of_reach: tuple[ServiceName, ...] = ()
    """The services that did not let the gateway in."""


def words(error: UpstreamError) -> str:
    """The message of a service, as exactly as it is known."""
    if isinstance(error, UpstreamRefused):
        reason = error.details.get("reason") or ""
        return f"{error.status} {reason} {error.words}".strip()
    if isinstance(error, SignInFailed):
        return f"there is no token for it: {error.reason}"
    return f"{error.code}: {error.message}"
