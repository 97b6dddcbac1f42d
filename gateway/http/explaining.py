"""Explanations of answers for staff: the rule that each read met, and how many rows it cut."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from gateway.auth.policy import EXPLAIN
from gateway.auth.principal import Principal
from gateway.errors import GatewayError
from gateway.loaders.asks import Ask
from gateway.loaders.reader import Reader, Reading
from gateway.upstream.conditions import EVERYTHING
from gateway.upstream.pages import Page

Explanation = list[dict[str, Any]]


def check(principal: Principal) -> None:
    """Forbidden to all but staff who may be told; those who look as a customer stay staff."""
    (principal.viewer or principal).access(EXPLAIN)


async def explanation(reader: Reader) -> Explanation:
    """
    The work of the gate for each read of an operation, in their order.

    `cut` is the number of rows that the staff caller would have got in addition, a lower bound
    where `cutIsLowerBound` is true; null where they may not read or ask by it either, or where it
    cannot be counted.
    """
    told = reader.principal.viewer or reader.principal
    staff = replace(reader.seen_by(told), readings=[])
    return [await _told(reading, staff) for reading in _distinct(reader.readings)]


async def _told(reading: Reading, staff: Reader) -> dict[str, Any]:
    table = reading.table
    told: dict[str, Any] = {
        "table": table.name,
        "permission": f"{table.needs}:read",
        "access": reading.access.value if reading.access else None,
        "refused": reading.refused,
        "rule": _rule(reading),
        "rows": reading.rows,
    }
    cut, is_lower_bound = await _cut(reading, staff)
    return told | {"cut": cut, "cutIsLowerBound": is_lower_bound}


async def _cut(reading: Reading, staff: Reader) -> tuple[int | None, bool]:
    """The number of rows that the rule cut, and whether there may be more."""
    ask = Ask(reading.table, frozenset(), reading.where)
    try:
        there = await staff.count(ask)
        mine = Page([], 0) if reading.rule is None else await staff.count(ask, reading.rule)
    except GatewayError:
        return None, False
    if there.count is None or mine.count is None or not mine.count_is_exact:
        return None, False
    return there.count - mine.count, not there.count_is_exact


def _rule(reading: Reading) -> str | None:
    """The row rule as a filter; it holds ids of the caller's own accounts and contact alone."""
    if reading.rule is None:
        return None
    return "all rows" if reading.rule == EVERYTHING else reading.table.dialect.text(reading.rule)


def _distinct(readings: Sequence[Reading]) -> list[Reading]:
    """Each read once, with the rows of all its chunks."""
    found: dict[object, Reading] = {}
    for each in readings:
        key = (each.table.name, each.where, each.refused)
        known = found.get(key)
        found[key] = each if known is None else replace(known, rows=known.rows + each.rows)
    return list(found.values())
