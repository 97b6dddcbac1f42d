"""
The cost of refusing: `python -m benchmarks.strangers [--requests 100000] [--seconds 60]`.

Starts a gateway with an audit, asks it so many times without a token and with heads up to the
bound, and then for so long as often as it answers. Prints the answers, how much memory the process
grew by, and the bytes of audit and log. Exits with 1 where one of them is more than is allowed.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.comparing.processes import free_port
from benchmarks.sockets import ALLOWED, ENVIRONMENT, HOST, memory
from front.connection_bounds import PIPELINED

WRITTEN = 10_000_000
"""Bytes that may be written for all of them."""
CONNECTIONS = 40
TOGETHER = 32_768
"""Bytes that one connection sends before it reads: all heads together are bounded too."""
PATH = b"/graphql?query={viewer{kind}}"
SMALL = b"GET " + PATH + b" HTTP/1.1\r\nHost: a\r\n\r\n"
LARGE = SMALL[:-2] + b"X: " + b"a" * 16_000 + b"\r\n\r\n"
REFUSED = b"HTTP/1.1 401 "
PATIENCE = 30.0
"""Seconds in which the gateway must start."""


@dataclass
class Strangers:
    """Those who ask a gateway, and what came of it."""

    port: int
    process: int
    folder: Path
    refused: int = 0

    def grown(self, before: float) -> float:
        return memory(self.process) - before

    @property
    def written(self) -> int:
        """Bytes of audit and log."""
        return sum(file.stat().st_size for file in self.folder.iterdir())

    async def ask(self, sent: bytes, *, times: int | None = None, until: float = 0.0) -> None:
        """Ask so many times, or until that moment, over all connections."""
        each = None if times is None else times // CONNECTIONS
        await asyncio.gather(*(self._one(sent, each, until) for _ in range(CONNECTIONS)))

    async def _one(self, sent: bytes, times: int | None, until: float) -> None:
        reader, writer = await asyncio.open_connection(HOST, self.port)
        left, at_once = times, min(TOGETHER // len(sent), PIPELINED - 1)
        while (left is None and time.monotonic() < until) or left:
            number = at_once if left is None else min(left, at_once)
            writer.write(sent * number)
            await writer.drain()
            found, rest = 0, b""
            while found < number:
                data = await reader.read(65_536)
                if not data:
                    return
                found += (rest + data).count(REFUSED) - rest.count(REFUSED)
                rest = data[1 - len(REFUSED) :]
            self.refused += found
            left = None if left is None else left - number
        writer.close()


@contextmanager
def running() -> Iterator[Strangers]:
    """A gateway with an audit and a log in a folder of their own."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        own = {"GATEWAY_PORT": str(port), "GATEWAY_AUDIT_FILE": f"{folder}/audit.jsonl"}
        command = [sys.executable, "-m", "gateway", "serve"]
        with Path(folder, "log").open("wb") as log:
            process = subprocess.Popen(command, env=os.environ | ENVIRONMENT | own, stderr=log)
            try:
                asyncio.run(_started(port))
                yield Strangers(port, process.pid, Path(folder))
            finally:
                process.kill()
                process.wait()


async def _started(port: int) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(0.2)
        else:
            writer.close()
            return
    raise SystemExit("the gateway does not start")


def main(requests: int, seconds: float) -> int:
    with running() as strangers:
        asyncio.run(strangers.ask(SMALL, times=10 * CONNECTIONS))  # what is made once is there
        before, strangers.refused = memory(strangers.process), 0
        asyncio.run(strangers.ask(LARGE, times=requests))
        large, began = strangers.refused, time.monotonic()
        asyncio.run(strangers.ask(SMALL, until=began + seconds))
        took, small = time.monotonic() - began, strangers.refused - large
        grown, written = strangers.grown(before), strangers.written
    print(f"{large:,} refused with large heads, then {small / took:,.0f} a second for {took:.0f} s")
    print(f"memory +{grown:.1f} MiB, {written:,} bytes written")
    return int(large < requests - requests % CONNECTIONS or grown > ALLOWED or written > WRITTEN)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    asked = parser.parse_args()
    sys.exit(main(asked.requests, asked.seconds))
