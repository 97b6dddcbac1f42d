"""Days as each kind of date column holds them, and back.

A `DateOnly` column holds a bare day, a `TimeZoneIndependent` one its midnight in UTC, and a
`UserLocal` one the midnight of whoever wrote it: here of everybody in the organization's zone.
"""

from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from emulator.metadata import Column, Type

ZONE: Final = ZoneInfo("Europe/Berlin")
"""The time zone of the emulated organization's users: their days begin at 22:00 or 23:00 UTC."""


def kept_day(column: Column, day: date) -> str:
    """A day in the form in which a column of Dataverse keeps it."""
    if column.type is Type.DATE:
        return day.isoformat()
    return _midnight(day) if column.behaviour == "UserLocal" else f"{day.isoformat()}T00:00:00Z"


def day_of(column: Column, kept: str) -> date:
    """The day that a kept value of a column stands for."""
    if column.type is Type.DATE or column.behaviour != "UserLocal":
        return date.fromisoformat(kept[:10])
    return datetime.fromisoformat(kept[:20]).astimezone(ZONE).date()


@lru_cache(maxsize=4096)
def _midnight(day: date) -> str:
    return f"{datetime.combine(day, time(), ZONE).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def erp_day(day: date | None) -> str:
    """F&O shows a day at noon, and the year 1900 for none."""
    return f"{day:%Y-%m-%d}T12:00:00Z" if day else NO_DAY


NO_DAY: Final = "1900-01-01T12:00:00Z"
