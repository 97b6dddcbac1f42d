"""Webhooks tell every change of a partner's, signed and in order for each order, and no other."""

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Library
from standardwebhooks import WebhookVerificationError
from starlette.applications import Starlette

from gateway.app import create_app
from gateway.auth import policy_file
from gateway.config.parsers import partners
from gateway.config.settings import SettingsError
from gateway.deliveries import delivering
from gateway.deliveries.deliveries_file import DeliveriesFile
from gateway.telling import shared_file
from tests.gateway.deliveries.receiving import SECRETS, Received, Receiver, receiving
from tests.gateway.live.worlds import THEIRS, change, create, delete, lines, orders
from tests.stack import Stack, running, settings
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio

TOLD = """
query Told($id: ID!) {
  node(id: $id) { id ... on SalesOrder { name } ... on SalesOrderLine { quantity } }
}
"""
POLICY = """
[webhooks.shop]
address = "http://127.0.0.1:{port}/hooks?of=gateway"
client = "partner"
tables = ["SalesOrder", "SalesOrderLine"]
document = "told"
secrets = ["{secrets[0]}", "{secrets[1]}"]
allow = ["127.0.0.0/8"]
"""


def declared(folder: Path, port: int, policy: str = POLICY) -> dict[str, Any]:
    """The settings of a gateway with one webhook."""
    (folder / "policy.toml").write_text(policy.format(port=port, secrets=SECRETS))
    (folder / "documents.json").write_text(json.dumps({"told": TOLD}))
    return {
        "policy": str(folder / "policy.toml"),
        "trusted_documents": str(folder / "documents.json"),
        "changes_file": str(folder / "changes"),
        "partners": partners("partner=US-001@usmf"),
        "live_interval": 0.05,
    }


@asynccontextmanager
async def delivering_from(world: Starlette, folder: Path, port: int) -> AsyncIterator[Stack]:
    """A gateway whose webhook is told from now on."""
    async with running(world, **declared(folder, port)) as stack:
        with closing(DeliveriesFile(str(folder / "changes"))) as file:
            await until(lambda: file.place("shop") is not None)
        yield stack


async def test_a_change_is_told_by_the_document_with_the_partners_rights(
    world: Starlette, receiver: Receiver, tmp_path: Path
) -> None:
    async with delivering_from(world, tmp_path, receiver.port) as stack:
        order = orders(stack)[0]
        change(stack, "salesorders", order["salesorderid"], name="Told")
        (told,) = await receiver.wait(1)

    assert told.content["type"] == "SalesOrder.changed"
    assert told.content["data"]["node"]["name"] == "Told"
    assert told.id.startswith("SalesOrder_")
    assert all(map(told.is_signed_by, SECRETS))
    for secret in SECRETS:
        Library(secret).verify(told.body, told.headers)
    with pytest.raises(WebhookVerificationError):
        Library(SECRETS[0]).verify(told.body + b" ", told.headers)


async def test_nothing_is_told_of_others(
    world: Starlette, receiver: Receiver, tmp_path: Path
) -> None:
    async with delivering_from(world, tmp_path, receiver.port) as stack:
        theirs = orders(stack, THEIRS)[0]
        change(stack, "salesorders", theirs["salesorderid"], name="Theirs")
        delete(
            stack,
            "salesorderdetails",
            create(stack, "salesorderdetails", lines(stack, theirs)[0]),
        )
        change(stack, "salesorders", orders(stack)[1]["salesorderid"], name="Ours")
        (told,) = await receiver.wait(1)
        await asyncio.sleep(0.3)

    assert told.content["data"]["node"]["name"] == "Ours"
    assert len(receiver.tried) == 1


async def test_a_deleted_row_is_told_by_its_id(
    world: Starlette, receiver: Receiver, tmp_path: Path
) -> None:
    async with delivering_from(world, tmp_path, receiver.port) as stack:
        made = create(stack, "salesorderdetails", lines(stack, orders(stack)[0])[0])
        (new,) = await receiver.wait(1)
        delete(stack, "salesorderdetails", made)
        _, gone = await receiver.wait(2)

    assert gone.content["type"] == "SalesOrderLine.removed"
    assert gone.content["data"] == {"id": new.content["data"]["node"]["id"]}
    assert gone.id != new.id


