"""Files attached to orders reach the caller whom their link was made for, once, as far as shown."""

import asyncio
from random import Random
from typing import Any

import httpx2
import pytest

from gateway.resolvers.file_contents import NamedFile
from gateway.upstream.attached import AttachedFile
from gateway.upstream.conditions import EVERYTHING
from tests.gateway.orders.worlds import changed
from tests.gateway.proofs.requests import NIGHTLY
from tests.gateway.test_pictures import taking_time
from tests.stack import Stack

pytestmark = pytest.mark.anyio

LINKS = 10_000 if NIGHTLY else 100
"""Links that lead nowhere."""
OF_ORDER = "SalesOrderHeaderDocumentAttachmentsV2"
FILES = "attachments { id name description url expiresAt }"
QUERY = f"""query ($after: String) {{ orders(first: 20, after: $after) {{
    nodes {{ id number {FILES} lines(first: 1) {{ nodes {{ {FILES} }} }} }}
    pageInfo {{ endCursor }}
}} }}"""


async def with_files(stack: Stack, caller: str = "rep") -> list[dict[str, Any]]:
    """The newest orders that have files, behind the orders that tests have placed."""
    after = None
    while True:
        orders = (await stack.ask(QUERY, as_=caller, after=after)).data["orders"]
        found = [each for each in orders["nodes"] if each["attachments"]]
        after = orders["pageInfo"]["endCursor"]
        if found or after is None:
            return found


async def fetch(stack: Stack, url: str, as_: str = "rep") -> httpx2.Response:
    return await stack.gateway.get(
        url, headers={"Authorization": f"Bearer {await stack.token(as_)}"}
    )


async def test_a_file_is_what_the_seller_attached_and_comes_once(stack: Stack) -> None:
    order = (await with_files(stack))[0]
    (file,) = order["attachments"]
    (drawn,) = order["lines"]["nodes"][0]["attachments"]

    answer, again = await fetch(stack, file["url"]), await fetch(stack, file["url"])
    drawing = await fetch(stack, drawn["url"])

    assert (file["name"], drawn["name"]) == ("Packing instructions.txt", "Drawing.png")
    assert answer.content == f"Packing instructions for {order['number']}\n".encode()
    assert drawing.content.startswith(b"\x89PNG")
    for one in (answer, drawing):
        assert one.status_code == 200
        assert one.headers["content-type"] == "application/octet-stream"
        assert one.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
        assert one.headers["x-content-type-options"] == "nosniff"
    assert (again.status_code, b"Packing" in again.content) == (404, False)


async def test_all_who_ask_for_a_file_at_once_get_it(writable: Stack) -> None:
    files = [(await with_files(writable))[0]["attachments"][0] for _ in range(3)]

    with taking_time(writable, OF_ORDER):
        answers = await asyncio.gather(*(fetch(writable, file["url"]) for file in files))

    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.content for answer in answers}) == 1


async def test_only_what_the_seller_shows_outside_is_listed_and_sent(writable: Stack) -> None:
    order = (await with_files(writable))[0]
    (file,) = order["attachments"]
    where = "SalesOrderNumber = ? AND AttachmentDescription = 'Packing instructions'"
    inside = {"AccessRestriction": "Internal"}
    with changed(writable, OF_ORDER, where, order["number"], values=inside):
        listed = {each["number"] for each in await with_files(writable)}
        answer = await fetch(writable, file["url"])

    assert order["number"] not in listed
    assert (answer.status_code, b"Packing" in answer.content) == (404, False)


async def test_links_that_are_not_the_callers_lead_nowhere(stack: Stack) -> None:
    (file,) = (await with_files(stack))[0]["attachments"]
    chance, url = Random(19), file["url"]  # noqa: S311 - repeatable
    start = url.index("/documents/") + len("/documents/")

    for caller in ("may", "sam", "jane"):
        answer = await fetch(stack, url, caller)
        assert (answer.status_code, b"Packing" in answer.content) == (404, False)
    for _ in range(LINKS):
        place = chance.randrange(start, len(url))
        altered = url[:place] + chance.choice("ABCxyz019-_") + url[place + 1 :]
        if altered == url:
            continue
        answer = await fetch(stack, altered)
        assert answer.status_code == 404, altered
        assert b"Packing" not in answer.content

    assert (await fetch(stack, url)).status_code == 200


async def test_a_file_of_an_order_is_gone_with_the_order(writable: Stack) -> None:
    order = (await with_files(writable))[0]
    (file,) = order["attachments"]
    other = "00000000-0000-4000-8000-000000000000"
    mine = "msdyn_salesordernumber = ?"
    with changed(
        writable, "salesorders", mine, order["number"], values={"_customerid_value": other}
    ):
        answer = await fetch(writable, file["url"])

    assert (answer.status_code, b"Packing" in answer.content) == (404, False)


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("a b.pdf", "a%20b.pdf"),
        ('x"; filename=evil.exe', "x%22%3B%20filename%3Devil.exe"),
        ("..\\..\\up/and.txt", ".._.._up_and.txt"),
        ("line\r\nSet-Cookie: a", "lineSet-Cookie%3A%20a"),
        ("na\N{LATIN SMALL LETTER I WITH DIAERESIS}ef.txt", "na%C3%AFef.txt"),
    ],
)
def test_a_name_stays_within_its_header(name: str, sent: str) -> None:
    file = NamedFile(AttachedFile(OF_ORDER, EVERYTHING, 1), name)

    assert file.disposition == f"attachment; filename*=UTF-8''{sent}"
