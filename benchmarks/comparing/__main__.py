"""The command line of the comparison; `benchmarks/compare` installs what it needs and starts it."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import NoReturn

import click

from benchmarks.comparing import memory
from benchmarks.comparing.candidates import CANDIDATES, OURS
from benchmarks.comparing.processes import SERVED, Failed
from benchmarks.comparing.profiling import profile
from benchmarks.comparing.report import Alone, Figure, figure, line, notes, ratios, table
from benchmarks.comparing.rounds import rounds
from benchmarks.comparing.session import Session, session
from benchmarks.comparing.trials import Trial, trials
from benchmarks.comparing.works import LARGE, WORKS

NAMES = tuple(each.name for each in CANDIDATES)
PROFILED = 8.0
"""Seconds that a profile takes."""


class Names(click.ParamType[tuple[str, ...]]):
    """Names with commas between them, out of those that there are."""

    name = "names"

    def __init__(self, known: Sequence[str]) -> None:
        self.known = known

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        names = tuple(value.split(","))
        if unknown := [name for name in names if name not in self.known]:
            self.fail(f"{unknown[0]} is none of {', '.join(self.known)}", param, ctx)
        return names


@click.command(context_settings={"show_default": True})
@click.option("--only", type=Names(NAMES), default=",".join(NAMES), help="Candidates.")
@click.option("--work", type=Names(tuple(WORKS)), default=",".join(WORKS), help="Works.")
@click.option("--rounds", "count", default=5, help="Rounds of each.")
@click.option("--seconds", default=2.5, help="Seconds watched in a round.")
@click.option("--budget", default=480.0, help="Seconds for the whole run, installing included.")
@click.option(
    "--profile", "profiled", is_flag=True, help="Show where ours spends its time instead."
)
@click.option("--began", type=float, hidden=True, help="When the run began, by the clock.")
def main(
    only: tuple[str, ...],
    work: tuple[str, ...],
    count: int,
    seconds: float,
    budget: float,
    profiled: bool,
    began: float | None,
) -> None:
    """Measure the gateway beside others on one core; the last line is JSON."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupted)
    until = time.monotonic() + budget - (time.time() - began if began else 0.0)
    chosen = [OURS] if profiled else [each for each in CANDIDATES if each.name in only]
    try:
        with session() as running:
            found = trials(running, chosen, [WORKS[name] for name in work])
            if profiled:
                _profile(found)
                return
            alone = _alone(running, found)
            done = rounds(found, running.stub, count=count, seconds=seconds, until=until, say=_say)
            figures = [figure(each, done[each.candidate.name, each.work.name]) for each in found]
    except Failed as failure:
        _say(str(failure))
        sys.exit(1)
    click.echo("\n".join(_report(figures, alone)))


def _alone(running: Session, found: Sequence[Trial]) -> Alone:
    """The measurements of our gateway without the others."""
    wide = next((each for each in found if each.work.name == "W"), None)
    grown = memory.per_request(running.afresh(wide.target), wide.pace) if wide else None
    return Alone(_first_sight(), grown)


def _first_sight() -> float:
    command = ["taskset", "-c", str(SERVED), sys.executable, "-m", "benchmarks.comparing.sight"]
    shown = subprocess.run(command, input=LARGE, capture_output=True, text=True, check=True)
    return float(shown.stdout)


def _report(figures: Sequence[Figure], alone: Alone) -> Iterator[str]:
    for work in WORKS.values():
        of_work = [each for each in figures if each.work == work]
        if of_work:
            yield from table(of_work)
            yield ""
    yield from notes(figures, alone)
    yield line(ratios(figures))


def _profile(found: Sequence[Trial]) -> None:
    for each in found:
        click.echo(f"{each.work.name}: {each.work.title}")
        click.echo("\n".join(profile(each.target, PROFILED)) + "\n")


def _say(text: str) -> None:
    click.echo(text, err=True)


def _interrupted(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
