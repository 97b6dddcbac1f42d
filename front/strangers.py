"""
Connections whose client nobody knows: an app tells its server whom it knows, and the others are
read one after the other, so that nobody waits for all of them but themselves.
"""

import asyncio
import select
from collections.abc import Callable, Mapping
from typing import Any, Final

KNOWN: Final = "front.known"
"""The extension of an ASGI scope that has the function to call."""
A_TURN: Final = 1
"""Connections of strangers that are read in one turn of the event loop."""


def known(scope: Mapping[str, Any]) -> None:
    """Tell the server that the client of this connection is known, and may have more of it."""
    tell: Callable[[], None] | None = scope.get("extensions", {}).get(KNOWN)
    if tell is not None:
        tell()


class Strangers:
    """
    The connections of strangers, each of which waits for its turn to be read. Meanwhile the kernel
    keeps what they send. A kernel without epoll lets nobody wait.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Transport] = {}
        self._has_turns = hasattr(select, "epoll")
        if self._has_turns:
            self._sockets = select.epoll()  # which can be waited for itself
            asyncio.get_running_loop().add_reader(self._sockets.fileno(), self._let_in)

    def keep(self, transport: asyncio.Transport) -> None:
        """Read no more of a connection until it has sent something and its turn comes."""
        file = _file(transport)
        if not self._has_turns or file is None or self._waiting.get(file) is transport:
            return
        transport.pause_reading()
        self._waiting[file] = transport
        self._sockets.register(file, select.EPOLLIN)

    def leave(self, transport: asyncio.Transport) -> None:
        """End the wait of a connection, if it waits."""
        file = _file(transport)
        if file is not None and self._waiting.get(file) is transport:
            self._take(file)

    def _let_in(self) -> None:
        """Read those who have waited longest, from the next turn on."""
        for file, _ in self._sockets.poll(0, A_TURN):
            self._take(file).resume_reading()

    def _take(self, file: int) -> asyncio.Transport:
        self._sockets.unregister(file)
        return self._waiting.pop(file)


def _file(transport: asyncio.Transport) -> int | None:
    """The descriptor of a connection; None where there is none, or none any more."""
    socket = transport.get_extra_info("socket")
    file = -1 if socket is None else socket.fileno()
    return None if file < 0 else file
