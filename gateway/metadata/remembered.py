"""The file in which what was learned of an environment waits for the next start of a process."""

import logging
import os
import tempfile
from collections.abc import Mapping
from errno import EISDIR
from pathlib import Path

import msgspec
from msgspec import Struct

from gateway.config.settings import SettingsError
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
    """
    The file that a setting means: a path, `auto` for the user's cache folder, `off` for none;
    SettingsError for a path that cannot be written.
    """
    if setting == "off":
        return None
    if setting == "auto":
        return Path.home() / ".cache" / "dynamics-gateway" / "names.json"
    file = Path(setting)
    try:
        _try(file)
    except OSError as error:
        problem = f"{file} cannot be written: {error.strerror}; name another file, auto or off"
        raise SettingsError([f"GATEWAY_LEARNED_NAMES: {problem}"]) from None
    return file


def _try(file: Path) -> None:
    """OSError where a file could not be put into its place."""
    if file.is_dir():
        raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent):
        pass


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
