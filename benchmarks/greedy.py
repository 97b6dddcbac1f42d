"""
A caller who asks 500 times a second beside twenty who ask once a second, and one with forty slow
searches beside them, by `wrk`, which nobody here wrote.

Run `python -m benchmarks.greedy --seconds 300`. It starts an emulator, a relay that answers as late
as a service elsewhere (`benchmarks.distance`) and `gateway serve`; lets the polite ones ask alone,
then beside the greedy one, then beside the one who searches. Milliseconds are those of `wrk`: on a
machine that does other work they are its milliseconds too. So it also tells the shares of the time
in which the gateway computed, and in which it waited for a processor: measured it is where the
latter is next to nothing.

Exit code 1 if a polite caller is refused or fails more often than once in a thousand times beside
the greedy one, or once in a hundred beside the searches, or if it waits for more than twice as long
beside the greedy one as alone, in 95 of 100 times.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE
from dataclasses import dataclass
from pathlib import Path

import click
import httpx2
import msgspec
from msgspec import Struct

from benchmarks.soak import people, token
from benchmarks.trial import Trial, processes

SCRIPT = Path(__file__).with_suffix(".lua")
POLITE, PAUSE = 20, 1_000
"""Callers, and the milliseconds between two requests of each."""
CONNECTIONS, BETWEEN = 800, 500
"""
Connections of the greedy caller, and the milliseconds between two requests of each: at least 500
requests a second, as most of them are refused at once.
"""
WARM = 15
"""Seconds in which the relay learns the answers."""
LOST, LONGER = 0.001, 2.0
SEARCHES, LOST_BESIDE = 40, 0.01
"""Connections of the one who searches, and the share that may be lost beside it."""


class Outcome(Struct, frozen=True):
    """The outcome of one run of `wrk`; times in milliseconds."""

    asked: int
    refused: int
    failed: int
    p50: float
    p95: float
    p99: float

    @property
    def lost(self) -> float:
        """The share of requests without an answer."""
        return (self.refused + self.failed) / max(1, self.asked)


@dataclass(frozen=True)
class Turns:
    """Seconds in which a process had a processor so far, and in which it waited for one."""

    computed: float
    waited: float

    @classmethod
    def of(cls, pid: int) -> "Turns":
        computed, waited, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
        return cls(int(computed) / 1e9, int(waited) / 1e9)


@dataclass(frozen=True)
class Load:
    """Callers of one kind."""

    tokens: list[str]
    connections: int
    pause: int
    """Milliseconds between two requests of a connection, half of it to half more."""
    kind: str = "numbers"

    async def ask(self, trial: Trial, seconds: int) -> Outcome:
        """Ask for so long; the connections take the tokens in turn."""
        command = ["wrk", "-t1", f"-c{self.connections}", f"-d{seconds}s", "--timeout", "30s"]
        command += ["-s", str(SCRIPT), f"{trial.url}/graphql", "--"]
        command += [self.kind, str(self.pause), *self.tokens]
        run = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
        told, _ = await run.communicate()
        return msgspec.json.decode(told.splitlines()[-1], type=Outcome)


async def play(trial: Trial, seconds: int) -> bool:
    """All games; True if the polite ones notice nothing of the other."""
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as http:
        names = (await people(http, trial))[: POLITE + 1]
        headers = [await token(http, trial.emulator, name) for name in names]
    greedy, *others = [each["Authorization"].removeprefix("Bearer ") for each in headers]
    polite = Load(others, POLITE, PAUSE)
    await polite.ask(trial, WARM)
    alone = await _played(trial, seconds, alone=polite)
    many = Load([greedy], CONNECTIONS, BETWEEN)
    beside = await _played(trial, seconds, greedy=many, beside_the_greedy=polite)
    slow = Load([greedy], SEARCHES, PAUSE, "searches")
    searched = await _played(trial, seconds, searching=slow, beside_searches=polite)
    return beside.lost <= LOST and beside.p95 <= LONGER * alone.p95 and searched.lost <= LOST_BESIDE


async def _played(trial: Trial, seconds: int, **loads: Load) -> Outcome:
    """All at once; the outcome of the last of them."""
    before = Turns.of(trial.pid)
    outcomes = await asyncio.gather(*(each.ask(trial, seconds) for each in loads.values()))
    after = Turns.of(trial.pid)
    for name, each in zip(loads, outcomes, strict=True):
        click.echo(f"{name.replace('_', ' '):20} {msgspec.json.encode(each).decode()}")
    computed, waited = after.computed - before.computed, after.waited - before.waited
    click.echo(f"computed {computed / seconds:.2f}, waited for a processor {waited / seconds:.3f}")
    return outcomes[-1]


@click.command(help=__doc__)
@click.option("--seconds", default=60, show_default=True, help="For each of the three games.")
def main(seconds: int) -> None:
    # A hundred questions are asked again and again: each is to be a call of its own.
    settings = {"GATEWAY_STAFF_ROLES": "administrator", "GATEWAY_SHARE_READS": "off"}
    with processes(distance=(), **settings) as trial:
        held = asyncio.run(play(trial, seconds))
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
