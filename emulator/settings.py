"""The settings of one emulator; the command line and the demo each fill them in."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

SMALL: Final = "small"
Navigation = Literal["mixed", "lower", "schema"]
CACHE: Final = Path(".cache") / "emulator"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """An emulator without a world and without exports starts empty."""

    base_url: str = "http://127.0.0.1:8001"
    world: str | None = SMALL
    seed: int = 1
    load: Path | None = None
    lenient: bool = False
    pricing: bool = False
    """True if the ERP has its pricing engine, which not every environment has."""
    promising: bool = False
    """True if the ERP tells Dataverse what can be promised: the maps for that run."""
    metadata: tuple[Path, ...] = ()
    environment: Path | None = None
    """A dump of an environment, which the emulator then answers as."""
    navigation: Navigation = "mixed"
    """The spelling of navigation properties of custom lookups."""
    certificates: tuple[Path, ...] = ()
    """PEM certificates that may speak for the service application instead of its secret."""
    applications: tuple[tuple[str, str], ...] = ()
    """Further applications that are users of Dataverse: their client ids and secrets."""
    cache: Path | None = CACHE
    """The folder for worlds and signing keys; nothing is kept without it."""
