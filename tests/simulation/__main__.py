"""`python -m tests.simulation`: many orders over many seeds; exit code 1 if a promise is broken."""

import logging
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import click

from tests.simulation.history import Verdict, simulate


@click.command()
@click.option("--orders", default=10_000, show_default=True, help="Orders for each seed.")
@click.option("--seeds", default=20, show_default=True, help="How many seeds, from --first on.")
@click.option("--first", default=0, show_default=True, help="The first seed.")
@click.option("--processes", type=int, help="Processes; as many as there are CPUs by default.")
@click.option("--naive", is_flag=True, help="Orders without derived ids: this must fail.")
def main(orders: int, seeds: int, first: int, processes: int | None, *, naive: bool) -> None:
    """Order through faults and hold what was told against what is there."""
    numbers = range(first, first + seeds)
    with ProcessPoolExecutor(processes, initializer=_quiet) as pool:
        verdicts = list(pool.map(partial(_one, orders=orders, naive=naive), numbers))
    broken = sum(bool(verdict.broken) for verdict in verdicts)
    click.echo(f"{orders * seeds:,} orders, {seeds} seeds, {broken} of them broken")
    sys.exit(1 if broken else 0)


def _one(seed: int, *, orders: int, naive: bool) -> Verdict:
    verdict = simulate(seed, orders, naive=naive)
    click.echo(
        f"seed {seed}: {verdict.broken or 'nothing broken'}, {dict(verdict.outcomes)},"
        f" {verdict.seconds:,.0f} virtual seconds, trace {verdict.digest[:16]}"
    )
    return verdict


def _quiet() -> None:
    """Every fault is logged by the gateway, as it should be; here they are the point."""
    logging.disable(logging.CRITICAL)


if __name__ == "__main__":
    main()
