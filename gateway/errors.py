"""The errors that a caller may read: each class has one code.

* GatewayError
  x CallerError                   the request is wrong; sending it again will not help
    + Unauthenticated             UNAUTHENTICATED       no token, or one that is not accepted
    + Forbidden                   FORBIDDEN             known, but not allowed to do this
    + NotFound                    NOT_FOUND             does not exist, or is not the caller's
    + InvalidInput                INVALID_INPUT         a value of an argument cannot be used
    + InvalidCursor               INVALID_CURSOR        a cursor of another list, or a damaged one
    + CursorExpired               CURSOR_EXPIRED        a cursor of changes that is good no more
    + LimitExceeded               LIMIT_EXCEEDED        the document or its answer is too large
    + UnknownDocument             UNKNOWN_DOCUMENT      the document is not a trusted one
    + WritesRefused               WRITES_REFUSED        the environment does not allow safe writes
    + NotInvited                  NOT_INVITED           a person is not given access; `reason`
    + NotAvailableHere            NOT_AVAILABLE_HERE    the environment does not show the table
  x UpstreamError                 Dynamics failed; the request may be right
    + UpstreamUnavailable         UPSTREAM_UNAVAILABLE  not reachable, or answered with a fault
    + UpstreamTimeout             UPSTREAM_TIMEOUT      no answer within the deadline
    + UpstreamThrottled           UPSTREAM_THROTTLED    service protection; `retryAfter` in seconds
    + UpstreamRefused             UPSTREAM_REFUSED      the service refused the request
    + UpstreamMismatch            UPSTREAM_MISMATCH     the answer does not fit the declared table
    + NotAsked                                          nothing was sent; `retryAfter` in seconds
      - RateLimited               RATE_LIMITED          the caller exceeds its share
      - Overloaded                OVERLOADED            all callers together exceed the limits

Two further codes have no class, because the gateway never raises them on purpose: `INTERNAL` is the
code of every other exception (masked, logged once with the request id), `BAD_REQUEST` the code of a
document that fails GraphQL's own validation.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

INTERNAL = "INTERNAL"
BAD_REQUEST = "BAD_REQUEST"


class GatewayError(Exception):
    """A failure that the caller may read: `code` is stable, `message` is for people."""

    code: ClassVar[str] = INTERNAL

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    @property
    def extensions(self) -> dict[str, Any]:
        """The error's `errors[].extensions` in the GraphQL answer."""
        return {"code": self.code, **self.details}


class CallerError(GatewayError):
    """The request is wrong; sending it again will not help."""


class Unauthenticated(CallerError):
    """No bearer token, or one that is not accepted. Answered with HTTP 401, before any parsing."""

    code = "UNAUTHENTICATED"
    reason = ""
    """The reason of the refusal, never for a caller."""
    who: Mapping[str, str | None] = {}
    """The claims of the token, if its signature was valid; never for a caller."""


class Forbidden(CallerError):
    """
    The caller is known but may not do this. Code FORBIDDEN.

    Example:

        @query(needs="account")
        async def audit_of_machines(info: Info) -> str | None:
            '''Only for machines that call by themselves.'''
            if caller(info).contact:
                raise Forbidden("Only a partner may read this.")
            return "Nothing to report."

        # FORBIDDEN { auditOfMachines }
    """

    code = "FORBIDDEN"


class NotFound(CallerError):
    """
    The row does not exist, or the caller may not see it: the two are never told apart.
    Code NOT_FOUND.

    Example:

        @query(needs="account")
        async def manual(info: Info, serial: str) -> str | None:
            '''The address of a machine's manual.'''
            raise NotFound("There is no such machine.", argument="serial")

        # NOT_FOUND { manual(serial: "M-0") }
    """

    code = "NOT_FOUND"


class InvalidInput(CallerError):
    """
    An argument has a value that cannot be used; `argument` names it. Code INVALID_INPUT.

    Example:

        @query(needs="account")
        async def half(info: Info, amount: int) -> int | None:
            '''Half of an even number.'''
            if amount % 2:
                raise InvalidInput("The amount must be even.", argument="amount")
            return amount // 2

        # INVALID_INPUT { half(amount: 3) }
    """

    code = "INVALID_INPUT"


class InvalidCursor(CallerError):
    """`after` or `before` is not a cursor of this list in this order."""

    code = "INVALID_CURSOR"


class CursorExpired(CallerError):
    """A cursor of changes is too old, or of other rights: begin anew without one."""

    code = "CURSOR_EXPIRED"


class LimitExceeded(CallerError):
    """A structural limit was passed; `limit` names it, `maximum` and `actual` are its figures."""

    code = "LIMIT_EXCEEDED"


class UnknownDocument(CallerError):
    """No trusted document has this id, or only trusted documents are answered."""

    code = "UNKNOWN_DOCUMENT"


class WritesRefused(CallerError):
    """The environment does not allow safe writes; `reason` names the cause. Reads work."""

    code = "WRITES_REFUSED"


class NotInvited(CallerError):
    """
    A person is not given access to an account. `reason` is ALREADY_A_COLLEAGUE,
    NO_LONGER_A_COLLEAGUE, TOO_MANY, or NOT_POSSIBLE, which says no more.
    """

    code = "NOT_INVITED"


class NotAvailableHere(CallerError):
    """The environment lacks or hides the table; `viewer { capabilities }` lists such tables."""

    code = "NOT_AVAILABLE_HERE"


class UpstreamError(GatewayError):
    """Dynamics did not answer, or refused the request."""

    doubtful = False
    """True if a write was sent and may have succeeded."""


class UpstreamUnavailable(UpstreamError):
    """The service is not reachable, or answered with a server fault."""

    code = "UPSTREAM_UNAVAILABLE"


class LeftAlone(UpstreamUnavailable):
    """Nothing was sent, as the service mostly failed a moment ago."""


class SignInFailed(UpstreamUnavailable):
    """The gateway got no token for the service."""

    reason = ""
    """The reason, in codes that quote nothing; never for a caller."""
    refusal = ""
    """The OAuth error code of the token endpoint; empty without one."""


class UpstreamTimeout(UpstreamError):
    """No answer within the deadline. After a write the outcome is unknown."""

    code = "UPSTREAM_TIMEOUT"


class UpstreamThrottled(UpstreamError):
    """Service protection refused the call; `retryAfter` is in seconds."""

    code = "UPSTREAM_THROTTLED"


class UpstreamRefused(UpstreamError):
    """The service refused the request; `reason` is its error code, never its text."""

    code = "UPSTREAM_REFUSED"
    words = ""
    """The service's message, never for a caller: it may quote other people's rows."""
    status = 0
    """The HTTP status of the answer."""


class UpstreamMismatch(UpstreamError):
    """The service's answer does not fit the declared table."""

    code = "UPSTREAM_MISMATCH"


class NotAsked(UpstreamError):
    """Nothing was sent, because no answer would come in time; `retryAfter` is in seconds."""


class RateLimited(NotAsked):
    """The caller exceeds its fair share or its quota; others are served."""

    code = "RATE_LIMITED"


class Overloaded(NotAsked):
    """All callers together exceed the limits of Dynamics."""

    code = "OVERLOADED"


CLOSED: Final = (NotAsked, UpstreamThrottled, LeftAlone)
"""The errors that say that a service takes no calls now, so that another one at once is in vain."""
PASSING: Final = frozenset(
    each.code
    for each in (UpstreamUnavailable, UpstreamTimeout, UpstreamThrottled, RateLimited, Overloaded)
)
"""The codes of errors that may be gone at the next attempt."""
