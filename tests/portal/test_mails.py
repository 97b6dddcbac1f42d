"""Mails: signed news alone become mails, once, in the language of the order."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import default
from email.utils import parseaddr
from itertools import islice
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis.strategies import text
from starlette.applications import Starlette

from front.connection_bounds import Bounded
from portal.app import create_app
from portal.mails import Letters, MailedNews
from portal.outgoing import Outbox
from portal.settings import Settings
from tests.gateway.deliveries.receiving import SECRETS
from tests.gateway.live.serving import listening
from tests.portal.mailing import INVITED, JANE, ORDER, SHIPMENT, Mailbox, mailbox, news
from tests.portal.site import PUBLIC
from tests.redis_server import Server, needs_redis
from tests.redis_server import server as server

pytestmark = pytest.mark.anyio
BRAND = "Northwind Supply"


def settings(**more: Any) -> Settings:
    return Settings(
        gateway_url="http://gateway.example",
        issuer="http://issuer.example",
        client_id="portal",
        client_secret="secret",
        mail_secret=(SECRETS[1], SECRETS[0]),
        mail_from="Northwind <orders@northwind.example>",
        **{"public_url": PUBLIC, **more},
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
    assert "Company: Contoso <Retail>\n" in plain.get_content().replace("\r", "")


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


async def test_who_was_invited_is_told_where_to_sign_in(
    portal: httpx2.AsyncClient, box: tuple[Mailbox, str]
) -> None:
    to = {"name": None, "email": JANE["email"]}
    for language in ("en-us", "nl", None):
        told: dict[str, Any] = {**INVITED, "to": to, "language": language}
        answer = await portal.post("/mail", **news("contact.invited", str(language), **told))
        assert answer.status_code == 204

    subjects = [mail["Subject"] for mail in box[0].mails]
    assert subjects[0] == subjects[2] == f"You have access to {BRAND}"
    assert subjects[1] == f"U hebt toegang tot {BRAND}"
    assert {mail["To"] for mail in box[0].mails} == {JANE["email"]}
    plain = box[0].mails[0].get_body(("plain",))
    assert plain is not None
    text = plain.get_content()
    assert "A colleague at Contoso <Retail> has given you access" in text
    assert f"Sign in with this e-mail address: {JANE['email']}." in text
    assert set(re.findall(r"https?://\S+", text)) == {f"{PUBLIC}/", f"{PUBLIC}/profile"}


@pytest.mark.parametrize(
    ("kind", "lacks"), [("contact.invited", "account"), ("order.placed", "order")]
)
async def test_news_without_the_thing_that_they_are_about_are_no_news(
    portal: httpx2.AsyncClient, box: tuple[Mailbox, str], kind: str, lacks: str
) -> None:
    told: dict[str, Any] = {**INVITED, lacks: None}
    answer = await portal.post("/mail", **news(kind, **told))

    assert (answer.status_code, box[0].mails) == (400, [])


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


@needs_redis
async def test_processes_that_share_a_redis_write_a_mail_once(
    box: tuple[Mailbox, str], server: Server
) -> None:
    async with portals(settings(smtp=box[1], shared=server.url)) as (one, other):
        box[0].refusals = ["451 later"]
        said = [(await each.post("/mail", **news())).status_code for each in (one, other, one)]
        both = await asyncio.gather(
            *(each.post("/mail", **news(id_="order_2")) for each in (one, other) * 3)
        )
        server.kill()
        away = await one.post("/mail", **news(id_="order_3"))

    assert said == [503, 204, 204]
    assert {each.status_code for each in both} <= {204, 503}
    assert [mail["Message-ID"].partition("@")[0] for mail in box[0].mails] == [
        "<order_1",
        "<order_2",
    ]
    assert away.status_code == 503


@asynccontextmanager
async def portals(
    found: Settings,
) -> AsyncIterator[tuple[httpx2.AsyncClient, httpx2.AsyncClient]]:
    """Two processes of one portal."""
    one, other = (httpx2.ASGITransport(app=create_app(found)) for _ in range(2))
    async with (
        httpx2.AsyncClient(transport=one, base_url=PUBLIC) as first,
        httpx2.AsyncClient(transport=other, base_url=PUBLIC) as second,
    ):
        yield first, second


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
        ({"webhook-timestamp": "9" * 5_000}, 401),
        ({"webhook-timestamp": "\u00b2"}, 401),
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


async def test_messages_of_strangers_hold_little_all_together_and_keep_no_news_out(
    box: tuple[Mailbox, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    app = create_app(settings(smtp=box[1]))
    async with listening(app, http=Bounded, ws="none") as port, AsyncExitStack() as open_:
        url = f"http://127.0.0.1:{port}"
        client = await open_.enter_async_context(httpx2.AsyncClient(base_url=url))
        head = b"POST /mail HTTP/1.1\r\nHost: a\r\nContent-Length: 65000\r\n\r\n"
        strangers = [await asyncio.open_connection("127.0.0.1", port) for _ in range(100)]
        for _, writer in strangers:
            open_.callback(writer.close)
            writer.write(head + b"x" * 60_000)
        ends = [asyncio.create_task(_refused(reader)) for reader, _ in strangers]
        for each in islice(asyncio.as_completed(ends), 20):
            assert await each
        assert (await client.post("/mail", **news())).status_code == 204
        for each in ends:
            each.cancel()
    assert [each for each in caplog.messages if "ASGI" in each] == []


async def _refused(reader: asyncio.StreamReader) -> bool:
    """True if the message was refused before its end."""
    async with asyncio.timeout(30):
        return (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize("age", [400.0, -400.0])
async def test_a_message_of_another_time_is_not_written(
    portal: httpx2.AsyncClient, box: tuple[Mailbox, str], age: float
) -> None:
    assert (await portal.post("/mail", **news(age=age))).status_code == 401
    assert box[0].mails == []


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Jane\r\nBcc: x@evil.example",
        'Doe, "Jane" <x@evil.example>',
        "Ørsted, Åse",
        "山田 花子",
        "Jane (Purchasing); Sales: ",
        "=?utf-8?q?Bcc: x@evil.example?=",
        "\\",
        "@",
        "Jane\x00\x07Doe",
        "Jane\u202eeoD",
        'Doe, "Jane", x@evil.example,' * 5,
        'Zoë "Q", 山田,' * 10,
        "Å" * 300,
        "a" * 1_200,
        "a" * 300 + " " + "b" * 700,
    ],
)
async def test_a_mail_goes_to_one_address_whatever_the_name(
    portal: httpx2.AsyncClient, box: tuple[Mailbox, str], name: str
) -> None:
    to = {"name": name, "email": JANE["email"]}
    assert (await portal.post("/mail", **news(to=to))).status_code == 204

    (mail,) = box[0].mails
    (address,) = mail["To"].addresses
    assert (box[0].to, address.addr_spec) == ([JANE["email"]], JANE["email"])
    assert displayed(box[0].wires[0]) == " ".join(re.sub(r"[\x00\x07\u202e]", " ", name).split())
    assert sorted(mail.keys()) == sorted(HEADERS)
    assert not any(each.defects for each in mail.values())
    assert_is_plain(box[0].wires[0])


def displayed(wire: bytes) -> str:
    """
    The name beside the address of the reader, read in the older way: the newer one puts a space
    between two encoded words of a name, against RFC 2047.
    """
    name, _ = parseaddr(" ".join(message_from_bytes(wire)["To"].split()))
    return str(make_header(decode_header(name)))


@pytest.mark.parametrize(
    "number",
    [
        "SO-1\r\nBcc: x@evil.example",
        "SO-1\n\nDear all,",
        "SO-1\u2028Bcc: x@evil.example",
        "=?utf-8?q?x=40evil.example?=",
        "Ø-1",
        "<b>SO</b> & co",
        "9" * 2_000,
        "é" * 2_000,
        "\x00SO-1",
    ],
)
async def test_a_number_makes_no_header_and_no_long_line(
    portal: httpx2.AsyncClient, box: tuple[Mailbox, str], number: str
) -> None:
    told = news(order={**ORDER, "number": number})
    assert (await portal.post("/mail", **told)).status_code == 204

    (mail,) = box[0].mails
    shown = " ".join(number.replace("\x00", "").split())
    assert mail["Subject"] == f"Your order {shown} is confirmed"
    assert mail["Content-Language"] == "en"
    assert sorted(mail.keys()) == sorted(HEADERS)
    assert_is_plain(box[0].wires[0])


HEADERS = [
    "Auto-Submitted",
    "Content-Language",
    "Content-Type",
    "Date",
    "From",
    "List-Unsubscribe",
    "MIME-Version",
    "Message-ID",
    "Subject",
    "To",
]


def assert_is_plain(wire: bytes) -> None:
    """Seven bits without controls, in lines of 998 at most: every server takes them, unasked."""
    assert re.fullmatch(rb"[\t\r\n\x20-\x7e]+", wire)
    assert max(map(len, wire.split(b"\r\n"))) <= 998
    assert re.search(rb"(?<!\r)\n|\r(?!\n)", wire) is None


@given(name=text(max_size=200), number=text(max_size=200), id_=text(min_size=1, max_size=60))
def test_any_text_of_an_order_makes_a_mail_that_every_server_takes(
    outbox: tuple[Starlette, Path], name: str, number: str, id_: str
) -> None:
    app, folder = outbox
    to = {"name": name, "email": JANE["email"]}
    told = MailedNews(id_, "order.confirmed", to, order={**ORDER, "number": number})

    mail = letters(app).written(told)
    Outbox(folder).send(mail)
    (file,) = folder.iterdir()
    wire = file.read_bytes()
    file.unlink()

    read = message_from_bytes(wire, policy=default)
    assert_is_plain(wire)
    assert sorted(read.keys()) == sorted(HEADERS)
    assert [each.addr_spec for each in read["To"].addresses] == [JANE["email"]]
    assert re.fullmatch(r"<[A-Za-z0-9_-]+@northwind\.example>", read["Message-ID"])
    assert read["Message-ID"] == letters(app).written(told)["Message-ID"]
    assert [part.get_content_type() for part in read.iter_parts()] == ["text/plain", "text/html"]
    assert {part.get_content_charset() for part in read.iter_parts()} == {"utf-8"}


@pytest.fixture(scope="module")
def outbox(tmp_path_factory: pytest.TempPathFactory) -> tuple[Starlette, Path]:
    folder = tmp_path_factory.mktemp("outbox")
    return create_app(settings(outbox=folder)), folder


def letters(app: Starlette) -> Letters:
    site = app.state.site
    return Letters(site.templates, site.languages, site.settings.mail_from, PUBLIC)


async def test_who_wants_no_more_mails_finds_the_way_in_the_header_whatever_its_length(
    box: tuple[Mailbox, str],
) -> None:
    url = f"https://customers.northwind-traders.example/{'portal-of-customers/' * 5}en"
    app = create_app(settings(smtp=box[1], public_url=url))
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url=PUBLIC
    ) as portal:
        assert (await portal.post("/mail", **news())).status_code == 204

    assert f"\r\nList-Unsubscribe: <{url}/profile>\r\n".encode() in box[0].wires[0]
    assert box[0].mails[0]["Auto-Submitted"] == "auto-generated"
    assert box[0].mails[0]["Date"].datetime.tzinfo is not None


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
