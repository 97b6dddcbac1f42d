"""
One POST to an address of somebody else: its name is resolved for each connection, and no address is
reached that is not open to all the world, unless the operator allows its network.

The connection goes to the address that was checked, so that a name which is resolved anew cannot
lead elsewhere. Redirects are not followed, and of the answer the status alone is read.
"""

import asyncio
import ssl
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from gateway.deliveries.resolving import addresses_of

PATIENCE: Final = 15.0
"""Seconds for a delivery, from the resolution of the name to the status."""
INTERIM: Final = 5
"""Interim answers (1xx) that are passed over."""
HEADERS: Final = 100
"""Lines of headers of an interim answer."""
AZURE: Final = IPv4Address("168.63.129.16")
"""The address by which machines in Azure reach their own host, though it looks like any other."""
TRANSLATED: Final = ip_network("64:ff9b::/96")
"""IPv6 addresses by which a network reaches IPv4."""
MAPPED: Final = ip_network("::ffff:0:0/96")
"""IPv6 addresses that are spellings of IPv4."""
SPECIAL: Final = tuple(
    map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "3fff::/20", "fec0::/10"))
)
"""Networks of IANA's registries of special addresses that older Pythons take for global ones."""

Address = IPv4Address | IPv6Address


class NotPosted(Exception):
    """There was no answer; the text says why, and quotes nothing that the receiver sent."""


async def post(url: str, headers: Mapping[str, str], body: bytes, allow: Sequence[str] = ()) -> int:
    """The status of the answer; NotPosted without one, or for an address not to be reached."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await _posted(url, headers, body, allow)
    except TimeoutError:
        raise NotPosted("no answer in time") from None
    except ssl.SSLError:
        raise NotPosted("no secure connection") from None
    except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
        raise NotPosted("no connection, or no answer") from None


async def reached(url: str, allow: Sequence[str] = ()) -> list[Address]:
    """The addresses that a URL leads to at this moment; NotPosted for one not to be reached."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        addresses = [ip_address(each) for each in await addresses_of(host, port)]
    except (OSError, UnicodeError):
        raise NotPosted("the name of the host is not known") from None
    networks = [ip_network(each) for each in allow]
    for each in addresses:
        allowed = any(each in network for network in networks)
        if not (allowed or is_public(each)):
            raise NotPosted("the address is not to be reached")
        if parts.scheme != "https" and not allowed:
            raise NotPosted("the address is not to be reached in the clear")
    if not addresses:
        raise NotPosted("the name of the host is not known")
    return addresses


def is_public(address: Address) -> bool:
    """True for an address that means the same to all the world, whatever is wrapped in it."""
    return all(map(_is_public, _meant(address)))


def _meant(address: Address) -> Iterable[Address]:
    """An address, and those of IPv4 that it stands for."""
    yield address
    if isinstance(address, IPv6Address):
        yield from (each for each in (address.ipv4_mapped, address.sixtofour) if each is not None)
        yield from address.teredo or ()
        if address in TRANSLATED:
            yield IPv4Address(address.packed[-4:])


def _is_public(address: Address) -> bool:
    if address in TRANSLATED or address in MAPPED:
        return True  # the address inside decides
    if address == AZURE or any(address in network for network in SPECIAL):
        return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified
    )


async def _posted(url: str, headers: Mapping[str, str], body: bytes, allow: Sequence[str]) -> int:
    reader, writer = await _connected(url, await reached(url, allow))
    try:
        writer.write(_head(url, headers, len(body)) + body)
        await writer.drain()
        for _ in range(INTERIM):
            status = _status(await reader.readuntil(b"\n"))
            if status >= 200:
                return status
            await _pass_over(reader)
        raise ValueError("no final answer")
    finally:
        writer.close()
        with suppress(OSError, ssl.SSLError):
            # A receiver that does not say goodbye keeps nobody waiting.
            writer.transport.abort()


async def _connected(
    url: str, addresses: Sequence[Address]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first of the addresses that takes one."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    problem = OSError("there is no address")
    for address in addresses:
        try:
            return await asyncio.open_connection(
                str(address),
                parts.port or (443 if secure else 80),
                ssl=_trust() if secure else None,
                server_hostname=parts.hostname if secure else None,
            )
        except OSError as error:
            problem = error
    raise problem


@cache
def _trust() -> ssl.SSLContext:
    """The certificates that the machine trusts."""
    return ssl.create_default_context()


def _head(url: str, headers: Mapping[str, str], length: int) -> bytes:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    sent = {"Host": parts.netloc, **headers, "Content-Length": str(length), "Connection": "close"}
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {text}" for name, text in sent.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _status(line: bytes) -> int:
    version, _, rest = line.strip().partition(b" ")
    status, _, _ = rest.partition(b" ")
    if not version.startswith(b"HTTP/1.") or not (status.isdigit() and len(status) == 3):
        raise ValueError("no status")
    return int(status)


async def _pass_over(reader: asyncio.StreamReader) -> None:
    """Read the headers of an interim answer."""
    for _ in range(HEADERS):
        if not (await reader.readuntil(b"\n")).strip():
            return
    raise ValueError("too many headers")