@pytest.mark.parametrize("status", [500, 404, 302])
async def test_what_is_not_taken_is_sent_again_under_its_id_and_before_what_follows(
    world: Starlette, receiver: Receiver, tmp_path: Path, status: int
) -> None:
    async with delivering_from(world, tmp_path, receiver.port) as stack:
        receiver.statuses = [status, status]
        order = orders(stack)[2]
        change(stack, "salesorders", order["salesorderid"], name="First")
        await until(lambda: receiver.tried)
        line = lines(stack, order)[0]["salesorderdetailid"]
        change(stack, "salesorderdetails", line, quantity=7)
        first, second = await receiver.wait(2)

    assert [each.id for each in receiver.tried] == [first.id, first.id, first.id, second.id]
    assert first.content["type"] == "SalesOrder.changed"
    assert second.content["type"] == "SalesOrderLine.changed"


class Stalling(Receiver):
    """Does not answer the first message before it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.stalls, self.goes_on = False, asyncio.Event()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.stalls:
            self.stalls = True
            await self.goes_on.wait()
        await super().answer(reader, writer)


async def test_while_the_file_cannot_be_written_a_message_is_sent_again_under_its_id_alone(
    world: Starlette, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(shared_file, "PATIENCE", 0.05)
    stalling = Stalling()
    async with (
        receiving(stalling),
        delivering_from(world, tmp_path, stalling.port) as stack,
    ):
        first, second = orders(stack)[:2]
        change(stack, "salesorders", first["salesorderid"], name="Before")
        await until(lambda: stalling.stalls)
        with closing(sqlite3.connect(tmp_path / "changes", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # as where the disk is full
            stalling.goes_on.set()
            await stalling.wait(1)
            change(stack, "salesorders", second["salesorderid"], name="Meanwhile")
            await asyncio.sleep(0.5)
            assert {each.id for each in stalling.taken} == {stalling.taken[0].id}
        await until(lambda: "Meanwhile" in names_of(stalling.taken))

    ids = Counter(each.id for each in stalling.taken)
    assert len(ids) == 2
    assert set(names_of(stalling.taken)) == {"Before", "Meanwhile"}


def names_of(told: Iterable[Received]) -> list[str]:
    return [each.content["data"]["node"]["name"] for each in told]


async def test_what_waits_for_a_webhook_that_comes_back_with_other_secrets_is_signed_by_those(
    world: Starlette, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_file, "REREAD", 0.0)
    monkeypatch.setattr(delivering, "GROWTH", 1.0)
    policy, later = tmp_path / "policy.toml", [SECRETS[1]]
    async with delivering_from(world, tmp_path, receiver.port) as stack:
        declared_first = policy.read_text()
        receiver.statuses = [500] * 1_000
        change(stack, "salesorders", orders(stack)[4]["salesorderid"], name="Waits")
        await until(lambda: receiver.tried)
        policy.write_text("# Nobody is told of anything.\n")
        await until_quiet(receiver)
        receiver.statuses = []
        change(stack, "salesorders", orders(stack)[5]["salesorderid"], name="Meanwhile")
        await asyncio.sleep(0.5)
        assert receiver.taken == [], "nobody is told of anything"
        pair = f'["{SECRETS[0]}", "{SECRETS[1]}"]'
        policy.write_text(declared_first.replace(pair, json.dumps(later)))
        told = await receiver.wait(2)

    assert told[0].id == receiver.tried[0].id
    assert names_of(told) == ["Waits", "Meanwhile"]
    for each in told:
        Library(SECRETS[1]).verify(each.body, each.headers)
        assert not each.is_signed_by(SECRETS[0])


async def until_quiet(receiver: Receiver) -> None:
    """Wait until nothing is tried any more."""
    before = -1
    async with asyncio.timeout(PATIENCE):
        while before != len(receiver.tried):
            before = len(receiver.tried)
            await asyncio.sleep(1.5)


async def test_a_message_that_is_not_answered_holds_back_no_other_order(
    world: Starlette, receiver: Receiver, tmp_path: Path
) -> None:
    stalling = Stalling()
    async with (
        receiving(stalling),
        delivering_from(world, tmp_path, stalling.port) as stack,
    ):
        first, *others = orders(stack)[:20]
        change(stack, "salesorders", first["salesorderid"], name="Stalled")
        await until(lambda: stalling.stalls)
        for each in others:
            change(stack, "salesorders", each["salesorderid"], name="Told meanwhile")
        await stalling.wait(len(others))
        change(stack, "salesorders", first["salesorderid"], name="Behind it")
        change(stack, "salesorders", others[0]["salesorderid"], name="Told at the end")
        await stalling.wait(len(others) + 1)
        stalling.goes_on.set()
        await stalling.wait(len(others) + 3)

    names = [each.content["data"]["node"]["name"] for each in stalling.taken]
    assert names == ["Told meanwhile"] * 19 + ["Told at the end", "Stalled", "Behind it"]


async def test_a_delivery_is_set_aside_after_a_day_and_can_be_replayed(
    world: Starlette, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "FOR_A_DAY", 0.0)
    receiver.statuses = [500]
    file = DeliveriesFile(str(tmp_path / "changes"))
    async with delivering_from(world, tmp_path, receiver.port) as stack:
        change(stack, "salesorders", orders(stack)[3]["salesorderid"], name="Aside")
        await until(lambda: file.listed("shop", "aside", 10))
        aside = file.listed("shop", "aside", 10)
        assert [each.reason for each in aside] == ["status 500"]
        assert file.replay("shop", [], 0.0) == 1
        (told,) = await receiver.wait(1)

    assert told.id == aside[0].id
    file.close()


async def test_nothing_is_lost_or_told_twice_while_the_gateway_is_away(
    world: Starlette, receiver: Receiver, tmp_path: Path
) -> None:
    async with delivering_from(world, tmp_path, receiver.port) as stack:
        change(stack, "salesorders", orders(stack)[0]["salesorderid"], name="Before")
        await receiver.wait(1)
        missed = orders(stack)[1]["salesorderid"]
    with world.state.store.transaction("load") as made:
        table = world.state.store.catalog.tables["salesorders"]
        (row,) = world.state.store.select(table, '"salesorderid" = ?', [missed])
        made.update(table, row, {"name": "Missed"})
    async with delivering_from(world, tmp_path, receiver.port):
        _, told = await receiver.wait(2)
        await asyncio.sleep(0.3)

    assert told.content["data"]["node"]["name"] == "Missed"
    assert len(receiver.tried) == 2


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"http://127.0.0.1:{port}/hooks?of=gateway"', '"ftp://a.example"', "https://"),
        ('"http://127.0.0.1:{port}/hooks?of=gateway"', '"https://u:p@a.example"', "user"),
        ('allow = ["127.0.0.0/8"]', "", "https://"),
        ('allow = ["127.0.0.0/8"]', 'allow = ["everywhere"]', "network"),
        ('"{secrets[0]}", "{secrets[1]}"', '"short"', "whsec_"),
        ('"{secrets[0]}", "{secrets[1]}"', "", "one, or two"),
        ('tables = ["SalesOrder", "SalesOrderLine"]', "tables = []", "at least"),
        ('tables = ["SalesOrder", "SalesOrderLine"]', 'tables = ["Price"]', "not told"),
        ('document = "told"', 'document = "unknown"', "trusted document"),
        ('document = "told"', "", "'document' is missing"),
        ('client = "partner"', 'client = "partner"\nurl = "x"', "'url' is none of"),
    ],
)
def test_a_mistake_in_a_webhook_is_named_at_the_start(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    assert old in POLICY
    with pytest.raises(SettingsError, match=problem):
        create_app(settings(**declared(tmp_path, 1, POLICY.replace(old, new))))
