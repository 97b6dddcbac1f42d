"""Pictures by their versions -> their bytes, for the next caller who may see them."""

from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Final

from gateway.ceiling import unheld

LARGEST: Final = 256 * 1024
"""Bytes of a picture above which it is not kept: it would drive out too many others."""
ENTRY: Final = 200
"""Bytes that a picture takes besides, about."""


class KeptPictures:
    """The pictures that one process keeps, the least used first to go."""

    def __init__(self, *, keeps: bool = True) -> None:
        self._keeps = keeps
        self._found: OrderedDict[str, bytes] = OrderedDict()
        self.grown: Callable[[], None] = unheld
        self.size = 0
        """Bytes that are taken, about."""

    def get(self, version: str) -> bytes | None:
        if version in self._found:
            self._found.move_to_end(version)
        return self._found.get(version)

    def drop(self) -> None:
        """Let the least used go."""
        if self._found:
            _, content = self._found.popitem(last=False)
            self.size -= ENTRY + len(content)

    async def keeping(
        self, version: str, pieces: AsyncIterator[bytes]
    ) -> AsyncGenerator[bytes, None]:
        """The pieces of a picture, which is kept once all of them have come."""
        content: bytes | None = b"" if self._keeps else None
        async for piece in pieces:
            if content is not None:
                content = content + piece if len(content) + len(piece) <= LARGEST else None
            yield piece
        if content is not None and version not in self._found:
            self._found[version] = content
            self.size += ENTRY + len(content)
            self.grown()
