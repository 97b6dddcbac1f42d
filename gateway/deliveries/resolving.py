"""
Names of hosts -> their addresses, in threads of their own: a server of names that does not answer
keeps those alone waiting who ask for that name, and no process from its end.
"""

import asyncio
import socket
from asyncio import AbstractEventLoop, Future
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import Final

Found = list[str] | Exception
_asked: Final[dict[tuple[AbstractEventLoop, str, int], "Future[Found]"]] = {}
"""The names that are looked up now, however many ask for them."""


async def addresses_of(host: str, port: int) -> list[str]:
    """The addresses of a host at this moment; OSError or UnicodeError where it has none."""
    loop = asyncio.get_running_loop()
    key = loop, host, port
    if key not in _asked:
        _asked[key] = found = loop.create_future()
        found.add_done_callback(lambda _: _asked.pop(key))
        Thread(target=_look_up, args=(loop, found, host, port), daemon=True).start()
    outcome = await asyncio.shield(_asked[key])
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _look_up(loop: AbstractEventLoop, asked: "Future[Found]", host: str, port: int) -> None:
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        outcome: Found = [str(each[4][0]).partition("%")[0] for each in rows]
    except (OSError, UnicodeError) as error:
        outcome = error
    with suppress(RuntimeError):  # the loop has ended meanwhile
        loop.call_soon_threadsafe(partial(asked.set_result, outcome))
