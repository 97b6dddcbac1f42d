"""A watcher who does not read is cut off, and costs nobody."""

import asyncio
import json
import socket

import pytest
from starlette.applications import Starlette

from front import connection_bounds
from gateway.http import live as live_
from gateway.http.serving import Protocol
from tests.gateway.live.streams import FAST, SSE, following
from tests.gateway.live.worlds import OURS, account, change, rows
from tests.stack import emulator, running
from tests.waiting import served_at, server_of

pytestmark = pytest.mark.anyio

CONTACTS = "contacts(first: 100) { nodes { id name firstName lastName email jobTitle phone } }"
SMALL = "subscription { contacts(first: 1) { nodes { jobTitle } } }"


async def test_a_watcher_who_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_, "SLOT", 0.0)
    monkeypatch.setattr(connection_bounds, "UNREAD_SECONDS", 0.5)
    monkeypatch.setattr(connection_bounds, "TICK", 0.1)
    world: Starlette = emulator()
    async with running(world, customer_roles=("representative",), **FAST) as stack:
        assert stack.app is not None
        live = stack.app.state.live
        with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as lazy:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
            async with served_at(server_of(stack.app, http=Protocol), listening):
                lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
                lazy.connect(listening.getsockname())
                body = json.dumps({"query": f"subscription {{ {CONTACTS} }}"}).encode()
                head = (
                    f"POST /graphql HTTP/1.1\r\nHost: a\r\nAccept: {SSE}\r\n"
                    f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
                    f"Authorization: Bearer {await stack.token('rep')}\r\n\r\n"
                )
                lazy.sendall(head.encode() + body)
                async with following(stack, SMALL, as_="rep") as stream:
                    await stream.next()
                    person = rows(stack, "contacts", _parentcustomerid_value=account(stack, OURS))
                    for number in range(200):
                        for each in person:
                            change(stack, "contacts", each["contactid"], jobtitle=f"T{number}")
                        await asyncio.sleep(0.1)
                        if number > 5 and live.number == 1:
                            break
                    assert live.number == 1
                    assert len(stream.frames) > 1
