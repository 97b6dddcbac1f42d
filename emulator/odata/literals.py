"""Turns a literal of a query into the value its column is compared with, or refuses its type."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from emulator.errors import BadQuery
from emulator.metadata import Column, Type
from emulator.odata.syntax import Kind, Literal
from emulator.values import EDM, GUID, Stored, fold, guid_order, instant

OPERATORS = {
    "eq": "Equal", "ne": "NotEqual", "gt": "GreaterThan", "ge": "GreaterThanOrEqual",
    "lt": "LessThan", "le": "LessThanOrEqual",
}  # fmt: skip
ENUMS = "Microsoft.Dynamics.DataEntities."
WHOLE = (Kind.INT, Kind.LONG)
NUMBER = (Kind.INT, Kind.LONG, Kind.DECIMAL)
ACCEPTED: dict[Type, tuple[Kind, ...]] = {
    Type.GUID: (Kind.GUID,),
    Type.LOOKUP: (Kind.GUID,),
    Type.STRING: (Kind.STRING,),
    Type.MEMO: (Kind.STRING,),
    Type.CHOICES: (),
    Type.INT: NUMBER,
    Type.CHOICE: NUMBER,
    Type.BIGINT: NUMBER,
    Type.DECIMAL: NUMBER,
    Type.MONEY: NUMBER,
    Type.DOUBLE: NUMBER,
    Type.BOOL: (Kind.BOOL,),
    Type.DATE: (Kind.DATE,),
    Type.DATETIME: (Kind.DATETIME, Kind.DATE),
    Type.ENUM: (Kind.ENUM,),
}


def incompatible(left: str, right: str, op: str) -> BadQuery:
    return BadQuery(
        "A binary operator with incompatible types was detected. Found operand types"
        f" '{left}' and '{right}' for operator kind '{OPERATORS.get(op, op)}'."
    )


def compared(column: Column, literal: Literal, op: str) -> Stored:
    """The value that SQLite compares the column with."""
    if literal.kind not in ACCEPTED[column.type]:
        raise incompatible(EDM[column.type], literal.enum or literal.kind, op)
    try:
        return COMPARED[column.type](column, literal)
    except ValueError as error:
        raise BadQuery(f"'{literal.value}' is no valid {EDM[column.type]}.") from error


def spelled(column: Column, text: str) -> Stored:
    """The value to compare with for one written as text in a query function or in FetchXML."""
    if column.type is Type.DATETIME and "T" not in text:
        return compared(column, Literal(Kind.DATE, text), "eq")
    kind = ACCEPTED[column.type][0] if ACCEPTED[column.type] else Kind.STRING
    return compared(column, Literal(kind, _spelled(column, text)), "eq")


def _spelled(column: Column, text: str) -> object:
    try:
        read = SPELLED.get(column.type)
        return text if read is None else read(text.strip())
    except (ValueError, ArithmeticError, KeyError) as error:
        raise BadQuery(
            f"The value '{text}' of '{column.logical}' is not of type '{EDM[column.type]}'.",
            code="0x80040203",
        ) from error


def _guid_spelled(text: str) -> str:
    bare = text.strip("{}")
    if not GUID.fullmatch(bare):
        raise ValueError(text)
    return bare


SPELLED: dict[Type, Callable[[str], object]] = {
    Type.GUID: _guid_spelled,
    Type.LOOKUP: _guid_spelled,
    Type.INT: int,
    Type.CHOICE: int,
    Type.BIGINT: int,
    Type.DECIMAL: Decimal,
    Type.MONEY: Decimal,
    Type.DOUBLE: Decimal,
    Type.BOOL: lambda text: {"true": True, "1": True, "false": False, "0": False}[text.lower()],
}


def _guid(_: Column, literal: Literal) -> Stored:
    return guid_order(str(literal.value))


def _text(_: Column, literal: Literal) -> Stored:
    return fold(str(literal.value))


def _number(_: Column, literal: Literal) -> Stored:
    return literal.value if isinstance(literal.value, int) else float(str(literal.value))


def _exact(column: Column, literal: Literal) -> Stored:
    """A literal with more places than the column stays a fraction, so that it equals no row."""
    number = Decimal(str(literal.value)).scaleb(column.scale)
    return int(number) if number == number.to_integral_value() else float(number)


def _bool(_: Column, literal: Literal) -> Stored:
    return int(bool(literal.value))


def _date(_: Column, literal: Literal) -> Stored:
    return date.fromisoformat(str(literal.value)).isoformat()


def _datetime(_: Column, literal: Literal) -> Stored:
    if literal.kind is Kind.DATE:
        return f"{date.fromisoformat(str(literal.value)).isoformat()}T00:00:00Z"
    return instant(str(literal.value).upper())


def _enum(column: Column, literal: Literal) -> Stored:
    name = column.options.name if column.options else ""
    if literal.enum != ENUMS + name:
        raise incompatible(ENUMS + name, literal.enum, "eq")
    member = column.options and column.options.find(literal.value)
    if not member:
        raise BadQuery(f"The string '{literal.value}' is not a valid enumeration type constant.")
    return member.label


COMPARED: dict[Type, Callable[[Column, Literal], Stored]] = {
    Type.GUID: _guid,
    Type.LOOKUP: _guid,
    Type.STRING: _text,
    Type.MEMO: _text,
    Type.INT: _number,
    Type.CHOICE: _number,
    Type.BIGINT: _number,
    Type.DECIMAL: _exact,
    Type.MONEY: _exact,
    Type.DOUBLE: _number,
    Type.BOOL: _bool,
    Type.DATE: _date,
    Type.DATETIME: _datetime,
    Type.ENUM: _enum,
}
