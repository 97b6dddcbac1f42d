"""The long run: `python -m tests.gateway.differential`; `scripts/check --differential` does it."""

import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import click
from starlette.applications import Starlette

from tests.gateway.differential import runs
from tests.gateway.differential.runs import Materials, Tally
from tests.gateway.differential.shrinking import report
from tests.stack import emulator

CHUNK = 500
"""Requests of one seed."""
FIRST = 1_000
"""The first seed; smaller ones are what the suite runs."""


class _World:
    """The objects that a worker process makes once."""

    emulator: Starlette
    stuff: Materials


def _start() -> None:
    _World.emulator = emulator()
    _World.stuff = runs.materials(_World.emulator)


def _chunk(seed: int) -> tuple[Tally, list[str]]:
    """One seed's tally, and its differences as text: they cannot leave the process."""
    with tempfile.TemporaryDirectory() as folder:
        tally = runs.run(_World.emulator, _World.stuff, seed, CHUNK, Path(folder))
    reports = [report(each) for each in tally.differences]
    tally.differences.clear()
    return tally, reports


@click.command()
@click.option("--requests", default=100_000, show_default=True)
@click.option("--seed", default=FIRST, show_default=True)
@click.option("--workers", default=os.cpu_count() or 1, show_default=True)
def main(requests: int, seed: int, workers: int) -> None:
    """Ask both ways so often; exit 1 where they differ or where the run was in vain."""
    total = Tally(seed)
    seeds = range(seed, seed + -(-requests // CHUNK))
    with ProcessPoolExecutor(workers, initializer=_start) as pool:
        for tally, reports in pool.map(_chunk, seeds):
            total.add(tally)
            click.echo("".join(f"\nseed {tally.seed}: {text}\n" for text in reports), nl=False)
            click.echo(f"{total.asked} requests, {total.sorts.total()} differences", err=True)
    click.echo(total)
    for sort, number in total.sorts.most_common():
        click.echo(f"{number:6} {sort}")
    vain = total.vain()
    click.echo(f"{total.asked} requests, {total.sorts.total()} differences; in vain: {vain or '-'}")
    sys.exit(1 if total.sorts or vain else 0)


if __name__ == "__main__":
    main()
