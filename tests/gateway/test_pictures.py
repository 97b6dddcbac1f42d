"""Pictures reach the caller whom their link was made for, once, and only those shown outside."""

import asyncio
import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from random import Random
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from emulator.faults.actions import Latency
from gateway.loaders import paper_links
from gateway.resolvers.followed_pictures import LARGEST
from tests.gateway.orders.worlds import changed
from tests.gateway.proofs.requests import NIGHTLY
from tests.stack import Stack, running

pytestmark = pytest.mark.anyio

LINKS = 10_000 if NIGHTLY else 200
"""Links that lead nowhere."""
COLLECTION = "ReleasedProductDocumentAttachments"
QUERY = "{ products(first: 100) { nodes { id itemNumber pictures { url version expiresAt } } } }"
CONTENTS = {
    "image/png": b"\x89PNG\r\n\x1a\n and more",
    "image/jpeg": b"\xff\xd8\xff\xe0 and so on and on",
    "image/gif": b"GIF89a and so on and on",
    "image/webp": b"RIFF....WEBP and so on",
}


async def pictured(stack: Stack, caller: str = "jane") -> list[dict[str, Any]]:
    """The products of the first page that have pictures."""
    found = (await stack.ask(QUERY, as_=caller)).data["products"]["nodes"]
    return [each for each in found if each["pictures"]]


async def fetch(stack: Stack, url: str, as_: str = "jane", **headers: str) -> httpx2.Response:
    sent = {"Authorization": f"Bearer {await stack.token(as_)}", **headers}
    return await stack.gateway.get(url, headers=sent)


async def test_a_picture_is_what_the_seller_attached_and_comes_once(stack: Stack) -> None:
    product = (await pictured(stack))[0]
    (picture,) = product["pictures"]

    answer = await fetch(stack, picture["url"])
    again = await fetch(stack, picture["url"])

    store = stack.emulator.state.store
    where = "ItemNumber = ? AND AttachmentDescription = 'Picture' AND dataAreaId = 'usmf'"
    (row,) = store.select(store.catalog.tables[COLLECTION], where, [product["itemNumber"]])
    assert answer.status_code == 200
    assert answer.content == base64.b64decode(row["Attachment"])
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["etag"] == f'"{picture["version"]}"'
    assert "private" in answer.headers["cache-control"]
    assert (again.status_code, b"PNG" in again.content) == (404, False)


@contextmanager
def taking_time(stack: Stack, collection: str) -> Iterator[None]:
    """Reads of a collection are under way for a while, so that others meet them."""
    faults = stack.emulator.state.faults
    faults.add(Latency(0.2), set=collection)
    yield
    faults.clear()


async def test_all_who_ask_at_once_for_a_picture_that_is_not_kept_get_it(
    small_world: Starlette,
) -> None:
    async with running(small_world) as stack:
        product = (await pictured(stack))[0]
        links = [product["pictures"][0]["url"]]
        for _ in range(2):
            links.append((await pictured(stack))[0]["pictures"][0]["url"])
        with taking_time(stack, COLLECTION):
            answers = await asyncio.gather(*(fetch(stack, url) for url in links))

    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.content for answer in answers}) == 1


async def test_whoever_has_the_version_gets_no_byte(stack: Stack) -> None:
    (picture,) = (await pictured(stack))[1]["pictures"]
    version = f'"{picture["version"]}"'

    answer = await fetch(stack, picture["url"], **{"If-None-Match": version})

    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == version


async def test_a_version_stays_until_the_picture_is_attached_anew(writable: Stack) -> None:
    before, now = (await pictured(writable))[0], (await pictured(writable))[0]
    item = before["itemNumber"]
    anew = {"AttachedDateTime": "2026-10-01T08:00:00Z"}
    with changed(writable, COLLECTION, "ItemNumber = ?", item, values=anew):
        after = (await pictured(writable))[0]

    assert before["pictures"][0]["version"] == now["pictures"][0]["version"]
    assert before["pictures"][0]["version"] != after["pictures"][0]["version"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("AccessRestriction", "Internal"),
        ("ProductImageUsage", "Internal"),
        ("IsProductImage", "No"),
    ],
)
async def test_a_picture_that_is_not_for_the_outside_is_not_told_nor_sent(
    writable: Stack, column: str, value: str
) -> None:
    product = (await pictured(writable))[0]
    url, item = product["pictures"][0]["url"], product["itemNumber"]
    enums = writable.emulator.state.store.catalog.tables[COLLECTION].columns[column]
    assert enums is not None
    with changed(writable, COLLECTION, "ItemNumber = ?", item, values={column: value}):
        answer = await fetch(writable, url)
        now = [each["itemNumber"] for each in await pictured(writable)]

    assert (answer.status_code, item in now) == (404, False)
    assert b"PNG" not in answer.content


