"""
The CPU time of a request with one to four processes of the gateway on this machine.

Run `python -m benchmarks.many_processes`. It starts `gateway serve` with so many workers, all of
these gateways at once, asks one after the other the same questions over as many connections, and
divides the CPU time that the processes of each took by the requests; what they take while nobody
asks is taken off. CPU time is what it takes, however busy the machine is otherwise, but for caches
that others empty: the least of many short rounds counts, as a neighbour slows down one round by a
third and more. Exit code 1 where one takes a tenth more than another.
"""

import asyncio
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import click
import httpx2

from benchmarks.soak import token
from benchmarks.trial import Trial, processes

APART = 1.10
CONNECTIONS = 16
WARM = 20
"""Requests of each connection before anything is measured, for each process."""
IDLE = 10.0
"""Seconds in which nobody asks."""
SETTINGS = {
    "GATEWAY_STAFF_ROLES": "administrator",
    "GATEWAY_LOG_LEVEL": "error",
    # All ask for the same here: one process would ask Dynamics once where four ask four times.
    "GATEWAY_SHARE_READS": "off",
}
QUERY = """{ orders(first: 20) { nodes { number status total { amount } account { name }
  lines(first: 5) { nodes { quantity description } } } } }"""


def of(pid: int) -> float:
    """Seconds of CPU that a process and all that it started have taken."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    spent = sum(int((each / "schedstat").read_text().split()[0]) for each in threads)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return spent / 1e9 + sum(of(int(each)) for each in children)


class Asked:
    """One gateway, and those who ask it."""

    def __init__(self, trial: Trial, header: dict[str, str]) -> None:
        self.trial = trial
        self._clients = [
            httpx2.AsyncClient(trust_env=False, timeout=60, headers=header)
            for _ in range(CONNECTIONS)
        ]
        self.found: list[float] = []

    async def ask(self, requests: int) -> None:
        """Ask so often on each connection."""

        async def some(http: httpx2.AsyncClient) -> None:
            for _ in range(requests):
                answer = await http.post(f"{self.trial.url}/graphql", json={"query": QUERY})
                if "errors" in answer.json():
                    raise SystemExit(f"not answered: {answer.text}")

        await asyncio.gather(*map(some, self._clients))

    async def measure(self, requests: int, idle: float) -> None:
        """One round; `idle` is the share of a CPU that its processes take while nobody asks."""
        began, before = time.monotonic(), of(self.trial.pid)
        await self.ask(requests)
        spent = of(self.trial.pid) - before - idle * (time.monotonic() - began)
        self.found.append(1_000 * spent / (requests * CONNECTIONS))


async def measured(trials: list[Trial], requests: int, rounds: int) -> list[list[float]]:
    """The milliseconds of a request in each round, of each gateway."""
    gateways = []
    for trial in trials:
        async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
            gateways.append(Asked(trial, await token(http, trial.emulator, "admin")))
    for number, each in enumerate(gateways, 1):
        await each.ask(WARM * number)
    before = [of(each.pid) for each in trials]
    await asyncio.sleep(IDLE)
    idle = [(of(each.pid) - spent) / IDLE for each, spent in zip(trials, before, strict=True)]
    click.echo("idle: " + ", ".join(f"{100 * each:.1f} %" for each in idle) + " of a CPU")
    for _ in range(rounds):
        for each, resting in zip(gateways, idle, strict=True):
            await each.measure(requests // CONNECTIONS, resting)
    return [each.found for each in gateways]


@click.command(help=__doc__)
@click.option("--requests", default=160, show_default=True, help="Requests of a round.")
@click.option("--rounds", default=30, show_default=True)
@click.option("--most", default=4, show_default=True, help="Processes at most.")
def main(requests: int, rounds: int, most: int) -> None:
    with ExitStack() as running:
        trials = [
            running.enter_context(processes(**SETTINGS, GATEWAY_WORKERS=str(number)))
            for number in range(1, most + 1)
        ]
        found = asyncio.run(measured(trials, requests, rounds))
    for number, each in enumerate(found, 1):
        click.echo(
            f"{number} processes: {min(each):.2f} ms of CPU a request"
            f" (median {median(each):.2f}, at most {max(each):.2f})"
        )
    least = [min(each) for each in found]
    sys.exit(0 if max(least) <= APART * min(least) else 1)


if __name__ == "__main__":
    main()
