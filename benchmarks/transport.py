"""The cost of one exchange with a service below `Service`: the client alone, in CPU time.

Run `python -m benchmarks.transport`. A stub in a process of its own answers with the same bytes at
once; each way of asking it takes its turn, for several rounds, and the figure is this process' CPU
time for one exchange, the median of the rounds. Ratios mean more than figures. Target: our own
transport under 20 us for a small answer.
"""

import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import cast

import click
import httpx2
import uvloop

from gateway.client.exchange import Httpx2Transport, Request, Timeouts
from gateway.client.transport import Http1Transport
from gateway.memory import keep_freed

SIZES = {"small": 1_000, "large": 60_000}
HEADERS = {
    "Accept": "application/json",
    "OData-Version": "4.0",
    "OData-MaxVersion": "4.0",
    "If-None-Match": "null",
    "Prefer": 'odata.include-annotations="Microsoft.Dynamics.CRM.*"',
    "Authorization": "Bearer " + "x" * 1_200,
}
QUERY = "?$select=name,totalamount&$filter=_customerid_value%20eq%20x&$top=50"
Ask = Callable[[str], Awaitable[int]]
"""Sends one request and gives the length of the answer's body."""


class Stub(asyncio.Protocol):
    """Answers each request, which is one read, with as many bytes as its path names."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(ANSWERS[data[5 : data.index(b"?")].decode()])


def answer(size: int) -> bytes:
    """An answer with the headers that Dataverse gives."""
    fixed = (
        "Cache-Control: no-cache\r\nAllow: OPTIONS,GET,HEAD,POST\r\n"
        "Content-Type: application/json; odata.metadata=minimal\r\n"
        "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n"
        "REQ_ID: 2b1b1d3c-6f0e-4a6e-9f57-0c2f6f1a7d11\r\nx-ms-service-request-id: 2b1b1d3c-6f0e\r\n"
        "OData-Version: 4.0\r\nPreference-Applied: odata.include-annotations\r\n"
        "x-ms-ratelimit-burst-remaining-xrm-requests: 5999\r\n"
        "x-ms-ratelimit-time-remaining-xrm-requests: 1199\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT"
    )
    return f"HTTP/1.1 200 OK\r\n{fixed}\r\nContent-Length: {size}\r\n\r\n".encode() + b"x" * size


ANSWERS = {name: answer(size) for name, size in SIZES.items()}


def serve(port: Connection) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(main())


@contextmanager
def stub() -> Iterator[str]:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(there,))
    process.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}"
    finally:
        process.terminate()
        process.join()


def ways() -> dict[str, Ask]:
    """Each way of asking, from the most to the least comfortable."""
    client = httpx2.AsyncClient(headers=HEADERS, trust_env=False)
    stock = Httpx2Transport(httpx2.AsyncHTTPTransport(trust_env=False))
    own = Http1Transport()

    async def by_client(url: str) -> int:
        return len((await client.get(url)).content)

    async def by_stock(url: str) -> int:
        return len((await stock.exchange(Request("GET", url, headers=HEADERS), Timeouts())).body)

    async def by_own(url: str) -> int:
        return len((await own.exchange(Request("GET", url, headers=HEADERS), Timeouts())).body)

    return {"httpx2 client": by_client, "httpx2 transport": by_stock, "our own": by_own}


async def cost(ask: Ask, url: str, size: int, *, repeats: int, callers: int) -> float:
    """CPU microseconds of one exchange."""

    async def caller() -> None:
        for _ in range(repeats // callers):
            if await ask(url) != size:
                raise click.ClickException("The answer is another one.")

    begun = time.process_time()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return (time.process_time() - begun) / repeats * 1e6


async def measure(origin: str, *, rounds: int, repeats: int, callers: int) -> None:
    asking = ways()
    for name, size in SIZES.items():
        url = f"{origin}/{name}{QUERY}"
        found: dict[str, list[float]] = {way: [] for way in asking}
        for _ in range(rounds):
            for way, ask in asking.items():
                spent = await cost(ask, url, size, repeats=repeats, callers=callers)
                found[way].append(spent)
        medians = {way: statistics.median(each[1:]) for way, each in found.items()}
        for way, median in medians.items():
            ratio = median / medians["our own"]
            click.echo(f"{name:6} {size:6} B  {way:18}{median:9.1f} us {ratio:7.1f} x")


@click.command()
@click.option("--rounds", default=6, help="Of which the first does not count.")
@click.option("--repeats", default=2_000, help="Exchanges of a round.")
@click.option("--callers", default=32, help="Callers at once.")
def main(rounds: int, repeats: int, callers: int) -> None:
    """Measure the clients against a stub."""
    keep_freed()  # As a gateway that serves does.
    with stub() as origin:
        uvloop.run(measure(origin, rounds=rounds, repeats=repeats, callers=callers))


if __name__ == "__main__":
    main()
