"""
Answers of the services to reads: bodies, and the rows in them. Those of a large body are made in
pieces, between which others go on.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec
from msgspec.structs import replace

from gateway.errors import UpstreamError, UpstreamMismatch

NUMBERS = 4_096
"""Numbers of which one copy serves all rows."""
LARGE = 524_288
"""Bytes of a body above which its rows are made in pieces."""
PIECE = 131_072
"""Bytes of such a piece, or one row that is larger."""
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
RAW = decoder(msgspec.Raw)
"""Rows as the service spells them."""


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


async def opened_in_pieces(
    body: bytes, decoder: Decoder, look: Callable[[bytes], None]
) -> Envelope[Any]:
    """As `opened`, of a large body; `look` is given the bytes of each piece."""
    answer = opened(body, RAW)
    return replace(answer, value=await _made(answer.value, decoder, look))


async def _made(
    texts: Sequence[bytes | msgspec.Raw], decoder: Decoder, look: Callable[[bytes], None]
) -> list[Any]:
    """The rows in these texts."""
    rows: list[Any] = []
    for piece in _pieces(texts):
        await asyncio.sleep(0)
        body = _joined(piece)
        look(body)
        rows += piece if decoder is RAW else opened(body, decoder).value
    return rows


def _pieces(texts: Sequence[bytes | msgspec.Raw]) -> Iterator[Sequence[bytes | msgspec.Raw]]:
    begin = size = 0
    for place, text in enumerate(texts):
        if size > PIECE:
            yield texts[begin:place]
            begin, size = place, 0
        size += len(memoryview(text))
    yield texts[begin:]


def _joined(texts: Sequence[bytes | msgspec.Raw]) -> bytes:
    """A body with these rows."""
    return b'{"value":[' + b",".join(map(memoryview, texts)) + b"]}"


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


async def rows_made(page: Page, decoder: Decoder) -> Page:
    """A page of bytes with its rows as the decoder makes them; another page as it is."""
    if not is_raw(page):
        return page
    if sum(len(memoryview(row)) for row in page.rows) > LARGE:
        rows = await _made(page.rows, decoder, lambda _: None)
    else:
        rows = opened(_joined(page.rows), decoder).value
    return replace(page, rows=rows, last=rows[-1] if rows else None)
