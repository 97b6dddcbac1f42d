"""Everything that the gateway tells a caller about what went wrong: one class, one code.

* GatewayError
  x CallerError                   the request is at fault; sending it again will not help
    + Unauthenticated             UNAUTHENTICATED       no token, or one that is not accepted
    + Forbidden                   FORBIDDEN             known, but not allowed to do this
    + NotFound                    NOT_FOUND             absent, or somebody else's: never told apart
    + InvalidInput                INVALID_INPUT         an argument has a value we cannot use
    + InvalidCursor               INVALID_CURSOR        a paging cursor of another list, or damaged
    + LimitExceeded               LIMIT_EXCEEDED        the document or its answer is too large
    + UnknownDocument             UNKNOWN_DOCUMENT      not one of the documents that are trusted
    + WritesRefused               WRITES_REFUSED        the environment lacks what safe writes need
    + NotAvailableHere            NOT_AVAILABLE_HERE    the environment does not have the table
  x UpstreamError                 Dynamics is at fault; the request may be good
    + UpstreamUnavailable         UPSTREAM_UNAVAILABLE  not reachable, or it answered with a fault
    + UpstreamTimeout             UPSTREAM_TIMEOUT      no answer within the deadline
    + UpstreamThrottled           UPSTREAM_THROTTLED    service protection; `retryAfter` in seconds
    + UpstreamRefused             UPSTREAM_REFUSED      it understood the request and said no
    + UpstreamMismatch            UPSTREAM_MISMATCH     its answer is not what the schema promises
    + NotAsked                                          it was not asked; `retryAfter` in seconds
      - RateLimited               RATE_LIMITED          the caller asks for more than its part
      - Overloaded                OVERLOADED            all callers together ask for too much

Two further codes have no class, as nothing in the gateway raises them on purpose: `INTERNAL` stands
for every exception that is not in this tree (masked, logged once with the request id), and
`BAD_REQUEST` for a document that GraphQL itself refuses.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

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
    """The request is at fault."""


class Unauthenticated(CallerError):
    """No bearer token, or one that is not accepted. Answered with HTTP 401, before any parsing."""

    code = "UNAUTHENTICATED"
    reason = ""
    """The reason of the refusal, never for a caller."""
    who: Mapping[str, str | None] = {}
    """The claims of a token that was good as such, never for a caller."""


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


class LimitExceeded(CallerError):
    """A structural limit was passed; `limit` names it, `maximum` and `actual` are its figures."""

    code = "LIMIT_EXCEEDED"


class UnknownDocument(CallerError):
    """No trusted document has this id, or only trusted documents are answered."""

    code = "UNKNOWN_DOCUMENT"


class WritesRefused(CallerError):
    """The environment lacks what makes writes safe; `reason` says what. Reads work."""

    code = "WRITES_REFUSED"


class NotAvailableHere(CallerError):
    """The environment does not have the table; `viewer { capabilities }` lists what it lacks."""

    code = "NOT_AVAILABLE_HERE"


class UpstreamError(GatewayError):
    """Dynamics could not, or would not, answer."""

    doubtful = False
    """True if a write was sent, and may have been carried out all the same."""


class UpstreamUnavailable(UpstreamError):
    """The service is not reachable, or answered with a server fault."""

    code = "UPSTREAM_UNAVAILABLE"


class SignInFailed(UpstreamUnavailable):
    """The gateway got no token for the service."""

    reason = ""
    """The reason, in codes that quote nothing; never for a caller."""
    refusal = ""
    """The OAuth error code of the token endpoint; empty where that gave none."""


class UpstreamTimeout(UpstreamError):
    """No answer within the deadline. After a write the outcome is unknown."""

    code = "UPSTREAM_TIMEOUT"


class UpstreamThrottled(UpstreamError):
    """Service protection refused the call; `retryAfter` is in seconds."""

    code = "UPSTREAM_THROTTLED"


class UpstreamRefused(UpstreamError):
    """The service understood the request and said no; `reason` is its code, never its text."""

    code = "UPSTREAM_REFUSED"
    words = ""
    """The service's own words, never for a caller: they may quote anybody's rows."""
    status = 0
    """The HTTP status of the answer."""


class UpstreamMismatch(UpstreamError):
    """The service's answer is not what the declared table promises."""

    code = "UPSTREAM_MISMATCH"


class NotAsked(UpstreamError):
    """Nothing was sent, as it could not have been answered in time; `retryAfter` is in seconds."""


class RateLimited(NotAsked):
    """The caller asks for more than a fair part, or than its quota; others are served."""

    code = "RATE_LIMITED"


class Overloaded(NotAsked):
    """All callers together ask for more than Dynamics takes from the gateway."""

    code = "OVERLOADED"
