"""
The memory of a gateway that is asked ever new documents, and how long its collector stops it.

Run `python -m benchmarks.soak --seconds 300`. It starts an emulator and `gateway serve`; as many
callers as are named send small and large documents, each with a comment, a literal or a layout of
its own. Exit code 1 where memory grows beyond 300 MB, or a collection takes more than 100 ms.
"""

import asyncio
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import click
import httpx2

from benchmarks.comparing.processes import free_port
from emulator.entra import SERVICE_CLIENT_ID, SERVICE_SECRET

PROGRAMS = Path(sys.executable).parent
MOST_MEGABYTES, LONGEST = 300, 0.1
EVERY = 10.0
"""Seconds between two lines."""
SERVICE = {"GATEWAY_CLIENT_ID": SERVICE_CLIENT_ID, "GATEWAY_CLIENT_SECRET": SERVICE_SECRET}
SMALL = (
    "orders(first: 2) { nodes { id number status total { amount } lines { nodes { quantity } } } }"
)


def document(number: int, random: Random) -> str:
    """A valid document that was never sent before."""
    match random.randrange(4):
        case 0:
            return f"# {number}\n{{ {SMALL} }}"
        case 1:
            by_number = f'filter: {{ number: {{ eq: "SO-{number}" }} }}'
            return f"query Q{number} {{ orders(first: 1, {by_number}) {{ nodes {{ id }} }} }}"
        case 2:
            fields = " ".join(f"a{each}: __typename" for each in random.sample(range(1_000), 9))
            return f"{{ {fields} {SMALL} }}"
        case _:
            return f"{{ {' ' * random.randrange(4_000)} {SMALL} }} # {number} {'x' * 4_000}"


async def started(url: str) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http, asyncio.timeout(120):
        while True:
            try:
                if (await http.get(url)).status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            await asyncio.sleep(0.2)


def resident(pid: int) -> float:
    """Megabytes of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def longest_pause(url: str) -> float:
    """The bucket of the longest collection, in seconds."""
    async with httpx2.AsyncClient(trust_env=False) as http:
        text = (await http.get(f"{url}/metrics")).text
    bucket = r'collector_pause_seconds_bucket\{generation="(\d)",le="(.+?)"\} (\S+)'
    found = re.findall(bucket, text)
    longest = 0.0
    for generation in "012":
        counts = [(float(up_to), float(n)) for each, up_to, n in found if each == generation]
        total = counts[-1][1]
        longest = max(longest, next((up_to for up_to, n in counts if n == total and total), 0.0))
    return longest


async def soak(url: str, emulator: str, pid: int, seconds: float, callers: int) -> bool:
    async with httpx2.AsyncClient(base_url=emulator, trust_env=False) as http:
        minted = await http.post("/issuer/demo/token", json={"name": "jane"})
    headers = {"Authorization": f"Bearer {minted.json()['access_token']}"}
    end, asked, failed, slowest = time.monotonic() + seconds, 0, 0, 0.0

    async def caller(seed: int) -> None:
        nonlocal asked, failed, slowest
        random = Random(seed)  # noqa: S311 - the same each time
        async with httpx2.AsyncClient(headers=headers, trust_env=False, timeout=30) as http:
            while time.monotonic() < end:
                asked += 1
                began = time.monotonic()
                body = {"query": document(asked, random)}
                answer = await http.post(f"{url}/graphql", json=body)
                slowest = max(slowest, time.monotonic() - began)
                failed += answer.status_code != 200 or "errors" in answer.json()

    running = [asyncio.create_task(caller(seed)) for seed in range(callers)]
    most = 0.0
    while time.monotonic() < end:
        await asyncio.sleep(min(EVERY, max(0.1, end - time.monotonic())))
        now = resident(pid)
        most = max(most, now)
        click.echo(f"{asked:8} asked {failed:4} failed {now:6.0f} MB {slowest:6.2f} s slowest")
        slowest = 0.0
    await asyncio.gather(*running)
    pause = await longest_pause(url)
    click.echo(f"at most {most:.0f} MB; no collection above {pause:g} s")
    return most <= MOST_MEGABYTES and pause <= LONGEST


@click.command(help=__doc__)
@click.option("--seconds", default=300.0, show_default=True)
@click.option("--callers", default=8, show_default=True)
def main(seconds: float, callers: int) -> None:
    ports = free_port(), free_port()
    emulator, url = (f"http://127.0.0.1:{port}" for port in ports)
    variables = {
        **SERVICE,
        "GATEWAY_DATAVERSE_URL": emulator,
        "GATEWAY_FINOPS_URL": emulator,
        "GATEWAY_TOKEN_URL": f"{emulator}/demo/oauth2/v2.0/token",
        "GATEWAY_ISSUER": f"{emulator}/issuer",
        "GATEWAY_AUDIENCE": "gateway",
        "GATEWAY_LEARNED_NAMES": "off",
        "GATEWAY_METRICS": "on",
        "GATEWAY_PORT": str(ports[1]),
    }
    commands = ["emulator", "serve", "--port", str(ports[0])], ["gateway", "serve"]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for program, *arguments in commands:
            command = [str(PROGRAMS / program), *arguments]
            environment = {**os.environ, **variables}
            processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL))
        asyncio.run(started(f"{url}/readyz"))
        held = asyncio.run(soak(url, emulator, processes[1].pid, seconds, callers))
    finally:
        for each in processes:
            each.kill()
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
