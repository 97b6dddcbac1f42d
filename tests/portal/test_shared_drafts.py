"""A draft that colleagues share: each sees it, changes it and orders it, and it is one order."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from portal.boards import MOST_SHARED
from portal.desks import SETTLED, Desk, Sharing, State, edited, unshared
from portal.desks import shared as shared_
from portal.drafts import TOLD, Destination, Draft
from portal.keeping import board_of
from portal.outcomes import Colleague
from portal.pages import placing
from tests.gateway.test_hidden_columns import policy
from tests.portal.site import Visitor, visiting
from tests.portal.test_site import number_of_orders
from tests.portal.test_templates import DISCREET, begun, behind, drafts, in_draft
from tests.redis_server import Server, needs_redis, server
from tests.stack import emulator, running

pytestmark = pytest.mark.anyio
__all__ = ["drafts", "server"]
"""Fixtures of others."""


@pytest.fixture(params=["memory", "file", pytest.param("redis", marks=needs_redis)])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The settings by which two portals share drafts; in memory they are one portal."""
    if request.param == "redis":
        found: Server = request.getfixturevalue("server")
        return {"shared": found.url}
    return {"drafts": tmp_path / "drafts"} if request.param == "file" else {}


@pytest.fixture
async def both(port: int, kept: dict[str, Any]) -> AsyncIterator[tuple[Visitor, Visitor]]:
    """Jane, who sees what she orders herself, and a colleague who sees all of the account."""
    async with AsyncExitStack() as stack:
        jane = await stack.enter_async_context(visiting(port, "jane", **kept))
        rep = await stack.enter_async_context(visiting(port, "rep", **kept))
        if not kept:
            one = jane.app.state.site
            rep.app.state.site.desks._store = one.desks._store
            rep.app.state.site.boards._store = one.boards._store
        yield jane, rep


async def shared(visitor: Visitor, reference: str, *rows: str) -> str:
    """The address at which colleagues open a new draft of these lines."""
    await begun(visitor, *(rows or ("D0023,2",)))
    await visitor.get("/orders/new")
    await visitor.post("/orders/new", ship_to="account", reference=reference)
    await visitor.get("/orders/new/items")
    page = await visitor.post("/orders/new/share", share="yes")
    assert "can change and order this draft now" in page.text
    sharing = (await visitor.desk()).sharing
    assert sharing
    return f"/drafts/{sharing.id}/open"


async def opened(visitor: Visitor, address: str) -> httpx2.Response:
    await visitor.get("/drafts")
    return await visitor.client.post(address, data={"csrf": visitor.csrf})


async def test_colleagues_change_one_draft_and_read_who_did(
    both: tuple[Visitor, Visitor],
) -> None:
    jane, rep = both
    address = await shared(jane, "TOGETHER")
    overview, listed = await rep.get("/dashboard"), await rep.get("/drafts")

    answer = await opened(rep, address)
    page = await rep.get(answer.headers["location"])
    await rep.post("/orders/new/import", pasted="D0170,5,for Bob")
    seen = await jane.get("/orders/new/items")

    assert address in overview.text
    assert address in listed.text
    assert "TOGETHER" in listed.text
    assert "You are working on the draft of Jane" in page.text
    assert await in_draft(jane) == [("", "2", ""), ("", "5", "for Bob")]
    assert "D0170" in seen.text
    sharing = (await jane.desk()).sharing
    assert sharing
    assert f"Last changed by {sharing.by.name}" in seen.text
    assert sharing.by.name != sharing.owner.name
    assert await in_draft(rep) == []


async def test_nobody_of_another_account_finds_a_shared_draft(
    port: int, both: tuple[Visitor, Visitor], kept: dict[str, Any]
) -> None:
    jane, rep = both
    address = await shared(jane, "OURS ALONE")
    async with visiting(port, "may", **kept) as stranger:
        if not kept:
            stranger.app.state.site.desks._store = jane.app.state.site.desks._store
            stranger.app.state.site.boards._store = jane.app.state.site.boards._store
        pages = [await stranger.get(path) for path in ("/drafts", "/dashboard")]
        refused = await opened(stranger, address)
        note = await rep.get("/drafts")
        board = board_of(jane.app.state.site.settings.issuer, stranger.account)
        assert not (await stranger.app.state.site.boards.find(board)).notes

    assert not any("OURS ALONE" in page.text or "/open" in page.text for page in pages)
    assert refused.status_code == 404
    assert "OURS ALONE" in note.text


