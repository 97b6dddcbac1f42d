"""Answers of the services to reads: bodies, and the rows in them."""

from decimal import Decimal
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec

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
