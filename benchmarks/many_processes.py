"""
The CPU time of a request with one to four processes of the gateway on this machine.

Run `python -m benchmarks.many_processes`. It starts `gateway serve` with so many workers, asks each
the same questions over as many connections, and divides the CPU time that all its processes took by
the requests. CPU time is what it takes, however busy the machine is otherwise; rounds take turns,
and the least of each number of processes counts. Exit code 1 where one takes a tenth more than
another.
"""

import asyncio
import os
import sys
from pathlib import Path

import click
import httpx2

from benchmarks.soak import token
from benchmarks.trial import Trial, processes

APART = 1.10
CONNECTIONS = 16
QUERY = """{ orders(first: 20) { nodes { number status total { amount } account { name }
  lines(first: 5) { nodes { quantity description } } } } }"""


def of(pid: int) -> float:
    """Seconds of CPU that a process and all that it started have taken."""
    spent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(map(int, spent)) / os.sysconf("SC_CLK_TCK") + sum(of(int(each)) for each in children)


async def milliseconds(trial: Trial, requests: int) -> float:
    """CPU time of one request, after some that nobody counts."""

    async def some(http: httpx2.AsyncClient, number: int) -> None:
        for _ in range(number):
            answer = await http.post(f"{trial.url}/graphql", json={"query": QUERY})
            if "errors" in answer.json():
                raise SystemExit(f"not answered: {answer.text}")

    async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
        header = await token(http, trial.emulator, "admin")
    clients = [
        httpx2.AsyncClient(trust_env=False, timeout=60, headers=header) for _ in range(CONNECTIONS)
    ]
    each = requests // CONNECTIONS
    await asyncio.gather(*(some(client, max(2, each // 5)) for client in clients))
    before = of(trial.pid)
    await asyncio.gather(*(some(client, each) for client in clients))
    spent = of(trial.pid) - before
    for client in clients:
        await client.aclose()
    return 1_000 * spent / (each * CONNECTIONS)


@click.command(help=__doc__)
@click.option("--requests", default=1_600, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--most", default=4, show_default=True, help="Processes at most.")
def main(requests: int, rounds: int, most: int) -> None:
    least: dict[int, float] = {}
    for _ in range(rounds):
        for number in range(1, most + 1):
            settings = {"GATEWAY_WORKERS": str(number), "GATEWAY_STAFF_ROLES": "administrator"}
            with processes(**settings) as trial:
                found = asyncio.run(milliseconds(trial, requests))
            least[number] = min(found, least.get(number, found))
            click.echo(f"{number} processes: {found:.2f} ms of CPU a request")
    click.echo("least: " + ", ".join(f"{n}: {each:.2f} ms" for n, each in least.items()))
    sys.exit(0 if max(least.values()) <= APART * min(least.values()) else 1)


if __name__ == "__main__":
    main()
