"""An error that ends a request as a whole -> the status and the headers of HTTP."""

from gateway.errors import (
    Forbidden,
    GatewayError,
    InvalidInput,
    LimitExceeded,
    NotAsked,
    NotFound,
    RateLimited,
    Unauthenticated,
    UpstreamThrottled,
)
from gateway.http import shedding


def status_of(error: GatewayError) -> int:
    """The status of HTTP for an error that ends a request as a whole."""
    match error:
        case Unauthenticated():
            return 401
        case Forbidden():
            return 403
        case NotFound():
            return 404
        case InvalidInput():
            return 400
        case RateLimited():
            return 429
        case LimitExceeded():
            return 413  # the body; a document's limits are no matter of HTTP
        case _:
            return 503


def headers_of(error: GatewayError) -> dict[str, str]:
    """The headers of such an answer."""
    match error:
        case Unauthenticated():
            return {"WWW-Authenticate": "Bearer"}
        case NotAsked() | UpstreamThrottled():
            return shedding.headers_of(error)
        case _:
            return {}