async def test_links_that_were_altered_or_are_foreign_lead_nowhere(stack: Stack) -> None:
    chance = Random(11)  # noqa: S311 - which links are tried
    (picture,) = (await pictured(stack))[0]["pictures"]
    url = picture["url"]
    for _ in range(LINKS):
        at = chance.randrange(len("/documents/"), len(url))
        other = chance.choice([c for c in "abcXYZ019-_" if c != url[at]])
        answer = await fetch(stack, url[:at] + other + url[at + 1 :])
        assert (answer.status_code, b"PNG" in answer.content) == (404, False)
    for caller in ("sam", "rep", "may", "admin"):
        answer = await fetch(stack, url, caller)
        assert (answer.status_code, b"PNG" in answer.content) == (404, False)

    assert (await fetch(stack, url)).status_code == 200


async def test_a_link_that_is_over_leads_nowhere(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paper_links, "LIFETIME", -1)
    (picture,) = (await pictured(stack))[0]["pictures"]

    answer = await fetch(stack, picture["url"])

    assert datetime.fromisoformat(picture["expiresAt"]) < datetime.now(UTC)
    assert answer.status_code == 404


@pytest.mark.parametrize("kind", CONTENTS)
async def test_the_type_is_told_by_the_content(writable: Stack, kind: str) -> None:
    product = (await pictured(writable))[0]
    content = {"Attachment": base64.b64encode(CONTENTS[kind]).decode()}
    with changed(writable, COLLECTION, "ItemNumber = ?", product["itemNumber"], values=content):
        answer = await fetch(writable, product["pictures"][0]["url"])

    assert (answer.headers["content-type"], answer.content) == (kind, CONTENTS[kind])


@pytest.mark.parametrize(
    "content",
    [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7 no picture", b"", b"RIFF....WAVE..."],
)
async def test_what_is_no_picture_is_not_sent(writable: Stack, content: bytes) -> None:
    product = (await pictured(writable))[0]
    sent = {"Attachment": base64.b64encode(content).decode()}
    with changed(writable, COLLECTION, "ItemNumber = ?", product["itemNumber"], values=sent):
        answer = await fetch(writable, product["pictures"][0]["url"])

    assert answer.status_code in (502, 503)
    assert not content or content not in answer.content


async def test_a_picture_that_is_too_large_is_not_sent(writable: Stack) -> None:
    product = (await pictured(writable))[0]
    content = CONTENTS["image/png"] + bytes(LARGEST + 65_536)
    sent = {"Attachment": base64.b64encode(content).decode()}
    with changed(writable, COLLECTION, "ItemNumber = ?", product["itemNumber"], values=sent):
        answer = await fetch(writable, product["pictures"][0]["url"])

    assert answer.status_code in (502, 503)
    assert len(answer.content) < 1_000


async def test_a_picture_that_was_read_of_late_is_not_asked_for_again(
    small_world: Starlette,
) -> None:
    async with running(small_world, keep_rows=60.0) as stack:
        url = [(await pictured(stack))[0]["pictures"][0]["url"] for _ in range(2)]
        first = await fetch(stack, url[0])
        stack.emulator.state.log.clear()
        again = await fetch(stack, url[1])
        stranger = (await pictured(stack, "may"))[0]["pictures"][0]["url"]

        asked = [entry for entry in stack.emulator.state.log.calls() if "Attachment&" in str(entry)]
        assert (first.content, asked) == (again.content, [])
        assert (await fetch(stack, stranger)).status_code == 404
        assert (await fetch(stack, stranger, "may")).status_code == 200


async def test_all_pictures_of_a_page_come_at_once(stack: Stack) -> None:
    urls = [each["pictures"][0]["url"] for each in (await pictured(stack))[:20]]

    answers = await asyncio.gather(*(fetch(stack, url) for url in urls))

    assert {answer.status_code for answer in answers} == {200}
