"""The protocol `graphql-transport-ws` over real connections, message by message."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import pytest
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect
from websockets.datastructures import HeadersLike
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from emulator.identities import DEMO_USERS
from front import connection_bounds, socket_bounds
from gateway.auth import kept
from gateway.http import live as live_
from gateway.http import sockets as sockets_
from tests.gateway.live.serving import MOST, listening
from tests.gateway.live.streams import FAST, following
from tests.gateway.live.test_ending import DYING, NOBODYS, ORDERS, jane, owners
from tests.gateway.live.worlds import OURS, change, orders
from tests.stack import Stack, running
from tests.waiting import until

pytestmark = pytest.mark.anyio

PROTOCOL = "graphql-transport-ws"
PATIENCE = 60.0
Json = dict[str, Any]


@pytest.fixture
async def live(world: Starlette, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stack]:
    """A gateway that looks at changes and rights all the time, and listens."""
    monkeypatch.setattr(live_, "SLOT", 0.05)
    monkeypatch.setattr(live_, "QUIET", 0.1)
    monkeypatch.setattr(kept, "REMEMBER", 0.1)
    async with (
        running(
            world, customer_roles=("representative",), live_streams_of_caller=3, **FAST
        ) as found,
        listening(found.app) as port,
    ):
        found.emulator.state.port = port
        yield found


class Talk:
    """One connection, and the messages on it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def hear(self) -> Json:
        async with asyncio.timeout(PATIENCE):
            found: Json = json.loads(await self.socket.recv())
        return found

    async def begin(self, token: str | None = None, **payload: Any) -> None:
        """Say who we are, and be acknowledged."""
        if token is not None:
            payload["Authorization"] = f"Bearer {token}"
        await self.say(type="connection_init", payload=payload)
        assert await self.hear() == {"type": "connection_ack"}

    async def ask(self, name: str, query: str, **variables: Any) -> None:
        await self.say(type="subscribe", id=name, payload={"query": query, "variables": variables})

    async def end(self) -> tuple[int, str]:
        """The code and the reason with which the server ends it."""
        async with asyncio.timeout(PATIENCE):
            with suppress(ConnectionClosed):
                while True:
                    await self.socket.recv()
        return self.socket.close_code or 0, self.socket.close_reason or ""


@asynccontextmanager
async def talking(
    stack: Stack, *protocols: str, headers: HeadersLike | None = None
) -> AsyncIterator[Talk]:
    async with connect(
        f"ws://127.0.0.1:{stack.emulator.state.port}/graphql",
        subprotocols=[Subprotocol(each) for each in protocols or (PROTOCOL,)],
        additional_headers=headers,
        proxy=None,
    ) as socket:
        yield Talk(socket)


async def test_a_subscription_is_answered_and_followed(live: Stack) -> None:
    order = orders(live)[0]
    async with talking(live) as talk:
        await talk.begin(await live.token("jane"))
        await talk.ask("a", ORDERS)
        first = await talk.hear()
        fresh = await live.ask(ORDERS.replace("subscription", "query"))
        assert first == {"id": "a", "type": "next", "payload": fresh.body}
        change(live, "salesorders", order["salesorderid"], name="Over a socket")
        second = await talk.hear()
        names = [each["name"] for each in second["payload"]["data"]["orders"]["nodes"]]
        assert "Over a socket" in names
        await talk.say(type="complete", id="a")
        await until(lambda: live.app and not live.app.state.live.number)
        await talk.ask("a", "{ viewer { kind } }")
        assert (await talk.hear())["payload"] == {"data": {"viewer": {"kind": "customer"}}}
        assert await talk.hear() == {"id": "a", "type": "complete"}


async def test_the_token_may_come_in_a_header(live: Stack) -> None:
    bearer = {"Authorization": f"Bearer {await live.token('jane')}"}
    async with talking(live, "other", PROTOCOL, headers=bearer) as talk:
        assert talk.socket.subprotocol == PROTOCOL
        await talk.begin()


