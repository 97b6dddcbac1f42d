"""The events of the audit: they name rows by id and never contain other values of a row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from gateway.auth.principal import Principal
from gateway.errors import Forbidden, GatewayError, NotFound, Unauthenticated

INTENDED = "intended"
"""The outcome of a mutation that is about to begin."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was done, refused or looked at."""

    request: str
    event: Literal["mutation", "denial", "view-as", "document"]
    who: Mapping[str, str | None]
    what: str
    """The mutation, the field that was refused, the contact that was looked as, or the document."""
    outcome: str
    """`intended`, `done`, or a code."""
    rows: tuple[str, ...] = ()
    """Ids that the request named; where staff looked as somebody, those in the answer too."""
    reason: str = ""
    """The reason of a rejection, which only the operator learns."""
    source: str = ""
    """The address that the request came from, which is a proxy's where one is in front."""
    count: int = 0
    """The number of further events of the same kind and source that this line counts."""


def who(principal: Principal | None) -> dict[str, str | None]:
    """The ids of the caller; empty for a caller who was rejected."""
    if principal is None:
        return {}
    viewer, contact = principal.viewer, principal.contact
    return {
        "kind": principal.kind.value,
        "issuer": principal.issuer,
        "subject": principal.subject,
        "contact": str(contact.id) if contact else None,
        "viewer": viewer.subject if viewer else None,
    }


CONCERN_RIGHTS: Final = (Unauthenticated, Forbidden, NotFound)
"""The errors of refused callers, which the audit is told of."""


def refusal(
    error: GatewayError, request: str, principal: Principal | None, source: str = ""
) -> Event:
    """
    The event of a refused caller: not known, not allowed to do this, or not allowed to view as the
    customer.
    """
    what = error.details.get("argument", "request")
    if isinstance(error, Unauthenticated):
        return Event(
            request, "denial", error.who, what, error.code, reason=error.reason, source=source
        )
    return Event(request, "denial", who(principal), what, error.code, source=source)
