"""Addresses that webhooks must not reach are not reached, however they are spelled."""

import asyncio
import socket
from collections.abc import Callable
from ipaddress import IPv4Address
from threading import Event
from typing import Any

import pytest

from gateway.deliveries import posting
from gateway.deliveries.posting import NotPosted, post, reached
from tests.gateway.deliveries.receiving import receiving
from tests.waiting import PATIENCE

pytestmark = pytest.mark.anyio

FORBIDDEN = (
    # this machine
    "127.0.0.1", "127.0.0.2", "127.255.255.254", "0.0.0.0", "localhost",  # noqa: S104 - not bound
    "LOCALHOST",
    "2130706433", "0x7f000001", "0x7f.1", "127.1", "127.0.1", "0177.0.0.1", "[::1]", "[::]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "[::127.0.0.1]",
    # link-local, and the metadata of clouds
    "169.254.169.254", "169.254.0.1", "[fe80::1]", "[::ffff:169.254.169.254]", "2852039166",
    "0xa9fea9fe", "[fd00:ec2::254]", "100.100.100.200", "192.0.0.192",
    "168.63.129.16", "[::ffff:168.63.129.16]", "[64:ff9b::a83f:8110]",
    # private
    "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.0.1", "192.168.1.254",
    "[::ffff:10.0.0.1]", "[fc00::1]", "[fd12:3456:789a::1]", "100.64.0.1", "100.127.255.254",
    "167772161", "0x0a000001", "012.0.0.1", "3232235521",
    # translated, tunnelled, documented, reserved, for many
    "[64:ff9b::7f00:1]", "[64:ff9b::a00:1]", "[64:ff9b:1::1]", "[2002:7f00:1::]",
    "[2002:a00:1::1]", "[2001:0:7f00:1::1]", "[2001:db8::1]", "192.0.2.1", "198.51.100.1",
    "203.0.113.1", "198.18.0.1", "240.0.0.1", "255.255.255.255", "224.0.0.1", "239.255.255.250",
    "[ff02::1]", "[ff0e::1]", "192.0.0.8", "[100::1]", "0.0.0.1",
)  # fmt: skip


@pytest.mark.parametrize("host", FORBIDDEN)
async def test_an_address_that_is_not_everybodys_is_not_reached(host: str) -> None:
    with pytest.raises(NotPosted):
        await reached(f"https://{host}/hooks")


def test_there_are_sixty_of_them() -> None:
    assert len(set(FORBIDDEN)) >= 60


async def test_nothing_is_sent_to_this_machine_unless_its_network_is_allowed() -> None:
    async with receiving() as receiver:
        url = f"http://127.0.0.1:{receiver.port}/hooks"
        for allow in ((), ("10.0.0.0/8",)):
            with pytest.raises(NotPosted):
                await post(url, {}, b"{}", allow)
        assert receiver.tried == []

        assert await post(url, {"webhook-id": "1"}, b"{}", ("127.0.0.0/8",)) == 204


async def test_public_addresses_are_reached_over_tls_alone() -> None:
    assert await reached("https://93.184.215.14/hooks") == [IPv4Address("93.184.215.14")]
    with pytest.raises(NotPosted):
        await reached("http://93.184.215.14/hooks")


Row = tuple[Any, ...]


def named(monkeypatch: pytest.MonkeyPatch, answer: Callable[[], list[str]]) -> list[str]:
    """Have every name lead to the addresses of an answer; the names that were looked up."""
    asked: list[str] = []

    def looked_up(host: str, port: int, **_: Any) -> list[Row]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in answer()]

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    return asked


async def test_a_name_that_leads_elsewhere_the_next_time_is_not_followed_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with receiving() as receiver:
        answers = [["127.0.0.1"], ["93.184.215.14", "127.0.0.1"], ["127.0.0.1"]]
        asked = named(monkeypatch, lambda: answers.pop(0))
        url = f"https://partner.example:{receiver.port}/hooks"
        for _ in range(3):
            with pytest.raises(NotPosted):
                await post(url, {}, b"{}")

    assert receiver.tried == []
    assert asked == ["partner.example"] * 3, "each connection is to what was checked for it"


async def test_a_connection_goes_to_the_address_that_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with receiving() as receiver:
        answers = [["127.0.0.9"], ["127.0.0.1"]]
        asked = named(monkeypatch, lambda: answers.pop(0))
        with pytest.raises(NotPosted):
            await post(f"http://partner.example:{receiver.port}/", {}, b"{}", ("127.0.0.9/32",))

    assert receiver.tried == []
    assert asked == ["partner.example"]


async def test_the_next_address_of_a_name_is_tried_where_one_takes_no_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with receiving() as receiver:
        named(monkeypatch, lambda: ["127.0.0.9", "127.0.0.1"])
        url = f"http://partner.example:{receiver.port}/hooks"

        assert await post(url, {"webhook-id": "1"}, b"{}", ("127.0.0.0/8",)) == 204


async def test_a_name_that_nobody_answers_for_keeps_nobody_else_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(posting, "PATIENCE", 0.2)
    go = Event()

    def never() -> list[str]:
        go.wait(PATIENCE)
        return ["93.184.215.14"]

    asked = named(monkeypatch, never)
    try:
        for _ in range(3):
            tries = [post("https://stuck.example/hooks", {}, b"{}") for _ in range(20)]
            found = await asyncio.gather(*tries, return_exceptions=True)
            assert {str(each) for each in found} == {"no answer in time"}
        assert await asyncio.to_thread(lambda: "others") == "others"
    finally:
        go.set()

    assert asked == ["stuck.example"], "it is asked for once, however many wait for it"
