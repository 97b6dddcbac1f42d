"""
The loss of those who ask by those who watch: `python -m benchmarks.beside_watchers [--rounds 5]`.

Gateways without watchers, with 50 and with 1,000, each watched by another customer, are asked for
the works S and L of the comparison at the same time, on one core: first while nothing changes, then
with changes of rows that are shown. What a gateway does for watchers while nobody asks is told as a
share of the core; the loss is that share and what a request takes more, together: the part of its
requests a second that a full core loses. While rows change, feeds, streams and the answers to
watchers are in it. Exit code 1 where 50 watchers cost more than 3 % while nothing changes. Build
the stub by `scripts/install --benchmarks`.
"""

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from threading import Event, Thread

import click
import httpx2

from benchmarks.comparing import world
from benchmarks.comparing.candidates import OURS
from benchmarks.comparing.measuring import Target
from benchmarks.comparing.processes import Failed
from benchmarks.comparing.session import Server, Session, session
from benchmarks.comparing.together import together
from benchmarks.comparing.trials import Examiner
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
"""The part that S and L may lose with the fewest watchers while nothing changes."""


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


@click.command(help=__doc__)
@click.option("--rounds", default=5, show_default=True)
@click.option("--seconds", default=5.0, show_default=True, help="Seconds of a round.")
@click.option("--each", default=2, show_default=True, help="Gateways with as many watchers.")
def main(rounds: int, seconds: float, each: int) -> None:
    try:
        with session(PEOPLE, PASSED_ON) as running:
            examiner, clients = Examiner(running), Clients()
            kinds: dict[str, list[list[Target]]] = {"S": [], "L": []}
            watching: list[Watching] = []
            for number in WATCHERS:
                tokens = [running.tokens[person.email] for person in PEOPLE[:number]]
                servers = [
                    running.start(replace(OURS, name=f"ours-{number}-{n}")) for n in range(each)
                ]
                for work, targets in kinds.items():
                    found = [examiner.examine(server, [WORKS[work]]) for server in servers]
                    targets.append([trial.target for one in found for trial in one])
                watching += [clients.open(server, tokens) for server in servers]
            running.stub.freeze()
            ask = partial(_asked, kinds, rounds=rounds, seconds=seconds)
            click.echo("| meanwhile | work | watchers | CPU ms | more | idle | loss |")
            click.echo("|---|---|---|---|---|---|---|")
            losses = ask("nothing changes")
            before = sum(one.frames for one in watching)
            with changing(running, PEOPLE[: min(filter(None, WATCHERS))]):
                ask(f"{CHANGES:g} changes a second")
            click.echo(f"frames by changes: {sum(one.frames for one in watching) - before}")
    except Failed as failure:
        click.echo(str(failure), err=True)
        sys.exit(1)
    sys.exit(0 if max(losses) <= MOST else 1)


def _asked(
    kinds: dict[str, list[list[Target]]], meanwhile: str, *, rounds: int, seconds: float
) -> list[float]:
    """Print the figures of each work; the losses by the fewest watchers that there are."""
    losses = []
    for work, targets in kinds.items():
        say = partial(click.echo, err=True)
        found = together(targets, rounds=rounds, seconds=seconds, say=say)
        losses.append(found[1].loss)
        for number, its in zip(WATCHERS, found, strict=True):
            click.echo(
                f"| {meanwhile} | {work} | {number} | {its.cpu:.3f} | {its.ratio - 1:+.1%} | "
                f"{its.idle:.1%} | {its.loss:+.1%} |"
            )
    return losses


if __name__ == "__main__":
    main()
