"""
Another site sends a visitor's browser to any address of the site map with anything in it: nothing
happens there that the visitor did not want, and nobody is led away.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from portal.sessions import Session
from portal.sitemap import PAGES
from portal.visits import Page
from tests.portal.site import Visitor, visiting
from tests.portal.test_site import drafted
from tests.portal.test_typed import names

pytestmark = pytest.mark.anyio

EVIL = "evil.example"
REP = "rep"
"""Somebody to whom every page is offered: a page that is not there checks no form."""
FORMS = [page for page in PAGES if "POST" in page.methods]
LOOKS = [page for page in PAGES if "GET" in page.methods]
FILLED = {
    **dict.fromkeys(names(), "1"),
    "theme": "dark",
    "ship_to": "account",
    "pasted": "D0023,1",
    "code-1": "D0023",
    "quantity-1": "1",
}
"""A value for each field that a page has or reads."""


def path_of(page: Page, **known: str) -> str:
    return re.sub(r"\{(\w+)[^}]*\}", lambda found: known.get(found[1], "1"), page.path)


async def state(visitor: Visitor) -> tuple[Any, ...]:
    """All that a form could change."""
    session = visitor.session
    user = session.user
    assert user
    desk, site = await visitor.desk(), visitor.app.state.site
    shelf = await site.shelves.find(visitor.owner)
    told = session.theme, session.language, session.account, session.pending
    return desk, shelf, user.subject, user.seen_as, told


def changes(visitor: Visitor) -> list[str]:
    """The mutations that the gateway was asked for, but the one that writes nothing."""
    asked = [json.loads(each) for each in visitor.gateway.asked if each]
    names = [(each.get("operationName"), each["query"]) for each in asked]
    found = [name for name, text in names if re.search(rf"\bmutation {name}\b", text)]
    return [name for name in found if name != "Preview"]


def forms(visitor: Visitor, stranger: Visitor) -> Mapping[str, dict[str, Any]]:
    """The ways in which somebody without the visitor's token could send a form, by name."""
    token, others = visitor.session.csrf, stranger.session.csrf
    kind = "Content-Type"
    return {
        "no token": {"data": FILLED},
        "an empty one": {"data": {**FILLED, "csrf": ""}},
        "one of another session": {"data": {**FILLED, "csrf": others}},
        "a part of it": {"data": {**FILLED, "csrf": token[:-1]}},
        "it and more": {"data": {**FILLED, "csrf": f"{token} "}},
        "in capitals": {"data": {**FILLED, "csrf": token.swapcase()}},
        "it in the address": {"data": FILLED, "params": {"csrf": token}},
        "it in a header": {"data": FILLED, "headers": {"X-CSRF-Token": token, "csrf": token}},
        "it as JSON": {"json": {**FILLED, "csrf": token}},
        "it as text": {"content": f"csrf={token}", "headers": {kind: "text/plain"}},
        "it as a file": {"data": FILLED, "files": {"other": ("csrf", token)}},
        "nothing": {"content": b""},
    }


async def test_a_form_of_another_site_changes_nothing(port: int) -> None:
    async with visiting(port, REP) as rep, visiting(port, REP) as stranger:
        await drafted(rep, "FORGED")
        before = await state(rep)
        rep.gateway.asked.clear()
        for page in FORMS:
            for name, form in forms(rep, stranger).items():
                answer = await rep.client.post(path_of(page), **form)
                assert answer.status_code in {403, 413}, (page.path, name)

        assert await state(rep) == before
        assert changes(rep) == []


async def test_the_form_of_the_visitor_is_not_refused(port: int) -> None:
    """Otherwise no form would prove anything."""
    async with visiting(port, REP) as rep:
        for page in FORMS:
            if page.path not in {"/sign-out", "/view-as"}:
                sent = {"csrf": rep.session.csrf}
                answer = await rep.client.post(path_of(page), data=sent)
                assert answer.status_code not in {403, 413}, page.path


async def test_a_form_of_nobody_is_not_read(port: int) -> None:
    async with visiting(port) as visitor:
        for page in FORMS:
            for cookie in ("", "portal=x", "portal-guest=x"):
                sent = {**FILLED, "csrf": ""}
                answer = await visitor.client.post(
                    path_of(page), data=sent, headers={"Cookie": cookie}
                )
                led = answer.status_code, answer.headers.get("location")
                assert led == ((403, None) if page.public else (303, "/sign-in")), page.path

    assert visitor.gateway.asked == []


async def test_a_link_changes_nothing_whatever_stands_in_it(port: int) -> None:
    async with visiting(port, REP) as rep:
        await drafted(rep, "LINKED")
        await rep.client.get("/language/en")
        before = await state(rep)
        rep.gateway.asked.clear()
        for page in LOOKS:
            for method in ("GET", "HEAD"):
                query = {**FILLED, "csrf": rep.session.csrf}
                await rep.client.request(method, path_of(page, tag="en"), params=query)
                assert (page.path, await state(rep)) == (page.path, before)

        assert changes(rep) == []


