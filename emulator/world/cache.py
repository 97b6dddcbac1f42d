"""Keeps generated worlds in files, so that each is generated once and then merely copied."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from shutil import copyfile
from tempfile import NamedTemporaryFile
from typing import Final

from emulator.declarations import standard
from emulator.metadata import Catalog
from emulator.store import Store
from emulator.world.fitting import fit
from emulator.world.generation import Progress, generate
from emulator.world.sizes import SIZES

MADE_BY: Final = (
    "days", "ddl", "declarations", "defaults", "identities", "metadata", "store", "supplements",
    "values", "vocabulary",
)  # fmt: skip


def world(
    catalog: Catalog,
    name: str,
    seed: int,
    cache: Path,
    progress: Progress,
    shown: Catalog | None = None,
) -> Store:
    """A store of its own with a generated world, from the cache if it is there."""
    kept = kept_at(cache, name, seed)
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with _alone(cache / f"{name}-{seed}.lock"):
            # Another process may have made it meanwhile.
            if not kept.exists():
                _keep(kept, name, seed, progress)
    with NamedTemporaryFile(dir=cache, suffix=".running") as copy:
        copyfile(kept, copy.name)
        # The file loses its name when this ends; the store's connection holds on to it.
        store = Store(catalog, copy.name, shown, _version(kept))
        if shown is not None:
            fit(store, standard())
        return store


@lru_cache
def _version(kept: Path) -> int:
    """The version of a world's newest row, which is found by a look at each of its tables."""
    store = Store(standard(), str(kept))
    with closing(store.connection):
        return store.version


def kept_at(cache: Path, name: str, seed: int) -> Path:
    return cache / f"{name}-{seed}-{_fingerprint()}.sqlite"


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Work that one process does at a time."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _keep(kept: Path, name: str, seed: int, progress: Progress) -> None:
    unfinished = kept.with_suffix(f".{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    store = Store(standard(), str(unfinished))
    with closing(store.connection):
        generate(store, SIZES[name], seed, progress)
    unfinished.replace(kept)
    for older in kept.parent.glob(f"{name}-{seed}-*.sqlite"):
        if older != kept:
            older.unlink(missing_ok=True)


def _fingerprint() -> str:
    """A hash of what a world is made of and by; a change in either makes other files."""
    package = files("emulator")
    sources = [package / f"{name}.py" for name in MADE_BY]
    sources += [*_sources(package / "world"), *_sources(package / "tables")]
    sources += [*_sources(files("dynamics.data")), files("dynamics") / "dictionary.py"]
    digest = sha256()
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def _sources(folder: Traversable) -> list[Traversable]:
    found = (each for each in folder.iterdir() if each.name.endswith((".py", ".toml", ".tsv")))
    return sorted(found, key=lambda each: each.name)
