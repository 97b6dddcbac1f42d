"""A way upstream on which the rows of some answers are changed."""

from collections.abc import Callable
from typing import Any

import httpx2
import msgspec
from starlette.applications import Starlette

from emulator.faults.connections import InProcess

Change = Callable[[list[dict[str, Any]]], None]


class Meddling(InProcess):
    """Changes the rows of answers to what has `asked` in its URL."""

    def __init__(self, app: Starlette, asked: str, change: Change) -> None:
        super().__init__(app=app)
        self._asked = asked
        self._change = change
        self.met = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if self._asked not in str(request.url):
            return response
        body = msgspec.json.decode(await response.aread())
        self._change(body["value"])
        self.met += 1
        return httpx2.Response(200, json=body)
