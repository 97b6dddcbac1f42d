"""
A caller who asks 500 times a second beside twenty who ask once a second, by `wrk`, which nobody
here wrote.

Run `python -m benchmarks.greedy --seconds 300`. It starts an emulator and `gateway serve`, lets the
polite ones ask alone and then beside the greedy one. Milliseconds are those of `wrk`: on a machine
that does other work they are its milliseconds too.

Exit code 1 where a polite caller is refused or fails more often than once in a thousand times, or
where it waits for more than twice as long as alone, in 95 of 100 times.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE
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
CONNECTIONS, BETWEEN = 50, 100
"""Connections of the greedy caller, and the milliseconds between two requests of each: 500/s."""
LOST, LONGER = 0.001, 2.0


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


async def load(
    trial: Trial, tokens: list[str], connections: int, pause: int, seconds: int
) -> Outcome:
    """So many connections for so long, which take the tokens in turn."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"]
    command += ["-s", str(SCRIPT), f"{trial.url}/graphql", "--", str(pause), *tokens]
    run = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    told, _ = await run.communicate()
    return msgspec.json.decode(told.splitlines()[-1], type=Outcome)


async def play(trial: Trial, seconds: int) -> bool:
    """Both games; True if the polite ones notice nothing of the greedy one."""
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as http:
        names = (await people(http, trial))[: POLITE + 1]
        headers = [await token(http, trial.emulator, name) for name in names]
    greedy, *polite = [each["Authorization"].removeprefix("Bearer ") for each in headers]
    alone = await load(trial, polite, POLITE, PAUSE, seconds)
    told, beside = await asyncio.gather(
        load(trial, [greedy], CONNECTIONS, BETWEEN, seconds),
        load(trial, polite, POLITE, PAUSE, seconds),
    )
    for name, each in {"alone": alone, "beside the greedy one": beside, "greedy": told}.items():
        click.echo(f"{name:22} {msgspec.json.encode(each).decode()}")
    return beside.lost <= LOST and beside.p95 <= LONGER * alone.p95


@click.command(help=__doc__)
@click.option("--seconds", default=60, show_default=True, help="For each of the two games.")
def main(seconds: int) -> None:
    with processes(GATEWAY_STAFF_ROLES="administrator") as trial:
        held = asyncio.run(play(trial, seconds))
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
