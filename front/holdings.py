"""Everything that all connections of a server hold together, and the part of each in it."""

import asyncio
from typing import Protocol

from front.strangers import Strangers


class Closable(Protocol):
    """A connection that may be closed to make room."""

    transport: asyncio.Transport


class Front:
    """Everything that all connections of a server hold together."""

    def __init__(self, most: int) -> None:
        """`most`: connections at once."""
        self.held = self.unread = 0
        self.waiting: dict[Closable, None] = {}
        """Connections that wait for their client, longest first: they make room for others."""
        self.strangers, self.most = Strangers(), most


class Share:
    """The part of one connection in what all hold."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self.held = self.unread = 0

    def hold(self, size: int) -> None:
        """Count the bytes that came and that nobody has read yet."""
        self._front.held += size - self.held
        self.held = size

    def owe(self, size: int) -> None:
        """Count the bytes that were sent and that the client has not read yet."""
        self._front.unread += size - self.unread
        self.unread = size
