"""Reads and writes the composite keys in F&O's URLs, which name every one of their parts."""

from emulator.errors import BadQuery
from emulator.metadata import TEXTS, Column, Table
from emulator.odata.lexer import split, tokens
from emulator.odata.literals import compared
from emulator.odata.parser import literal
from emulator.odata.sql import type_name
from emulator.odata.syntax import Kind
from emulator.store import Key
from emulator.values import Stored


def read_key(table: Table, args: str) -> Key:
    parts = [part.partition("=") for part in split(args, ",")]
    given = {name.strip(): text.strip() for name, _, text in parts}
    if set(given) != set(table.key):
        raise BadQuery(
            "The number of keys specified in the URI does not match number of key properties for"
            f" the resource '{type_name(table)}'."
        )
    return tuple(_value(table.columns[name], given[name]) for name in table.key)


def url_key(table: Table, key: Key) -> str:
    parts = zip(table.key, key, strict=True)
    return ",".join(f"{name}={_text(table.columns[name], value)}" for name, value in parts)


def _value(column: Column, text: str) -> Stored:
    found = list(tokens(text))
    if len(found) != 1:
        raise BadQuery(f"Syntax error in the key value '{text}'.")
    value = literal(found[0])
    if column.type in TEXTS and value.kind is Kind.STRING:
        return str(value.value)
    return compared(column, value, "eq")


def _text(column: Column, value: Stored) -> str:
    if column.type in TEXTS:
        return "'" + str(value).replace("'", "''") + "'"
    return str(value)
