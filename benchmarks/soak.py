"""
The memory of a gateway that is asked ever new documents by ever new people, and how long its
collector stops it.

Run `python -m benchmarks.soak --seconds 600`. It starts an emulator and `gateway serve`; as many
callers as are named send small and large documents, each with a comment, a literal or a layout of
its own, filters of their own, and a new token of any customer's contact every few requests.

Exit code 1 where memory grows beyond 300 MB or by a tenth in the second half, a collection takes
more than 100 ms, or descriptors are left open.
"""

import asyncio
import os
import re
import sys
import time
from pathlib import Path
from random import Random

import click
import httpx2

from benchmarks.trial import processes

MOST_MEGABYTES, LONGEST = 300, 0.1
GROWTH = 1.1
"""The most that the second half may take of the memory of the first."""
EVERY = 10.0
"""Seconds between two lines."""
REQUESTS = 20
"""Requests of one token."""
PEOPLE = "{ accounts(first: 100) { nodes { contacts(first: 5) { nodes { email } } } } }"
SMALL = (
    "orders(first: 2) { nodes { id number status total { amount } lines { nodes { quantity } } } }"
)


def document(number: int, random: Random) -> str:
    """A valid document that was never sent before."""
    match random.randrange(5):
        case 0:
            return f"# {number}\n{{ {SMALL} }}"
        case 1:
            by_number = f'filter: {{ number: {{ eq: "SO-{number}" }} }}'
            return f"query Q{number} {{ orders(first: 1, {by_number}) {{ nodes {{ id }} }} }}"
        case 2:
            fields = " ".join(f"a{each}: __typename" for each in random.sample(range(1_000), 9))
            return f"{{ {fields} {SMALL} }}"
        case 3:
            numbers = ", ".join(f'"SO-{random.randrange(10**6)}"' for _ in range(40))
            return f"{{ orders(filter: {{ number: {{ in: [{numbers}] }} }}) {{ totalCount }} }}"
        case _:
            return f"{{ {' ' * random.randrange(4_000)} {SMALL} }} # {number} {'x' * 4_000}"


def resident(pid: int) -> float:
    """Megabytes of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def descriptors(pid: int) -> int:
    """The files and sockets that a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


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


async def token(http: httpx2.AsyncClient, emulator: str, name: str) -> dict[str, str]:
    """The header of a token that was never sent before."""
    minted = await http.post(f"{emulator}/issuer/demo/token", json={"name": name})
    return {"Authorization": f"Bearer {minted.json()['access_token']}"}


async def people(http: httpx2.AsyncClient, url: str, emulator: str) -> list[str]:
    """The addresses of contacts of all customers."""
    known = await token(http, emulator, "admin")
    answer = await http.post(f"{url}/graphql", json={"query": PEOPLE}, headers=known)
    accounts = answer.json()["data"]["accounts"]["nodes"]
    return [each["email"] for one in accounts for each in one["contacts"]["nodes"] if each["email"]]


async def soak(url: str, emulator: str, pid: int, seconds: float, callers: int) -> bool:
    end, asked, failed, slowest = time.monotonic() + seconds, 0, 0, 0.0
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as http:
        names = await people(http, url, emulator)

    async def caller(seed: int) -> None:
        nonlocal asked, failed, slowest
        random = Random(seed)  # noqa: S311 - the same each time
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as http:
            while time.monotonic() < end:
                headers = await token(http, emulator, random.choice(names))
                for _ in range(REQUESTS):
                    asked += 1
                    body = {"query": document(asked, random)}
                    began = time.monotonic()
                    answer = await http.post(f"{url}/graphql", json=body, headers=headers)
                    slowest = max(slowest, time.monotonic() - began)
                    failed += answer.status_code != 200 or "errors" in answer.json()

    running = [asyncio.create_task(caller(seed)) for seed in range(callers)]
    seen: list[float] = []
    opened: list[int] = []
    while time.monotonic() < end:
        await asyncio.sleep(min(EVERY, max(0.1, end - time.monotonic())))
        seen.append(resident(pid))
        opened.append(descriptors(pid))
        said = f"{seen[-1]:6.0f} MB {slowest:6.2f} s slowest {opened[-1]:4} descriptors"
        click.echo(f"{asked:8} asked {failed:4} failed {said}")
        slowest = 0.0
    await asyncio.gather(*running)
    pause = await longest_pause(url)
    half = len(seen) // 2
    first, second = max(seen[:half], default=0.0), max(seen[half:])
    halves = f"{first:.0f} MB in the first half, {second:.0f} MB in the second"
    click.echo(f"{len(names)} people; at most {halves}; no collection above {pause:g} s")
    is_flat = half == 0 or second <= GROWTH * first
    is_closed = max(opened[half:]) <= max(opened[:half], default=10**6) + callers
    return max(seen) <= MOST_MEGABYTES and pause <= LONGEST and is_flat and is_closed


@click.command(help=__doc__)
@click.option("--seconds", default=300.0, show_default=True)
@click.option("--callers", default=8, show_default=True)
def main(seconds: float, callers: int) -> None:
    with processes(GATEWAY_STAFF_ROLES="administrator") as trial:
        held = asyncio.run(soak(trial.url, trial.emulator, trial.pid, seconds, callers))
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
