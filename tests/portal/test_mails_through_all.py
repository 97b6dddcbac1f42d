"""Orders become mails by emulator, gateway, portal and an SMTP server; in the demo, files."""

import asyncio
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from gateway.commands.demo import CACHE, OUTBOX
from gateway.deliveries import delivering
from gateway.telling import journal as journals
from portal.app import create_app
from tests.gateway.deliveries.receiving import SECRETS
from tests.gateway.deliveries.test_order_news import advance, telling
from tests.gateway.live.serving import listening
from tests.gateway.orders.ordering import placed
from tests.gateway.test_demo import ask, token
from tests.portal.mailing import Mailbox, mailbox
from tests.portal.site import visiting
from tests.portal.test_mails import settings
from tests.stack import emulator

pytestmark = pytest.mark.anyio

PATIENCE = 60.0
PRODUCTS = """{ products(first: 50, filter: { state: { eq: ACTIVE } }) {
  nodes { id orderQuantities { multiple } price { unit } }
} }"""
PLACE = """mutation {
  createSalesOrder(input: { idempotencyKey: "mail", lines: [{ product: "%s", quantity: "2" }] }) {
    order { number }
    errors { code message }
  }
}"""


async def wait(box: Mailbox, number: int) -> list[str]:
    """Wait for so many mails; their subjects."""
    async with asyncio.timeout(PATIENCE):
        while len(box.mails) < number:  # noqa: ASYNC110 - the server runs in a thread
            await asyncio.sleep(0.1)
    return [mail["Subject"] for mail in box.mails]


async def test_orders_become_mails_once_whatever_fails_on_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "YOUNG", 0.0)
    monkeypatch.setattr(delivering, "FIRST_PAUSE", 0.05)
    with mailbox() as (box, address):
        box.refusals = ["451 later", "554 no"]
        portal = create_app(settings(smtp=address))
        async with (
            listening(portal, http="h11") as port,
            telling(emulator(), tmp_path, port) as stack,
        ):
            order = await placed(stack)
            number = order["number"]
            assert await wait(box, 1) == [f"We have received your order {number}"]
            advance(stack, number)
            await wait(box, 2)
            advance(stack, number, steps=3)
            subjects = await wait(box, 3)
            await asyncio.sleep(1.0)

    assert subjects[1] == f"Your order {number} is confirmed"
    assert set(subjects[2:]) == {f"Your order {number} is on its way"}
    me = "jane.doe@contoso-retail.example"
    assert set(box.to) == {me}
    assert len({mail["Message-ID"] for mail in box.mails}) == len(box.mails)


async def test_who_is_invited_in_the_demo_finds_a_mail_in_its_folder(port: int) -> None:
    email = f"noor.{uuid4().hex}@contoso-retail.example"
    rita = token(port, "rep")
    asked = f'{{ email: "{email}", lastName: "Visser-Mailed" }}'
    made = ask(port, rita, f"mutation {{ inviteColleague(input: {asked}) {{ id }} }}")

    async with asyncio.timeout(PATIENCE):
        while not (mails := mails_to(port, email)):  # noqa: ASYNC110 - a folder tells nobody
            await asyncio.sleep(0.2)

    assert made["data"]["inviteColleague"]["id"]
    (mail,) = mails
    assert "You have access to" in mail["Subject"]
    assert "Visser-Mailed" not in str(mail)


async def test_the_demo_writes_mails_into_a_folder_that_one_can_look_at(port: int) -> None:
    jane = token(port, "jane")
    me = ask(port, jane, "{ viewer { contact { email } } }")["data"]["viewer"]["contact"]
    found = ask(port, jane, PRODUCTS)["data"]["products"]["nodes"]
    product = next(each for each in found if each["price"] and not each["orderQuantities"])
    made = ask(port, jane, PLACE % product["id"])["data"]["createSalesOrder"]
    number = made["order"]["number"]

    async with asyncio.timeout(PATIENCE):
        while not (mails := mails_of(port, number)):  # noqa: ASYNC110 - a folder tells nobody
            await asyncio.sleep(0.2)

    (mail,) = mails
    assert (mail["To"].addresses[0].addr_spec, mail["Subject"]) == (
        me["email"],
        f"We have received your order {number}",
    )


async def test_people_say_in_their_profile_that_they_want_no_mail(
    port: int, tmp_path: Path
) -> None:
    told = {"mail_secret": (SECRETS[0],), "mail_from": "orders@northwind.example"}
    async with visiting(port, "rep", outbox=tmp_path, **told) as rep:
        offered = (await rep.get("/profile")).text
        refused = (await rep.post("/profile", mails="no")).text
        back = (await rep.post("/profile", mails="yes")).text
    async with visiting(port, "rep") as rep:
        silent = (await rep.get("/profile")).text

    assert "Send me no more mails" in offered
    assert "You get no mails." in refused
    assert "Send me no more mails" in back
    assert "Mails about your orders" not in silent


def mails_of(port: int, number: str) -> list[Any]:
    return [mail for mail in _mails(port) if number in mail["Subject"]]


def mails_to(port: int, email: str) -> list[Any]:
    return [mail for mail in _mails(port) if mail["To"] == email]


def _mails(port: int) -> list[Any]:
    """All mails in the folder, those of demos that had this port before among them."""
    folder = CACHE / OUTBOX / str(port)
    return [message_from_bytes(each.read_bytes(), policy=default) for each in folder.glob("*.eml")]
