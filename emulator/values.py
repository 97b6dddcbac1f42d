"""Turns JSON values into what SQLite keeps and back, so that it sorts as SQL Server does.

GUIDs are kept in their sort order, amounts as whole numbers of their last place, dates as text.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import lru_cache

from emulator.errors import BadPayload, InvalidValue
from emulator.metadata import Column, Type

Stored = str | int | float | None
Row = dict[str, Stored]
"""A row as SQLite keeps it, by the names that its columns have in JSON."""
GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
EDM = {
    Type.GUID: "Edm.Guid",
    Type.LOOKUP: "Edm.Guid",
    Type.STRING: "Edm.String",
    Type.MEMO: "Edm.String",
    Type.CHOICES: "Edm.String",
    Type.ENUM: "Edm.String",
    Type.INT: "Edm.Int32",
    Type.CHOICE: "Edm.Int32",
    Type.BIGINT: "Edm.Int64",
    Type.DECIMAL: "Edm.Decimal",
    Type.MONEY: "Edm.Decimal",
    Type.DOUBLE: "Edm.Double",
    Type.BOOL: "Edm.Boolean",
    Type.DATE: "Edm.Date",
    Type.DATETIME: "Edm.DateTimeOffset",
    Type.BINARY: "Edm.Binary",
}
INT32 = range(-(2**31), 2**31)
INT64 = range(-(2**63), 2**63)
EXACT_FLOAT = 2**53
POWERS = [10.0**scale for scale in range(13)]


def guid_order(text: str) -> str:
    """A GUID in the order in which SQL Server compares its bytes: group 5, 4, then 3 to 1 reversed.

    .NET writes the first three groups little-endian and compares bytes 10-15, 8-9, 6-7, 4-5, 0-3.
    """
    g = text.lower()
    return (
        f"{g[24:36]}{g[19:23]}{g[16:18]}{g[14:16]}{g[11:13]}{g[9:11]}"
        f"{g[6:8]}{g[4:6]}{g[2:4]}{g[0:2]}"
    )


def guid_text(s: str) -> str:
    """The usual spelling of a GUID that was kept by `guid_order`."""
    return (
        f"{s[30:32]}{s[28:30]}{s[26:28]}{s[24:26]}-{s[22:24]}{s[20:22]}-"
        f"{s[18:20]}{s[16:18]}-{s[12:16]}-{s[0:12]}"
    )


@lru_cache(maxsize=65_536)
def fold(text: str | None) -> str | None:
    """
    Fold a string as SQL Server compares it: no case, no accents, no trailing blanks. SQLite asks
    for each row that it looks at, and most texts come again.
    """
    if text is None:
        return None
    if text.isascii():
        return text.lower().rstrip(" ")
    bare = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in bare if not unicodedata.combining(c)).rstrip(" ")


def stored(column: Column, value: object) -> Stored:
    """The value SQLite keeps of a JSON one; `BadPayload` or `InvalidValue` if it does not fit."""
    if value is None:
        return None
    return STORE[column.type](column, value)


def shown(column: Column) -> Callable[[Stored], object] | None:
    """The function that turns a kept value into JSON, or None where it is JSON already."""
    if column.type in (Type.GUID, Type.LOOKUP):
        return guid_text  # type: ignore[return-value]  # GUID columns hold text only
    if column.type is Type.BOOL:
        return bool
    if column.type in (Type.DECIMAL, Type.MONEY):
        return SCALED[column.scale]
    return None


def exact(number: int, scale: int) -> float | Decimal:
    """The decimal `number` / 10 ** `scale`; a float only where that loses nothing."""
    if -EXACT_FLOAT < number < EXACT_FLOAT:
        return number / POWERS[scale]
    return Decimal(number).scaleb(-scale)


def scaled(value: Decimal, scale: int) -> int:
    return int(value.scaleb(scale).to_integral_value(ROUND_HALF_EVEN))


def instant(text: str) -> str:
    """A point in time in UTC, to the second, with any fraction behind so that it still sorts."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    fraction = f"{moment.microsecond:06d}".rstrip("0")
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}{fraction}"


def wrong_type(column: Column, value: object) -> BadPayload:
    return BadPayload(
        f"Error identified in Payload provided by the user for Entity, column '{column.logical}':"
        f" Cannot convert a value '{value}' to the expected type '{EDM[column.type]}'."
    )


def _guid(column: Column, value: object) -> str:
    if not isinstance(value, str) or not GUID.fullmatch(value):
        raise wrong_type(column, value)
    return guid_order(value)


def _text(column: Column, value: object) -> str:
    if not isinstance(value, str):
        raise wrong_type(column, value)
    if column.length and len(value) > column.length:
        raise InvalidValue(
            f"A validation error occurred. The length of the '{column.logical}' attribute"
            f" exceeded the maximum allowed length of '{column.length}'."
        )
    return value


def _whole(column: Column, value: object) -> int:
    allowed = INT64 if column.type is Type.BIGINT else INT32
    if isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
        raise wrong_type(column, value)
    return value


def _decimal(column: Column, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise wrong_type(column, value)
    try:
        number = scaled(Decimal(str(value)), column.scale)
    except InvalidOperation as error:
        raise wrong_type(column, value) from error
    if number not in INT64:
        raise InvalidValue(f"The value of '{column.logical}' is outside the valid range.")
    return number


def _double(column: Column, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise wrong_type(column, value)
    return float(value)


def _bool(column: Column, value: object) -> int:
    if not isinstance(value, bool):
        raise wrong_type(column, value)
    return int(value)


def _date(column: Column, value: object) -> str:
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError as error:
        raise wrong_type(column, value) from error


def _datetime(column: Column, value: object) -> str:
    try:
        return instant(str(value))[:20]
    except ValueError as error:
        raise wrong_type(column, value) from error


def _choice(column: Column, value: object) -> int:
    number = _whole(column, value)
    if column.options and not any(option.value == number for option in column.options.options):
        accepted = ",".join(str(option.value) for option in column.options.options)
        raise InvalidValue(
            f"A validation error occurred. The value '{number}' of '{column.logical}' is outside"
            f" the valid range. Accepted Values: {accepted}",
            code="0x8004431a",
        )
    return number


def _choices(column: Column, value: object) -> str:
    if not isinstance(value, str):
        raise wrong_type(column, value)
    return ",".join(str(_choice(column, int(each))) for each in value.split(",") if each)


def _enum(column: Column, value: object) -> str:
    if column.options and not column.options.options and isinstance(value, str):
        return value
    member = column.options and column.options.find(value)
    if not member:
        raise wrong_type(column, value)
    return member.label


STORE: dict[Type, Callable[[Column, object], Stored]] = {
    Type.GUID: _guid,
    Type.LOOKUP: _guid,
    Type.STRING: _text,
    Type.MEMO: _text,
    Type.INT: _whole,
    Type.BIGINT: _whole,
    Type.DECIMAL: _decimal,
    Type.MONEY: _decimal,
    Type.DOUBLE: _double,
    Type.BOOL: _bool,
    Type.DATE: _date,
    Type.DATETIME: _datetime,
    Type.CHOICE: _choice,
    Type.CHOICES: _choices,
    Type.ENUM: _enum,
    Type.BINARY: _text,
}


def _shown_scaled(scale: int) -> Callable[[Stored], object]:
    def show(value: Stored) -> object:
        return exact(value, scale)  # type: ignore[arg-type]  # decimal columns hold integers only

    return show


SCALED = [_shown_scaled(scale) for scale in range(13)]
