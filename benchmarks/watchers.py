"""
The cost of watchers: `python -m benchmarks.watchers [--watchers 1000] [--changes 50] [--hints]`.

Starts an emulator and `gateway serve`, opens so many streams of `graphql-sse`'s kind for fifty
people, and prints: memory of a watcher; calls to Dynamics and the work of the gateway in ten idle
seconds, with one watcher for each person and with all of them; and the time from a change to its
frame while so many changes are made a second.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import Sequence
from typing import Any

import click
import httpx2

from benchmarks.sockets import cpu, memory
from benchmarks.trial import Trial, processes

QUERY = "subscription { contacts(first: 5) { nodes { jobTitle } } }"
IDLE = 10.0
"""Seconds for which nothing changes."""
PEOPLE = 50
MOST_KILOBYTES, SLOWEST, HINTED = 50.0, 2.5, 1.0
"""Bounds for one watcher, and for 95 of 100 frames: the interval and half a second, or with hints.
"""
MOST_OF_CORE = 0.03
"""The share of a core that feeds may take from other answers while nothing changes."""
KEY = "a-key-of-hints-of-a-benchmark"


class Watching:
    """The streams of a benchmark, and the time at which each title was seen by each."""

    def __init__(self, port: int, query: str = QUERY) -> None:
        self.port, self._query = port, query
        self.seen: dict[str, list[float]] = {}
        self.frames = 0
        self._open: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, token: str) -> None:
        """Open one stream, and wait for its first frame."""
        body = json.dumps({"query": self._query}).encode()
        head = (
            "POST /graphql HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"Authorization: Bearer {token}\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(head.encode() + body)
        async with asyncio.timeout(60):
            await reader.readuntil(b"event: next\ndata: ")
        self._open.append(writer)
        self._tasks.append(asyncio.create_task(self._read(reader)))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            if line.startswith(b"data: "):
                self.frames += 1
                for title in re.findall(rb"T\d+", line):
                    self.seen.setdefault(title.decode(), []).append(time.monotonic())

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for writer in self._open:
            writer.close()


async def calls(http: httpx2.AsyncClient) -> int:
    """The calls to Dynamics so far."""
    text = (await http.get("/metrics")).text
    return int(
        sum(float(n) for n in re.findall(r"gateway_upstream_calls_total\{.*?\} (\S+)", text))
    )


async def idle(http: httpx2.AsyncClient, pid: int) -> tuple[int, float]:
    """The calls to Dynamics while nothing changes, and the share of a core that is worked."""
    before, worked = await calls(http), cpu(pid)
    await asyncio.sleep(IDLE)
    return await calls(http) - before, (cpu(pid) - worked) / IDLE


async def people(
    http: httpx2.AsyncClient, emulator: httpx2.AsyncClient, headers: dict[str, str]
) -> list[dict[str, Any]]:
    """Contacts who can sign in, with their tokens."""
    url = "/api/data/v9.2/contacts?$select=contactid,emailaddress1&$filter=statecode eq 0"
    rows = (await emulator.get(url, headers=headers)).json()["value"]
    found = []
    for row in rows:
        minted = await emulator.post("/issuer/demo/token", json={"name": row["emailaddress1"]})
        if minted.status_code != 200:
            continue
        token = minted.json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        known = await http.post("/graphql", json={"query": "{ viewer { kind } }"}, headers=bearer)
        if known.status_code == 200:
            found.append({**row, "token": token})
        if len(found) == PEOPLE:
            break
    return found


async def change(
    emulator: httpx2.AsyncClient,
    headers: dict[str, str],
    whom: Sequence[dict[str, Any]],
    pace: float,
    seconds: float,
    hinted: httpx2.AsyncClient | None,
) -> dict[str, float]:
    """Give people titles at this pace, and hints of it; the time at which each stood."""
    made: dict[str, float] = {}
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        due = end - seconds + number / pace
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        title = f"T{number}"
        row = f"/api/data/v9.2/contacts({whom[number % len(whom)]['contactid']})"
        (await emulator.patch(row, json={"jobtitle": title}, headers=headers)).raise_for_status()
        made[title] = time.monotonic()
        if hinted:
            secret = {"X-Hint-Secret": KEY, "x-ms-dynamics-entity-name": "contact"}
            (await hinted.post("/hints", headers=secret)).raise_for_status()
        number += 1
    return made


async def measure(trial: Trial, watchers: int, pace: float, seconds: float, *, hints: bool) -> bool:
    url, emulator_url, pid = trial.url, trial.emulator, trial.pid
    options: dict[str, Any] = {"trust_env": False, "timeout": 60}
    async with (
        httpx2.AsyncClient(base_url=url, **options) as http,
        httpx2.AsyncClient(base_url=emulator_url, **options) as emulator,
    ):
        minted = await emulator.post("/issuer/demo/token", json={"service": True})
        headers = {"Authorization": f"Bearer {minted.json()['access_token']}"}
        whom = await people(http, emulator, headers)
        watching = Watching(int(url.rpartition(":")[2]))
        for each in whom:  # each plan, each caller, each feed
            await watching.open(each["token"])
        await asyncio.sleep(5)
        (few, share), before = await idle(http, pid), memory(pid)
        for number in range(len(whom), watchers):
            await watching.open(whom[number % len(whom)]["token"])
        await asyncio.sleep(5)
        size = (memory(pid) - before) * 1024 / max(watchers - len(whom), 1)
        many, all_share = await idle(http, pid)
        click.echo(f"{len(whom)} people, {watchers} watchers: {size:.1f} KiB a watcher")
        click.echo(f"calls in {IDLE:g} idle seconds: {few} for {len(whom)}, {many} for all")
        click.echo(f"of a core meanwhile: {share:.1%} and {all_share:.1%}")
        made = await change(emulator, headers, whom, pace, seconds, http if hints else None)
        await asyncio.sleep(5)
        late = sorted(at - made[title] for title in made for at in watching.seen.get(title, ()))
        watching.close()
    last = f"{late[int(len(late) * 0.95)]:.2f}" if late else "-"
    click.echo(
        f"{len(made) / seconds:.0f} changes/s, {watching.frames} frames, "
        f"{len(watching.seen)} of {len(made)} titles shown (others were folded), p95 {last} s"
    )
    return (
        size <= MOST_KILOBYTES
        and many <= few + 3
        and share <= MOST_OF_CORE
        and bool(late)
        and float(last) <= (HINTED if hints else SLOWEST)
    )


@click.command(help=__doc__)
@click.option("--watchers", default=1_000, show_default=True)
@click.option("--changes", default=50.0, show_default=True)
@click.option("--seconds", default=20.0, show_default=True)
@click.option("--hints", is_flag=True, help="Hint at each change.")
def main(watchers: int, changes: float, seconds: float, hints: bool) -> None:
    with processes(GATEWAY_HINTS_SECRET=KEY) as trial:
        held = asyncio.run(measure(trial, watchers, changes, seconds, hints=hints))
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
