"""Writes and reads the paging cookie of `@odata.nextLink`, which is opaque to every client."""

import base64
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from emulator.errors import BadQuery

COOKIE = re.compile(
    r'<cookie pagenumber="(\d+)" pagingcookie="([^"]*)" istracking="(?:True|False)" />'
)
MAX_PAGE = 5_000


@dataclass(frozen=True, slots=True)
class PageStart:
    """The start of a page: its number, the last row before it, and a delta token if tracking."""

    number: int = 1
    last: tuple[Any, ...] = ()
    delta: str = ""


def next_link(url: str, query: str, place: PageStart) -> str:
    """The same request with a token that says behind which row the next page begins."""
    inner = base64.urlsafe_b64encode(msgspec.json.encode((place.last, place.delta))).decode()
    cookie = (
        f'<cookie pagenumber="{place.number}" pagingcookie="{inner}"'
        f' istracking="{bool(place.delta)}" />'
    )
    kept = [part for part in query.split("&") if part and not _is_token(part)]
    return f"{url}?{'&'.join([*kept, f'$skiptoken={quote(quote(cookie))}'])}"


def read_token(text: str | None) -> PageStart:
    """The place that a token names; the beginning without a token."""
    if text is None:
        return PageStart()
    found = COOKIE.fullmatch(unquote(text))
    try:
        last, delta = msgspec.json.decode(base64.urlsafe_b64decode(found[2] if found else ""))
    except (ValueError, TypeError, msgspec.DecodeError) as error:
        raise BadQuery("Malformed XML in the Paging Cookie") from error
    return PageStart(int(found[1]) if found else 1, tuple(last), delta)


def page_size(preference: str | None) -> int:
    if preference is None:
        return MAX_PAGE
    if not preference.isdigit() or int(preference) == 0:
        raise BadQuery("The page size must be a positive whole number.")
    return min(int(preference), MAX_PAGE)


def _is_token(part: str) -> bool:
    return unquote(part).startswith("$skiptoken=")