async def test_who_may_not_order_has_no_drafts(port: int, drafts: Path) -> None:
    """The seller's own people, also while they look as a customer."""
    async with (
        visiting(port, "jane", drafts=drafts) as jane,
        visiting(port, "admin", drafts=drafts) as staff,
    ):
        address = await shared(jane, "NOT FOR STAFF")
        found = [(await staff.get("/drafts")).status_code]
        await staff.get("/accounts")
        account = await staff.get(f"/account?id={jane.account}")
        (contact, *_) = re.findall(r'name="contact" value="([^"]+)"', account.text)
        await staff.post("/view-as", contact=contact)
        found.append((await staff.get("/drafts")).status_code)
        await staff.get("/dashboard")
        found.append((await staff.post(address)).status_code)

    assert found == [404] * 3


async def _review(visitor: Visitor) -> dict[str, str]:
    """The form that orders the draft at hand."""
    page = await visitor.get("/orders/new/review")
    found = {name: visitor.hidden(name) for name in ("csrf", "key", "seen")}
    assert found["key"], page.text
    return found


async def test_of_all_who_order_it_at_once_one_does(both: tuple[Visitor, Visitor]) -> None:
    """Twice each, from two processes."""
    jane, rep = both
    reference = f"ALL AT ONCE {time.monotonic_ns()}"
    await opened(rep, await shared(jane, reference))
    forms = [(visitor, await _review(visitor)) for visitor in (jane, rep)]

    answers = await asyncio.gather(
        *(
            visitor.client.post("/orders/new/submit", data=form)
            for visitor, form in (*forms, *forms)
        )
    )
    ends = [await visitor.get("/orders/new/items") for visitor in both]

    assert [answer.status_code for answer in answers] == [303] * 4
    assert await number_of_orders(rep, reference) == 1
    desk = await jane.desk()
    assert (desk.state, desk.sharing) == (State.PLACED, None)
    assert all("Your order is empty." in page.text for page in ends)


@pytest.mark.parametrize("asks", ["owner", "colleague"])
async def test_anybody_who_shares_it_learns_what_became_of_it(
    both: tuple[Visitor, Visitor], monkeypatch: pytest.MonkeyPatch, asks: str
) -> None:
    """
    Also who may not see the order, and with refusals that the order itself brought about: by asking
    for it, as by looking they would order.
    """
    monkeypatch.setattr(placing, "MARGIN", 0.0)
    jane, rep = both
    reference = f"UNHEARD {asks} {time.monotonic_ns()}"
    await opened(rep, await shared(jane, reference))
    sender, other = (rep, jane) if asks == "owner" else (jane, rep)
    form = await _review(sender)
    sender.gateway.loses = 1
    sent = await sender.client.post("/orders/new/submit", data=form)
    listed = await rep.get("/drafts")

    looked = await other.get("/orders/new/items")
    told = await other.post("/orders/new/checking", key=form["key"])
    again = await sender.client.post("/orders/new/submit", data=form)

    assert "/orders/new/checking" in sent.headers["location"]
    assert "being ordered by" in listed.text or asks == "owner"
    assert looked.status_code == 202
    assert "This draft was ordered by" in told.text
    assert await number_of_orders(rep, reference) == 1
    assert again.status_code == 303
    assert await number_of_orders(rep, reference) == 1
    assert not (await jane.desk()).is_sent


