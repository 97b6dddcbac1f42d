"""People who are invited are told, once, and of nothing that somebody typed."""

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from starlette.applications import Starlette

from gateway.deliveries import delivering
from gateway.deliveries.deliveries_file import DeliveriesFile
from gateway.schema import ids
from tests.gateway.deliveries.receiving import SECRETS, Receiver
from tests.gateway.deliveries.test_order_news import POLICY, settled
from tests.gateway.live.worlds import change
from tests.gateway.orders.worlds import key
from tests.gateway.test_colleagues import GRANTED, MAY, invite, of, removed, somebody
from tests.stack import Stack, running
from tests.waiting import until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def inviting(world: Starlette, receiver: Receiver, tmp_path: Path) -> AsyncIterator[Stack]:
    """A gateway on which buyers invite, and which tells persons of it."""
    policy, changes = tmp_path / "policy.toml", str(tmp_path / "changes")
    policy.write_text(GRANTED + POLICY.format(port=receiver.port, secret=SECRETS[0]))
    kept: dict[str, Any] = {"policy": str(policy), "changes_file": changes, "live_interval": 0.05}
    async with running(world, **kept) as stack:
        with closing(DeliveriesFile(changes)) as file:
            await until(lambda: file.place("mail") is not None)
        yield stack


async def test_who_is_invited_is_told_once(
    inviting: Stack, receiver: Receiver, tmp_path: Path
) -> None:
    person = somebody(firstName="Win a", lastName="prize")

    made = [await invite(inviting, person) for _ in range(3)]
    (message,) = await receiver.wait(1)
    assert await settled(tmp_path, receiver) == ["contact.invited"]

    (id_,) = {each.data["inviteColleague"]["id"] for each in made}
    assert message.is_signed_by(SECRETS[0])
    assert message.id == f"contact_{UUID(str(ids.decode(id_)[1][0])).hex}_invited"
    (account,) = (await inviting.ask("{ accounts { nodes { name } } }")).data["accounts"]["nodes"]
    data = message.content["data"]
    assert data.pop("language")
    assert data == {"to": {"name": None, "email": person["email"]}, "account": account}
    assert b"prize" not in message.body


async def test_what_is_not_taken_is_sent_again(
    inviting: Stack, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "FIRST_PAUSE", 0.05)
    receiver.statuses = [503]
    await invite(inviting, somebody())

    (taken,) = await receiver.wait(1)

    assert [each.id for each in receiver.tried] == [taken.id] * 2


@pytest.mark.parametrize(
    ("loses", "reason"),
    [
        (True, "the person is not known any more"),
        (False, "the person wants no mail, or has no address"),
    ],
)
async def test_who_lost_access_or_wants_no_mail_is_told_nothing(
    inviting: Stack,
    receiver: Receiver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    loses: bool,
    reason: str,
) -> None:
    """As things are when the message is made: it is not taken at first, and then it is so."""
    monkeypatch.setattr(delivering, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(delivering, "GROWTH", 1.0)
    receiver.statuses = [503] * 10_000
    made = (await invite(inviting, somebody())).data["inviteColleague"]
    await until(lambda: receiver.tried)
    if loses:
        await removed(inviting, made["id"])
    else:
        change(inviting, "contacts", key(made["id"]), donotemail=1)

    with closing(DeliveriesFile(str(tmp_path / "changes"))) as file:
        await until(lambda: file.listed("mail", "done", 10))
        (done,) = file.listed("mail", "done", 10)
    assert (done.kind, done.reason) == ("invited", reason)


async def test_who_is_refused_writes_to_nobody(
    inviting: Stack, receiver: Receiver, tmp_path: Path
) -> None:
    before = of(inviting, MAY)

    refused = await invite(inviting, somebody(email=MAY))

    assert refused.codes == ["NOT_INVITED"]
    assert await settled(tmp_path, receiver) == []
    assert of(inviting, MAY) == before
