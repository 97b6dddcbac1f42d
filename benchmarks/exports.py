"""
Exports: `python -m benchmarks.exports [--world large] [--cuts 20]`.

Starts an emulator and `gateway serve`, and exports all orders with their lines as staff: once in
one go, and once by a client that leaves at random moments and goes on after its last cursor. Prints
rows a second (orders and lines), the memory of the gateway, and whether both files are equal. Where
`scripts/install --benchmarks` installed DuckDB, it reads both and compares them row by row.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import IO, Any

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
"""Rows a second by the clock, and MiB that the export may take besides."""
DUCKDB = Path(__file__).parents[1] / ".cache" / "benchmarks" / "duckdb" / "bin" / "python"
COMPARED = """
import sys, duckdb
rows = "(SELECT node.number, node.status, unnest(node.lines.nodes) AS line FROM '{}')"
whole, parts = (rows.format(each) for each in sys.argv[1:])
one = duckdb.sql(
    f"SELECT (SELECT count(*) FROM {whole}), (SELECT count(*) FROM {parts}), "
    f"(SELECT count(*) FROM ((FROM {whole} EXCEPT ALL FROM {parts}) UNION ALL "
    f"(FROM {parts} EXCEPT ALL FROM {whole}))), "
    f"(SELECT count(*) - count(DISTINCT cursor) FROM '{sys.argv[2]}')"
).fetchall()[0]
print("DuckDB: %d and %d order lines, %d in one file alone, %d orders twice" % one)
sys.exit(one[0] != one[1] or one[2] > 0 or one[3] > 0)
"""
"""The comparison of two files, for a Python that has DuckDB."""


class Export:
    """The whole lines that came so far, which go on into a file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
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
            self._file.write(line + b"\n")
            self.cursor, self.lines = found["cursor"], self.lines + 1
            self.rows += 1 + len(found["node"]["lines"]["nodes"])
        elif "pageInfo" in found:
            self.is_whole = True
        else:
            raise click.ClickException(f"the export ended early: {found['errors']}")


@contextmanager
def two_files() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    with TemporaryDirectory() as folder:
        whole, parts = Path(folder) / "whole.jsonl", Path(folder) / "parts.jsonl"
        with whole.open("wb") as one, parts.open("wb") as other:
            yield one, other


def is_equal_to_duckdb(whole: IO[bytes], parts: IO[bytes]) -> bool:
    """True if DuckDB finds the same rows in both, or is not installed."""
    if not DUCKDB.exists():
        click.echo("DuckDB is not installed: scripts/install --benchmarks")
        return True
    for each in (whole, parts):
        each.flush()
    command = [str(DUCKDB), "-c", COMPARED, whole.name, parts.name]
    return subprocess.run(command, check=False).returncode == 0


async def measure(trial: Trial, cuts: int, files: tuple[IO[bytes], IO[bytes]]) -> bool:
    options: dict[str, Any] = {"trust_env": False, "timeout": 120}
    async with (
        httpx2.AsyncClient(base_url=trial.url, **options) as http,
        httpx2.AsyncClient(base_url=trial.emulator, **options) as emulator,
    ):
        minted = await emulator.post("/issuer/demo/token", json={"name": "admin"})
        token = minted.raise_for_status().json()["access_token"]
        before, worked, began = memory(trial.pid), cpu(trial.pid), time.monotonic()
        whole = Export(files[0])
        await whole.take(http, token, float("inf"))
        seconds, spent = time.monotonic() - began, cpu(trial.pid) - worked
        more = memory(trial.pid) - before
        random, parts = Random(1), Export(files[1])  # noqa: S311 - the same each time
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
    equal = is_equal_to_duckdb(*files) and equal
    return equal and whole.rows / seconds >= FASTEST and more <= MOST


@click.command(help=__doc__)
@click.option("--world", type=click.Choice(list(SIZES)), default="large", show_default=True)
@click.option("--cuts", default=20, show_default=True)
def main(world: str, cuts: int) -> None:
    with processes(world, GATEWAY_STAFF_ROLES="administrator") as trial, two_files() as files:
        held = asyncio.run(measure(trial, cuts, files))
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
