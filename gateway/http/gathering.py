"""
The metrics of several worker processes -> one answer to whoever asks any of them.

Each worker tells its samples at a socket in a folder that only its user can enter, and asks all
sockets there when it is scraped. A series gets the number of its worker as a label, so that sums
are right when one of them starts anew; a worker that does not answer is left out.
"""

import asyncio
import fcntl
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import IO, Final

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

FOLDER: Final = "_DYNAMICS_GATEWAY_WORKERS"
"""The variable by which worker processes are told the folder of their sockets."""
PATIENCE: Final = 1.0
"""Seconds that a worker has for telling its samples."""
LONGEST: Final = 64 * 1024 * 1024
"""Bytes of what a worker tells at most."""
WORKER: Final = "worker"


class Told(msgspec.Struct, array_like=True):
    """The samples of one metric in one worker."""

    name: str
    doc: str
    kind: str
    samples: list[tuple[str, dict[str, str], float]]


@contextmanager
def folder_for_workers() -> Iterator[None]:
    """A folder for the sockets of worker processes that start meanwhile."""
    with tempfile.TemporaryDirectory(prefix="gateway-") as folder:
        os.environ[FOLDER] = folder
        yield


class WorkerMetrics:
    """The samples of all workers that have their sockets in a folder."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    async def tell(self, registry: CollectorRegistry) -> None:
        """Tell the samples of this process to whoever asks, until cancelled."""
        number, lock = self._claimed()
        path = self._folder / f"{number}.socket"

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(msgspec.json.encode(_told(registry)))
            with suppress(OSError):
                await writer.drain()
            writer.close()

        with lock:
            path.unlink(missing_ok=True)
            async with await asyncio.start_unix_server(answer, path) as server:
                await server.serve_forever()

    async def gathered(self) -> CollectorRegistry:
        """The samples of all workers."""
        paths = sorted(self._folder.glob("*.socket"), key=lambda path: int(path.stem))
        answers = await asyncio.gather(*map(_asked, paths))
        registry = CollectorRegistry()
        registry.register(_Together([(p.stem, a) for p, a in zip(paths, answers, strict=True)]))
        return registry

    def _claimed(self) -> tuple[int, IO[bytes]]:
        """The first number that no worker has, for as long as its file is open."""
        for number in count(1):
            file = (self._folder / f"{number}.lock").open("wb")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                continue
            return number, file
        raise AssertionError("numbers do not end")


def _told(registry: CollectorRegistry) -> list[Told]:
    return [
        Told(
            family.name,
            family.documentation,
            family.type,
            [(each.name, dict(each.labels), each.value) for each in family.samples],
        )
        for family in registry.collect()
    ]


async def _asked(path: Path) -> Sequence[Told]:
    """The samples of a worker; none where it does not tell them."""
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_unix_connection(path, limit=LONGEST)
            try:
                found = await reader.read(-1)
            finally:
                writer.close()
        return msgspec.json.decode(found, type=list[Told])
    except (OSError, TimeoutError, msgspec.MsgspecError):
        return ()


class _Together(Collector):
    def __init__(self, told: Iterable[tuple[str, Sequence[Told]]]) -> None:
        self._told = told

    def collect(self) -> Iterator[Family]:
        families: dict[str, Family] = {}
        for worker, found in self._told:
            for told in found:
                if told.name not in families:
                    families[told.name] = Family(told.name, told.doc, told.kind)
                for name, labels, value in told.samples:
                    families[told.name].add_sample(name, {**labels, WORKER: worker}, value)
        yield from families.values()
