"""
The memory of a gateway that is asked ever new documents by ever new people, and how long its
collector stops it.

Run `python -m benchmarks.soak --seconds 600`. It starts an emulator and `gateway serve`; as many
callers as are named send small and large documents, each with a comment, a literal or a layout of
its own, filters of their own, and a new token of any customer's contact every few requests.
`--pause` leaves a machine to others: a long run needs many different requests, not all that the
machine can do.

Exit code 1 where a request fails, memory grows beyond 300 MB or by a tenth in the second half, a
collection takes more than 100 ms of CPU time, or descriptors or tasks are left behind. Pauses by
the clock are told too: a collection on a busy machine waits for its CPU like all else. So does
everything: what fails while this program, which does next to nothing, was itself kept from its CPU
for a second is told apart, as the gateway and the emulator were then kept from theirs.
"""

import asyncio
import os
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import click
import httpx2

from benchmarks.trial import Trial, processes

MOST_MEGABYTES, LONGEST = 300, 0.1
GROWTH = 1.1
"""The most that the second half may take of the memory of the first."""
EVERY = 10.0
"""Seconds between two lines."""
BEAT, STOOD, AFTER = 0.1, 1.0, 30.0
"""
Seconds between two beats of this program; seconds of which it says that the machine stood still;
and seconds for which requests may suffer from it, which is how long they may take.
"""
TASKS = 4
"""The most tasks that a caller's request may be."""
REQUESTS = 20
"""Requests of one token."""
PEOPLE = "{ accounts(first: 100) { nodes { contacts(first: 5) { nodes { email } } } } }"
SMALLEST = "{ viewer { kind } }"
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


async def measured(url: str) -> str:
    """The metrics of the gateway as they are now."""
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as http:
        return (await http.get(f"{url}/metrics")).text


def longest(metrics: str, name: str) -> float:
    """The bucket of the longest collection, in seconds of a histogram by generation."""
    bucket = rf'gateway_{name}_seconds_bucket\{{generation="(\d)",le="(.+?)"\}} (\S+)'
    found = re.findall(bucket, metrics)
    most = 0.0
    for generation in "012":
        counts = [(float(up_to), float(n)) for each, up_to, n in found if each == generation]
        total = counts[-1][1]
        most = max(most, next((up_to for up_to, n in counts if n == total and total), 0.0))
    return most


def gauge(metrics: str, name: str) -> float:
    """A number without labels."""
    found = re.search(rf"^{name} (\S+)$", metrics, re.MULTILINE)
    return float(found[1]) if found else 0.0


@dataclass
class Looks:
    """The process, looked at again and again."""

    megabytes: list[float] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    tasks: list[float] = field(default_factory=list)

    async def look(self, trial: Trial) -> str:
        """Take one look, and say it."""
        metrics = await measured(trial.url)
        self.megabytes.append(resident(trial.pid))
        self.descriptors.append(descriptors(trial.pid))
        self.tasks.append(gauge(metrics, "gateway_tasks"))
        kept = sum(map(float, re.findall(r"^gateway_kept_bytes\S+ (\S+)", metrics, re.MULTILINE)))
        return (
            f"{self.megabytes[-1]:6.0f} MB, {kept / 1e6:.0f} MB kept"
            f" {self.descriptors[-1]:4} descriptors {self.tasks[-1]:4.0f} tasks"
        )

    def flat(self, callers: int) -> bool:
        """True if the second half has little more of anything than the first."""
        half = len(self.megabytes) // 2
        if not half:
            return True
        return (
            max(self.megabytes[half:]) <= GROWTH * max(self.megabytes[:half])
            and max(self.descriptors[half:]) <= max(self.descriptors[:half]) + callers
            and max(self.tasks[half:]) <= max(self.tasks[:half]) + TASKS * callers
        )


async def token(http: httpx2.AsyncClient, emulator: str, name: str) -> dict[str, str]:
    """The header of a token that was never sent before."""
    minted = await http.post(f"{emulator}/issuer/demo/token", json={"name": name})
    return {"Authorization": f"Bearer {minted.json()['access_token']}"}


