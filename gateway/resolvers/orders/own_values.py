"""Values of the members that extensions add to the inputs of orders -> columns, and back."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from gateway.model.kinds import OptionSet, sent
from gateway.model.members.column import Column
from gateway.resolvers.orders.input_checks import plain
from gateway.resolvers.orders.inputs import Own
from gateway.upstream.conditions import Raw

YES, NO = ("true", "yes", "ja", "1"), ("false", "no", "nee", "0")
WORDS = {word: word in YES for word in (*YES, *NO)}
"""The ways to write yes and no in a list."""


class Unreadable(ValueError):
    """A text of a list is no value of its column; the message says what would be one."""


def columns(own: Own) -> dict[str, Any]:
    """The values by the columns that hold them, nulls included, as they are written."""
    return {spec.path: _sent(plain(value)) for spec, value in own.items()}


def kept(raw: Raw, members: Iterable[Column]) -> Own:
    """The values that a row has for these members; a number that no option has is none of them."""
    found = {spec: spec.decode(raw.get(spec.path)) for spec in members}
    return {
        spec: None if isinstance(value, OptionSet) and value.is_unknown else value
        for spec, value in found.items()
    }


def read(spec: Column, text: str) -> Any:
    """The value that a cell of a list says for a member; Unreadable where it says none."""
    said = text.strip()
    if not said:
        return None
    try:
        return said if spec.type is str else _read(spec.type, said)
    except (ValueError, ArithmeticError, KeyError):
        raise Unreadable(f"“{said[:40]}” cannot be read; write {_example(spec.type)}.") from None


def _read(type_: Any, text: str) -> Any:
    if issubclass(type_, OptionSet):
        return type_[text.upper().replace(" ", "_")]
    if type_ is bool:
        return WORDS[text.casefold()]
    if type_ in (date, datetime):
        return type_.fromisoformat(text)
    return type_(text)


def _example(type_: Any) -> str:
    if issubclass(type_, OptionSet):
        return "one of " + ", ".join(each.name for each in type_ if not each.is_unknown)
    return EXAMPLES[type_]


EXAMPLES = {
    bool: "yes or no",
    int: "it as 1250",
    Decimal: "it as 1250.5",
    date: "it as 2026-12-31",
    datetime: "it as 2026-12-31T12:00:00Z",
}


def _sent(value: Any) -> Any:
    if isinstance(value, datetime):
        # Dynamics keeps whole seconds, and says them so when it is read again.
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return sent(value)
