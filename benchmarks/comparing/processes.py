"""Processes of the comparison: each on one core, ended with the comparison, and what they used."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2

SERVED, LOADING = 0, 1
"""The core of the candidates, and the one of the stub upstream and the load generator."""
HOST = "127.0.0.1"
PATIENCE = 60.0
"""Seconds that a process may take until it answers."""
GRACE = 5.0
"""Seconds that a process gets to end before it is killed."""
TICK = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """The comparison cannot go on, for a reason that is told to whoever started it."""


@dataclass(frozen=True, slots=True)
class Running:
    """A process that was started here."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def cpu(self) -> float:
        """Seconds of CPU time used so far, by all threads."""
        fields = self._stat()
        return (int(fields[11]) + int(fields[12])) / TICK

    @property
    def asleep(self) -> bool:
        """True if it waits for something else than a turn on its core."""
        return self._stat()[0] == "S"

    @property
    def resident(self) -> int:
        """Bytes of memory in use now."""
        return self._status("VmRSS")

    @property
    def peak(self) -> int:
        """The most bytes in use since `forget_peak`."""
        return self._status("VmHWM")

    def forget_peak(self) -> None:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def _stat(self) -> list[str]:
        """The fields of /proc/<pid>/stat from the state on."""
        return self._read("stat").rpartition(")")[2].split()

    def _status(self, name: str) -> int:
        lines = self._read("status").splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))

    def _read(self, name: str) -> str:
        try:
            return Path(f"/proc/{self.process.pid}/{name}").read_text()
        except (FileNotFoundError, ProcessLookupError):
            raise self.failed("ended") from None

    def failed(self, what: str) -> Failed:
        """The failure of this process, with the end of what it wrote."""
        tail = self.log.read_text(errors="replace")[-2000:]
        return Failed(f"{self.name} {what}.\n{tail}")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def running(
    name: str, command: Sequence[str], *, core: int, logs: Path, env: Mapping[str, str]
) -> Iterator[Running]:
    """A process pinned to `core`, stopped at the end whatever happens; its output in `logs`."""
    log = logs / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**_surroundings(), **env},
            # Ctrl-C is for the comparison alone, which then ends its processes itself.
            start_new_session=True,
        )
    found = Running(name, process, log)
    try:
        yield found
    finally:
        found.stop()


def _surroundings() -> dict[str, str]:
    """The environment without what somebody set for a gateway of theirs."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}


def answers(found: Running, url: str) -> None:
    """Wait until something at `url` answers, with whatever status."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found.process.poll() is not None:
            raise found.failed("did not start")
        with contextlib.suppress(httpx2.TransportError):
            httpx2.get(url, trust_env=False, timeout=PATIENCE)
            return
        time.sleep(0.05)
    raise found.failed("does not answer")


def free_port() -> int:
    with socket.socket() as found:
        found.bind((HOST, 0))
        port: int = found.getsockname()[1]
        return port
