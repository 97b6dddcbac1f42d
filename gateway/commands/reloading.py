"""
The demo's portal with a brand that is being made: as soon as a file of it has changed, the portal
is made anew. With mistakes, which are printed, the last one that could be used stays.
"""

import asyncio
import contextlib
import importlib
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import click
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from gateway.tasks import ended

LOOK: Final = 0.5
"""Seconds between two looks at the files."""
MADE: Final = "The portal shows your changes."
Seen = frozenset[tuple[str, int, int]]
"""The files of a brand, each with its time and size."""


class Reloading:
    """An ASGI app that hands requests to the newest app that could be made."""

    def __init__(
        self, make: Callable[[], Starlette], folder: Path | None, modules: Sequence[str]
    ) -> None:
        """`make` raises ValueError, ImportError or AttributeError where it cannot."""
        self._make, self._folder, self._modules = make, folder, modules
        self._app = make()
        self._seen = self._look()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look for changes as long as this lasts; each app that was made lives until its end."""
        async with contextlib.AsyncExitStack() as apps:
            await apps.enter_async_context(self._app.router.lifespan_context(self._app))
            looking = asyncio.create_task(self._follow(apps))
            try:
                yield
            finally:
                await ended([looking])

    async def _follow(self, apps: contextlib.AsyncExitStack) -> None:
        while True:
            await asyncio.sleep(LOOK)
            if (now := self._look()) != self._seen:
                self._seen = now
                await self._made_anew(apps)

    async def _made_anew(self, apps: contextlib.AsyncExitStack) -> None:
        try:
            for name in self._modules:
                importlib.reload(sys.modules[name])
            app = self._make()
        except Exception as error:  # noqa: BLE001 - the code is the reader's, who is to see it
            click.echo(f"{type(error).__name__}: {error}\n", err=True)
            return
        await apps.enter_async_context(app.router.lifespan_context(app))
        self._app = app
        click.echo(MADE, err=True)

    def _look(self) -> Seen:
        return frozenset(_stamped(path) for path in self._files())

    def _files(self) -> Iterator[Path]:
        if self._folder:
            yield from (path for path in self._folder.rglob("*") if path.is_file())
        for name in self._modules:
            yield Path(sys.modules[name].__file__ or "")


def _stamped(path: Path) -> tuple[str, int, int]:
    try:
        found = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), found.st_mtime_ns, found.st_size
