"""
A guard against a slower way to the services that no clock has a part in: the calls of one request.

The figures are a little above what stands today; whoever goes beyond them should know why.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

import pytest

from gateway.client.exchange import Reply, Request, Timeouts
from gateway.client.transport import Http1Transport
from gateway.upstream.credentials import ServiceLogin, Signed, by_secret
from gateway.upstream.sender import Sender
from tests.gateway.upstream.servers import always, serving

pytestmark = pytest.mark.anyio
HEADERS = {"Accept": "application/json", "OData-Version": "4.0", "If-None-Match": "null"}
OF_A_DOZEN = b"".join(b"X-Header-%d: %d\r\n" % (number, number) for number in range(12))
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n%s\r\nok" % OF_A_DOZEN
TO_SEND_AND_SIGN, TO_CARRY = 29, 68


class AtOnce:
    """A service that grants any token and has every answer ready."""

    async def exchange(self, request: Request, timeouts: Timeouts) -> Reply:
        return Reply(200, {}, b'{"access_token": "x", "expires_in": 3600}')

    async def aclose(self) -> None:
        """Nothing is connected."""


async def calls(ask: Callable[[], Awaitable[object]]) -> int:
    """Calls within the gateway for what `ask` does when it does it again."""
    counted: Counter[str] = Counter()

    def count(frame: FrameType, event: str, argument: Any) -> None:
        path = frame.f_code.co_filename
        ours = "/gateway/upstream/" in path or "/gateway/admission/" in path
        if event in ("call", "c_call") and ours and "/tests/" not in path:
            counted[event] += 1

    await ask()
    sys.setprofile(count)
    try:
        await ask()
    finally:
        sys.setprofile(None)
    return counted.total()


async def test_a_request_that_goes_well_is_sent_and_signed_in_few_calls() -> None:
    service, sender = AtOnce(), Sender()
    login = ServiceLogin(service, "https://org.example", "https://login", by_secret("a", "b"))
    signed = Signed(service, (login,))
    request = Request("GET", "https://org.example/accounts", headers=HEADERS)

    clock = asyncio.get_running_loop().time
    found = await calls(lambda: sender.send(signed, request, clock() + 10, 8, clock))

    assert found <= TO_SEND_AND_SIGN


async def test_an_exchange_over_a_kept_connection_is_few_calls() -> None:
    transport = Http1Transport()
    async with serving(always(ANSWER)) as server:
        request = Request("GET", f"{server.url}/accounts", headers=HEADERS)

        found = await calls(lambda: transport.exchange(request, Timeouts()))

        assert found <= TO_CARRY
        await transport.aclose()