@pytest.mark.parametrize("asks", ["owner", "colleague"])
async def test_nobody_orders_by_looking_at_what_a_colleague_ordered(
    both: tuple[Visitor, Visitor], monkeypatch: pytest.MonkeyPatch, asks: str
) -> None:
    """The order would be in the name of somebody who never asked for it."""
    monkeypatch.setattr(placing, "MARGIN", 0.0)
    jane, rep = both
    reference = f"DROPPED {asks} {time.monotonic_ns()}"
    await opened(rep, await shared(jane, reference))
    sender, other = (rep, jane) if asks == "owner" else (jane, rep)
    form = await _review(sender)
    sender.gateway.drops = 1
    await sender.client.post("/orders/new/submit", data=form)
    by = (await jane.desk()).sharing
    assert by

    looks = [await other.get("/orders/new/items")]
    ordered_yet = await number_of_orders(rep, reference)
    looks.append(await other.get("/orders/new/items"))
    page = await other.post("/orders/new/checking", key=form["key"])
    late = await sender.get(f"/orders/new/checking?key={form['key']}")

    (placed,) = [one for one in (await jane.desk()).placed if one.key == form["key"]]
    assert ordered_yet == 0
    assert all(f"{by.by.name} has ordered this draft" in unescape(look.text) for look in looks)
    assert all("Order it in your name" in look.text for look in looks)
    assert "Thank you." in page.text
    assert placed.by
    assert placed.is_known_to(other.owner)
    assert placed.by.name in late.text
    assert re.search("ordered by|has ordered the draft", late.text)
    assert "Thank you." not in late.text
    assert await number_of_orders(rep, reference) == 1
    assert await number_of_orders(other, reference) == 1


