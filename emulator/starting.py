"""Builds an emulator for a person who watches: a bar while it takes long, a list of misfits."""

import contextlib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from urllib.parse import urlsplit

import click
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
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
    """The emulator with its data. NotStarted where options, data or metadata cannot be used."""
    if mistakes := [*_mistakes(settings)]:
        raise NotStarted("\n".join(mistakes))
    try:
        with _progress(settings) as progress:
            return build(settings, progress)
    except LoadError as error:
        causes = ["Nothing was loaded:", *listed(error.problems)]
        advice = "Declare what is missing with --metadata, or try --lenient."
        raise NotStarted("\n".join([*causes, advice])) from error
    except DeclarationError as error:
        raise NotStarted(str(error)) from error


def _mistakes(settings: Settings) -> Iterator[str]:
    """A line for each option that cannot be used, with what to do about it."""
    parts = urlsplit(settings.base_url)
    bare = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if not (parts.scheme in ("http", "https") and parts.hostname and settings.base_url == bare):
        yield "--base-url: must be scheme, host and port alone, such as http://emulator:8001"
    for path in settings.certificates:
        if not _is_certificate(path):
            yield f"--certificate {path}: holds no certificate in PEM; name the public part"
    if settings.cache:
        try:
            settings.cache.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=settings.cache):
                pass
        except OSError as error:
            remedy = "name a folder that this user may write to"
            yield f"--cache {settings.cache}: {error.strerror}; {remedy}"


def _is_certificate(path: Path) -> bool:
    try:
        RSAKey.import_key(path.read_text())
    except (JoseError, ValueError):
        return False
    return True


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
