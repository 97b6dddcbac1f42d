"""The steps that every request passes: its id, a bounded body, careful headers, a masked crash."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.types import Message

from gateway.http.middleware import CAREFUL
from tests.gateway.edge import BODY_LIMIT, TOKEN, client, edge_app

pytestmark = pytest.mark.anyio


async def send(path: str, **headers: str) -> httpx2.Response:
    async with client() as http:
        return await http.get(path, headers=headers)


async def post_bytes(content: AsyncIterator[bytes] | bytes, **headers: str) -> httpx2.Response:
    async with client() as http:
        headers = {"Content-Type": "application/json"} | headers
        return await http.post("/graphql", content=content, headers=headers)


async def test_a_request_without_a_sane_id_gets_one() -> None:
    for sent in ("", "short", "x" * 65, "with space inside", "curly{brace}"):
        given = (await send("/livez", **{"X-Request-Id": sent})).headers["x-request-id"]

        assert len(given) == 32
        assert given != sent


async def test_answers_carry_careful_headers_unless_a_route_has_its_own() -> None:
    plain, framed = await send("/livez"), await send("/framed")

    assert {name: plain.headers[name] for name in CAREFUL} == CAREFUL
    assert framed.headers["x-frame-options"] == "SAMEORIGIN"


async def test_a_crash_is_masked_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    response = await send("/broken", **{"X-Request-Id": "crash-01"})

    assert response.status_code == 500
    assert response.json()["errors"][0]["extensions"]["requestId"] == "crash-01"
    assert len(caplog.records) == 1
    assert "crash-01" in caplog.text
    assert "RuntimeError: " not in caplog.text


@pytest.mark.parametrize("excess", [0, 1])
async def test_a_body_is_counted_while_it_arrives(excess: int) -> None:
    start, end = b'{"query":"{who}","extensions":{"x":"', b'"}}'
    padding = BODY_LIMIT - len(start) - len(end) + excess

    async def chunks() -> AsyncIterator[bytes]:
        yield start
        for at in range(0, padding, 1_000):
            yield b"x" * min(1_000, padding - at)
        yield end

    response = await post_bytes(chunks())

    assert response.status_code == (413 if excess else 200)
    if excess:
        error = response.json()["errors"][0]
        assert error["extensions"]["limit"] == "body_bytes"
        assert error["extensions"]["maximum"] == BODY_LIMIT


async def test_an_announced_body_that_is_too_long_is_not_read() -> None:
    read = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(100):
            read += 1_000
            yield b"x" * 1_000

    response = await post_bytes(chunks(), **{"Content-Length": "100000"})

    assert response.status_code == 413
    assert read == 0


async def test_alive_is_not_ready() -> None:
    app = edge_app(conditions={"keys": lambda: True, "load": lambda: False})
    async with client(app) as http:
        alive, ready = await http.get("/livez"), await http.get("/readyz")

    assert (alive.status_code, alive.json()) == (200, {"status": "alive"})
    assert ready.status_code == 503
    assert ready.json()["checks"] == {"keys": "ok", "load": "failing"}


async def test_ready_when_all_conditions_hold() -> None:
    assert (await send("/readyz")).json() == {"status": "ready", "checks": {}}


async def test_who_hangs_up_before_the_end_is_answered_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun = b'{"query": "{ who }"}'  # whole as it stands, but the caller said that more would come
    messages = [{"type": "http.request", "body": begun, "more_body": True}]
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = {"authorization": TOKEN, "content-type": "application/json"}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    await edge_app()(scope, receive, send)

    assert sent == []
    assert not caplog.records
