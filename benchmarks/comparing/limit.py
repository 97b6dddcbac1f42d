"""
The limit that no gateway on the same client and server can beat: fetch the same bytes, decode them,
encode as many as its answer has.

It reads no query. FETCHES names a file with what our gateway fetched for each work, as waves of
requests that do not wait for one another, and its answer; a request's path says which work it is.
"""

import asyncio
import os
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from starlette.types import Receive, Scope, Send

from gateway.client.exchange import Request, Timeouts
from gateway.client.transport import Http1Transport as Transport
from gateway.upstream.service import HEADERS


class Fetch(msgspec.Struct, frozen=True):
    """One request of our gateway."""

    target: str
    prefer: str


class Task(msgspec.Struct, frozen=True):
    """The task of one work."""

    waves: list[list[Fetch]]
    answer: dict[str, Any]


class Limit:
    """An application that answers every POST in the same way."""

    def __init__(self, stub: str, token: str, tasks: dict[str, Task]) -> None:
        self.stub, self.tasks = stub, tasks
        self.headers = HEADERS | {"Authorization": f"Bearer {token}"}
        self.transport, self.timeouts = Transport(), Timeouts()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = self.tasks.get(scope["path"].removeprefix("/"), Task([], {}))
        while (await receive()).get("more_body"):
            pass
        for wave in task.waves:
            await self.fetch_all(wave)
        body = msgspec.json.encode(task.answer)
        length = b"%d" % len(body)
        head = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})

    async def fetch_all(self, wave: list[Fetch]) -> None:
        if len(wave) == 1:
            await self.fetch(wave[0])
        else:
            await asyncio.gather(*map(self.fetch, wave))

    async def fetch(self, what: Fetch) -> Any:
        headers = self.headers | ({"Prefer": what.prefer} if what.prefer else {})
        request = Request("GET", self.stub + what.target, headers=headers)
        reply = await self.transport.exchange(request, self.timeouts)
        return msgspec.json.decode(reply.body)


def main() -> None:
    tasks = msgspec.json.decode(Path(os.environ["FETCHES"]).read_bytes(), type=dict[str, Task])
    uvicorn.run(
        Limit(os.environ["STUB"], os.environ["SERVICE_TOKEN"], tasks),
        port=int(os.environ["PORT"]),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
