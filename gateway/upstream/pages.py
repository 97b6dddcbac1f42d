"""Answers of the services to reads: bodies, and the rows in them."""

from decimal import Decimal
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec
from msgspec.structs import replace

from gateway.errors import UpstreamError, UpstreamMismatch

NUMBERS = 4_096
"""Numbers of which one copy serves all rows."""
Row = dict[str, Any]
R = TypeVar("R")


class Envelope(msgspec.Struct, Generic[R]):
    """One page as a service sends it."""

    value: list[R]
    count: int | None = msgspec.field(name="@odata.count", default=None)
    count_is_limited: bool = msgspec.field(
        name="@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded", default=False
    )
    next_link: str | None = msgspec.field(name="@odata.nextLink", default=None)


ReadOutcome = bytes | Envelope[Any] | UpstreamError
"""The outcome of a read: the body of the answer, the rows decoded from it, or the error."""
Decoder = msgspec.json.Decoder[Envelope[Any]]
"""Makes rows of an answer's bytes, and checks what its row type declares."""


def decoder(row: Any) -> Decoder:
    """A decoder for rows of this type; numbers with decimals keep their digits."""
    return msgspec.json.Decoder(Envelope[row], float_hook=_number)


# Quantities and prices repeat from row to row, and nothing in a row is as large as a Decimal.
_number = lru_cache(NUMBERS)(Decimal)

PLAIN = decoder(Row)
"""Rows as JSON has them."""


def opened(outcome: ReadOutcome, decoder: Decoder) -> Envelope[Any]:
    """The answer in a body; raises what went wrong, UpstreamMismatch for a body of another form."""
    if isinstance(outcome, UpstreamError):
        raise outcome
    if isinstance(outcome, Envelope):
        return outcome
    try:
        return decoder.decode(outcome)
    except msgspec.ValidationError:
        raise UpstreamMismatch("The service's answer does not hold the rows asked for.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UpstreamMismatch("The service's answer is not JSON.") from None


class Page(msgspec.Struct, frozen=True):
    """Rows as the decoder made them. `count` is the total of the filter, where asked for."""

    rows: list[Any]
    count: int | None = None
    count_is_exact: bool = True
    complete: bool = True
    """True if the service has no further rows for the query."""
    last: Any = None
    """The last row of the page, behind which the next page continues."""


def is_raw(page: Page) -> bool:
    """True if the rows are the bytes that the service sent, of which nothing is made yet."""
    return all(isinstance(row, bytes | msgspec.Raw) for row in page.rows)


def page_of(answer: Envelope[Any], top: int | None) -> Page:
    """The page in an answer to a query for `top` rows; None stands for all rows."""
    rows = answer.value
    complete = top is None or len(rows) < top
    exact = not answer.count_is_limited
    return Page(rows, answer.count, exact, complete, rows[-1] if rows else None)


def rows_made(page: Page, decoder: Decoder) -> Page:
    """A page of bytes with its rows as the decoder makes them; another page as it is."""
    if not is_raw(page):
        return page
    body = b'{"value":[' + b",".join(map(bytes, page.rows)) + b"]}"
    rows = opened(body, decoder).value
    return replace(page, rows=rows, last=rows[-1] if rows else None)
