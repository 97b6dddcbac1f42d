"""The file in which what was learned of an environment waits for the next start of a process."""

import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from gateway.metadata.described import Entity

log = logging.getLogger(__name__)


class Learned(Struct, frozen=True):
    """The descriptions learned from one service."""

    entities: dict[str, Entity] = {}
    missing: tuple[str, ...] = ()
    """Tables that it does not have."""


Memory = Mapping[str, Learned]
"""The descriptions of both services, by the root of each."""


def file_of(setting: str) -> Path | None:
    """The file that a setting means: a path, `auto` for the user's cache folder, `off` for none."""
    if setting == "off":
        return None
    if setting != "auto":
        return Path(setting)
    return Path.home() / ".cache" / "dynamics-gateway" / "names.json"


def load(file: Path) -> Memory:
    """The descriptions of all services that are remembered; none where the file is of no use."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Learned])
    except (OSError, msgspec.DecodeError):
        return {}


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
