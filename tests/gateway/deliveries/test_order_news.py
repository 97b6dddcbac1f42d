"""News of orders reach the persons whom the orders name, once, with their rights of that moment."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from starlette.applications import Starlette

from gateway.admission.errands import Errand, Lane
from gateway.admission.governor import Governor
from gateway.config.parsers import zones
from gateway.deliveries.deliveries_file import DeliveriesFile
from gateway.deliveries.order_events import MORNING, events_of, look_again
from gateway.errors import Overloaded
from gateway.telling.journal_file import JournalFile
from tests.gateway.deliveries.receiving import SECRETS, Receiver
from tests.gateway.live.worlds import change, rows
from tests.gateway.orders.ordering import placed
from tests.stack import Stack, running
from tests.waiting import until

pytestmark = pytest.mark.anyio

POLICY = """
[webhooks.mail]
address = "http://127.0.0.1:{port}/mail"
persons = true
secrets = ["{secret}"]
allow = ["127.0.0.0/8"]
"""


@asynccontextmanager
async def telling(world: Starlette, folder: Path, port: int, **more: Any) -> AsyncIterator[Stack]:
    """A gateway that tells persons of their orders from now on."""
    (folder / "policy.toml").write_text(POLICY.format(port=port, secret=SECRETS[0]))
    changes = str(folder / "changes")
    policy = str(folder / "policy.toml")
    kept: dict[str, Any] = {"policy": policy, "changes_file": changes, "live_interval": 0.05}
    async with running(world, **kept, **more) as stack:
        with closing(DeliveriesFile(changes)) as file:
            await until(lambda: file.place("mail") is not None)
        yield stack


@pytest.fixture
async def mailing(world: Starlette, receiver: Receiver, tmp_path: Path) -> AsyncIterator[Stack]:
    async with telling(world, tmp_path, receiver.port) as stack:
        yield stack


async def settled(folder: Path, receiver: Receiver) -> list[str]:
    """The kinds of all that was told so far, once nothing is under way any more."""
    path = str(folder / "changes")
    with closing(DeliveriesFile(path)) as file, closing(JournalFile(path)) as journal:
        changed = time.time()
        await until(lambda: journal.followed()["salesorder"].read_at > changed)
        await until(
            lambda: (
                file.place("mail") == journal.end() and not file.due("mail", time.time() + 60, 1)
            )
        )
    return [each.content["type"] for each in receiver.taken]


def advance(stack: Stack, number: str, **to: Any) -> None:
    stack.emulator.state.lifecycle.advance(number, **to)


async def test_an_order_is_told_of_when_it_is_placed_confirmed_and_shipped(
    mailing: Stack, receiver: Receiver
) -> None:
    order = await placed(mailing)
    (first,) = await receiver.wait(1)
    advance(mailing, order["number"])
    _, second = await receiver.wait(2)
    advance(mailing, order["number"], steps=3)
    found = await receiver.wait(3)

    assert [each.content["type"] for each in found[:3]] == [
        "order.placed",
        "order.confirmed",
        "order.shipped",
    ]
    me = (await mailing.ask("{ viewer { contact { name email } } }")).data["viewer"]["contact"]
    assert [each.content["data"]["to"] for each in found] == [me] * len(found)
    assert first.content["data"]["order"]["number"] == order["number"]
    assert second.content["data"]["order"]["confirmedReceiptDate"]
    assert found[2].content["data"]["shipment"]["number"]
    assert first.is_signed_by(SECRETS[0])


async def test_a_person_whom_an_order_names_by_the_party_model_alone_is_told(
    mailing: Stack, receiver: Receiver, tmp_path: Path
) -> None:
    order = await placed(mailing)
    (first,) = await receiver.wait(1)
    key, me = key_of(mailing, order), contact_of(mailing, order)
    (place,) = rows(mailing, "msdyn_contactforparties", _msdyn_contactid_value=me)
    party = place["msdyn_contactforpartyid"]
    named = {"_msdyn_contactperson_value": None, "_msdyn_associatedcontact_value": party}
    change(mailing, "salesorders", key, **named)
    assert await settled(tmp_path, receiver) == ["order.placed"]
    advance(mailing, order["number"])
    assert await settled(tmp_path, receiver) == ["order.placed", "order.confirmed"]
    change(mailing, "msdyn_contactforparties", party, statecode=1)
    try:
        advance(mailing, order["number"], steps=3)
        assert len(await settled(tmp_path, receiver)) == 2
    finally:
        change(mailing, "msdyn_contactforparties", party, statecode=0)

    assert receiver.taken[1].content["data"]["to"] == first.content["data"]["to"]
    assert not {"contact", "partyContact"} & receiver.taken[1].content["data"]["order"].keys()


async def test_each_piece_of_news_is_told_once(
    mailing: Stack, receiver: Receiver, world: Starlette, tmp_path: Path
) -> None:
    order = await placed(mailing)
    await receiver.wait(1)
    key = key_of(mailing, order)
    for number in range(3):
        change(mailing, "salesorders", key, name=f"Name {number}")
    assert await settled(tmp_path, receiver) == ["order.placed"]


async def test_what_is_not_taken_is_sent_again_under_its_id(
    mailing: Stack, receiver: Receiver
) -> None:
    receiver.statuses = [503, 503]
    await placed(mailing)
    (taken,) = await receiver.wait(1)

    assert [each.id for each in receiver.tried] == [taken.id] * 3


async def test_a_look_that_our_own_queue_refuses_is_made_again(
    mailing: Stack, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await placed(mailing)
    await receiver.wait(1)
    with monkeypatch.context() as busy:
        refuse_looks(busy)
        advance(mailing, order["number"])
        with closing(DeliveriesFile(str(tmp_path / "changes"))) as file:
            await until(lambda: any(each.tries for each in file.listed("mail", "waiting", 10)))
            tried = [each for each in file.listed("mail", "waiting", 10) if each.tries]

    _, second = await receiver.wait(2)
    assert {each.reason for each in tried} == {"OVERLOADED"}
    assert second.content["type"] == "order.confirmed"


def refuse_looks(busy: pytest.MonkeyPatch) -> None:
    """Have a queue in which looks alone do not come up in time."""
    enter, refuse = Governor.enter, Governor._refuse_hopeless

    def entering(self: Governor, errand: Errand, moment: float) -> Any:
        return None if errand.lane is Lane.LIVE else enter(self, errand, moment)

    def refusing(self: Governor, errand: Errand, until: float, moment: float) -> None:
        if errand.lane is Lane.LIVE:
            raise Overloaded("The gateway is busy; try again later.", retryAfter=1)
        refuse(self, errand, until, moment)

    busy.setattr(Governor, "enter", entering)
    busy.setattr(Governor, "_refuse_hopeless", refusing)


async def test_who_wants_no_mail_gets_none(
    mailing: Stack, receiver: Receiver, tmp_path: Path
) -> None:
    choose = "mutation($no: Boolean!) { updateOwnContact(doNotEmail: $no) { doNotEmail } }"
    answer = await mailing.ask(choose, no=True)
    assert answer.data == {"updateOwnContact": {"doNotEmail": True}}
    await placed(mailing)
    assert await settled(tmp_path, receiver) == []

    await mailing.ask(choose, no=False)
    await placed(mailing)
    await receiver.wait(1)


async def test_a_person_who_was_removed_gets_nothing(
    mailing: Stack, receiver: Receiver, tmp_path: Path
) -> None:
    me = contact_of(mailing, await placed(mailing))
    await receiver.wait(1)
    order = await placed(mailing)
    await receiver.wait(2)
    change(mailing, "contacts", me, statecode=1)
    try:
        advance(mailing, order["number"])
        assert await settled(tmp_path, receiver) == ["order.placed"] * 2
    finally:
        change(mailing, "contacts", me, statecode=0)


async def test_an_order_that_becomes_somebody_elses_is_told_to_nobody_who_lost_it(
    mailing: Stack, receiver: Receiver, tmp_path: Path
) -> None:
    order = await placed(mailing)
    await receiver.wait(1)
    other = rows(mailing, "accounts", accountnumber="US-002")[0]["accountid"]
    key = key_of(mailing, order)
    change(mailing, "salesorders", key, _customerid_value=other)
    advance(mailing, order["number"])

    assert await settled(tmp_path, receiver) == ["order.placed"]


async def test_an_order_that_should_be_there_is_told_to_be_late_once(
    mailing: Stack, receiver: Receiver, tmp_path: Path
) -> None:
    order = await placed(mailing)
    key, yesterday = key_of(mailing, order), datetime.now(UTC).date() - timedelta(days=1)
    for name in ("Late", "Late still"):
        change(
            mailing,
            "salesorders",
            key,
            name=name,
            msdyn_confirmedreceiptdate=yesterday.isoformat(),
        )
        await settled(tmp_path, receiver)

    assert [each.content["type"] for each in receiver.taken] == ["order.placed", "order.late"]


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("", "UTC"),
        ("America/Chicago", "America/Chicago"),
        ("America/Chicago,usmf=Pacific/Auckland", "Pacific/Auckland"),
    ],
)
async def test_an_order_is_looked_at_when_it_may_be_late(
    world: Starlette, receiver: Receiver, tmp_path: Path, said: str, name: str
) -> None:
    zone = ZoneInfo(name)
    async with telling(world, tmp_path, receiver.port, time_zone=zones(said)) as stack:
        order = await placed(stack)
        key, today = key_of(stack, order), datetime.now(zone).date()
        file = DeliveriesFile(str(tmp_path / "changes"))
        for days in (3, 2):
            day = today + timedelta(days=days)
            change(stack, "salesorders", key, msdyn_confirmedreceiptdate=day.isoformat())
            assert await settled(tmp_path, receiver) == ["order.placed"]
            (later,) = file.listed("mail", "waiting", 10)
            assert datetime.fromtimestamp(later.due, zone) == datetime.combine(
                day + timedelta(days=1), MORNING, zone
            )
        file.close()


async def test_an_order_is_told_to_nobody_whom_it_does_not_name_any_more(
    world: Starlette, receiver: Receiver, tmp_path: Path
) -> None:
    roles = ("representative",)
    async with telling(world, tmp_path, receiver.port, customer_roles=roles) as stack:
        order = await placed(stack)
        await receiver.wait(1)
        me = contact_of(stack, order)
        others = rows(stack, "contacts", _parentcustomerid_value=account_of(stack), statecode=0)
        other = next(each for each in others if each["contactid"] != me)
        receiver.statuses = [503] * 3
        advance(stack, order["number"])
        await until(lambda: len(receiver.tried) > 1)
        change(
            stack,
            "salesorders",
            key_of(stack, order),
            _msdyn_contactperson_value=other["contactid"],
        )
        await settled(tmp_path, receiver)

    mails = [each.content["data"]["to"]["email"] for each in receiver.taken]
    assert mails[0] != other["emailaddress1"]
    assert set(mails[1:]) == {other["emailaddress1"]}


async def test_orders_of_before_are_not_told_of(
    mailing: Stack, receiver: Receiver, tmp_path: Path
) -> None:
    found = rows(mailing, "salesorders", _customerid_value=account_of(mailing))
    old = min(found, key=lambda row: str(row["createdon"]))  # other tests placed some just now
    change(mailing, "salesorders", old["salesorderid"], name="Changed")

    assert await settled(tmp_path, receiver) == []


def account_of(stack: Stack) -> str:
    return str(rows(stack, "accounts", accountnumber="US-001")[0]["accountid"])


def key_of(stack: Stack, order: dict[str, Any]) -> str:
    (row,) = rows(stack, "salesorders", msdyn_salesordernumber=order["number"])
    return str(row["salesorderid"])


def contact_of(stack: Stack, order: dict[str, Any]) -> str:
    (row,) = rows(stack, "salesorders", msdyn_salesordernumber=order["number"])
    return str(row["_msdyn_contactperson_value"])


TODAY = datetime(2026, 11, 30, 12, tzinfo=UTC)
SOON = TODAY + timedelta(minutes=15)


def seen(status: str, **more: Any) -> dict[str, Any]:
    return {
        "status": status,
        "confirmedReceiptDate": None,
        "requestedReceiptDate": None,
        "updatedAt": TODAY.isoformat(),
        **more,
    }


def parcel(tracked: bool, day: str = "2026-11-30") -> dict[str, Any]:
    nodes = [{"number": "1Z", "url": None}] if tracked else []
    return {"nodes": [{"number": "PS/1", "deliveredOn": day, "tracking": {"nodes": nodes}}]}


@pytest.mark.parametrize(
    ("order", "kinds", "again"),
    [
        (seen("ACTIVE"), ["placed"], None),
        (seen("CANCELED"), [], None),
        (seen("UNKNOWN"), [], None),
        (seen("CONFIRMED"), ["placed", "confirmed"], None),
        (
            seen("CONFIRMED", confirmedReceiptDate="2026-11-30"),
            ["placed", "confirmed"],
            datetime(2026, 12, 1, 6, tzinfo=UTC),
        ),
        (
            seen("CONFIRMED", requestedReceiptDate="2026-11-29"),
            ["placed", "confirmed", "late"],
            None,
        ),
        (seen("DELIVERED", requestedReceiptDate="2026-11-29"), ["placed", "confirmed"], SOON),
        (
            seen("DELIVERED", shipments=parcel(tracked=True)),
            ["placed", "confirmed", "shipped"],
            None,
        ),
        (seen("DELIVERED", shipments=parcel(tracked=False)), ["placed", "confirmed"], SOON),
        (
            seen("DELIVERED", shipments=parcel(tracked=False, day="2026-11-29")),
            ["placed", "confirmed", "shipped"],
            None,
        ),
    ],
)  # fmt: skip
def test_the_news_of_an_order_are_told_by_its_state(
    order: dict[str, Any], kinds: list[str], again: datetime | None
) -> None:
    assert [each.kind for each in events_of(order, TODAY.date())] == kinds
    assert look_again(order, TODAY) == again


def test_days_begin_in_the_zone_of_the_seller() -> None:
    """Late in the evening of Chicago it is the next day elsewhere."""
    chicago = ZoneInfo("America/Chicago")
    now = datetime(2026, 11, 1, 0, 50, tzinfo=chicago)  # the clocks go back at two
    order = seen("CONFIRMED", confirmedReceiptDate="2026-11-01")
    sent = seen("DELIVERED", shipments=parcel(tracked=False, day="2026-11-01"))

    assert [each.kind for each in events_of(order, now.date())] == ["placed", "confirmed"]
    assert look_again(order, now) == datetime(2026, 11, 2, 12, tzinfo=UTC)
    later = now + timedelta(hours=1, minutes=5)
    assert look_again(sent, later) == datetime(2026, 11, 1, 7, 10, tzinfo=UTC)
