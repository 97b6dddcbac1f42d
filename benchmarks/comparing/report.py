"""Figures -> the tables for people, and the line for machines."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.comparing.measuring import Round, medians
from benchmarks.comparing.trials import Trial
from benchmarks.comparing.works import Work

ROLES = {"L": ("naive", "mesh", "node", "limit"), "S": ("naive", "mesh", "node")}
"""The roles that we are compared with, by work."""
HEAD = (
    f"{'candidate':14}{'requests/s':>11}{'ours/it':>9}{'CPU ms':>9}{'it/ours':>9}{'core':>6}"
    f"{'calls':>7}{'upstream B':>12}{'answer B':>10}{'RSS MB':>8}  requests/s by round"
)
MEGABYTE = 2**20
BUSY = 0.85
"""The share of its core below which a candidate was not alone on it."""


@dataclass(frozen=True, slots=True)
class Figure:
    """The figures of a candidate at a work: medians over its rounds, a request where it says so."""

    name: str
    role: str
    work: Work
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

    @property
    def core(self) -> float:
        """The share of the core that it had; the rest went to others on the machine."""
        return self.rate * self.cpu / 1000


@dataclass(frozen=True, slots=True)
class Alone:
    """The measurements of our gateway without the others."""

    first_sight: float
    """Milliseconds for L's document."""
    memory: float | None
    """Bytes that a further request of W takes while it is in flight."""


def figure(trial: Trial, done: list[Round]) -> Figure:
    typical = medians(done)
    return Figure(
        trial.candidate.name,
        trial.candidate.role,
        trial.work,
        rate=typical.rate,
        cpu=typical.cpu,
        calls=trial.target.fetches,
        upstream=trial.upstream_bytes,
        answer=trial.answer,
        resident=trial.target.running.resident,
        rates=tuple(each.rate for each in done),
    )


def table(figures: Sequence[Figure]) -> Iterator[str]:
    """The lines of one work's table, the fastest first."""
    ours = next((each for each in figures if each.role == "ours"), None)
    yield f"{figures[0].work.name}: {figures[0].work.title}"
    yield HEAD
    for each in sorted(figures, key=lambda each: -each.rate):
        faster = f"{ours.rate / each.rate:.2f}" if ours else "-"
        dearer = f"{each.cpu / ours.cpu:.2f}" if ours else "-"
        yield (
            f"{each.name:14}{each.rate:11,.1f}{faster:>9}{each.cpu:9.2f}{dearer:>9}{each.core:6.0%}"
            f"{each.calls:7.1f}{each.upstream:12,.0f}{each.answer:10,}"
            f"{each.resident / MEGABYTE:8.0f}  {' '.join(f'{rate:,.0f}' for rate in each.rates)}"
        )


def notes(figures: Sequence[Figure], alone: Alone) -> Iterator[str]:
    """Yield the results of our gateway alone."""
    ours = {each.work.name: each for each in figures if each.role == "ours"}
    share = min((each.core for each in figures), default=1.0)
    if share < BUSY:
        yield (
            f"The machine was busy: a candidate had as little as {share:.0%} of its core. Then "
            "requests/s tell who was lucky; CPU ms and it/ours hold."
        )
    yield f"First sight of L's document: {alone.first_sight:.2f} ms"
    if "L" in ours and "W" in ours:
        large, wide = (each.cpu / each.work.rows * 1000 for each in (ours["L"], ours["W"]))
        yield f"CPU time a row: {wide:.2f} us in W, {large:.2f} us in L, {wide / large:.2f} x"
    if "W" in ours and alone.memory is not None:
        share = alone.memory / ours["W"].answer
        yield f"Memory of one more request of W: {alone.memory:,.0f} B, {share:.2f} x its answer"


def ratios(figures: Sequence[Figure]) -> dict[str, dict[str, float | None]]:
    """Our requests a second divided by those of each role's fastest; null for what was left out."""
    return {
        work: {
            role: _ratio([each for each in figures if each.work.name == work], role)
            for role in roles
        }
        for work, roles in ROLES.items()
    }


def line(found: Mapping[str, Mapping[str, float | None]]) -> str:
    """The ratios as one line of JSON."""
    return json.dumps(found, separators=(",", ":"))


def _ratio(figures: Sequence[Figure], role: str) -> float | None:
    ours, theirs = (
        max((each.rate for each in figures if each.role == which), default=None)
        for which in ("ours", role)
    )
    return round(ours / theirs, 3) if ours and theirs else None
