"""
A relay in front of an emulator that answers as late as a service elsewhere does, and keeps what it
has read: what takes its time is then the way, as with Dynamics, and not the emulator's processor.

`python -m benchmarks.distance --port 8002 --emulator http://127.0.0.1:8001`. Reads that look for a
part of a text take `--searches` seconds.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import click
import httpx2
import uvicorn
import uvloop

DROPPED = {"content-length", "content-encoding", "transfer-encoding", "connection"}
Message = MutableMapping[str, Any]
Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


@dataclass
class Distance:
    """An ASGI application."""

    http: httpx2.AsyncClient
    seconds: tuple[float, float]
    searches: float
    random: Random = field(default_factory=lambda: Random(1))  # noqa: S311 - the same each time
    _kept: dict[tuple[str, str], Answer] = field(default_factory=dict)

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            part = await receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)
        target = f"{scope['raw_path'].decode()}?{scope['query_string'].decode()}"
        seconds = self.random.uniform(*self.seconds)
        if "contains(" in target or "contains%28" in target:
            seconds = self.searches
        (status, headers, content), _ = await asyncio.gather(
            self._answer(scope, target, body), asyncio.sleep(seconds)
        )
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _answer(self, scope: Message, target: str, body: bytes) -> Answer:
        headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
        key = target, dict(headers).get(b"prefer", b"").decode()
        if scope["method"] == "GET" and key in self._kept:
            return self._kept[key]
        asked = await self.http.request(scope["method"], target, content=body, headers=headers)
        kept = [each for each in asked.headers.raw if each[0].decode().lower() not in DROPPED]
        kept.append((b"content-length", str(len(asked.content)).encode()))
        answer = asked.status_code, kept, asked.content
        if scope["method"] == "GET" and asked.status_code == httpx2.codes.OK:
            self._kept[key] = answer
        return answer


async def _serve(port: int, emulator: str, seconds: tuple[float, float], searches: float) -> None:
    limits = httpx2.Limits(max_connections=100)
    async with httpx2.AsyncClient(
        base_url=emulator, trust_env=False, timeout=60, limits=limits
    ) as http:
        app = Distance(http, seconds, searches)
        await uvicorn.Server(
            uvicorn.Config(app, port=port, log_level="warning", access_log=False, lifespan="off")
        ).serve()


@click.command(help=__doc__)
@click.option("--port", type=int, required=True)
@click.option("--emulator", required=True, help="Its address.")
@click.option("--seconds", type=(float, float), default=(0.08, 0.2), help="Of a request.")
@click.option("--searches", default=30.0, show_default=True, help="Seconds of such a read.")
def main(port: int, emulator: str, seconds: tuple[float, float], searches: float) -> None:
    uvloop.run(_serve(port, emulator, seconds, searches))


if __name__ == "__main__":
    main()
