"""Webhooks against a receiver that fails, stalls and dies: nothing is lost, nothing overtakes."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from gateway.deliveries import delivering, posting
from gateway.telling import journal as journals
from tests.gateway.deliveries.receiving import Receiver, receiving
from tests.gateway.deliveries.test_webhooks import delivering_from
from tests.gateway.live.worlds import change, lines, orders
from tests.nightly import NIGHTLY
from tests.stack import emulator

pytestmark = pytest.mark.anyio

CHANGES = 10_000 if NIGHTLY else 40
PATIENCE = 1_800.0 if NIGHTLY else 60.0
DEAD = {start + n for start in (CHANGES // 3, CHANGES // 2) for n in range(CHANGES // 20)}
"""The changes during which the receiver is dead, twice."""


class Unreliable(Receiver):
    """Fails a tenth of the messages, stalls a twentieth, and is dead while it is told to be."""

    def __init__(self) -> None:
        super().__init__()
        self.random = Random(5)  # noqa: S311 - the same each time
        self.dead = False

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fate = self.random.random()
        if self.dead or fate < 0.05:
            if not self.dead:
                await asyncio.sleep(2 * posting.PATIENCE)
            writer.transport.abort()
            return
        if fate < 0.15:
            self.statuses.insert(0, 500)
        await super().answer(reader, writer)


async def test_nothing_is_lost_and_nothing_overtakes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "YOUNG", 0.0)
    monkeypatch.setattr(posting, "PATIENCE", 0.3)
    monkeypatch.setattr(delivering, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(delivering, "LONGEST_PAUSE", 0.2)
    random = Random(11)  # noqa: S311 - the same each time
    last: dict[str, str] = {}
    receiver = Unreliable()
    async with (
        receiving(receiver),
        delivering_from(emulator(), tmp_path, receiver.port) as stack,
    ):
        mine = orders(stack)[:20]
        for number in range(CHANGES):
            order = random.choice(mine)
            if number % 3:
                name = f"Name {number}"
                change(stack, "salesorders", order["salesorderid"], name=name)
                last[order["salesorderid"]] = name
            elif found := lines(stack, order):
                line = random.choice(found)["salesorderdetailid"]
                change(stack, "salesorderdetails", line, quantity=number)
            receiver.dead = number in DEAD
            await asyncio.sleep(0.01)
        receiver.dead = False
        async with asyncio.timeout(PATIENCE):
            while shown(receiver) != set(last.values()):  # noqa: ASYNC110 - several messages
                await asyncio.sleep(0.1)

    firsts = dict.fromkeys(each.id for each in receiver.taken)
    versions: dict[str, list[int]] = {}
    for id_ in firsts:
        table, key, version, _ = id_.split("_")
        versions.setdefault(f"{table} {key}", []).append(int(version))
    assert all(each == sorted(each) for each in versions.values())


def shown(receiver: Receiver) -> set[str]:
    """The names of orders as the last messages of each show them, those that were changed."""
    found: dict[str, str] = {}
    for each in receiver.taken:
        if each.content["type"] == "SalesOrder.changed":
            node = each.content["data"]["node"]
            found[node["id"]] = node["name"]
    return set(found.values())
