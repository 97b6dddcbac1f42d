"""Cut connections as clients meet them: a closed socket, or httpx2's own error in one process."""

import asyncio

import httpx2
from starlette.types import ASGIApp, Receive, Scope, Send

from emulator.faults.actions import ConnectionCut
from emulator.faults.passage import LATENCY


class InProcess(httpx2.ASGITransport):
    """An app without sockets that can fall silent or be too slow like one behind them."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            response = await super().handle_async_request(request)
        except ConnectionCut:
            raise httpx2.ReadError("The connection was cut.", request=request) from None
        patience = request.extensions.get("timeout", {}).get("read")
        if patience is not None and float(response.headers.get(LATENCY, 0)) > patience:
            raise httpx2.ReadTimeout("The answer came too late.", request=request)
        return response


def over_sockets(app: ASGIApp) -> ASGIApp:
    """`app` as uvicorn serves it: a cut connection is closed without a word."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except ConnectionCut:
            # ASGI has no word for hanging up; uvicorn's `send` belongs to the connection.
            send.__self__.transport.abort()  # type: ignore[attr-defined]
            await asyncio.sleep(0)

    return served
