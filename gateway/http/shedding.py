"""
The status and headers of HTTP for a request that was refused for want of budget, or as Dynamics
refuses calls, and the headers that tell what is left of it.
"""

from collections.abc import Mapping
from typing import Any, Final

from gateway.admission import budget_windows
from gateway.admission.budget_windows import CallsLeft
from gateway.engine.outcome import Answer
from gateway.errors import NotAsked, Overloaded, RateLimited, UpstreamThrottled

STATUSES: Final = {RateLimited.code: 429, Overloaded.code: 503, UpstreamThrottled.code: 503}
WINDOW: Final = "calls"
"""The name of the one quota there is, in the fields of draft-ietf-httpapi-ratelimit-headers."""


def refusal(answer: Answer) -> dict[str, Any] | None:
    """The first error, where an operation was refused as a whole and answered nothing."""
    if not answer.errors or any(found is not None for found in (answer.data or {}).values()):
        return None
    said = [error.get("extensions", {}) for error in answer.errors]
    return said[0] if all(each.get("code") in STATUSES for each in said) else None


def status(said: Mapping[str, Any]) -> int:
    """The status of a refusal with these extensions."""
    return STATUSES[said["code"]]


def headers(said: Mapping[str, Any]) -> dict[str, str]:
    """`Retry-After`, and the RateLimit fields where it was the caller who asked for too much."""
    after = str(said.get("retryAfter", 1))
    found = {"Retry-After": after}
    if said["code"] == RateLimited.code:
        found["RateLimit"] = f'"{WINDOW}";r=0;t={after}'
        if "limit" in said:
            found["RateLimit-Policy"] = f'"{WINDOW}";q={said["limit"]};w={said["window"]}'
    return found


def fields(left: CallsLeft) -> dict[str, str]:
    """The RateLimit fields of an answer."""
    return {
        "RateLimit": f'"{WINDOW}";r={left.calls};t={left.seconds}',
        "RateLimit-Policy": f'"{WINDOW}";q={left.of};w={int(budget_windows.WINDOW)}',
    }


def headers_of(error: NotAsked | UpstreamThrottled) -> dict[str, str]:
    """The headers for an error that was raised before the execution."""
    return headers(error.extensions)
