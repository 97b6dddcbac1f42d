"""
One round: a candidate under 32 connections until its pace is steady, then watched for a while.

The pace is what the stub was asked meanwhile, as every request needs a known number of fetches. So
a candidate that answers 32 requests in three seconds is measured as exactly as one that answers
10,000: nothing is lost at the ends. wrk's own count must agree with it.
"""

import contextlib
import math
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import msgspec

from benchmarks.comparing.processes import LOADING, Failed, Running
from benchmarks.comparing.stub import Counts, Stub

CONNECTIONS = 32
WARM_UP = 0.7
"""Seconds of load before a round counts, at least."""
LATENCIES = 3
"""A round is watched for at least so many times as long as one answer takes."""
LONGEST = 60
GLANCE, CALM = 0.04, 5
"""A server is idle once it slept at so many glances in a row, so many seconds apart."""
SLACK, BESIDES = 0.02, 8
"""
The difference allowed between wrk's count and the stub's, besides what is in flight when wrk ends:
our gateway looks its callers up again each minute, and renews its tokens.
"""
SCRIPT = Path(__file__).with_name("wrk.lua")


class Total(msgspec.Struct, frozen=True):
    """The counts of wrk over its whole run."""

    requests: int = 0
    bytes: int = 0
    failed: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """A server and what it is sent: a file with one body a line."""

    running: Running
    url: str
    headers: Mapping[str, str]
    bodies: Path
    fetches: float
    """Upstream requests that one request needs."""


@dataclass(frozen=True, slots=True)
class Round:
    """The results of a candidate in one round: requests and CPU milliseconds."""

    rate: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Sample:
    """Time, CPU time and what the stub has been asked since the sample before."""

    at: float
    cpu: float
    asked: Counts

    @staticmethod
    def of(target: Target, stub: Stub) -> "Sample":
        asked = stub.expected()
        return Sample(time.monotonic(), target.running.cpu, asked)


@dataclass(slots=True)
class Load:
    """wrk at work; its `total` is known once it has ended."""

    process: subprocess.Popen[bytes]
    total: Total = field(default_factory=Total)


def measure(target: Target, stub: Stub, *, seconds: float, pace: float) -> Round:
    """Load `target` for one round. `pace`: requests a second that it is thought to answer."""
    latency = CONNECTIONS / pace
    stub.counts()
    with loading(target) as load:
        time.sleep(WARM_UP + latency)
        before = Sample.of(target, stub)
        time.sleep(max(seconds, LATENCIES * latency))
        after = Sample.of(target, stub)
    asked = before.asked.requests + after.asked.requests + stub.expected().requests
    _agree(target, load.total, asked / target.fetches)
    requests = after.asked.requests / target.fetches
    if not requests:
        raise target.running.failed("answered nothing")
    return Round(
        rate=requests / (after.at - before.at), cpu=1000 * (after.cpu - before.cpu) / requests
    )


def medians(rounds: list[Round]) -> Round:
    """The median of each figure."""
    return Round(median(each.rate for each in rounds), median(each.cpu for each in rounds))


@contextlib.contextmanager
def loading(target: Target, connections: int = CONNECTIONS) -> Iterator[Load]:
    """wrk over so many connections; in the end the server is idle again, and no request failed."""
    load = Load(_wrk(target, connections))
    try:
        yield load
    finally:
        load.process.send_signal(signal.SIGINT)
        output, _ = load.process.communicate()
    load.total = _total(output)
    if load.total.failed or load.total.refused:
        raise target.running.failed(f"let requests fail: {load.total}")
    _settle(target.running)


def _settle(running: Running) -> None:
    """Wait until a server is done with what wrk no longer waits for; the core is the next one's."""
    deadline, quiet = time.monotonic() + LONGEST, 0
    while quiet < CALM and time.monotonic() < deadline:
        before = running.cpu
        time.sleep(GLANCE)
        quiet = quiet + 1 if running.asleep and running.cpu == before else 0


def _wrk(target: Target, connections: int) -> subprocess.Popen[bytes]:
    headers = {"Content-Type": "application/json", **target.headers}
    options = [f"-H{name}: {value}" for name, value in headers.items()]
    options += ["-t1", f"-c{connections}", f"-d{LONGEST}s", "--timeout", f"{LONGEST}s"]
    pinned = ["taskset", "-c", str(LOADING), "wrk", "-s", str(SCRIPT)]
    return subprocess.Popen(
        [*pinned, *options, target.url, "--", str(target.bodies)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _total(output: bytes) -> Total:
    try:
        return msgspec.json.decode(output.splitlines()[-1], type=Total)
    except (IndexError, msgspec.DecodeError):
        raise Failed(f"wrk said: {output.decode(errors='replace')}") from None


def _agree(target: Target, total: Total, requests: float) -> None:
    """Refuse a round in which answers and fetches do not fit together."""
    if not math.isclose(total.requests, requests, rel_tol=SLACK, abs_tol=CONNECTIONS + BESIDES):
        raise target.running.failed(
            f"answered {total.requests} requests with the fetches of {requests:.0f}"
        )
