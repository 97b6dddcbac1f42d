"""Everything that either service answers instead of what was asked for, in its own words.

* Refusal
  x Unauthorized        401, no or a bad token
  x NotFound            404, no such row, set or segment
  x BadQuery            400, a query that the service does not understand or support
  x BadPayload          400, a body that does not fit the table
  x InvalidValue        400, a value outside what its column takes
  x MissingValue        400, a column that a new row must carry
  x Duplicate           412, the key exists already
  x Stale               412, the row has another version
  x NotAllowed          405, the resource does not take this method
  x TooLong             414, a URL beyond the limit
  x NotImplementedHere  501, a documented feature that the emulator lacks
"""

from typing import ClassVar


class Refusal(Exception):
    """An answer with an error in it; each service wraps it in its own envelope."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "0x80040203"

    def __init__(self, message: str, *, code: str | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.sent_code = code or self.code
        self.sent_status = status or self.status
        self.headers: dict[str, str] = {}


class Unauthorized(Refusal):
    """No token, or one that is expired, forged or meant for somebody else."""

    status = 401
    code = "0x80072560"


class NotFound(Refusal):
    """No row with this key, or no entity set of this name."""

    status = 404
    code = "0x80040217"


class BadQuery(Refusal):
    """A query option, column or literal that does not fit."""

    code = "0x80060888"


class BadPayload(Refusal):
    """A property in a body that the table does not have, or of the wrong type."""

    code = "0x80048d19"


class InvalidValue(Refusal):
    """A value of the right type that the column does not take."""

    code = "0x80044331"


class MissingValue(Refusal):
    """A new row without a column that it must carry."""

    code = "0x80040203"


class Duplicate(Refusal):
    """A row with the same primary or alternate key exists."""

    status = 412
    code = "0x80040237"


class Stale(Refusal):
    """The row is not in the version that the caller named."""

    status = 412
    code = "0x80060882"


class NotAllowed(Refusal):
    """The resource exists but does not take this method."""

    status = 405


class TooLong(Refusal):
    """The URL is longer than the service reads."""

    status = 414


class NotImplementedHere(Refusal):
    """Real services answer this; the emulator says plainly that it does not."""

    status = 501


def no_property(name: str, table: str) -> BadQuery:
    return BadQuery(f"Could not find a property named '{name}' on type '{table}'.")


def no_row(table: str, key: str) -> NotFound:
    return NotFound(f"{table} With Id = {key} Does Not Exist")
