"""Turns the relative periods of Dataverse's query functions into a start and an end in UTC."""

import re
from datetime import UTC, datetime, time, timedelta

ALWAYS = datetime(1753, 1, 1, tzinfo=UTC)
NEVER = datetime(9999, 12, 31, tzinfo=UTC)
X_PERIOD = re.compile(r"(Last|Next|OlderThan)X(Minutes|Hours|Days|Weeks|Months|Years)")
NAMED = re.compile(r"(Last|This|Next)(Week|Month|Year)|Today|Yesterday|Tomorrow|(?:Last|Next)7Days")
STEPS = {"Minutes": timedelta(minutes=1), "Hours": timedelta(hours=1), "Days": timedelta(days=1),
         "Weeks": timedelta(weeks=1)}  # fmt: skip
OFFSETS = {"Last": -1, "This": 0, "Next": 1}
DAYS = {"Today": (0, 1), "Yesterday": (-1, 0), "Tomorrow": (1, 2), "Last7Days": (-7, 0),
        "Next7Days": (1, 8)}  # fmt: skip

Period = tuple[datetime, datetime]


def period(name: str, count: int | None, now: datetime) -> Period | None:
    """The period of a function's name, or nothing where the name is no period."""
    if count is not None and (found := X_PERIOD.fullmatch(name)):
        return _counted(found[1], found[2], count, now)
    if count is None and NAMED.fullmatch(name):
        return _named(name, midnight(now))
    return None


def midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), time(), UTC)


def add_months(moment: datetime, months: int) -> datetime:
    """The same day `months` later, or the last one of a shorter month."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    first = moment.replace(year=year, month=month + 1, day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(moment.day, last.day))


def _counted(word: str, unit: str, count: int, now: datetime) -> Period:
    if word == "Next":
        return now, _shift(now, unit, count)
    then = _shift(now, unit, -count)
    if word == "OlderThan":
        return ALWAYS, then
    return (then if unit in ("Minutes", "Hours") else midnight(then)), now + timedelta(seconds=1)


def _shift(now: datetime, unit: str, count: int) -> datetime:
    if unit in STEPS:
        return now + STEPS[unit] * count
    return add_months(now, count * (12 if unit == "Years" else 1))


def _named(name: str, today: datetime) -> Period:
    if name in DAYS:
        first_day, end_day = DAYS[name]
        return today + timedelta(days=first_day), today + timedelta(days=end_day)
    word, unit = name[:4], name[4:]
    if unit == "Week":
        # Weeks begin on Sunday, as Dataverse's default is.
        start = today - timedelta(days=(today.weekday() + 1) % 7) + timedelta(weeks=OFFSETS[word])
        return start, start + timedelta(weeks=1)
    months = 1 if unit == "Month" else 12
    first = today.replace(day=1) if unit == "Month" else today.replace(month=1, day=1)
    start = add_months(first, OFFSETS[word] * months)
    return start, add_months(start, months)