async def test_staff_look_with_the_eyes_that_the_payload_names(live: Stack) -> None:
    order = orders(live)[0]["salesorderid"]
    async with talking(live) as talk:
        await talk.begin(await live.token("admin"), **{"X-View-As": DEMO_USERS["jane"].email})
        await talk.ask("a", ORDERS)
        assert owners((await talk.hear())["payload"]) == {OURS}
        change(live, "salesorders", order, name="Seen as jane, over a socket")
        assert owners((await talk.hear())["payload"]) == {OURS}


async def test_operations_run_at_once_and_each_has_its_end(live: Stack) -> None:
    async with talking(live) as talk:
        await talk.begin(await live.token("jane"))
        await talk.ask("live", ORDERS)
        for number in range(20):
            await talk.ask(f"q{number}", "{ viewer { kind } }")
        await talk.ask("wrong", "{ nothing }")
        heard = [await talk.hear() for _ in range(1 + 20 * 2 + 1)]

    kinds: dict[str, list[str]] = {}
    for each in heard:
        kinds.setdefault(each["id"], []).append(each["type"])
    assert kinds.pop("live") == ["next"]
    assert kinds.pop("wrong") == ["error"]
    assert set(map(tuple, kinds.values())) == {("next", "complete")}
    (wrong,) = [each for each in heard if each["type"] == "error"]
    assert wrong["payload"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_too_many_operations_and_streams_are_refused_one_by_one(
    live: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets_, "TOGETHER", 4)
    async with talking(live) as talk:
        await talk.begin(await live.token("jane"))
        for number in range(5):
            await talk.ask(str(number), ORDERS)
        heard = [await talk.hear() for _ in range(5)]

    refused = {each["id"]: each["payload"][0] for each in heard if each["type"] == "error"}
    assert refused.keys() == {"3", "4"}, "one by the streams of a caller, one by those of a socket"
    assert {each["extensions"]["code"] for each in refused.values()} == {"RATE_LIMITED"}


async def test_pings_are_answered_with_what_they_brought(live: Stack) -> None:
    async with talking(live) as talk:
        await talk.say(type="ping")
        assert await talk.hear() == {"type": "pong"}
        await talk.begin(await live.token("jane"))
        await talk.say(type="ping", payload={"n": 1})
        assert await talk.hear() == {"type": "pong", "payload": {"n": 1}}
        await talk.say(type="pong", payload={})
        async with asyncio.timeout(PATIENCE):
            await (await talk.socket.ping())


@pytest.mark.parametrize(
    "message",
    [
        "no json",
        "[]",
        "{}",
        '{"type": "connection_ack"}',
        '{"type": "next", "id": "a", "payload": {}}',
        '{"type": "start", "id": "a", "payload": {"query": "{ viewer { kind } }"}}',
        '{"type": "connection_init", "payload": 1}',
        '{"type": "ping", "payload": []}',
        '{"type": "subscribe", "payload": {"query": "{ viewer { kind } }"}}',
        '{"type": "subscribe", "id": "", "payload": {"query": "{ viewer { kind } }"}}',
        '{"type": "subscribe", "id": "a"}',
        '{"type": "subscribe", "id": "a", "payload": {}}',
        '{"type": "subscribe", "id": "a", "payload": {"query": 1}}',
        '{"type": "subscribe", "id": "a", "payload": {"query": "{ a }", "variables": []}}',
        '{"type": "complete"}',
        b"\x00",
        b'{"type": "ping"}',
        "[" * 8_000,
    ],
    ids=lambda message: str(message[:40]),
)
async def test_a_message_that_is_none_ends_the_socket_with_4400(
    live: Stack, message: str | bytes
) -> None:
    async with talking(live) as talk:
        await talk.begin(await live.token("jane"))
        await talk.socket.send(message)
        code, reason = await talk.end()

    assert code == 4400
    assert reason


async def test_messages_about_nothing_change_nothing(live: Stack) -> None:
    async with talking(live) as talk:
        await talk.say(type="complete", id="never")
        await talk.say(type="pong", payload=None)
        await talk.begin(await live.token("jane"), **{"X-Unknown": 1, "nested": {"a": []}})
        await talk.say(type="complete", id="never", more=1)
        await talk.say(type="pong")
        await talk.ask("a", "{ viewer { kind } }")
        assert [(await talk.hear())["type"] for _ in range(2)] == ["next", "complete"]


async def test_an_id_that_is_free_again_names_another_operation(live: Stack) -> None:
    async with talking(live) as talk:
        await talk.begin(await live.token("jane"))
        for _ in range(50):
            await talk.ask("a", ORDERS)
            await talk.say(type="complete", id="a")
        await talk.ask("a", "{ nothing }")
        while (said := await talk.hear())["type"] != "error":
            assert (said["id"], said["type"]) == ("a", "next")
        await talk.ask("a", "{ viewer { kind } }")
        assert [(await talk.hear())["type"] for _ in range(2)] == ["next", "complete"]
        await talk.ask("é" * 1_000, ORDERS)
        await talk.hear()
        await talk.ask("é" * 1_000, ORDERS)
        code, reason = await talk.end()

    assert (code, reason[:20]) == (4409, "Subscriber for ééééé")


@pytest.mark.parametrize("depth", [100, 900, 20_000])
async def test_deep_messages_are_refused_or_answered(live: Stack, depth: int) -> None:
    query = "query Q($a: ID) { viewer { kind } }"
    deep = "[" * depth + "]" * depth
    variables = f'{{"a": {deep}}}'
    asked = f'{{"query": {json.dumps(query)}, "variables": {variables}, "extensions": {variables}}}'
    async with talking(live) as talk:
        await talk.begin(await live.token("jane"))
        await talk.socket.send(f'{{"type": "subscribe", "id": "a", "payload": {asked}}}')
        try:
            said = await talk.hear()
            assert said["type"] == "error"
        except ConnectionClosed:
            assert talk.socket.close_code in (4400, 1009)


async def test_operations_before_the_acknowledgement_end_it_with_4401(live: Stack) -> None:
    async with talking(live) as talk:
        await talk.ask("a", ORDERS)
        assert await talk.end() == (4401, "Unauthorized")
    async with talking(live) as talk:
        await talk.say(type="connection_init", payload={"Authorization": "Bearer nobody"})
        await talk.ask("a", ORDERS)
        assert (await talk.end())[0] in (4401, 4403)


@pytest.mark.parametrize("payload", [{}, {"Authorization": "Bearer nobody"}, {"authorization": 1}])
async def test_a_stranger_is_refused_with_4403(live: Stack, payload: Json) -> None:
    async with talking(live) as talk:
        await talk.say(type="connection_init", payload=payload)
        code, reason = await talk.end()

    assert code == 4403
    assert reason.startswith("UNAUTHENTICATED: ")


async def test_a_socket_whose_token_is_said_twice_is_refused_as_a_request_is(live: Stack) -> None:
    mine, theirs = [f"Bearer {await live.token(name)}" for name in ("jane", "may")]
    twice = [("Authorization", mine), ("Authorization", theirs)]
    async with talking(live, headers=twice) as talk:
        await talk.say(type="connection_init")
        assert (await talk.end())[0] == 4403
    async with talking(live) as talk:
        payload = {"Authorization": mine, "authorization": theirs}
        await talk.say(type="connection_init", payload=payload)
        assert (await talk.end())[0] == 4403
    async with talking(live, headers=twice) as talk:  # the payload has the last word
        await talk.begin(await live.token("jane"))


@pytest.mark.parametrize(
    ("account", "code"), [("nothing", "INVALID_INPUT"), (NOBODYS, "NOT_FOUND")]
)
async def test_what_is_no_account_of_the_caller_is_refused_with_4403(
    live: Stack, account: str, code: str
) -> None:
    async with talking(live) as talk:
        token = f"Bearer {await live.token('jane')}"
        payload = {"Authorization": token, "X-Account": account}
        await talk.say(type="connection_init", payload=payload)
        number, reason = await talk.end()

    assert (number, reason.split(":")[0]) == (4403, code)


async def test_a_token_that_fits_into_a_head_fits_into_the_first_message(live: Stack) -> None:
    long = f"Bearer {'a' * 12_000}"
    async with talking(live) as talk:
        await talk.say(type="connection_init", payload={"Authorization": long})
        assert (await talk.end())[0] == 4403


async def test_another_protocol_is_refused_with_4406(live: Stack) -> None:
    async with talking(live, "graphql-ws") as talk:
        assert await talk.end() == (4406, "Subprotocol not acceptable")


async def test_who_does_not_begin_is_let_go_with_4408(
    live: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets_, "FIRST", 0.1)
    async with talking(live) as talk:
        assert await talk.end() == (4408, "Connection initialisation timeout")


async def test_an_id_that_is_taken_ends_it_with_4409(live: Stack) -> None:
    async with talking(live) as talk:
        await talk.begin(await live.token("jane"))
        await talk.ask("a", ORDERS)
        await talk.ask("a", ORDERS)
        assert await talk.end() == (4409, "Subscriber for a already exists")


async def test_who_begins_twice_is_let_go_with_4429(live: Stack) -> None:
    async with talking(live) as talk:
        await talk.begin(await live.token("jane"))
        await talk.say(type="connection_init")
        assert await talk.end() == (4429, "Too many initialisation requests")


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_message_that_is_too_large_ends_it_with_1009(live: Stack, is_known: bool) -> None:
    size = MOST if is_known else socket_bounds.STRANGERS_BYTES
    async with talking(live) as talk:
        if is_known:
            await talk.begin(await live.token("jane"))
        await talk.socket.send('{"type": "ping"}'.ljust(size))
        assert (await talk.hear())["type"] == "pong"
        await talk.socket.send(" " * (size + 1))
        assert (await talk.end())[0] == 1009


async def test_frames_without_content_are_counted(live: Stack) -> None:
    async with talking(live) as talk:
        mask = b"\x00\x00\x00\x00"
        head = struct.pack("!BB", 0x01, 0x80) + mask
        talk.socket.transport.write(head + (struct.pack("!BB", 0x00, 0x80) + mask) * 1_500)
        assert (await talk.end())[0] == 1009


async def test_a_socket_ends_with_its_token(live: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets_, "FIRST", 0.2)
    monkeypatch.setattr(sockets_, "LOOK", 0.2)
    for query in (ORDERS, None):
        minted = await live.upstream.post(
            "/issuer/demo/token", json={"name": "jane", "lifetime": DYING}
        )
        async with talking(live) as talk:
            await talk.begin(minted.raise_for_status().json()["access_token"])
            if query:
                await talk.ask("a", query)
                assert "data" in (await talk.hear())["payload"]
            code, reason = await talk.end()

        assert code == 4403
        assert reason.startswith("UNAUTHENTICATED: ")


@pytest.mark.parametrize(("name", "code"), [("jane", "UNAUTHENTICATED"), ("admin", "NOT_FOUND")])
async def test_a_socket_ends_with_the_rights_and_with_the_view_as(
    live: Stack, name: str, code: str
) -> None:
    look = {"X-View-As": DEMO_USERS["jane"].email} if name == "admin" else {}
    contact = jane(live)["contactid"]
    async with talking(live) as talk:
        await talk.begin(await live.token(name), **look)
        await talk.ask("a", ORDERS)
        await talk.hear()
        try:
            change(live, "contacts", contact, statecode=1, statuscode=2)
            number, reason = await talk.end()
        finally:
            change(live, "contacts", contact, statecode=0, statuscode=1)

    assert number == 4403
    assert reason.startswith(f"{code}: ")


async def test_a_process_that_stops_sends_its_clients_to_another_with_1012(live: Stack) -> None:
    assert live.app is not None
    async with talking(live) as talk:
        await talk.begin(await live.token("jane"))
        await talk.ask("a", ORDERS)
        await talk.hear()
        live.app.state.live.stop()
        assert (await talk.end())[0] == 1012
    async with talking(live) as talk:
        await talk.begin(await live.token("jane"))
        await talk.ask("a", ORDERS)
        assert (await talk.end())[0] == 1012


async def test_a_caller_has_so_many_sockets(live: Stack) -> None:
    async with AsyncExitStack() as open_:
        for _ in range(3):
            talk = await open_.enter_async_context(talking(live))
            await talk.begin(await live.token("jane"))
        async with talking(live) as talk:
            await talk.say(
                type="connection_init",
                payload={"authorization": f"Bearer {await live.token('jane')}"},
            )
            code, reason = await talk.end()
        async with talking(live) as talk:
            await talk.begin(await live.token("may"))
    async with talking(live) as talk:
        await talk.begin(await live.token("jane"))

    assert (code, reason.split(":")[0]) == (1013, "RATE_LIMITED")


async def test_a_mutation_over_a_socket_asks_for_the_same_rights(live: Stack) -> None:
    mutation = 'mutation { cancelSalesOrder(input: { order: "nothing" }) { userErrors { code } } }'
    expected = (await live.ask(mutation)).body
    async with talking(live) as talk:
        await talk.begin(await live.token("jane"))
        await talk.ask("a", mutation)
        said = await talk.hear()

    assert said["payload"] in (expected, expected.get("errors"))


async def test_a_client_that_does_not_read_is_cut_off(
    live: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_bounds, "UNREAD_SECONDS", 0.5)
    monkeypatch.setattr(connection_bounds, "TICK", 0.1)
    assert live.app is not None
    async with talking(live) as lazy, following(live, ORDERS, as_="may") as other:
        await other.next()
        await lazy.begin(await live.token("jane"))
        lazy.socket.transport.pause_reading()
        ping = json.dumps({"type": "ping", "payload": {"x": "y" * 30_000}})
        for _ in range(2_000):
            if lazy.socket.transport.is_closing():
                break
            lazy.socket.transport.write(_frame(ping.encode()))
            await asyncio.sleep(0.005)
        lazy.socket.transport.resume_reading()
        code, _ = await lazy.end()
        assert code == 1006


def _frame(data: bytes) -> bytes:
    return struct.pack("!BBH", 0x81, 0xFE, len(data)) + b"\x00\x00\x00\x00" + data


async def test_sockets_of_strangers_make_room_for_others(
    live: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_bounds, "CONNECTIONS", 5)
    async with listening(live.app) as port, AsyncExitStack() as open_:
        monkeypatch.setattr(live.emulator.state, "port", port)
        mine = await open_.enter_async_context(talking(live))
        await mine.begin(await live.token("jane"))
        strangers = [await open_.enter_async_context(talking(live)) for _ in range(8)]
        await mine.say(type="ping")
        assert await mine.hear() == {"type": "pong"}
        with pytest.raises(ConnectionClosed):
            await strangers[0].hear()


async def test_sockets_that_were_ended_make_room_for_others_though_their_clients_do_not_leave(
    live: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_bounds, "CONNECTIONS", 5)
    async with listening(live.app) as port, AsyncExitStack() as open_:
        monkeypatch.setattr(live.emulator.state, "port", port)
        for _ in range(5):
            talk = await open_.enter_async_context(talking(live))
            await talk.begin(await live.token("jane"))
            open_.callback(talk.socket.transport.abort)  # not to wait for an end that nobody reads
            talk.socket.transport.pause_reading()
            talk.socket.transport.write(_frame(b"none".ljust(200)))
        async with talking(live) as other:
            await other.begin(await live.token("may"))


@pytest.mark.parametrize("is_known", [True, False])
async def test_messages_that_do_not_end_hold_little_together(
    live: Stack, monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    monkeypatch.setattr(connection_bounds, "HELD", 60_000)
    begun = struct.pack("!BBH", 0x01, 0xFE, 15_000) + b"\x00\x00\x00\x00" + b" " * 15_000
    begun += struct.pack("!BBH", 0x80, 0xFE, 1_000) + b"\x00\x00\x00\x00"
    async with AsyncExitStack() as open_:
        mine = await open_.enter_async_context(talking(live))
        await mine.begin(await live.token("may"))
        talks = [await open_.enter_async_context(talking(live)) for _ in range(9)]
        for number, talk in enumerate(talks):
            if is_known and number < 3:
                await talk.begin(await live.token("jane"))
            talk.socket.transport.write(begun)
            open_.callback(talk.socket.transport.abort)  # its message has no end to wait for
        await until(lambda: [t.socket.close_code for t in talks].count(1006) >= len(talks) - 4)
        await mine.say(type="ping")
        assert await mine.hear() == {"type": "pong"}


async def test_other_addresses_have_no_sockets(live: Stack) -> None:
    url = f"ws://127.0.0.1:{live.emulator.state.port}/livez"
    with pytest.raises(InvalidStatus):
        async with connect(url, proxy=None):
            pass