async def people(http: httpx2.AsyncClient, trial: Trial) -> list[str]:
    """
    The addresses of contacts of all customers, without those whom the gateway lets in for no token:
    the data has deactivated contacts, and addresses that several contacts share.
    """
    staff = await token(http, trial.emulator, "admin")
    asked = await http.post(f"{trial.url}/graphql", json={"query": PEOPLE}, headers=staff)
    accounts = asked.json()["data"]["accounts"]["nodes"]
    contacts = [each["email"] for one in accounts for each in one["contacts"]["nodes"]]
    found = []
    for email in filter(None, contacts):
        theirs = await token(http, trial.emulator, email)
        asked = await http.post(f"{trial.url}/graphql", json={"query": SMALLEST}, headers=theirs)
        if asked.status_code != httpx2.codes.UNAUTHORIZED:
            found.append(email)
    return found


@dataclass
class Load:
    """Callers who send documents that nobody sent before."""

    trial: Trial
    names: list[str]
    end: float
    pause: float
    asked: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    starved: Counter[str] = field(default_factory=Counter)
    """Failures while the machine stood still."""
    slowest: float = 0.0
    stood: float = -AFTER
    """The moment at which it did so last."""
    longest: float = 0.0
    """The longest that it did so."""

    async def beat(self) -> None:
        """Notice where this program itself is kept from its CPU, until it is cancelled."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(BEAT)
            late = time.monotonic() - before - BEAT
            self.longest = max(self.longest, late)
            if late > STOOD:
                self.stood = time.monotonic()

    def _failed(self, name: str) -> None:
        still = time.monotonic() - self.stood < AFTER
        (self.starved if still else self.failures)[name] += 1

    async def caller(self, seed: int) -> None:
        """One of them, until the end."""
        random = Random(seed)  # noqa: S311 - the same each time
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as http:
            while time.monotonic() < self.end:
                headers = await token(http, self.trial.emulator, random.choice(self.names))
                for _ in range(REQUESTS):
                    await self._one(http, headers, random)

    async def _one(self, http: httpx2.AsyncClient, headers: dict[str, str], random: Random) -> None:
        await asyncio.sleep(self.pause)
        self.asked += 1
        body = {"query": document(self.asked, random)}
        began = time.monotonic()
        try:
            answer = await http.post(f"{self.trial.url}/graphql", json=body, headers=headers)
        except httpx2.TransportError as error:
            self._failed(type(error).__name__)
            return
        self.slowest = max(self.slowest, time.monotonic() - began)
        for told in answer.json().get("errors", [])[:1]:
            self._failed(f"{answer.status_code} {told['extensions']['code']}")


async def soak(trial: Trial, seconds: float, callers: int, pause: float) -> bool:
    """Ask for so long; True if everything stayed within its bounds."""
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as http:
        names = await people(http, trial)
    load, looks = Load(trial, names, time.monotonic() + seconds, pause), Looks()
    running = [asyncio.create_task(load.caller(seed)) for seed in range(callers)]
    beating = asyncio.create_task(load.beat())
    while time.monotonic() < load.end:
        await asyncio.sleep(min(EVERY, max(0.1, load.end - time.monotonic())))
        said = await looks.look(trial)
        failed = load.failures.total()
        click.echo(f"{load.asked:8} asked {failed:4} failed {load.slowest:6.2f} s slowest {said}")
        load.slowest = 0.0
    await asyncio.gather(*running)
    beating.cancel()
    metrics = await measured(trial.url)
    worked, stood = longest(metrics, "collector_cpu"), longest(metrics, "collector_pause")
    click.echo(
        f"{len(names)} people, failures {dict(load.failures)},"
        f" and {dict(load.starved)} while the machine stood still"
        f" ({load.longest:.1f} s at most);"
        f" at most {max(looks.megabytes):.0f} MB;"
        f" no collection above {worked:g} s of CPU, {stood:g} s by the clock"
    )
    return (
        not load.failures
        and max(looks.megabytes) <= MOST_MEGABYTES
        and worked <= LONGEST
        and looks.flat(callers)
    )


@click.command(help=__doc__)
@click.option("--seconds", default=300.0, show_default=True)
@click.option("--callers", default=8, show_default=True)
@click.option("--pause", default=0.0, show_default=True, help="Seconds before each request.")
def main(seconds: float, callers: int, pause: float) -> None:
    with processes(GATEWAY_STAFF_ROLES="administrator") as trial:
        held = asyncio.run(soak(trial, seconds, callers, pause))
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
