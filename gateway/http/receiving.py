"""A request as the edge reads it: its headers in one pass, its id, and its body."""

import re
from asyncio import get_running_loop
from random import getrandbits
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from gateway.observing.current import Running

REQUEST_ID: Final = "X-Request-Id"
"""The header by which callers name a request, and are told its name."""
ID_HEADER: Final = REQUEST_ID.lower().encode()
"""Its name as servers have it."""
SANE_ID: Final = re.compile(rb"[A-Za-z0-9._-]{8,64}")
NO_NAMES: Final[frozenset[bytes]] = frozenset()
RECEIVED: Final = "gateway.received"
"""The place of a request in its scope."""


class Received(Running):
    """One HTTP request. Names of headers are in lower case; several lines of a name are a list."""

    __slots__ = (
        "begun",
        "headers",
        "kind",
        "method",
        "operation",
        "outcome",
        "query",
        "repeated",
        "source",
        "status",
    )

    def __init__(self, scope: Scope) -> None:
        self.begun = get_running_loop().time()
        """The time of its arrival, on the clock of the loop: its deadline is counted from here."""
        self.method: str = scope["method"]
        self.query: bytes = scope["query_string"]
        client = scope.get("client")
        self.source: str = client[0] if client else ""
        """The address at the other end of the connection."""
        self.headers: dict[bytes, bytes] = {}
        self.repeated = NO_NAMES
        """Headers that came in several lines."""
        for name, value in scope["headers"]:
            if name in self.headers:
                self.repeated |= {name}
                value = self.headers[name] + b", " + value
            self.headers[name] = value
        # The id names the request in the log, in errors and in `X-Request-Id`.
        sent = self.headers.get(ID_HEADER, b"")
        if sent and SANE_ID.fullmatch(sent):
            super().__init__(sent.decode())
        else:
            self.trace = ""
            self.id = text = f"{getrandbits(128):032x}"
            self.guid = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
        self.operation = self.kind = ""
        """The name of the operation, where it has one, and query or mutation: once they are known.
        """
        self.outcome = "ok"
        """The code of the first error of its answer, where there is one."""
        self.status = 0
        """That of its answer, once this has begun."""

    def header(self, name: bytes) -> str | None:
        """The value of a header; None without it."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


def received(scope: Scope) -> Received:
    """The request of a scope that passed the middleware."""
    found: Received = scope[RECEIVED]
    return found


async def body(receive: Receive) -> bytes:
    """The whole body; ClientDisconnect where the caller went away before its end."""
    message = await receive()
    whole: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        whole += message.get("body", b"")
    if message["type"] != "http.request":
        raise ClientDisconnect
    return whole