async def test_other_methods_are_refused(port: int) -> None:
    async with visiting(port, "jane") as jane:
        jane.gateway.asked.clear()
        for page in PAGES:
            for method in {"PUT", "DELETE", "PATCH", "OPTIONS", "GET", "POST"} - {*page.methods}:
                form = {**FILLED, "csrf": jane.session.csrf}
                answer = await jane.client.request(method, path_of(page), data=form)
                assert answer.status_code in {404, 405}, (method, page.path)

    assert jane.gateway.asked == []


SAYING = {
    "Host": EVIL,
    "X-Forwarded-Host": EVIL,
    "X-Forwarded-Proto": "javascript",
    "Forwarded": f"host={EVIL}",
    "X-Original-URL": f"//{EVIL}/",
    "X-Rewrite-URL": f"//{EVIL}/",
    "Referer": f"https://{EVIL}/",
    "Origin": f"https://{EVIL}",
}


@pytest.mark.parametrize("name", ["jane", None])
async def test_no_name_that_a_request_says_is_led_to(port: int, name: str | None) -> None:
    async with visiting(port, name) as visitor:
        for page in sorted(PAGES, key=lambda page: page.path == "/sign-out"):
            path = path_of(page, tag="en")
            answers = [await visitor.client.get(path, headers=SAYING)]
            if "POST" in page.methods:
                form = {"csrf": visitor.session.csrf if name else ""}
                answers.append(await visitor.client.post(path, data=form, headers=SAYING))
            said = [f"{each.text} {each.headers}" for each in answers]
            assert [each for each in said if EVIL in each] == [], page.path


BACK = (
    f"//{EVIL}",
    f"///{EVIL}",
    f"https://{EVIL}",
    f"https:{EVIL}",
    f"/\\{EVIL}",
    f"\\\\{EVIL}",
    f"/\t/{EVIL}",
    f"/\r\n/{EVIL}",
    f"\t//{EVIL}",
    f" //{EVIL}",
    f"\x00//{EVIL}",
    f"@{EVIL}",
    f".{EVIL}",
    "javascript:alert(1)",
    "data:text/html,x",
    "/a\r\nSet-Cookie: portal=x",
    "/a\nLocation: //evil.example",
)


@pytest.mark.parametrize("back", BACK)
async def test_no_link_leads_elsewhere(port: int, back: str) -> None:
    async with visiting(port) as visitor:
        answer = await visitor.client.get("/language/nl", params={"back": back})

    location = answer.headers["location"]
    assert re.match(r"/(?![/\\])", location)
    assert not re.search(r"[\s\\\x00-\x20]", location)
    assert "portal=x" not in str(answer.headers.get_list("set-cookie"))


async def test_every_cookie_of_a_site_behind_tls_is_bound_to_it(port: int) -> None:
    """Those that are taken back too: a browser keeps a cookie that is not taken back alike."""
    public = "https://portal.example"
    seen: list[str] = []
    async with visiting(port, "jane") as jane, visiting(port, public_url=public) as visitor:
        sessions, client = visitor.app.state.site.sessions, visitor.client
        client.base_url = httpx2.URL(public)
        for path in ("/language/nl", "/sign-in"):
            seen += (await client.get(path)).headers.get_list("set-cookie")
        # The issuer of the demo knows no such site: somebody is signed in by hand.
        session = Session(user=jane.session.user, subject=jane.session.subject)
        sessions.keep(session)
        client.cookies.set("__Host-portal", session.id, domain="portal.example")
        seen += (await client.get("/profile")).headers.get_list("set-cookie")
        sent = {"csrf": session.csrf}
        seen += (await client.post("/sign-out", data=sent)).headers.get_list("set-cookie")

    assert {each.partition("=")[0] for each in seen} == {"__Host-portal", "__Host-portal-guest"}
    for cookie in seen:
        flags = {*cookie.split("; ")[1:]}
        assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/"} <= flags
        assert not [flag for flag in flags if flag.lower().startswith("domain")]


async def test_an_id_that_was_planted_is_nobodys_session(port: int) -> None:
    """Neither one that was made up, nor that of somebody who signed in before."""
    async with visiting(port, "may") as visitor:
        app, theirs = visitor.app, visitor.client.cookies["portal"]
        for planted in ("made-up", theirs):
            visitor.client.cookies.clear()
            visitor.client.cookies.set("portal", planted, domain="127.0.0.1")
            await visitor.sign_in("jane")
            own = visitor.client.cookies["portal"]

            assert own != planted
            assert app.state.site.sessions.find(planted) is None
            assert visitor.session.subject == app.state.site.sessions.find(own).subject
