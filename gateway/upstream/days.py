"""
Days as Dataverse keeps them: a column for a day is an instant on the wire unless its behaviour is
*date only*. With *time-zone independent* it is midnight UTC; with *user local* it is the midnight
of the zone in which somebody typed the day.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from gateway.config.parsers import Zones
from gateway.errors import InvalidInput
from gateway.upstream.conditions import (
    AnyOf,
    Code,
    Compare,
    Condition,
    Operator,
    both,
    either,
    negated,
    one_of,
)

Behaviour = Literal["UserLocal", "TimeZoneIndependent", "DateOnly"]
"""`DateTimeBehavior` of a column's metadata."""

EARLIEST: Final = date(1753, 1, 1)
"""The first day that Dataverse can hold."""
LATEST: Final = date(9999, 12, 30)
NOON: Final = timedelta(hours=12)


def read(raw: str, behaviour: Behaviour, zone: ZoneInfo | None) -> date:
    """The day that a value means. ValueError where it is none."""
    if len(raw) == 10:
        return date.fromisoformat(raw)
    moment = datetime.fromisoformat(raw)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if behaviour != "UserLocal":
        return moment.astimezone(UTC).date()
    if zone is None:
        return (moment.astimezone(UTC) + NOON).date()
    return moment.astimezone(zone).date()


def written(day: date, behaviour: Behaviour, zone: ZoneInfo | None) -> str:
    """A day as the service takes it: bare, or the instant at which it begins."""
    if behaviour == "DateOnly":
        return day.isoformat()
    return f"{_start(day, behaviour, zone).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def compared(
    column: str, op: Operator, day: date, behaviour: Behaviour, zone: ZoneInfo | None
) -> Condition:
    """A comparison with a day, as comparisons with the instants between which values mean it."""
    if behaviour == "DateOnly":
        return Compare(column, op, day)
    if not EARLIEST <= day <= LATEST:
        raise InvalidInput(f"A day must be between {EARLIEST} and {LATEST}.")
    shift = NOON if behaviour == "UserLocal" and zone is None else timedelta()
    start = _start(day, behaviour, zone) - shift
    end = _start(day + timedelta(days=1), behaviour, zone) - shift
    match op:
        case "eq":
            return both(Compare(column, "ge", start), Compare(column, "lt", end))
        case "ne":
            empty = Compare(column, "eq", None)
            return AnyOf((Compare(column, "lt", start), Compare(column, "ge", end), empty))
        case "gt" | "le":
            return Compare(column, "ge" if op == "gt" else "lt", end)
        case "ge" | "lt":
            return Compare(column, op, start)


def compared_by_company(
    column: str, op: Operator, day: date, zones: Zones, company: str
) -> Condition:
    """
    `compared` for user-local days in the time zone of each row's legal entity, by the path to it.
    """
    by_zone: dict[ZoneInfo | None, list[str]] = {}
    for code, zone in zones.companies.items():
        by_zone.setdefault(zone, []).append(code)
    parts = [
        both(one_of(company, map(Code, codes)), compared(column, op, day, "UserLocal", zone))
        for zone, codes in by_zone.items()
    ]
    others = negated(one_of(company, map(Code, zones.companies)))
    return either(*parts, both(others, compared(column, op, day, "UserLocal", zones.default)))


def _start(day: date, behaviour: Behaviour, zone: ZoneInfo | None) -> datetime:
    """The instant at which a day begins."""
    local = zone if behaviour == "UserLocal" and zone is not None else UTC
    return datetime.combine(day, time(), local)
