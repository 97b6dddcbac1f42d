"""The query of a list's address -> GraphQL variables: keyset pages, search, dates. Pure."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

SIZE: Final = 20


def page_of(query: Mapping[str, str], size: int = SIZE) -> dict[str, Any]:
    """Which page: from the start, behind a cursor or in front of one."""
    if before := query.get("before"):
        return {"last": size, "before": before}
    return {"first": size, "after": query.get("after") or None}


def day(text: str | None) -> date | None:
    """A day as a date field sends it; None for anything else."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def any_of(text: str, fields: Iterable[str], operator: str = "contains") -> dict[str, Any]:
    """A condition: one of the columns has the text in it; none without a text."""
    if not text.strip():
        return {}
    return {"or": [{field: {operator: text.strip()[:100]}} for field in fields]}


def between(field: str, since: date | None, until: date | None) -> dict[str, Any]:
    """A condition on an instant, in whole days."""
    bounds = {
        **({"gte": f"{since}T00:00:00Z"} if since else {}),
        **({"lte": f"{until}T23:59:59Z"} if until else {}),
    }
    return {field: bounds} if bounds else {}


def postal(address: Mapping[str, str | None] | None) -> dict[str, str]:
    """The parts of an address that are filled."""
    return {name: value for name, value in (address or {}).items() if value}
