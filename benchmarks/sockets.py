"""
The cost of bad sockets: `python -m benchmarks.sockets [--sockets 1000]`.

Starts a gateway that reaches nobody, opens sockets of each bad kind against it, and prints how much
memory the process grew by, and how long `GET /livez` of somebody else took meanwhile.
"""

import argparse
import asyncio
import contextlib
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

HOST, PORT = "127.0.0.1", 8123
SECONDS = 10.0
"""Seconds that sockets of one kind stay."""
OPENING = 2.0
"""Seconds in which all of them connect, as `knocking` alone does all the time."""
ALLOWED = 50
"""MiB that the process may grow by."""
HEAD = b"POST /graphql HTTP/1.1\r\nHost: a\r\n"
ASKED = b"GET /graphql?query={viewer{kind}} HTTP/1.1\r\nHost: a\r\n\r\n"
LIVE = b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
ENVIRONMENT = {
    "GATEWAY_DATAVERSE_URL": "http://127.0.0.1:9",
    "GATEWAY_FINOPS_URL": "http://127.0.0.1:9",
    "GATEWAY_TOKEN_URL": "http://127.0.0.1:9/token",
    "GATEWAY_CLIENT_ID": "gateway",
    "GATEWAY_CLIENT_SECRET": "not a secret",
    "GATEWAY_ISSUER": "http://127.0.0.1:9/issuer",
    "GATEWAY_AUDIENCE": "gateway",
    "GATEWAY_PORT": str(PORT),
}
Writer = asyncio.StreamWriter
Bad = Callable[[Writer], Awaitable[None]]


async def silent(writer: Writer) -> None:
    await asyncio.sleep(SECONDS)


async def slow(writer: Writer) -> None:
    writer.write(HEAD)
    while True:
        await asyncio.sleep(1)
        writer.write(b"X: a\r\n")


async def large(writer: Writer) -> None:
    """A head that is just below the bound, and never ends."""
    writer.write(HEAD + b"X: " + b"a" * 16_000)
    await asyncio.sleep(SECONDS)


async def many(writer: Writer) -> None:
    """As many short headers as are taken."""
    writer.write(HEAD + b"X: a\r\n" * 95)
    await asyncio.sleep(SECONDS)


async def endless(writer: Writer) -> None:
    writer.write(HEAD + b"X: ")
    while True:
        writer.write(b"a" * 65_536)
        await writer.drain()


async def body(writer: Writer) -> None:
    """A body without an end, behind an answer that was given long ago."""
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b"a" * 65_536 + b"\r\n")
        await writer.drain()


async def unread(writer: Writer) -> None:
    """Requests without an end, of which no answer is read."""
    cast(asyncio.Transport, writer.transport).pause_reading()
    while True:
        writer.write(ASKED * 100)
        await writer.drain()


async def anonymous(writer: Writer) -> None:
    """Requests without a token, with heads up to the bound: some 100,000 a minute of 1,000."""
    for _ in range(100):
        writer.write(ASKED[:-2] + b"X: " + b"a" * 16_000 + b"\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.6)


async def knocking(writer: Writer) -> None:
    """One request without a token on each of ever new connections: some 100,000 a minute too."""
    writer.write(ASKED)
    await writer.drain()
    await asyncio.sleep(0.1)


BAD: tuple[Bad, ...] = (
    silent,
    slow,
    large,
    many,
    endless,
    body,
    unread,
    anonymous,
    knocking,
)
KINDS = {kind.__name__: kind for kind in BAD}


@dataclass(frozen=True)
class Cost:
    """The cost of sockets of one kind."""

    grown: float
    """MiB at the most."""
    p95: float
    """Milliseconds of the request of somebody else."""
    cpu: float
    """Share of one core."""


def main(sockets: int) -> int:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65_536), most))
    gateway = subprocess.Popen(
        [sys.executable, "-m", "gateway", "serve"],
        env=os.environ | ENVIRONMENT,
        stderr=subprocess.DEVNULL,
    )
    try:
        asyncio.run(started())
        grown = [told("nobody", gateway.pid, sockets)]
        grown += [told(kind, gateway.pid, sockets) for kind in KINDS]
    finally:
        gateway.kill()
        gateway.wait()
    return max(grown) > ALLOWED


def told(kind: str, gateway: int, sockets: int) -> float:
    """Print what sockets of one kind cost; how much memory grew."""
    command = [sys.executable, "-m", "benchmarks.sockets", "--kind", kind]
    bad = subprocess.Popen([*command, "--sockets", str(sockets)])
    found = asyncio.run(cost(gateway))
    bad.kill()
    bad.wait()
    print(
        f"{kind:10} +{found.grown:5.1f} MiB  p95 {found.p95:7.1f} ms  CPU {found.cpu:5.1f} %",
        flush=True,
    )
    return found.grown


async def started() -> None:
    for _ in range(200):
        with contextlib.suppress(OSError):
            await live()
            return
        await asyncio.sleep(0.2)
    raise SystemExit("the gateway does not start")


async def live() -> float:
    """Milliseconds that an ordinary request takes."""
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection(HOST, PORT)
    writer.write(LIVE)
    await reader.read()
    writer.close()
    return (time.perf_counter() - began) * 1_000


async def cost(gateway: int) -> Cost:
    before, most, worked = memory(gateway), 0.0, cpu(gateway)
    took: list[float] = []
    until = time.monotonic() + SECONDS
    await asyncio.sleep(OPENING)
    while time.monotonic() < until or len(took) < 2:
        with contextlib.suppress(OSError):
            took.append(await live())
        most = max(most, memory(gateway) - before)
        await asyncio.sleep(0.05)
    share = (cpu(gateway) - worked) / SECONDS * 100
    return Cost(most, statistics.quantiles(took, n=20)[-1], share)


async def bad_ones(kind: Bad, sockets: int) -> None:
    await asyncio.gather(*(one(kind) for _ in range(sockets)))


def give_way() -> None:
    """Work only where nobody else wants to: those who open bad sockets have their own machines."""
    if os.sched_getscheduler(0) == os.SCHED_RR:  # as of `chrt -r 5`, for a machine that is shared
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    else:
        os.nice(10)


async def one(kind: Bad) -> None:
    """One socket after the other, as the gateway closes them."""
    while True:
        writer = None
        try:
            _, writer = await asyncio.open_connection(HOST, PORT)
            await kind(writer)
        except OSError:
            pass
        finally:
            if writer is not None:
                writer.transport.abort()
        await asyncio.sleep(1)


def memory(process: int) -> float:
    """MiB that a process has resident."""
    status = Path(f"/proc/{process}/status").read_text()
    return float(status.split("VmRSS:")[1].split()[0]) / 1_024


def cpu(process: int) -> float:
    """Seconds that a process has worked."""
    spent = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, spent)) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=1_000)
    parser.add_argument("--kind", help="open sockets of this kind, for ever")
    asked = parser.parse_args()
    if asked.kind is None:
        sys.exit(main(asked.sockets))
    if asked.kind in KINDS:
        give_way()
        asyncio.run(bad_ones(KINDS[asked.kind], asked.sockets))
