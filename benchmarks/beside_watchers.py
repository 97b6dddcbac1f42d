"""
The loss of those who ask by those who watch: `python -m benchmarks.beside_watchers [--rounds 5]`.

The works S and L of the comparison, at one gateway without watchers and at others with them, each
watched by another customer, in turns: first while nothing changes, then with changes of rows that
are shown. The figure is the CPU time of the whole gateway for one request, its median over the
rounds: feeds, streams and answers to watchers are in it. Build the stub by
`scripts/install --benchmarks`.
"""

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import Event, Thread

import click
import httpx2

from benchmarks.comparing import world
from benchmarks.comparing.candidates import OURS
from benchmarks.comparing.measuring import Round, measure, medians
from benchmarks.comparing.processes import Failed
from benchmarks.comparing.session import Server, Session, session
from benchmarks.comparing.trials import Examiner, Trial
from benchmarks.comparing.works import WORKS
from benchmarks.watchers import Watching

WATCHERS = (0, 50, 1_000)
PEOPLE = tuple(
    world.Customer(f"W-{n:04}", f"Watcher {n}", f"w{n}@watching.example", 1, 1, is_invoiced=True)
    for n in range(max(WATCHERS))
)
CHANGES = 10.0
"""Changes a second."""
QUERY = "subscription { invoices(first: 5) { nodes { number description } } }"
PASSED_ON = ("invoices", "contacts", "adx_", "deltatoken", "track-changes")
"""Texts of the requests of watchers and feeds."""
AT_ONCE = 10
"""Streams that are opened at once."""
MOST = 0.03
"""The part that S and L may lose while nothing changes."""


class Clients:
    """Those who watch, on an event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        Thread(target=self._loop.run_forever, daemon=True).start()
        self.frames = 0

    def open(self, server: Server, tokens: Sequence[str]) -> Watching:
        """One stream for each of these tokens."""
        watching = Watching(int(server.url.rpartition(":")[2]), QUERY)
        asyncio.run_coroutine_threadsafe(_opened(watching, tokens), self._loop).result()
        return watching


async def _opened(watching: Watching, tokens: Sequence[str]) -> None:
    for start in range(0, len(tokens), AT_ONCE):
        await asyncio.gather(*map(watching.open, tokens[start : start + AT_ONCE]))


@contextmanager
def changing(running: Session, whom: Sequence[world.Customer]) -> Iterator[None]:
    """Change an invoice of each of these people, one after the other, meanwhile."""
    over = Event()
    thread = Thread(target=_change, args=(running, whom, over))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _change(running: Session, whom: Sequence[world.Customer], over: Event) -> None:
    headers = {"Authorization": f"Bearer {running.service_token}"}
    begun, number = time.monotonic(), 0
    with httpx2.Client(trust_env=False, base_url=running.stub.url, headers=headers) as client:
        while not over.wait(max(0.0, begun + number / CHANGES - time.monotonic())):
            row = f"/api/data/v9.2/invoices({whom[number % len(whom)].invoice})"
            client.patch(row, json={"description": f"T{number}"}).raise_for_status()
            number += 1


def _rounds(
    trials: Sequence[Trial], running: Session, count: int, seconds: float
) -> list[list[Round]]:
    """The rounds of each trial, all in turns; the first of each is not counted."""
    found: list[list[Round]] = [[] for _ in trials]
    for number in range(count + 1):
        for trial, done in zip(trials, found, strict=True):
            pace = done[-1].rate if done else trial.pace
            done.append(measure(trial.target, running.stub, seconds=seconds, pace=pace))
            click.echo(
                f"{number} {trial.work.name} {trial.candidate.name:12}{done[-1].cpu:8.3f} ms",
                err=True,
            )
    return [each[1:] for each in found]


def _table(trials: Sequence[Trial], quiet: list[list[Round]], busy: list[list[Round]]) -> bool:
    """Print the figures; True if the bound is held while nothing changes."""
    held = True
    for what, found in (("nothing changes", quiet), (f"{CHANGES:g} changes a second", busy)):
        base: dict[str, Round] = {}
        for trial, rounds in zip(trials, found, strict=True):
            each, name = medians(rounds), trial.work.name
            least = base.setdefault(name, each)
            more = each.cpu / least.cpu - 1
            held &= what != "nothing changes" or more <= MOST
            click.echo(
                f"| {what} | {name} | {trial.candidate.name.partition('-')[2]} | "
                f"{each.cpu:.3f} | {more:+.1%} | {each.rate:.0f} |"
            )
    return held


@click.command(help=__doc__)
@click.option("--rounds", "count", default=5, show_default=True)
@click.option("--seconds", default=4.0, show_default=True, help="Seconds watched in a round.")
def main(count: int, seconds: float) -> None:
    try:
        with session(PEOPLE, PASSED_ON) as running:
            examiner, clients = Examiner(running), Clients()
            trials: list[Trial] = []
            watching: list[Watching] = []
            for number in WATCHERS:
                server = running.start(replace(OURS, name=f"ours-{number}"))
                trials += examiner.examine(server, [WORKS["S"], WORKS["L"]])
                tokens = [running.tokens[each.email] for each in PEOPLE[:number]]
                watching.append(clients.open(server, tokens))
            running.stub.freeze()
            quiet = _rounds(trials, running, count, seconds)
            before = [each.frames for each in watching]
            with changing(running, PEOPLE[: min(filter(None, WATCHERS))]):
                busy = _rounds(trials, running, count, seconds)
            frames = [each.frames - was for each, was in zip(watching, before, strict=True)]
    except Failed as failure:
        click.echo(str(failure), err=True)
        sys.exit(1)
    click.echo("| meanwhile | work | watchers | CPU ms | more | requests a second |")
    click.echo("|---|---|---|---|---|---|")
    held = _table(trials, quiet, busy)
    click.echo(f"frames by changes: {', '.join(map(str, frames))}")
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
