"""The limits of a service, read from the headers of its answers and from its refusals."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from math import isfinite, nan
from typing import Final

REQUESTS_LEFT: Final = "x-ms-ratelimit-burst-remaining-xrm-requests"
SECONDS_LEFT: Final = "x-ms-ratelimit-time-remaining-xrm-requests"
PARALLEL: Final = "x-ms-dop-hint"
BELIEVED: Final[Mapping[str, float]] = {REQUESTS_LEFT: 12_000, SECONDS_LEFT: 2_400}
"""
The most that is believed to be left: twice what one web server of Dataverse grants by
learn.microsoft.com, "Service protection API limits", in case a real one grants somewhat more
(unverified). A larger number would be the limit for good, beside which true ones look used up.
"""
LONGEST: Final = 300.0
"""Seconds after which any window of the services is a new one: no pause can be longer."""


class Limit(Enum):
    """The limit that a 429 is about."""

    REQUESTS = "requests"
    TIME = "time"
    CONCURRENCY = "concurrency"
    UNKNOWN = "unknown"


_SAID = (
    (b"0x80072322", Limit.REQUESTS),
    (b"0x80072321", Limit.TIME),
    (b"0x80072326", Limit.CONCURRENCY),
    # F&O has no codes; its texts are those of learn.microsoft.com, "exeeded" with that spelling.
    (b"Number of concurrent requests", Limit.CONCURRENCY),
    (b"Combined execution time", Limit.TIME),
    (b"Number of requests", Limit.REQUESTS),
)
LOOKED_AT: Final = 4_096
"""Bytes of a refusal that are looked at."""


def limit_of(body: bytes) -> Limit:
    """The limit that a 429 with this body is about."""
    start = body[:LOOKED_AT]
    return next((limit for mark, limit in _SAID if mark in start), Limit.UNKNOWN)


def number(text: str) -> float | None:
    """A number as the headers write it (`1,199.56`); None for anything that is none."""
    try:
        found = float(text.replace(",", ""))
    except ValueError:
        return None
    return found if isfinite(found) and found >= 0 else None


def budget_left(headers: Mapping[str, str], name: str) -> float | None:
    """The requests or seconds left by this header; None where it says nothing to be believed."""
    text = headers.get(name)
    found = None if text is None else number(text)
    return None if found is None or found > BELIEVED[name] else found


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds to wait by `Retry-After`, never more than `LONGEST`; 1 where it cannot be read."""
    text = headers.get("retry-after", "1")
    try:
        seconds = float(text)
    except ValueError:
        seconds = _until(text, headers.get("date"))
    # Whatever is no number of seconds, as `nan`, compares as false.
    return min(seconds, LONGEST) if seconds >= 0 else 0.0 if seconds < 0 else 1.0


def _until(moment: str, date: str | None) -> float:
    """Seconds from the date of an answer, or from now, to a moment; NaN where it is none."""
    until, now = _moment(moment), _moment(date or "")
    return nan if until is None else (until - (now or datetime.now(UTC))).total_seconds()


def _moment(text: str) -> datetime | None:
    """A moment in one of the three forms of RFC 9110, 5.6.7, all of them UTC; None otherwise."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
