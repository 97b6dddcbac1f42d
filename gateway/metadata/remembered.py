"""The file in which what was learned of an environment waits for the next start of a process."""

import logging
import os
import tempfile
from pathlib import Path

import msgspec
from msgspec import Struct

from gateway.metadata.described import Entity

log = logging.getLogger(__name__)


class Memory(Struct, frozen=True):
    """The descriptions learned from one environment."""

    environment: str
    dataverse: dict[str, Entity] = {}
    missing: tuple[str, ...] = ()
    """Tables that the environment does not have."""


def file_of(setting: str) -> Path | None:
    """The file that a setting means: a path, `auto` for the user's cache folder, `off` for none."""
    if setting == "off":
        return None
    if setting != "auto":
        return Path(setting)
    return Path.home() / ".cache" / "dynamics-gateway" / "names.json"


def load(file: Path, environment: str) -> Memory | None:
    """The descriptions remembered of this environment; None where none can be used."""
    try:
        found = msgspec.json.decode(file.read_bytes(), type=Memory)
    except (OSError, msgspec.DecodeError):
        return None
    return found if found.environment == environment else None


def save(file: Path, memory: Memory) -> None:
    """Store the names; a folder that cannot be written is logged and otherwise ignored."""
    text = msgspec.json.encode(memory)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as kept:
            kept.write(text)
        os.replace(kept.name, file)
    except OSError as error:
        log.info("the names of the environment are not kept for the next start: %s", error)
