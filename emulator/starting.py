"""Builds an emulator for a person who watches: a bar while it takes long, a list of misfits."""

import contextlib
import socket
import sys
from collections.abc import Iterator

import click
from starlette.applications import Starlette

from emulator.declarations import DeclarationError
from emulator.file_problems import LoadError, Problems
from emulator.server import build
from emulator.settings import Settings
from emulator.world.cache import kept_at
from emulator.world.generation import Progress
from emulator.world.sizes import SIZES

LISTED = 50
"""Causes that are listed before the rest is counted."""


class NotStarted(Exception):
    """The emulator cannot start, for a reason that its user can mend."""


def started(settings: Settings) -> Starlette:
    """The emulator with its data. NotStarted where data or metadata cannot be used."""
    try:
        with _progress(settings) as progress:
            return build(settings, progress)
    except LoadError as error:
        causes = ["Nothing was loaded:", *listed(error.problems)]
        advice = "Declare what is missing with --metadata, or try --lenient."
        raise NotStarted("\n".join([*causes, advice])) from error
    except DeclarationError as error:
        raise NotStarted(str(error)) from error


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket bound to an address, before anything else is begun. NotStarted if it is taken."""
    with socket.socket() as found:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((host, port))
        except OSError as error:
            reason = error.strerror or "it cannot be used"
            raise NotStarted(f"Port {port} of {host}: {reason}. Choose another: --port.") from None
        yield found


def listed(problems: Problems) -> list[str]:
    """The causes of problems, indented, the many cut short."""
    lines = [f"  {problem}" for problem in problems]
    more = [f"  ... and {len(lines) - LISTED:,} further causes"] if len(lines) > LISTED else []
    return lines[:LISTED] + more


@contextlib.contextmanager
def _progress(settings: Settings) -> Iterator[Progress]:
    """A bar while a world is generated; one that was kept appears at once."""
    world, cache = settings.world, settings.cache
    kept = world and cache and kept_at(cache, world, settings.seed).exists()
    orders = SIZES[world].orders if world and not kept else 0
    label = f"Generating the {world} world"
    with click.progressbar(length=orders, label=label, hidden=not orders, file=sys.stderr) as bar:
        yield bar.update
