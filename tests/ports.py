"""Ports for servers of tests that are told a number before they listen."""

import socket
from contextlib import suppress
from random import SystemRandom
from typing import Final

RANGE: Final = range(10_000, 32_000)
"""Linux gives outgoing connections ports from 32,768 on: these do not take one in between."""


def free_port(following: int = 0) -> int:
    """A port of 127.0.0.1 that is free now, as are the `following` ones."""
    while True:
        port = SystemRandom().choice(RANGE)
        with suppress(OSError):
            for each in range(port, port + following + 1):
                with socket.socket() as found:
                    found.bind(("127.0.0.1", each))
            return port
