"""Writes and reads the paging cookie of `@odata.nextLink`, which is opaque to every client."""

import base64
import re
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from emulator.errors import BadQuery

COOKIE = re.compile(r'<cookie pagenumber="(\d+)" pagingcookie="([^"]*)" istracking="False" />')
MAX_PAGE = 5_000


def next_link(base: str, path: str, query: str, number: int, last: tuple[Any, ...]) -> str:
    """The same request with a token that says behind which row the next page begins."""
    inner = base64.urlsafe_b64encode(msgspec.json.encode(last)).decode()
    cookie = f'<cookie pagenumber="{number}" pagingcookie="{inner}" istracking="False" />'
    kept = [part for part in query.split("&") if part and not _is_token(part)]
    return f"{base}/{path}?{'&'.join([*kept, f'$skiptoken={quote(quote(cookie))}'])}"


def read_token(text: str | None) -> tuple[int, tuple[Any, ...]]:
    """The page number and the last row's order values; page one without a token."""
    if text is None:
        return 1, ()
    found = COOKIE.fullmatch(unquote(text))
    if found is None:
        raise BadQuery("Malformed XML in the Paging Cookie")
    try:
        return int(found[1]), tuple(msgspec.json.decode(base64.urlsafe_b64decode(found[2])))
    except (ValueError, msgspec.DecodeError) as error:
        raise BadQuery("Malformed XML in the Paging Cookie") from error


def page_size(preference: str | None) -> int:
    if preference is None:
        return MAX_PAGE
    if not preference.isdigit() or int(preference) == 0:
        raise BadQuery("The page size must be a positive whole number.")
    return min(int(preference), MAX_PAGE)


def _is_token(part: str) -> bool:
    return unquote(part).startswith("$skiptoken=")
