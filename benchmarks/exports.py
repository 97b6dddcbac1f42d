"""
Exports: `python -m benchmarks.exports [--world large] [--cuts 20]`.

Starts an emulator and `gateway serve`, and exports all orders with their lines as staff: once in
one go, and once by a client that leaves at random moments and goes on after its last cursor. Prints
rows a second (orders and lines), the memory of the gateway, and whether both files are equal.
"""

import asyncio
import json
import sys
import time
from hashlib import sha256
from random import Random
from typing import Any

import click
import httpx2

from benchmarks.sockets import cpu, memory
from benchmarks.trial import Trial, processes
from emulator.world.sizes import SIZES

QUERY = """
query All($after: String) {
  orders(first: 99, after: $after, orderBy: [{ field: NUMBER }]) {
    edges { cursor node { number status lines(first: 100) { nodes { sequence quantity } } } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
FASTEST, MOST = 5_000.0, 100.0
"""Rows a second of one core, and MiB that the export may take besides."""


class Export:
    """The whole lines that came so far."""

    def __init__(self) -> None:
        self.digest, self.rows, self.lines = sha256(), 0, 0
        self.cursor: str | None = None
        self.is_whole = False

    async def take(self, http: httpx2.AsyncClient, token: str, most: float) -> None:
        """Read lines until the end, or until so many came."""
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/jsonl"}
        body = {"query": QUERY, "variables": {"after": self.cursor}}
        end, rest = self.lines + most, b""
        async with http.stream("POST", "/graphql", json=body, headers=headers) as response:
            if response.status_code != 200:
                raise click.ClickException((await response.aread()).decode())
            async for part in response.aiter_bytes():
                *whole, rest = (rest + part).split(b"\n")
                for line in whole:
                    self._add(line)
                    if self.lines >= end:
                        return

    def _add(self, line: bytes) -> None:
        found: dict[str, Any] = json.loads(line)
        if "node" in found:
            self.digest.update(line)
            self.cursor, self.lines = found["cursor"], self.lines + 1
            self.rows += 1 + len(found["node"]["lines"]["nodes"])
        elif "pageInfo" in found:
            self.is_whole = True
        else:
            raise click.ClickException(f"the export ended early: {found['errors']}")


async def measure(trial: Trial, cuts: int) -> bool:
    options: dict[str, Any] = {"trust_env": False, "timeout": 120}
    async with (
        httpx2.AsyncClient(base_url=trial.url, **options) as http,
        httpx2.AsyncClient(base_url=trial.emulator, **options) as emulator,
    ):
        minted = await emulator.post("/issuer/demo/token", json={"name": "admin"})
        token = minted.raise_for_status().json()["access_token"]
        before, worked, began = memory(trial.pid), cpu(trial.pid), time.monotonic()
        whole = Export()
        await whole.take(http, token, float("inf"))
        seconds, spent = time.monotonic() - began, cpu(trial.pid) - worked
        more = memory(trial.pid) - before
        random, parts = Random(1), Export()  # noqa: S311 - the same each time
        for _ in range(cuts):
            await parts.take(http, token, random.uniform(1, 2 * whole.lines / max(cuts, 1)))
            if parts.is_whole:
                break
        if not parts.is_whole:
            await parts.take(http, token, float("inf"))
    equal = whole.is_whole and parts.digest.digest() == whole.digest.digest()
    click.echo(
        f"{whole.lines} orders, {whole.rows} rows in {seconds:.1f} s: {whole.rows / seconds:.0f} "
        f"rows/s, {whole.rows / spent:.0f} rows a second of CPU, {more:.0f} MiB more"
    )
    click.echo(f"cut off {cuts} times: the file is {'equal' if equal else 'another one'}")
    return equal and whole.rows / spent >= FASTEST and more <= MOST


@click.command(help=__doc__)
@click.option("--world", type=click.Choice(list(SIZES)), default="large", show_default=True)
@click.option("--cuts", default=20, show_default=True)
def main(world: str, cuts: int) -> None:
    with processes(world, GATEWAY_STAFF_ROLES="administrator") as trial:
        held = asyncio.run(measure(trial, cuts))
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
