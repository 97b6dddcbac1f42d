"""
The names file (`GATEWAY_NAMES`) -> what an operator says of the environment, which always wins.

A table by its logical name, or a collection of F&O by its public name:

    [salesorder]
    collection = "salesorders"
    absent = ["msdyn_requestedreceiptdate"]
    navigation.msdyn_company = "msdyn_Company"
    column.requestdeliveryby.zone = "Europe/Berlin"

    [msdyn_contactforparty]
    absent = true
"""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import msgspec
from msgspec import Struct

from gateway.config.parsers import zone
from gateway.config.settings import SettingsError
from gateway.upstream.days import Behaviour
from variables.environment_values import text_of
from variables.toml_files import toml

BEHAVIOURS = get_args(Behaviour)


class ColumnOverride(Struct, frozen=True, forbid_unknown_fields=True):
    """The overrides of one column."""

    name: str = ""
    """The service's spelling of it."""
    behaviour: str = ""
    zone: str = ""
    """The zone in which its user-local days were typed."""
    length: int = 0
    """The number of characters it holds."""


class Override(Struct, frozen=True, forbid_unknown_fields=True):
    """The overrides of one table."""

    collection: str = ""
    navigation: Mapping[str, str] = {}
    """By lookup, by `lookup_table` if it leads to several, by `table.lookup` for the way back."""
    column: Mapping[str, ColumnOverride] = {}
    absent: bool | tuple[str, ...] = False
    """Columns that are not there; `true` for the whole table."""


NO_OVERRIDE = Override()
Overrides = Mapping[str, Override]


def load(path: str) -> Overrides:
    """Read the overrides from a file; SettingsError names the mistake and its place."""
    try:
        words = toml(text_of(path))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{path}: {error}"]) from None
    except ValueError as error:
        raise SettingsError([f"GATEWAY_NAMES: {path}: {error}"]) from None
    found, mistakes = _sections(path, words)
    for table, override in found.items():
        for column, told in override.column.items():
            mistakes += [f"{path}: [{table}] column.{column}{each}" for each in _mistakes(told)]
    if mistakes:
        raise SettingsError(mistakes)
    return found


def _sections(path: str, words: Mapping[str, Any]) -> tuple[dict[str, Override], list[str]]:
    """The overrides of each table, and the mistakes in those that cannot be understood."""
    found: dict[str, Override] = {}
    mistakes = []
    for table, said in words.items():
        try:
            found[table] = msgspec.convert(said, Override)
        except msgspec.ValidationError as error:
            mistakes.append(f"{path}: [{table}] {error}")
    return found, mistakes


def dump(overrides: Overrides) -> str:
    """The text of a names file with these overrides."""
    return "\n".join(_section(name, each) for name, each in sorted(overrides.items()))


def merged(known: Override, more: Override) -> Override:
    """Both overrides of a table in one; `more` wins."""
    absent = more.absent or known.absent
    if not isinstance(more.absent, bool) and not isinstance(known.absent, bool):
        absent = tuple(dict.fromkeys((*known.absent, *more.absent)))
    columns = dict(known.column)
    for name, told in more.column.items():
        columns[name] = _both(columns.get(name, ColumnOverride()), told)
    return Override(
        more.collection or known.collection,
        {**known.navigation, **more.navigation},
        columns,
        absent,
    )


def _both(known: ColumnOverride, more: ColumnOverride) -> ColumnOverride:
    return ColumnOverride(
        more.name or known.name,
        more.behaviour or known.behaviour,
        more.zone or known.zone,
        more.length or known.length,
    )


def _mistakes(told: ColumnOverride) -> Iterator[str]:
    if told.behaviour and told.behaviour not in BEHAVIOURS:
        yield f".behaviour is one of {', '.join(BEHAVIOURS)}"
    if told.zone:
        try:
            zone(told.zone)
        except ValueError as error:
            yield f".zone {error}"


def _section(name: str, override: Override) -> str:
    lines = [f"[{_key(name)}]"]
    if override.collection:
        lines.append(f"collection = {_text(override.collection)}")
    if override.absent is True:
        lines.append("absent = true")
    elif override.absent:
        lines.append(f"absent = [{', '.join(map(_text, override.absent))}]")
    for step, navigation in sorted(override.navigation.items()):
        lines.append(f"navigation.{_key(step)} = {_text(navigation)}")
    for column, told in sorted(override.column.items()):
        for word in ("name", "behaviour", "zone"):
            if value := getattr(told, word):
                lines.append(f"column.{_key(column)}.{word} = {_text(value)}")
        if told.length:
            lines.append(f"column.{_key(column)}.length = {told.length}")
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    plain = name.replace("_", "").replace("-", "")
    return name if plain.isascii() and plain.isalnum() else _text(name)


def _text(value: Any) -> str:
    return msgspec.json.encode(str(value)).decode()
