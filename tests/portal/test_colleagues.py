"""The people of an account on the site: invited, and their access taken away and given back."""

import re
from html import unescape
from pathlib import Path

import httpx2
import pytest

from tests.gateway.test_colleagues import GRANTED
from tests.portal.site import Visitor, visiting
from tests.portal.test_templates import behind
from tests.stack import emulator, running

pytestmark = pytest.mark.anyio

NOOR = {
    "email": "noor.visser@contoso-retail.example",
    "firstName": "Noor",
    "lastName": "Visser",
    "jobTitle": "Buyer",
    "phone": "+31 20 1234567",
}


def people(page: httpx2.Response) -> list[str]:
    """The rows of the list, as text."""
    listed = page.text.partition('aria-labelledby="people"')[2]
    found = re.findall(r"<tr><th scope=\"row\">.*?</tr>", listed, re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", row)).split()) for row in found]


def link_of(page: httpx2.Response, name: str) -> str:
    """The address of the page that takes somebody's access away."""
    rows = re.findall(r"<tr><th scope=\"row\">.*?</tr>", page.text, re.DOTALL)
    (row,) = [row for row in rows if name in row]
    (found,) = re.findall(r'href="(/colleagues/[\w-]{20,})"', row)
    return str(found)


async def invited(visitor: Visitor, **changes: str) -> httpx2.Response:
    await visitor.get("/colleagues/new")
    return await visitor.post("/colleagues/new", **{**NOOR, **changes})


async def test_a_colleague_is_invited_loses_access_and_gets_it_back(port: int) -> None:
    async with visiting(port, "rep") as rep:
        before = people(await rep.get("/account"))

        page = await invited(rep)
        again = await invited(rep, email=NOOR["email"].upper())
        async with visiting(port, NOOR["email"]) as noor:
            orders = await noor.get("/orders")
        asked = await rep.get(link_of(page, "Visser"))
        gone = await rep.post(f"{asked.url.path}/remove")
        undo = rep.hidden("undo")
        reloaded = await rep.get("/account")
        back = await rep.post("/colleagues/restore", undo=undo)

    assert f"{NOOR['email']} was invited. Tell them" in page.text
    (new,) = set(people(page)) - set(before)
    assert new.startswith(f"Noor Visser Buyer {NOOR['email']} +31 20 1234567")
    assert people(again) == people(page)
    assert orders.status_code == 200
    assert "Take access away from Noor Visser?" in asked.text
    assert "Noor Visser has no access any more." in gone.text
    assert any(row.startswith("Noor Visser not active") for row in people(gone))
    assert undo
    assert "undo" not in reloaded.text.partition("<main")[2]
    assert "Noor Visser has access again." in back.text
    assert people(back) == people(page)


@pytest.mark.parametrize(
    ("parts", "name", "said"),
    [
        ({"email": ""}, "email", "Enter one e-mail address"),
        ({"email": "jane at contoso"}, "email", "Enter one e-mail address"),
        ({"email": "j\u00e1ne@contoso.example"}, "email", "Enter one e-mail address"),
        ({"lastName": " "}, "lastName", "Enter the last name."),
        ({"firstName": "x" * 51}, "firstName", "This is too long."),
        ({"lastName": "<b>@x"}, "lastName", "Enter it as plain text"),
        ({"email": "sam.okafor@contoso-retail.example"}, "email", "is on the list already."),
        ({"email": "may.tanaka@fabrikam.example"}, "email", "We cannot invite this address."),
    ],
)
async def test_a_mistake_is_shown_and_nothing_typed_is_lost(
    port: int, parts: dict[str, str], name: str, said: str
) -> None:
    async with visiting(port, "rep") as rep:
        page = await invited(rep, jobTitle="Kept text", **parts)

    assert page.status_code == 422
    assert said in page.text.partition(f'id="{name}-mistake"')[2].partition("</p>")[0]
    assert 'value="Kept text"' in page.text


async def test_too_many_in_a_day_are_refused_in_words(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(GRANTED.replace("1000", "1"))
    async with (
        running(emulator(), policy=str(policy)) as stack,
        behind(stack, "jane", tmp_path / "drafts") as jane,
    ):
        first, second = await invited(jane), await invited(jane, email="x@contoso-retail.example")

    assert first.status_code == 200
    assert "as many people today as it can" in second.text


async def test_one_does_not_take_ones_own_access(port: int) -> None:
    async with visiting(port, "rep") as rep:
        page = await rep.get("/account")
        (row,) = [row for row in people(page) if "Rita" in row]
        assert rep.session.user
        me = rep.session.user.viewer["viewer"]["contact"]["id"]
        asked = await rep.get(f"/colleagues/{me}")

    assert "Take access away" not in row
    assert asked.status_code == 404


async def test_access_that_is_not_the_accounts_to_take_is_said_in_words(port: int) -> None:
    async with visiting(port, "may") as may:
        assert may.session.user
        foreign = may.session.user.viewer["viewer"]["contact"]["id"]
    async with visiting(port, "rep") as rep:
        asked = await rep.get(f"/colleagues/{foreign}")
        await rep.get("/account")
        page = await rep.post(f"/colleagues/{foreign}/remove")

    assert asked.status_code == 404
    assert "This access cannot be taken away here." in page.text


async def test_a_way_back_that_is_none_is_said_in_words(port: int) -> None:
    async with visiting(port, "rep") as rep:
        await rep.get("/account?undo=%3Cscript%3E")
        page = await rep.post("/colleagues/restore", undo=rep.hidden("undo"))

    assert "It is too late to undo this." in page.text


async def test_who_may_not_is_not_asked_to(port: int) -> None:
    """A buyer of the demo, and staff."""
    for name in ("jane", "admin"):
        async with visiting(port, name) as visitor:
            page = await visitor.get("/account" if name == "jane" else "/dashboard")
            closed = [await visitor.get("/colleagues/new"), await visitor.get("/colleagues/x")]

        assert "/colleagues/" not in page.text
        assert [each.status_code for each in closed] == [404, 404]


async def test_nobody_is_invited_where_nobody_is_found_by_address(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(GRANTED)
    async with (
        running(emulator(), policy=str(policy), match_email=False) as stack,
        behind(stack, "jane", tmp_path / "drafts") as jane,
    ):
        page, closed = await jane.get("/account"), await jane.get("/colleagues/new")

    assert "/colleagues/new" not in page.text
    assert "Take access away" in page.text
    assert closed.status_code == 404


async def test_another_language_says_it_too(port: int) -> None:
    async with visiting(port, "rep") as rep:
        await rep.get("/language/nl")
        page = await invited(rep, email="may.tanaka@fabrikam.example")

    assert "Collega uitnodigen" in page.text
    assert "We kunnen dit adres niet uitnodigen." in page.text
