"""Turns what the emulator's TOML says of a table of the dictionary into the table as a whole."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from dynamics import dictionary
from emulator import vocabulary
from emulator.metadata import Navigation, Table

Words = dict[str, Any]
SUPPLEMENT_WORDS: Final = {"name", "owner", "keys", "columns", "navigation", "read_only", "tracked",
                    "indexes", "unique", "entity", "sizes", "targets", "backs", "states",
                    "options", "behaviours", "defaults", "required",
                    "pricing"}  # fmt: skip


def supplemented(name: str, words: Words) -> Table:
    """A table, or collection of F&O, of the dictionary with what `words` add to it."""
    if unknown := set(words) - SUPPLEMENT_WORDS:
        raise ValueError(f"[{name}] does not know {', '.join(sorted(unknown))}")
    is_finops = name in dictionary.collections()
    make = vocabulary.collection if is_finops else vocabulary.table
    table = make(name, _supplement(words))
    return replace(
        table,
        primary_name=table.primary_name if table.primary_name in table.columns else None,
        navigations=dict(navigations(words)),
        read_only=words.get("read_only", False),
        tracked=words.get("tracked", True),
        indexes=lists(words, "indexes"),
        unique=lists(words, "unique"),
    )


def _supplement(words: Words) -> vocabulary.Supplement:
    return vocabulary.Supplement(
        primary_name=words.get("name"),
        entity=words.get("entity"),
        owner=words.get("owner"),
        sizes={name: int(size) for size, name in _turned(words, "sizes")},
        targets=words.get("targets", {}),
        backs=words.get("backs", {}),
        states=words.get("states", {}),
        options={
            column: {int(value): label for value, label in members.items()}
            for column, members in words.get("options", {}).items()
        },
        behaviours={name: behaviour for behaviour, name in _turned(words, "behaviours")},
        defaults={name: default(value) for value, name in _turned(words, "defaults")},
        required=frozenset(words.get("required", "").split()),
        pricing=frozenset(words.get("pricing", "").split()),
    )


def _turned(words: Words, word: str) -> Iterator[tuple[str, str]]:
    """The pairs of `value = "name name"`."""
    for value, names in words.get(word, {}).items():
        yield from ((value, name) for name in names.split())


def lists(words: Words, word: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(each.split()) for each in words.get(word, ()))


def navigations(words: Words) -> Iterator[tuple[str, Navigation]]:
    """F&O's relations: `"SalesOrderHeader" = "SalesOrderHeadersV2 dataAreaId SalesOrderNumber"`."""
    for name, text in words.get("navigation", {}).items():
        target, *pairs = text.removesuffix(" many").split()
        on = tuple((near, far or near) for near, _, far in (pair.partition("=") for pair in pairs))
        yield name, Navigation(name, target, on, text.endswith(" many"))


def default(text: str) -> int | str:
    return int(text) if text.lstrip("-").isdigit() else text
