"""Reads `$apply`: filter, groupby and aggregate, one behind the other."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from emulator.errors import BadQuery
from emulator.odata.lexer import split
from emulator.odata.parser import parse_filter
from emulator.odata.syntax import Node

STEP = re.compile(r"(filter|groupby|aggregate)\((.*)\)", re.DOTALL)
MEASURE = re.compile(r"([\w/]+)\s+with\s+(\w+)\s+as\s+(\w+)")
COUNT = re.compile(r"\$count\s+as\s+(\w+)")
METHODS = {"sum", "average", "min", "max", "countdistinct"}


@dataclass(frozen=True, slots=True)
class Measure:
    """One aggregated value: of a property by a method, or the number of rows."""

    path: tuple[str, ...]
    method: str
    alias: str


@dataclass(frozen=True, slots=True)
class Aggregation:
    """The parts of `$apply`, whatever order it was written in."""

    filters: tuple[Node, ...]
    keys: tuple[tuple[str, ...], ...]
    measures: tuple[Measure, ...]
    grouped: bool


def parse_apply(text: str) -> Aggregation:
    filters: list[Node] = []
    keys: list[tuple[str, ...]] = []
    measures: list[Measure] = []
    grouped = False
    for step in split(text, "/"):
        name, inner = _step(step)
        if name == "filter":
            filters.append(parse_filter(inner))
        elif name == "groupby":
            grouped = True
            keys, measures = _group(inner)
        else:
            measures = list(_measures(inner))
    if not grouped and not measures:
        raise BadQuery("$apply needs a groupby or an aggregate.")
    return Aggregation(tuple(filters), tuple(keys), tuple(measures), grouped)


def _step(text: str) -> tuple[str, str]:
    found = STEP.fullmatch(text.strip())
    if found is None:
        raise BadQuery(f"The transformation '{text}' is not supported in $apply.")
    return found[1], found[2].strip()


def _group(text: str) -> tuple[list[tuple[str, ...]], list[Measure]]:
    keys, *rest = split(text, ",")
    if not keys.startswith("(") or len(rest) > 1:
        raise BadQuery(f"The groupby '{text}' is not supported.")
    names = [tuple(name.split("/")) for name in split(keys[1:-1], ",")]
    if not rest:
        return names, []
    name, inner = _step(rest[0])
    if name != "aggregate":
        raise BadQuery("Only an aggregate may stand inside of groupby.")
    return names, list(_measures(inner))


def _measures(text: str) -> Iterator[Measure]:
    for part in split(text, ","):
        if found := COUNT.fullmatch(part):
            yield Measure((), "count", found[1])
        elif (found := MEASURE.fullmatch(part)) and found[2] in METHODS:
            yield Measure(tuple(found[1].split("/")), found[2], found[3])
        else:
            raise BadQuery(f"The aggregate expression '{part}' is not supported.")
