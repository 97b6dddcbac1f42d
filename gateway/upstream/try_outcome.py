"""The outcome of one try of a request: what it means for the next try, and for the service."""

import logging
from urllib.parse import urlsplit

import httpx2
import msgspec

from gateway.admission.service_limits import retry_after
from gateway.client.exchange import Reply, Request, Unacceptable, reason_of
from gateway.errors import (
    UpstreamError,
    UpstreamMismatch,
    UpstreamTimeout,
    UpstreamUnavailable,
)

log = logging.getLogger(__name__)

COST, COST_OF_TIMEOUT = 5.0, 10.0
"""The costs of one repeat in the budget for repeats."""
UNSENT = (httpx2.ConnectError, httpx2.ConnectTimeout)
REPEATABLE = frozenset({408, 500, 502, 503, 504})
DEADLOCKS = frozenset({"0x80044150", "0x80044151"})
"""Dataverse's codes for a SQL deadlock and a SQL time-out, whatever status they come with."""
REFUSES_USER = frozenset({"0x80072560"})
"""Dataverse's codes for an application that is no user of the environment."""


class TryOutcome(msgspec.Struct, frozen=True):
    """The outcome of one try."""

    response: Reply | None = None
    error: UpstreamError | None = None
    again: bool = False
    failed: bool = False
    """True if it speaks against the service's health; being asked to wait does not."""
    tells: bool = True
    """True if it says anything of the service's health."""
    ran: bool = False
    """True if the service may have carried out the request, though it did not say so."""
    after: float = 0.0
    """Seconds for which the service asked to be left alone."""
    cost: float = COST


def unanswered(error: Exception, request: Request) -> TryOutcome:
    """The meaning of no answer for the next try."""
    if isinstance(error, httpx2.PoolTimeout):
        # Our own connections were all taken, which says nothing of the service.
        return TryOutcome(
            error=UpstreamUnavailable("The gateway is busy."), again=True, tells=False
        )
    if isinstance(error, UNSENT):
        log.info("%s is not reachable: %s", _host(request), reason_of(error))
        gone = UpstreamUnavailable("Dynamics is not reachable.")
        return TryOutcome(error=gone, again=True, failed=True)
    if isinstance(error, httpx2.TimeoutException | TimeoutError):
        late = UpstreamTimeout("Dynamics did not answer in time.")
        return TryOutcome(error=late, again=True, failed=True, ran=True, cost=COST_OF_TIMEOUT)
    if isinstance(error, Unacceptable):
        log.warning("%s: %s", _host(request), error)
        return TryOutcome(error=UpstreamMismatch(str(error)), ran=True)
    log.info("%s broke off: %s", _host(request), type(error).__name__)
    cut = UpstreamUnavailable("Dynamics is not reachable.")
    return TryOutcome(error=cut, again=True, failed=True, ran=True)


def refuses_user(response: Reply) -> bool:
    """True if a service takes no call of this application user, whatever it is."""
    return response.status == 401 or (
        response.status == 403 and _code(response.body) in REFUSES_USER
    )


def judge(response: Reply) -> TryOutcome:
    """The meaning of an answer for the next try."""
    status = response.status
    if status in REPEATABLE or (status >= 400 and _code(response.body) in DEADLOCKS):
        asked = "retry-after" in response.headers
        after = retry_after(response.headers) if asked else 0.0
        return TryOutcome(response, again=True, failed=True, ran=True, after=after)
    return TryOutcome(response)


def _code(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body)["error"]["code"])
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
        return ""


def _host(request: Request) -> str | None:
    return urlsplit(request.url).hostname
