"""The command line of the comparison; `benchmarks/compare` installs what it needs and starts it."""

import signal
import sys
import time
from collections.abc import Sequence
from typing import NoReturn

import click

from benchmarks.comparing.candidates import CANDIDATES
from benchmarks.comparing.measuring import Round, medians
from benchmarks.comparing.processes import Failed
from benchmarks.comparing.report import Figure, line, ratios, table
from benchmarks.comparing.rounds import rounds
from benchmarks.comparing.session import session
from benchmarks.comparing.trials import Trial, trials
from benchmarks.comparing.works import WORKS

NAMES = tuple(each.name for each in CANDIDATES)


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


@click.command()
@click.option("--only", type=Names(NAMES), default=",".join(NAMES), help="Candidates, with commas.")
@click.option("--work", type=Names(tuple(WORKS)), default="L,S,W", help="Works, with commas.")
@click.option("--rounds", "count", default=5, show_default=True, help="Rounds of each.")
@click.option("--seconds", default=2.5, show_default=True, help="Seconds watched in a round.")
@click.option("--budget", default=480.0, show_default=True, help="Seconds for the whole run.")
@click.option("--began", type=float, hidden=True, help="When the run began, by the clock.")
def main(
    only: tuple[str, ...],
    work: tuple[str, ...],
    count: int,
    seconds: float,
    budget: float,
    began: float | None,
) -> None:
    """Measure the gateway beside others on one core; the last line is JSON."""
    signal.signal(signal.SIGTERM, _interrupted)
    elapsed = time.time() - began if began else 0.0
    until = time.monotonic() + budget - elapsed
    chosen = [each for each in CANDIDATES if each.name in only]
    try:
        with session() as running:
            found = [
                each
                for each in trials(running, chosen, [WORKS[name] for name in work])
                if each.candidate.name in only
            ]
            done = rounds(found, running.stub, count=count, seconds=seconds, until=until, say=_say)
            figures = [_figure(each, done[each.candidate.name, each.work.name]) for each in found]
    except Failed as failure:
        _say(str(failure))
        sys.exit(1)
    _print(figures)


def _figure(trial: Trial, done: list[Round]) -> Figure:
    typical = medians(done)
    return Figure(
        trial.candidate.name,
        trial.candidate.role,
        trial.work.name,
        rate=typical.rate,
        cpu=typical.cpu,
        calls=trial.target.fetches,
        upstream=trial.upstream_bytes,
        answer=trial.answer,
        resident=trial.target.running.resident,
        rates=tuple(each.rate for each in done),
    )


def _print(figures: list[Figure]) -> None:
    for work in WORKS.values():
        of_work = [each for each in figures if each.work == work.name]
        if of_work:
            click.echo("\n".join(table(f"{work.name}: {work.title}", of_work)) + "\n")
    click.echo(line(ratios(figures)))


def _say(text: str) -> None:
    click.echo(text, err=True)


def _interrupted(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
