"""Mails: signed news alone become mails, once, in the language of the order."""

from collections.abc import AsyncIterator, Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import httpx2
import pytest

from portal.app import create_app
from portal.settings import Settings
from tests.gateway.deliveries.receiving import SECRETS
from tests.portal.mailing import JANE, ORDER, SHIPMENT, Mailbox, mailbox, news
from tests.portal.site import PUBLIC

pytestmark = pytest.mark.anyio


def settings(**more: Any) -> Settings:
    return Settings(
        gateway_url="http://gateway.example",
        issuer="http://issuer.example",
        client_id="portal",
        client_secret="secret",
        public_url=PUBLIC,
        mail_secret=(SECRETS[1], SECRETS[0]),
        mail_from="Northwind <orders@northwind.example>",
        **more,
    )


@pytest.fixture
def box() -> Iterator[tuple[Mailbox, str]]:
    with mailbox() as found:
        yield found


@pytest.fixture
async def portal(box: tuple[Mailbox, str]) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(settings(smtp=box[1]))
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url=PUBLIC
    ) as found:
        yield found


async def test_news_become_a_mail_to_the_person_alone(
    portal: httpx2.AsyncClient, box: tuple[Mailbox, str]
) -> None:
    answer = await portal.post("/mail", **news())

    assert answer.status_code == 204
    (mail,) = box[0].mails
    assert box[0].to == [JANE["email"]]
    assert (mail["To"], mail["From"]) == (
        "Jane Doe <jane@contoso.example>",
        "Northwind <orders@northwind.example>",
    )
    assert mail["Subject"] == "Your order SO-001 is confirmed"
    assert mail["Message-ID"] == "<order_1@northwind.example>"
    plain, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    assert "You will have it on Dec 4, 2026." in plain.get_content()
    assert f"{PUBLIC}/orders/{ORDER['id']}" in plain.get_content()
    assert "Contoso &lt;Retail&gt;" in html.get_content()
    assert "Contoso <Retail>" in plain.get_content()


@pytest.mark.parametrize(
    ("kind", "subject", "said"),
    [
        ("order.placed", "We have received your order SO-001", "Thank you"),
        ("order.confirmed", "Your order SO-001 is confirmed", "You will have it"),
        ("order.shipped", "Your order SO-001 is on its way", "https://ups.example/1Z9"),
        ("order.late", "Your order SO-001 is late", "Dec 4, 2026"),
    ],
)
async def test_each_kind_of_news_has_words_of_its_own(
    portal: httpx2.AsyncClient, box: tuple[Mailbox, str], kind: str, subject: str, said: str
) -> None:
    shipment = SHIPMENT if kind == "order.shipped" else None
    assert (await portal.post("/mail", **news(kind, shipment=shipment))).status_code == 204

    (mail,) = box[0].mails
    body = mail.get_body(("plain",))
    assert body is not None
    assert (mail["Subject"], said in body.get_content()) == (subject, True)


async def test_a_mail_is_in_the_language_of_the_order(
    portal: httpx2.AsyncClient, box: tuple[Mailbox, str]
) -> None:
    for language in ("nl-be", "fr", None):
        order = {**ORDER, "language": language}
        await portal.post("/mail", **news(id_=str(language), order=order))

    assert [mail["Subject"] for mail in box[0].mails] == [
        "Uw bestelling SO-001 is bevestigd",
        "Your order SO-001 is confirmed",
        "Your order SO-001 is confirmed",
    ]


async def test_what_is_told_again_is_not_written_again(
    portal: httpx2.AsyncClient, box: tuple[Mailbox, str]
) -> None:
    for id_ in ("order_1", "order_1", "order_2"):
        assert (await portal.post("/mail", **news(id_=id_))).status_code == 204

    assert [mail["Message-ID"] for mail in box[0].mails] == [
        "<order_1@northwind.example>",
        "<order_2@northwind.example>",
    ]


async def test_a_mail_that_did_not_get_out_is_asked_for_again(
    portal: httpx2.AsyncClient, box: tuple[Mailbox, str]
) -> None:
    box[0].refusals = ["451 later"]
    assert (await portal.post("/mail", **news())).status_code == 503
    assert (await portal.post("/mail", **news())).status_code == 204

    assert len(box[0].mails) == 1


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"content": b"{}"}, 401),
        ({"webhook-id": "other"}, 401),
        ({"webhook-timestamp": "1764453600"}, 401),
        ({"webhook-timestamp": "x"}, 401),
        ({"webhook-signature": "v1,AAAA"}, 401),
        ({"webhook-signature": "é"}, 401),
        ({"webhook-signature": ""}, 401),
    ],
)
async def test_what_the_gateway_did_not_sign_is_not_written(
    portal: httpx2.AsyncClient, box: tuple[Mailbox, str], changed: dict[str, Any], status: int
) -> None:
    sent = news()
    sent["content"] = changed.pop("content", sent["content"])
    sent["headers"] = {**sent["headers"], **{k: v.encode() for k, v in changed.items()}}

    assert (await portal.post("/mail", **sent)).status_code == status
    assert box[0].mails == []


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"kind": "order.eaten"}, 422),
        ({"to": {"name": "Jane", "email": "nobody"}}, 422),
        ({"to": {"name": "Jane", "email": "a@b.example\r\nBcc: x@evil.example"}}, 422),
        ({"to": {"name": "Jane", "email": None}}, 422),
        ({"order": "x"}, 400),
        ({"kind": "test"}, 204),
    ],
)
async def test_what_cannot_be_written_is_answered_and_not_sent(
    portal: httpx2.AsyncClient, box: tuple[Mailbox, str], more: dict[str, Any], status: int
) -> None:
    assert (await portal.post("/mail", **news(**more))).status_code == status
    assert box[0].mails == []


@pytest.mark.parametrize("age", [400.0, -400.0])
async def test_a_message_of_another_time_is_not_written(
    portal: httpx2.AsyncClient, box: tuple[Mailbox, str], age: float
) -> None:
    assert (await portal.post("/mail", **news(age=age))).status_code == 401
    assert box[0].mails == []


async def test_a_name_makes_no_header_of_its_own(
    portal: httpx2.AsyncClient, box: tuple[Mailbox, str]
) -> None:
    to = {"name": "Jane\r\nBcc: x@evil.example", "email": JANE["email"]}
    assert (await portal.post("/mail", **news(to=to))).status_code == 204

    assert box[0].to == [JANE["email"]]
    assert box[0].mails[0]["Bcc"] is None


async def test_an_outbox_has_one_file_a_mail(tmp_path: Path) -> None:
    app = create_app(settings(outbox=tmp_path))
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url=PUBLIC
    ) as portal:
        for id_ in ("order_1", "order_1", "order_2"):
            await portal.post("/mail", **news(id_=id_))

    assert written(tmp_path) == [
        "<order_1@northwind.example>",
        "<order_2@northwind.example>",
    ]


def written(outbox: Path) -> list[str]:
    found = (message_from_bytes(each.read_bytes(), policy=default) for each in outbox.iterdir())
    return sorted(mail["Message-ID"] for mail in found)


def test_mails_without_a_way_out_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="PORTAL_SMTP or PORTAL_OUTBOX"):
        create_app(settings())
