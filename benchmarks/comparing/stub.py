"""The stub upstream's commands: learn, freeze, and what it was asked."""

from dataclasses import dataclass

import httpx2
import msgspec

from benchmarks.comparing.processes import Failed


class Counts(msgspec.Struct, frozen=True):
    """The counts of what the stub answered since the last time it was asked."""

    requests: int
    bytes: int
    misses: int


class Fetch(msgspec.Struct, frozen=True):
    """A request that the stub answered while it learned."""

    target: str
    prefer: str
    size: int


@dataclass(frozen=True, slots=True)
class Stub:
    """The stub at `url`."""

    url: str

    def counts(self) -> Counts:
        return msgspec.json.decode(self._command("counts"), type=Counts)

    def expected(self) -> Counts:
        """The counts; Failed where something was asked that had not been learned."""
        found = self.counts()
        if found.misses:
            raise Failed(f"The stub did not know {found.misses} requests.")
        return found

    def freeze(self) -> None:
        self._command("freeze")

    def log(self) -> list[Fetch]:
        """The requests that were answered since the last time, in order; reads alone."""
        lines = self._command("log").decode().splitlines()
        return [_fetch(line) for line in lines if line.startswith("GET ")]

    def _command(self, name: str) -> bytes:
        return httpx2.get(f"{self.url}/-/{name}", trust_env=False).raise_for_status().content


def _fetch(line: str) -> Fetch:
    request, prefer, size = line.split("\t")
    return Fetch(request.partition(" ")[2], prefer, int(size))
