"""Documents of any size pass through a gateway that holds little of them."""

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.replicas import Replica, Site, site

pytestmark = pytest.mark.anyio

SIZE = 20 * 1024 * 1024
MORE = 8 * 1024 * 1024
"""Bytes that a document of that size may take beside what the process has anyway."""
QUERY = "{ invoices(first: 30) { nodes { number document { url } } } }"


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Site, Replica, httpx2.AsyncClient]]:
    async with site() as found:
        replica = await found.start(GATEWAY_CUSTOMER_ROLES="representative")
        signed = {"Authorization": f"Bearer {await found.token('rep')}"}
        async with httpx2.AsyncClient(
            base_url=replica.url, headers=signed, timeout=60, trust_env=False
        ) as client:
            yield found, replica, client


async def links(client: httpx2.AsyncClient) -> list[str]:
    answer = (await client.post("/graphql", json={"query": QUERY})).json()
    return [row["document"]["url"] for row in answer["data"]["invoices"]["nodes"]]


async def fault(found: Site, **rule: Any) -> None:
    """Let printed documents meet a fault, until the next one."""
    async with httpx2.AsyncClient(base_url=found.emulator, trust_env=False) as client:
        minted = await client.post("/issuer/demo/token", json={"service": True})
        client.headers["Authorization"] = f"Bearer {minted.json()['access_token']}"
        await client.delete("/emulator/faults")
        rules = [{"action": rule, "set": "SrsFinanceCopilots", "method": "POST"}]
        (await client.post("/emulator/faults", json={"rules": rules})).raise_for_status()


def checked(file: Path) -> None:
    for reader, *arguments in (("qpdf", "--check"), ("pdfinfo",)):
        subprocess.run([reader, *arguments, str(file)], check=True, capture_output=True)


async def warm(found: Site, client: httpx2.AsyncClient, usual: str) -> None:
    """Let the process take what the first document takes of any size, by one of a MiB."""
    await fault(found, type="large", bytes=SIZE // 20)
    assert (await client.get(usual)).status_code == 200


def measured(replica: Replica) -> int:
    """The memory of a process now, from where its peak is counted anew."""
    Path(f"/proc/{replica.process.pid}/clear_refs").write_text("5")
    return memory(replica, "VmRSS")


def memory(replica: Replica, name: str) -> int:
    text = Path(f"/proc/{replica.process.pid}/status").read_text()
    (kilobytes,) = re.findall(rf"{name}:\s+(\d+) kB", text)
    return int(kilobytes) * 1024


async def test_a_large_document_takes_little_memory(tmp_path: Path) -> None:
    file = tmp_path / "large.pdf"
    async with serving() as (found, replica, client):
        usual, large, *_ = await links(client)
        await warm(found, client, usual)
        await fault(found, type="large", bytes=SIZE)
        before = measured(replica)

        async with client.stream("GET", large) as answer:
            with file.open("wb") as opened:
                async for piece in answer.aiter_bytes():
                    opened.write(piece)

        peak = memory(replica, "VmHWM")
    assert answer.status_code == 200
    assert file.stat().st_size > SIZE
    assert peak - before <= MORE
    checked(file)


async def test_a_slow_reader_holds_no_more_of_it_than_others(tmp_path: Path) -> None:
    async with serving() as (found, replica, client):
        usual, large, *_ = await links(client)
        await warm(found, client, usual)
        await fault(found, type="large", bytes=SIZE)
        before = measured(replica)

        async with client.stream("GET", large) as answer:
            received = 0
            async for piece in answer.aiter_bytes():
                received += len(piece)
                if received < 2_000_000:
                    await asyncio.sleep(0.05)

        peak = memory(replica, "VmHWM")
    assert received > SIZE
    assert peak - before <= MORE


async def test_a_caller_receives_few_documents_at_once() -> None:
    async with serving() as (found, _, client):
        all_ = await links(client)
        await fault(found, type="slow", chunks=4, seconds=0.5)

        answers = await asyncio.gather(*(client.get(url) for url in all_[:8]))
        later = await client.get(all_[9])

    statuses = sorted(each.status_code for each in answers)
    assert set(statuses) == {200, 429}
    assert statuses.count(200) == 4
    assert later.status_code == 200
