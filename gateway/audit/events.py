"""The events of the audit. They name rows by id and never say what is in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gateway.auth.principal import Principal
from gateway.errors import GatewayError, Unauthenticated

INTENDED = "intended"
"""The outcome of a mutation that is about to begin."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was done, refused or looked at."""

    request: str
    event: Literal["mutation", "denial", "view-as"]
    who: Mapping[str, str | None]
    what: str
    """The mutation, the field that was refused, or the contact that was looked as."""
    outcome: str
    """`intended`, `done`, or a code."""
    rows: tuple[str, ...] = ()
    """Ids that the request named; where staff looked as somebody, those in the answer too."""
    reason: str = ""
    """The reason of a rejection, which only the operator learns."""
    source: str = ""
    """The address that the request came from, which is a proxy's where one is in front."""
    count: int = 0
    """The number of further ones of the same kind and source that this one stands for."""


def who(principal: Principal | None) -> dict[str, str | None]:
    """A caller by ids; nobody, where the door stayed shut."""
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


def refusal(
    error: GatewayError, request: str, principal: Principal | None, source: str = ""
) -> Event:
    """Somebody who was not let in, not to do this at all, or not where they wanted to look."""
    what = error.details.get("argument", "request")
    if isinstance(error, Unauthenticated):
        return Event(
            request, "denial", error.who, what, error.code, reason=error.reason, source=source
        )
    return Event(request, "denial", who(principal), what, error.code, source=source)
