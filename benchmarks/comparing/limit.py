"""
What no gateway on the same client and server can beat: fetch the same bytes, decode them, encode
as many as its answer has.

It reads no query. FETCHES names a file with what our gateway fetched for each work, as waves of
requests that do not wait for one another, and its answer; a request's path says which work it is.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import uvicorn
from httpx2 import AsyncHTTPTransport as Transport
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateway.upstream.service import HEADERS

HEAD = (b"content-type", b"application/json")


class Fetch(msgspec.Struct, frozen=True):
    """One request of our gateway."""

    target: str
    prefer: str


class Task(msgspec.Struct, frozen=True):
    """What to do for one work."""

    waves: list[list[Fetch]]
    answer: dict[str, Any]


class View:
    """Answers every POST in the same way."""

    def __init__(self, tasks: dict[str, Task], client: httpx2.AsyncClient) -> None:
        self.tasks, self.client = tasks, client
        self.headers = HEADERS | {"Authorization": f"Bearer {os.environ['SERVICE_TOKEN']}"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        task = self.tasks[request.path_params["work"]]
        await request.body()
        for wave in task.waves:
            await asyncio.gather(*map(self.fetch, wave))
        body = msgspec.json.encode(task.answer)
        head = [HEAD, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})

    async def fetch(self, what: Fetch) -> Any:
        headers = self.headers | {"Prefer": what.prefer}
        response = await self.client.get(what.target, headers=headers)
        return msgspec.json.decode(response.raise_for_status().content)


def create_app(stub: str, tasks: dict[str, Task]) -> Starlette:
    client = httpx2.AsyncClient(base_url=stub, transport=Transport(), trust_env=False)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with client:
            yield

    return Starlette(routes=[Route("/{work}", View(tasks, client))], lifespan=lifespan)


if __name__ == "__main__":
    known = msgspec.json.decode(Path(os.environ["FETCHES"]).read_bytes(), type=dict[str, Task])
    uvicorn.run(
        create_app(os.environ["STUB"], known),
        port=int(os.environ["PORT"]),
        loop="uvloop",
        http="httptools",
        log_level="warning",
    )