async def test_who_asks_for_it_once_more_is_told_whose_order_it_became(
    both: tuple[Visitor, Visitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer was lost, and not the order: it is that of the one who sent it first."""
    monkeypatch.setattr(placing, "MARGIN", 0.0)
    jane, rep = both
    reference = f"FIRST {time.monotonic_ns()}"
    await opened(rep, await shared(jane, reference))
    form = await _review(jane)
    jane.gateway.loses = 1
    await jane.client.post("/orders/new/submit", data=form)
    by = (await jane.desk()).sharing
    assert by

    await rep.get("/orders/new/items")
    page = await rep.post("/orders/new/checking", key=form["key"])
    own = await jane.get(f"/orders/new/checking?key={form['key']}")

    assert f"ordered by {by.by.name}" in page.text
    assert "Thank you." not in page.text
    assert own.url.path.startswith("/orders/")
    assert own.status_code == 200
    assert await number_of_orders(jane, reference) == 1


async def test_a_build_without_shared_drafts_does_not_order_one_again(
    both: tuple[Visitor, Visitor],
) -> None:
    """It runs beside this one while replicas are replaced; it would send the key as one's own."""
    jane, rep = both
    await opened(rep, await shared(jane, "ROLLED BACK"))
    form = await _review(rep)
    rep.gateway.loses = 1
    await rep.client.post("/orders/new/submit", data=form)
    store = jane.app.state.site.desks._store
    kept = await store.load(jane.owner)

    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(kept.content, type=Desk)
    assert kept.held
    assert (await jane.desk()).is_sent
    await rep.get(f"/orders/new/checking?key={form['key']}")
    after = await store.load(jane.owner)
    assert msgspec.json.decode(after.content, type=Desk).state is State.PLACED


async def test_nothing_is_shared_or_taken_back_while_it_is_ordered(
    both: tuple[Visitor, Visitor],
) -> None:
    jane, rep = both
    await opened(rep, await shared(jane, "UNDER WAY"))
    form = await _review(rep)
    rep.gateway.loses = 9
    await rep.client.post("/orders/new/submit", data=form)
    before = await jane.desk()
    csrf = jane.session.csrf
    about = {"csrf": csrf, "draft": before.draft.key}

    answers = [
        await jane.client.post("/orders/new/share", data={**about, "share": "no"}),
        await jane.client.post("/orders/new/discard", data=about),
    ]
    rep.gateway.loses = 0

    assert before.is_sent
    assert all("/orders/new/checking" in answer.headers["location"] for answer in answers)
    assert await jane.desk() == before
    await rep.get(f"/orders/new/checking?key={before.draft.key}")
    assert (await jane.desk()).state is State.PLACED


async def test_a_draft_that_is_taken_back_is_out_of_reach_at_once(
    both: tuple[Visitor, Visitor],
) -> None:
    """Also for a page that was shown before; nothing of it comes onto anybody's own draft."""
    jane, rep = both
    await opened(rep, await shared(jane, "TAKEN BACK"))
    await rep.get("/orders/new/items")
    csrf, draft = rep.csrf, rep.hidden("draft")
    await jane.get("/orders/new/items")
    await jane.post("/orders/new/share", share="no")

    added = await rep.client.post(
        "/orders/new/import", data={"csrf": csrf, "draft": draft, "pasted": "D0170,1"}
    )
    page = await rep.get("/drafts")

    assert added.headers["location"] == "/drafts"
    assert "no longer shared with you" in page.text
    assert "TAKEN BACK" not in page.text
    assert [(number, quantity) for number, quantity, _ in await in_draft(jane)] == [("", "2")]
    assert await in_draft(rep) == []
    assert (await rep.get("/orders/new/items")).status_code == 200


async def test_a_draft_that_is_taken_back_while_a_form_is_read_is_not_changed(
    both: tuple[Visitor, Visitor],
) -> None:
    jane, rep = both
    await opened(rep, await shared(jane, "MEANWHILE"))
    form = {**await _review(rep), "draft": rep.hidden("key"), "pasted": "D0170,1"}
    desks, change = rep.app.state.site.desks, rep.app.state.site.desks.change

    async def late(owner: str, move: Any) -> Desk:
        desks.change = change
        await jane.app.state.site.desks.change(jane.owner, unshared)
        return await change(owner, move)  # type: ignore[no-any-return]

    answers = []
    for path in ("/orders/new/import", "/orders/new/submit"):
        desks.change = late
        answers.append(await rep.client.post(path, data=form))
        await opened(rep, await shared(jane, "MEANWHILE"))
        form |= await _review(rep)
        form["draft"] = form["key"]

    assert [answer.headers["location"] for answer in answers] == ["/drafts"] * 2
    assert await number_of_orders(rep, "MEANWHILE") == 0


async def test_a_form_of_ones_own_empty_draft_is_not_about_that_of_a_colleague(
    both: tuple[Visitor, Visitor],
) -> None:
    """It was shown before the other one was opened, in another tab."""
    jane, rep = both
    await rep.get("/orders/new/discard")
    await rep.post("/orders/new/discard")
    await rep.get("/orders/new/items")
    form = {"csrf": rep.csrf, "draft": rep.hidden("draft"), "pasted": "D0170,6"}
    await opened(rep, await shared(jane, "NOT MINE"))

    await rep.client.post("/orders/new/import", data=form)

    assert form["draft"] == ""
    assert [quantity for _, quantity, _ in await in_draft(jane)] == ["2"]
    assert [quantity for _, quantity, _ in await in_draft(rep)] == ["6"]


async def test_ones_own_draft_comes_back_while_that_of_a_colleague_is_open(
    both: tuple[Visitor, Visitor],
) -> None:
    jane, rep = both
    await begun(rep, "D0170,3")
    await rep.get("/orders/new/discard")
    await rep.post("/orders/new/discard")
    form = {"csrf": rep.csrf, "undo": "1"}
    await opened(rep, await shared(jane, "UNDONE"))

    page = await rep._follow(await rep.client.post("/orders/new/discard", data=form))

    assert [quantity for _, quantity, _ in await in_draft(rep)] == ["3"]
    assert "Your draft has been restored." in page.text
    assert "draft of Jane" not in page.text


async def test_no_quote_is_asked_for_with_a_draft_that_is_taken_back_just_then(
    both: tuple[Visitor, Visitor],
) -> None:
    """By a form that does not say which version it shows."""
    jane, rep = both
    await opened(rep, await shared(jane, "NO QUOTE"))
    form = await _review(rep)
    del form["seen"]
    desks, find = rep.app.state.site.desks, rep.app.state.site.desks.find
    looks = []

    async def late(owner: str) -> Desk:
        looks.append(owner)
        if len(looks) == 3:  # the first two are those of every page
            await jane.app.state.site.desks.change(jane.owner, unshared)
        return await find(owner)  # type: ignore[no-any-return]

    desks.find = late
    answer = await rep.client.post("/orders/new/quote", data=form)

    assert len(looks) == 3
    assert answer.headers["location"] == "/drafts"
    assert not any(b'"operationName":"Ask"' in asked for asked in rep.gateway.asked)


async def test_a_late_refusal_shows_nothing_that_is_shared_no_more(
    both: tuple[Visitor, Visitor],
) -> None:
    jane, rep = both
    await opened(rep, await shared(jane, "LATE REFUSAL"))
    form = await _review(rep)
    wrong = {"code": "INVALID_INPUT", "message": "", "path": ["input", "lines", "0"]}
    rep.gateway.answers["Place"] = {"createSalesOrder": {"errors": [wrong], "status": None}}
    desks, change = rep.app.state.site.desks, rep.app.state.site.desks.change
    private = Draft(key="another", account=jane.account, reference="PRIVATE")

    async def late(owner: str, move: Any) -> Desk:
        if (await desks.find(owner)).is_sent:
            desks.change = change
            await change(owner, lambda _: edited(Desk(), lambda _: private))
        return await change(owner, move)  # type: ignore[no-any-return]

    desks.change = late
    answer = await rep.client.post("/orders/new/submit", data=form)

    assert desks.change == change
    assert (answer.status_code, answer.headers.get("location")) == (303, "/drafts")
    assert "PRIVATE" not in answer.text


async def test_who_missed_the_ordering_is_told_who_ordered_and_nothing_of_the_order(
    both: tuple[Visitor, Visitor],
) -> None:
    jane, rep = both
    await opened(rep, await shared(jane, f"MISSED {time.monotonic_ns()}"))
    form = await _review(jane)
    placed = await rep.client.post("/orders/new/submit", data=await _review(rep))
    order = placed.headers["location"]
    about = {"csrf": form["csrf"], "draft": form["key"], "seen": form["seen"]}

    again = await jane.client.post("/orders/new/submit", data=form)
    told = [await jane.get(again.headers["location"])]
    changed = await jane.client.post("/orders/new/items", data={**about, "line-1": "9"})
    told.append(await jane.get(changed.headers["location"]))
    told.append(await jane.get("/orders/new/items"))
    back = await rep.client.post("/orders/new/submit", data={**form, "csrf": rep.session.csrf})

    (by,) = {one.by.name for one in (await jane.desk()).placed if one.key == form["key"] and one.by}
    assert again.headers["location"] == "/orders"
    assert all(f"ordered by {by}" in page.text for page in told)
    assert not any(order in page.text for page in told)
    assert back.headers["location"] == order


async def test_what_the_owner_discards_comes_back_to_the_owner_alone(
    both: tuple[Visitor, Visitor],
) -> None:
    jane, rep = both
    await opened(rep, await shared(jane, "DISCARDED"))
    kept_from = await rep.get("/orders/new/discard")
    await jane.get("/orders/new/discard")
    await jane.post("/orders/new/discard")
    page = await rep.get("/orders/new/items")
    await jane.get("/orders/new/discard")
    restored = await jane.post("/orders/new/discard", undo="1")

    assert kept_from.url.path == "/drafts"
    assert "no longer shared with you" in page.text
    assert "D0023" in restored.text
    assert (await jane.desk()).sharing is None
    assert "DISCARDED" not in (await rep.get("/drafts")).text


async def test_a_form_that_shows_an_earlier_draft_is_told_who_changed_it(
    both: tuple[Visitor, Visitor],
) -> None:
    jane, rep = both
    await opened(rep, await shared(jane, "CONFLICT"))
    await jane.get("/orders/new/items")
    await rep.get("/orders/new/items")
    await rep.post("/orders/new/items", **{"line-1": "7"})
    refused = await jane.post("/orders/new/items", **{"line-1": "9"})
    form = await _review(jane)
    await rep.get("/orders/new/items")
    await rep.post("/orders/new/items", **{"line-1": "8"})
    unsent = await jane.client.post("/orders/new/submit", data=form)

    sharing = (await jane.desk()).sharing
    assert sharing
    assert f"{sharing.by.name} has changed this draft meanwhile" in refused.text
    assert unsent.headers["location"] == "/orders/new/items"
    assert [quantity for _, quantity, _ in await in_draft(jane)] == ["8"]


async def test_ones_own_draft_stays_ones_own_in_another_tab(
    both: tuple[Visitor, Visitor],
) -> None:
    jane, rep = both
    await begun(rep, "D0170,1")
    mine = await rep.get("/orders/new/items")
    csrf, draft = rep.csrf, rep.hidden("draft")
    await opened(rep, await shared(jane, "TWO TABS"))
    theirs = await rep.get("/orders/new/items")
    other = rep.hidden("draft")

    await rep.client.post(
        "/orders/new/import", data={"csrf": csrf, "draft": draft, "pasted": "D0170,4"}
    )
    back = await rep.get("/orders/new/items")
    await rep.client.post(
        "/orders/new/import", data={"csrf": csrf, "draft": other, "pasted": "D0170,6"}
    )

    assert "draft of Jane" not in mine.text
    assert "draft of Jane" in theirs.text
    assert "draft of Jane" not in back.text
    assert [quantity for _, quantity, _ in await in_draft(rep)] == ["5"]
    assert [quantity for _, quantity, _ in await in_draft(jane)] == ["2", "6"]
    assert "draft of Jane" in (await rep.get("/orders/new/items")).text
    await rep.post("/drafts/own")
    assert "draft of Jane" not in (await rep.get("/orders/new/items")).text


async def test_a_colleague_who_is_refused_the_account_says_nothing_of_the_order(
    both: tuple[Visitor, Visitor],
) -> None:
    """However late: who may no longer order has not looked at what another one ordered."""
    jane, rep = both
    await opened(rep, await shared(jane, "NOT YOURS"))
    form = await _review(rep)
    rep.gateway.loses = 1
    await rep.client.post("/orders/new/submit", data=form)
    long_ago = time.time() - SETTLED - 1
    desks = jane.app.state.site.desks
    await desks.change(jane.owner, lambda desk: replace(desk, since=long_ago, lost=long_ago))
    code = {"code": "ACCOUNT_NOT_FOUND", "message": "", "path": ["input", "account"]}
    jane.gateway.answers["Place"] = {"createSalesOrder": {"errors": [code], "status": None}}

    asked = await jane.get(f"/orders/new/checking?key={form['key']}")
    del jane.gateway.answers["Place"]

    assert asked.status_code == 202
    assert (await jane.desk()).is_sent
    assert "Thank you." in (await rep.get(f"/orders/new/checking?key={form['key']}")).text


async def test_a_draft_in_another_unit_keeps_it(both: tuple[Visitor, Visitor]) -> None:
    jane, rep = both
    address = await shared(jane, "UNITS")
    desks = jane.app.state.site.desks

    def boxed(desk: Desk) -> Desk:
        (line,) = desk.draft.lines
        box = replace(line, unit="box", own_unit="ea")
        return replace(desk, draft=replace(desk.draft, lines=(box,)))

    await desks.change(jane.owner, boxed)
    await opened(rep, address)
    page = await rep.get("/orders/new/items")
    await rep.post("/orders/new/items", **{"line-1": "3"})

    (line,) = (await jane.desk()).draft.lines
    assert '<span class="unit">box</span>' in page.text
    assert (line.unit, line.own_unit, line.quantity) == ("box", "ea", Decimal(3))


async def test_an_address_that_its_reader_is_not_offered_stays_as_it_is(
    both: tuple[Visitor, Visitor],
) -> None:
    """One of earlier orders, which not everybody who shares the draft may see."""
    jane, rep = both
    address = await shared(jane, "PIER")
    to = Destination("a digest", {"street": "Pier Road", "city": "Ede"})
    desks = jane.app.state.site.desks
    await desks.change(
        jane.owner, lambda desk: replace(desk, draft=replace(desk.draft, destination=to))
    )
    await opened(rep, address)
    page = await rep.get("/orders/new")
    found = re.search(r'name="ship_to" value="([^"]*)" checked', page.text)
    assert found
    await rep.post("/orders/new", ship_to=found[1], reference="PIER 2")

    draft = (await jane.desk()).draft
    assert "Pier Road" in page.text
    assert (draft.reference, draft.destination) == ("PIER 2", to)


async def test_a_board_has_an_end_and_what_ended_makes_room(
    both: tuple[Visitor, Visitor],
) -> None:
    jane, rep = both
    board = board_of(jane.app.state.site.settings.issuer, jane.account)
    for _ in range(MOST_SHARED + 2):
        await shared(jane, "AGAIN")
        await jane.get("/orders/new/items")
        await jane.post("/orders/new/share", share="no")
    await shared(jane, "AGAIN")

    assert len((await jane.app.state.site.boards.find(board)).notes) == 1
    assert "AGAIN" in (await rep.get("/drafts")).text


async def test_a_template_of_a_shared_draft_has_its_lines(both: tuple[Visitor, Visitor]) -> None:
    jane, rep = both
    await opened(rep, await shared(jane, "KEPT"))
    await rep.get("/templates/new")
    page = await rep.post("/templates/new", name=f"Of Jane {time.monotonic_ns()}")

    assert page.url.path.startswith("/templates/")
    assert "D0023" in page.text


async def test_prices_and_names_are_those_of_the_reader(tmp_path: Path, drafts: Path) -> None:
    """Neither page, nor refusal, nor what stays when sharing ends, tells a colleague's."""
    hidden = policy(tmp_path, ["Product.name", "Product.price", "Product.orderQuantities"])
    async with (
        running(emulator(), policy=hidden, customer_roles=()) as stack,
        behind(stack, "jane", drafts) as author,
        behind(stack, "rep", drafts) as reader,
    ):
        asked = '{ products(first: 1, filter: { number: { eq: "D0023" } }) { nodes { name } } }'
        (known,) = (await stack.ask(asked)).data["products"]["nodes"]
        address = await shared(author, "DISCREET", "D0023,3")
        await author.get("/orders/new/items")
        await author.post("/orders/new/items", **{"line-1": "4"})
        seen = [await author.get("/orders/new/items"), await author.get("/orders/new/review")]
        await opened(reader, address)
        told = [await reader.get("/orders/new/items"), await reader.get("/orders/new/review")]
        await reader.get("/orders/new/items")
        told.append(await reader.post("/orders/new/items", **{"line-1": "0.123"}))
        await reader.get("/orders/new/items")
        told.append(await reader.post("/orders/new/items", **{"line-1": "5"}))
        written = (await author.desk()).draft

    name = known["name"]
    assert all(name in unescape(page.text) for page in seen)
    assert "$" in seen[0].text
    assert [page.status_code for page in told] == [200, 200, 422, 200]
    assert not any(name in unescape(page.text) for page in told)
    assert not any("$" in page.text for page in told)
    assert all("D0023" in page.text for page in told)
    (line,) = written.lines
    assert (line.name, line.price, line.quantity) == ("", None, Decimal(5))


async def test_who_may_not_read_all_of_a_draft_has_none(tmp_path: Path, drafts: Path) -> None:
    """A note of a colleague's, say; and shares none, in which colleagues would write."""
    hidden = tmp_path / "policy.toml"
    hidden.write_text(DISCREET)
    async with (
        running(emulator(), policy=str(hidden), customer_roles=()) as stack,
        behind(stack, "jane", drafts) as author,
        behind(stack, "rep", drafts) as reader,
    ):
        address = await shared(author, "WITH NOTES", "D0023,5,for Bob alone")
        listed = [await reader.get(path) for path in ("/drafts", "/dashboard")]
        refused = await opened(reader, address)
        await begun(reader, "D0170,1")
        own = await reader.get("/orders/new/items")
        alone = await reader.post("/orders/new/share", share="yes")

    assert not any("WITH NOTES" in page.text for page in listed)
    assert (refused.status_code, alone.status_code) == (404, 404)
    assert "Share with colleagues" not in own.text


async def test_who_loses_the_account_loses_its_drafts(port: int, drafts: Path) -> None:
    async with (
        visiting(port, "jane", drafts=drafts) as jane,
        visiting(port, "rep", drafts=drafts) as rep,
    ):
        address = await shared(jane, "RIGHT GONE")
        await opened(rep, address)
        user = rep.session.user
        assert user
        user.viewer = {**user.viewer, "accounts": {"nodes": [], "totalCount": 0}}
        page = await rep.get("/orders/new/items")
        refused = await opened(rep, address)

    assert "D0023" not in page.text
    assert refused.status_code == 404


async def test_a_draft_that_is_open_is_closed_to_whom_the_gateway_names_no_more(
    port: int, drafts: Path
) -> None:
    """The gateway is asked again, for an account that is not listed, after five minutes."""
    async with (
        visiting(port, "jane", drafts=drafts) as jane,
        visiting(port, "rep", drafts=drafts) as rep,
    ):
        address = await shared(jane, "ASKED AGAIN")
        user, account = rep.session.user, rep.accounts[0]
        assert user
        others = [{**account, "id": "one"}, {**account, "id": "other"}]
        user.viewer = {**user.viewer, "accounts": {"nodes": others, "totalCount": 60}}
        session = rep.session
        session.account = account
        rep.app.state.site.sessions.save(session)
        await opened(rep, address)
        before = await rep.get("/orders/new/items")
        assert session.loan
        rep.gateway.answers["Member"] = {"account": None}
        unasked = await rep.get("/orders/new/items")
        session.loan = replace(session.loan, until=0.0)
        after = await rep.get("/orders/new/items")

    assert ["D0023" in page.text for page in (before, unasked, after)] == [True, True, False]


async def test_a_draft_that_is_open_is_closed_to_whom_a_part_of_it_is_hidden_from(
    port: int, drafts: Path
) -> None:
    async with (
        visiting(port, "jane", drafts=drafts) as jane,
        visiting(port, "rep", drafts=drafts) as rep,
    ):
        await opened(rep, await shared(jane, "HIDDEN LATER"))
        before = await rep.get("/orders/new/items")
        user = rep.session.user
        assert user
        viewer = {**user.viewer["viewer"], "hidden": ["SalesOrderLine.note"]}
        user.viewer = {**user.viewer, "viewer": viewer}
        after = await rep.get("/orders/new/items")

    assert ["D0023" in page.text for page in (before, after)] == [True, False]


def test_a_share_is_that_of_its_account_and_of_no_other_share() -> None:
    me = Colleague("desk", "Jane")
    desk = shared_(edited(Desk(), lambda _: Draft(account="ours")), Sharing("one", me, me, 0.0))

    found = [desk.is_shared_as(*each) for each in (("one", "ours"), ("one", ""), ("two", "ours"))]
    assert found == [True, False, False]
    assert not unshared(desk).is_shared_as("one", "ours")


def test_what_a_draft_tells_is_named_as_the_schema_names_it() -> None:
    schema = (Path(__file__).parents[2] / "schema.graphql").read_text()
    for member in TOLD:
        type_, _, name = member.partition(".")
        body = re.search(rf"(?ms)^type {type_} [^{{]*{{(.*?)^}}", schema)
        assert body, member
        assert re.search(rf"(?m)^  {name}[:(]", body[1]), member


async def test_a_draft_that_was_shared_once_shows_its_lines_as_before(jane: Visitor) -> None:
    await shared(jane, "ONCE SHARED")
    await jane.get("/orders/new/items")
    await jane.post("/orders/new/share", share="no")
    pages = [await jane.get(f"/orders/new/{step}") for step in ("items", "review")]

    assert all("D0023" in page.text and "$" in page.text for page in pages)
