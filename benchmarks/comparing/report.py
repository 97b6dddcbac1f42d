"""Figures -> the table for people, and the line for machines."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

ROLES = {"L": ("naive", "mesh", "node", "limit"), "S": ("naive", "mesh", "node")}
"""Whom we are compared with, by work."""
HEAD = (
    f"{'candidate':16}{'requests/s':>11}{'ours/it':>9}{'CPU ms':>9}"
    f"{'calls':>7}{'upstream B':>12}{'answer B':>10}{'RSS MB':>8}  rounds"
)


@dataclass(frozen=True, slots=True)
class Figure:
    """What a candidate did at a work: medians over its rounds, per request where it says so."""

    name: str
    role: str
    work: str
    rate: float
    """Requests a second."""
    cpu: float
    """CPU milliseconds a request."""
    calls: float
    """Upstream requests a request."""
    upstream: float
    """Bytes of the stub's answers a request."""
    answer: int
    """Bytes of an answer."""
    resident: int
    """Bytes of memory that the process holds at the end."""
    rates: tuple[float, ...]
    """Requests a second in each round."""


def table(title: str, figures: Sequence[Figure]) -> Iterator[str]:
    """The lines of one work's table, the fastest first."""
    ours = next((each.rate for each in figures if each.role == "ours"), None)
    yield title
    yield HEAD
    for each in sorted(figures, key=lambda each: -each.rate):
        ratio = f"{ours / each.rate:.2f}" if ours else "-"
        yield (
            f"{each.name:16}{each.rate:11,.1f}{ratio:>9}{each.cpu:9.2f}"
            f"{each.calls:7.1f}{each.upstream:12,.0f}{each.answer:10,}"
            f"{each.resident / 2**20:8.0f}  {_spread(each.rates)}"
        )


def ratios(figures: Sequence[Figure]) -> dict[str, dict[str, float | None]]:
    """Our requests a second divided by each role's best; null for what was left out."""
    return {
        work: {
            role: _ratio([each for each in figures if each.work == work], role) for role in roles
        }
        for work, roles in ROLES.items()
    }


def line(found: Mapping[str, Mapping[str, float | None]]) -> str:
    """The ratios as one line of JSON."""
    return json.dumps(found, separators=(",", ":"))


def _ratio(figures: Sequence[Figure], role: str) -> float | None:
    best = {
        name: max((f.rate for f in figures if f.role == name), default=None)
        for name in ("ours", role)
    }
    ours, theirs = best["ours"], best[role]
    return round(ours / theirs, 3) if ours and theirs else None


def _spread(rates: Sequence[float]) -> str:
    return f"{len(rates)}: {min(rates):,.0f}-{max(rates):,.0f}"
