"""Everything set up before any candidate: data, the emulator, the stub in front of it, tokens."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.comparing import world
from benchmarks.comparing.candidates import OURS, SCRIPTS, Candidate, Surroundings
from benchmarks.comparing.measuring import Target
from benchmarks.comparing.processes import (
    HOST,
    LOADING,
    SERVED,
    Running,
    answers,
    free_port,
    running,
)
from benchmarks.comparing.stub import Stub

PROGRAM = Path(__file__).parents[2] / ".cache" / "benchmarks" / "stub"
"""Built by `scripts/install --benchmarks`."""
PATIENCE = 60.0
"""Seconds for one answer."""


@dataclass(frozen=True, slots=True)
class Server:
    """A candidate that is running, at `url`."""

    candidate: Candidate
    running: Running
    url: str


@dataclass(frozen=True, slots=True)
class Session:
    """The running stub, and what is needed to ask it and to start others on it."""

    stub: Stub
    emulator: Running
    folder: Path
    """Files of this session; gone with it."""
    client: httpx2.Client
    stack: ExitStack
    service_token: str
    tokens: Mapping[str, str]
    """A token of each customer's buyer, by e-mail address."""

    def start(self, candidate: Candidate, **environment: str) -> Server:
        """Start a candidate and wait until it listens. It ends with the session."""
        account = world.LARGE.account
        around = Surroundings(self.stub.url, self.service_token, account, free_port())
        process = self.stack.enter_context(
            running(
                candidate.name,
                candidate.command,
                core=SERVED,
                logs=self.folder,
                env={**candidate.environment(around), **environment},
            )
        )
        url = f"http://{HOST}:{around.port}"
        answers(process, f"{url}/")
        return Server(candidate, process, url)

    def afresh(self, target: Target) -> Target:
        """The same target at our gateway started anew."""
        server = self.start(replace(OURS, name="ours afresh"))
        url = server.url + httpx2.URL(target.url).path
        return replace(target, running=server.running, url=url)


@contextlib.contextmanager
def session(
    others: Sequence[world.Customer] = (), passed_on: Sequence[str] = ()
) -> Iterator[Session]:
    """
    A session; whatever was started in it ends with it. `others`: customers besides those of the
    works; `passed_on`: texts of requests that the emulator answers each time.
    """
    customers = (world.LARGE, world.WIDE, *others)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="compare-")))
        client = stack.enter_context(httpx2.Client(trust_env=False, timeout=PATIENCE))
        front, back = free_port(), free_port()
        stub = Stub(f"http://{HOST}:{front}")
        emulator = stack.enter_context(_emulator(folder, stub.url, back, customers))
        answers(emulator, f"http://{HOST}:{back}/")
        command = str(PROGRAM), str(front), str(back), *passed_on
        upstream = running("stub", command, core=LOADING, logs=folder, env={})
        answers(stack.enter_context(upstream), f"{stub.url}/-/counts")
        buyers = [customer.email for customer in customers]
        tokens = {name: _token(client, stub, name=name) for name in buyers}
        service = _token(client, stub, service=True)
        yield Session(stub, emulator, folder, client, stack, service, tokens)


def _emulator(
    folder: Path, known_as: str, port: int, customers: Sequence[world.Customer]
) -> contextlib.AbstractContextManager[Running]:
    """The emulator with the comparison's data, which takes itself to be at the stub's address."""
    data = folder / "world"
    world.write(data, customers)
    command = (str(SCRIPTS / "emulator"), "serve", "--port", str(port), "--base-url", known_as)
    return running("emulator", (*command, "--load", str(data)), core=LOADING, logs=folder, env={})


def _token(client: httpx2.Client, stub: Stub, **asked: Any) -> str:
    minted = client.post(f"{stub.url}/issuer/demo/token", json=asked).raise_for_status()
    return str(minted.json()["access_token"])
