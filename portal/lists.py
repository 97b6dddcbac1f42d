"""The query of a list's address -> GraphQL variables: keyset pages, search, dates. Pure."""

from collections.abc import Callable, Container, Iterable, Mapping
from datetime import date, timedelta
from typing import Any, Final

from portal.language import Language
from portal.words import N_

SIZE: Final = 20
LONGEST: Final = 100
ALL: Final = {"and"}
A_DAY: Final = timedelta(days=1)
EARLIEST: Final = date(1753, 1, 1)
LATEST: Final = date(9998, 12, 31)
"""The days that Dataverse can store, without the last ones, to which a day is added."""
NO_DATE: Final = N_("Enter a date such as 2026-12-31.")


def page_of(query: Mapping[str, str], size: int = SIZE) -> dict[str, Any]:
    """The page to ask for: from the start, behind a cursor or in front of one."""
    if before := query.get("before"):
        return {"last": size, "before": before}
    return {"first": size, "after": query.get("after") or None}


def day(text: str | None) -> date | None:
    """A day as a date field sends it; None for anything else."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def words_of(text: str | None) -> list[str]:
    """The words that are searched for: their order does not matter."""
    return (text or "").split()


def any_of(text: str | None, fields: Iterable[str]) -> dict[str, Any]:
    """A condition: each word is in one of the columns; none without a word."""
    return every(text, lambda word: [has(field, word) for field in fields])


def any_of_erp(text: str | None, fields: Iterable[str]) -> dict[str, Any]:
    """The same for a list of the ERP, which would read `*` as a wildcard: the parts beside it."""
    return any_of((text or "").replace("*", " "), fields)


def every(text: str | None, ways: Callable[[str], list[dict[str, Any]]]) -> dict[str, Any]:
    """A condition: each word is found in one of its ways."""
    found = [{"or": ways(word)} for word in words_of(text)]
    return {"and": found} if found else {}


def has(field: str, word: str) -> dict[str, Any]:
    """A condition: the column has the word in it, in any case."""
    return {field: {"contains": word}}


def one_of(field: str, value: str | None, known: Container[str]) -> dict[str, Any]:
    """A condition: the field has this value; none for a value that is not known."""
    return {field: {"eq": value}} if value in known else {}


def all_of(*conditions: Mapping[str, Any]) -> dict[str, Any]:
    """All conditions that say anything, side by side."""
    said: list[Any] = []
    for condition in filter(None, conditions):
        said += condition["and"] if condition.keys() == ALL else [condition]
    return {"and": said}


def between(field: str, since: str | None, until: str | None) -> dict[str, Any]:
    """A condition on a column of days; both bounds are in it."""
    bounds = {"gte": since, "lte": until}
    kept = {name: bound for name, bound in bounds.items() if bound}
    return {field: kept} if kept else {}


def during(field: str, since: str | None, until: str | None, language: Language) -> dict[str, Any]:
    """A condition on a column of instants, in whole days of the zone that readers see them in."""
    first, last = day(since), day(until)
    bounds = {
        **({"gte": language.start_of(first)} if first else {}),
        **({"lt": language.start_of(last + A_DAY)} if last else {}),
    }
    return {field: bounds} if bounds else {}


def mistakes(query: Mapping[str, str]) -> dict[str, str]:
    """The mistakes in a list's search, by field: nothing of it is cut or left out."""
    text, dates = query.get("q", ""), {name: query.get(name) for name in ("since", "until")}
    found = {name: NO_DATE for name, value in dates.items() if value and not _is_usable(value)}
    if len(text) > LONGEST:
        found["q"] = N_("At most 100 characters.")
    return found


def _is_usable(text: str) -> bool:
    found = day(text)
    return found is not None and EARLIEST <= found <= LATEST
