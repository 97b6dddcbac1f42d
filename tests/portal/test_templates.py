"""Templates of orders: a person's own and an account's, and nobody else's."""

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.schema import ids
from portal.app import create_app
from portal.sessions import Session, Tokens, User
from portal.shelves import (
    LONG_NAME,
    MOST_LINES,
    MOST_TEMPLATES,
    NO_LINES,
    NO_NAME,
    NO_ROOM,
    TAKEN_NAME,
    KeptLine,
    NotKept,
    OrderTemplate,
    Shelf,
    put,
)
from tests.gateway.test_hidden_columns import policy
from tests.portal.site import PUBLIC, Counting, Visitor, settings, visiting
from tests.portal.test_ordering import ordered, prepared
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio

DISCREET = """
[roles.representative]
extends = "representative"

[roles.representative.orders]
access = "account"
privileges = ["read", "create", "update"]
hide = ["SalesOrderLine.note"]
"""
LINE = KeptLine("p", "D1", "ea", Decimal(2))
WEEKLY = OrderTemplate("", "Weekly", (LINE,), "Jane", date(2026, 11, 30))


def with_lines(name: str, count: int = 1) -> OrderTemplate:
    return OrderTemplate("", name, (LINE,) * count, "Jane", date(2026, 11, 30))


async def begun(visitor: Visitor, *rows: str) -> None:
    """A draft of these lines alone."""
    await visitor.get("/orders/new/discard")
    await visitor.post("/orders/new/discard")
    await visitor.get("/orders/new")
    await visitor.post("/orders/new", ship_to="account")
    await visitor.post("/orders/new/import", pasted="\n".join(rows))


async def saved(visitor: Visitor, name: str, *rows: str, shared: str = "no") -> str:
    """The address of a template of these lines."""
    await begun(visitor, *rows)
    await visitor.get("/templates/new")
    page = await visitor.post("/templates/new", name=name, shared=shared)
    assert page.status_code == 200, page.text
    return str(page.url.path)


async def in_draft(visitor: Visitor) -> list[tuple[str, str, str]]:
    lines = (await visitor.desk()).draft.lines
    return [(line.number, str(line.quantity), line.note) for line in lines]


async def test_a_template_is_ordered_again_with_prices_of_today(jane: Visitor) -> None:
    address = await saved(jane, "Every week", "D0023,3,for Bob", "D0170,2")
    wanted = await in_draft(jane)
    await begun(jane)

    await jane.get("/dashboard")
    page = await jane.post(f"{address}/order")

    assert page.url.path == "/orders/new"
    assert sorted(await in_draft(jane)) == sorted(wanted)
    assert all(line.price for line in (await jane.desk()).draft.lines)
    assert "Every week" in (await jane.get("/templates")).text


@pytest.fixture
def drafts(tmp_path: Path) -> Path:
    """The file that all visitors' portals keep drafts and templates in."""
    return tmp_path / "drafts"


@asynccontextmanager
async def behind(stack: Stack, name: str, drafts: Path) -> AsyncIterator[Visitor]:
    """Somebody signed in at a portal in front of this gateway."""
    assert stack.app
    app = create_app(settings(0, drafts=drafts), transport=httpx2.ASGITransport(app=stack.app))
    session = Session()
    tokens = Tokens(await stack.token(name), None, None, time.time() + 3_600)
    session.signed_in(User(name, tokens, time.time()))
    app.state.site.sessions.keep(session)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app),
            base_url=PUBLIC,
            cookies={"portal": session.id},
        ) as client,
    ):
        yield Visitor(client, app, Counting(), stack.upstream)


@pytest.fixture
async def jane(port: int, drafts: Path) -> AsyncIterator[Visitor]:
    async with visiting(port, "jane", drafts=drafts) as visitor:
        yield visitor


async def test_an_account_shares_templates_and_keeps_them_from_all_others(
    port: int, jane: Visitor, drafts: Path
) -> None:
    mine = await saved(jane, "For me alone", "D0023,1")
    ours = await saved(jane, "For all of us", "D0023,5", shared="yes")
    async with (
        visiting(port, "rep", drafts=drafts) as colleague,
        visiting(port, "may", drafts=drafts) as stranger,
    ):
        listed = (await colleague.get("/templates")).text
        await begun(colleague)
        await colleague.get("/templates")
        ordered_again = await colleague.post(f"{ours}/order")
        elsewhere = (await stranger.get("/templates")).text
        refused = [
            (await colleague.get(mine)).status_code,
            (await stranger.get(ours)).status_code,
            (await stranger.get(mine)).status_code,
        ]
        for address in (ours, mine, f"{ours}/order", f"{mine}/order"):
            await stranger.get("/profile")
            refused.append((await stranger.post(address)).status_code)

        assert "For all of us" in listed
        assert "For me alone" not in listed
        assert ordered_again.url.path == "/orders/new"
        assert await in_draft(colleague) == [("D0023", "5", "")]
        assert "For " not in re.sub(r"(?s)<script.*?</script>", "", elsewhere.partition("<main")[2])
    assert refused == [404] * 7
    assert (await jane.get(ours)).status_code == 200


async def test_a_template_tells_no_name_of_a_product_to_a_role_that_hides_it(
    tmp_path: Path, drafts: Path
) -> None:
    """On its page, in the draft that it becomes, and where a line of it is not taken along."""
    hidden = policy(tmp_path, ["Product.name"])
    async with (
        running(emulator(), policy=hidden, customer_roles=()) as stack,
        behind(stack, "jane", drafts) as author,
        behind(stack, "rep", drafts) as reader,
    ):
        asked = '{ products(first: 1, filter: { number: { eq: "D0023" } }) { nodes { id name } } }'
        (known,) = (await stack.ask(asked)).data["products"]["nodes"]
        address = await saved(author, "For all", "D0023,5", shared="yes")
        _, (key,) = ids.decode(known["id"])
        path, seller = f"/api/data/v9.2/products({key})", await stack.service()
        seen = await author.get(address)
        told = [await reader.get(address)]
        told.append(await reader.post(f"{address}/order"))
        told.append(await reader.get("/orders/new/items"))
        await begun(reader)
        gone = await stack.upstream.patch(path, json={"statecode": 1}, headers=seller)
        await reader.get(address)
        told.append(await reader.post(f"{address}/order"))

    assert gone.is_success

    assert known["name"] in unescape(seen.text)
    assert ["D0023" in page.text for page in told] == [True, False, True, True]
    assert not any(known["name"] in unescape(page.text) for page in told)
    assert "Some items could not be copied" in told[-1].text


async def test_a_template_tells_of_its_lines_what_the_reader_sees_of_lines(
    tmp_path: Path, drafts: Path
) -> None:
    """On its page, in the draft that it becomes, and in what is copied from it once more."""
    hidden = tmp_path / "policy.toml"
    hidden.write_text(DISCREET)
    async with (
        running(emulator(), policy=str(hidden), customer_roles=()) as stack,
        behind(stack, "jane", drafts) as author,
        behind(stack, "rep", drafts) as reader,
    ):
        address = await saved(author, "With notes", "D0023,5,for Bob alone", shared="yes")
        seen = await author.get(address)
        told = [await reader.get(address), await reader.post(f"{address}/order")]
        told.append(await reader.get("/orders/new/items"))
        await reader.get("/templates/new")
        told.append(await reader.post("/templates/new", name="Copied"))
        kept = await author.get(address)

    assert "for Bob alone" in seen.text
    assert "for Bob alone" in kept.text
    assert ["D0023" in page.text for page in told] == [True, False, True, True]
    assert [page.status_code for page in told] == [200] * 4
    assert not any("for Bob alone" in page.text for page in told)


@pytest.mark.parametrize(
    ("hidden", "said"),
    [
        ("SalesOrderLine.note", {"note": ""}),
        ("SalesOrderLine.shelf", {"own": {"floor": 1}}),
        ("SalesOrderLine.quantity", {"quantity": None}),
        ("SalesOrderLine.unit", {"unit": "", "quantity": None}),
        ("Product.number", {"number": ""}),
        ("SalesOrder.number", {}),
    ],
)
def test_a_line_is_kept_from_its_reader_where_lines_of_orders_are(
    hidden: str, said: dict[str, Any]
) -> None:
    line = replace(LINE, note="for Bob", own={"shelf": "S-7", "floor": 1})

    assert line.seen_by(lambda member: member != hidden) == replace(line, **said)


async def test_whoever_orders_for_the_account_can_remove_what_it_shares(
    port: int, jane: Visitor, drafts: Path
) -> None:
    address = await saved(jane, "To be removed", "D0023,1", shared="yes")
    async with visiting(port, "rep", drafts=drafts) as colleague:
        await colleague.get(address)
        page = await colleague.post(address)

    assert "The template To be removed was removed" in page.text
    assert (await jane.get(address)).status_code == 404


async def test_who_may_not_order_has_no_templates(port: int, jane: Visitor, drafts: Path) -> None:
    """The seller's own people, also while they look as a customer."""
    address = await saved(jane, "Not for staff", "D0023,1", shared="yes")
    async with visiting(port, "admin", drafts=drafts) as staff:
        found = [(await staff.get(path)).status_code for path in ("/templates", address)]
        await staff.get("/accounts")
        account = await staff.get(f"/account?id={jane.account}")
        (contact, *_) = re.findall(r'name="contact" value="([^"]+)"', account.text)
        await staff.post("/view-as", contact=contact)
        found += [(await staff.get(path)).status_code for path in ("/templates", address)]

    assert found == [404] * 4


async def test_a_name_that_is_taken_is_replaced_only_where_that_is_asked_for(
    jane: Visitor,
) -> None:
    address = await saved(jane, "Mondays", "D0023,1")
    await begun(jane, "D0170,4")
    await jane.get("/templates/new")

    refused = await jane.post("/templates/new", name="mondays")
    replaced = await jane.post("/templates/new", name="Mondays", replace="yes")

    assert (refused.status_code, TAKEN_NAME in refused.text) == (422, True)
    assert (replaced.status_code, replaced.url.path) == (200, address)
    assert ("D0170" in replaced.text, "D0023" in replaced.text) == (True, False)


async def test_an_order_is_saved_as_a_template_with_all_its_lines(jane: Visitor) -> None:
    lines = [{"number": "D0023", "quantity": "1", "note": f"for {n}"} for n in range(120)]
    order = await ordered(jane, lines, "template")
    asked = await jane.get(f"/templates/new?order={order}")
    page = await jane.post("/templates/new", name="Of an order", order=order)
    await begun(jane)

    await jane.get("/templates")
    await jane.post(f"{page.url.path}/order")

    assert "120 lines" in asked.text
    assert len(await in_draft(jane)) == 120


async def test_what_is_no_longer_sold_is_said_when_a_template_is_ordered(
    port: int, jane: Visitor
) -> None:
    address = await saved(jane, "Half gone", "D0023,1", "D0170,1")
    await begun(jane)
    with prepared(port) as dynamics:
        query = "products?$filter=msdyn_productnumber eq 'D0170'&$select=productid"
        key = dynamics.get(f"/api/data/v9.2/{query}").json()["value"][0]["productid"]
        path = f"/api/data/v9.2/products({key})"
        assert dynamics.patch(path, json={"statecode": 1}).is_success
        try:
            await jane.get(address)
            page = await jane.post(f"{address}/order")
        finally:
            assert dynamics.patch(path, json={"statecode": 0}).is_success

    assert "Some items could not be copied" in page.text
    assert [number for number, _, _ in await in_draft(jane)] == ["D0023"]


async def test_a_template_changes_no_draft_that_is_being_sent(jane: Visitor) -> None:
    address = await saved(jane, "Not now", "D0023,1")
    await jane.get("/orders/new/review")
    jane.gateway.loses = 10
    key = (await jane.desk()).draft.key
    await jane.post("/orders/new/submit", key=key)
    jane.gateway.loses = 0
    before = await jane.desk()

    assert before.is_sent
    csrf = jane.session.csrf
    answer = await jane.client.post(f"{address}/order", data={"csrf": csrf})

    assert answer.headers["location"].startswith("/orders/new/checking")
    assert (await jane.desk()).draft == before.draft
    await jane.get(f"/orders/new/checking?key={key}")


async def test_templates_outlive_a_restart(port: int, drafts: Path) -> None:
    async with visiting(port, "may", drafts=drafts) as visitor:
        address = await saved(visitor, "Kept", "D0023,1", shared="yes")
    async with visiting(port, "may", drafts=drafts) as visitor:
        assert (await visitor.get(address)).status_code == 200


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (with_lines(""), NO_NAME),
        (with_lines("x" * 61), LONG_NAME),
        (with_lines("Empty", 0), NO_LINES),
        (with_lines("weekly", 2), TAKEN_NAME),
        (with_lines("Huge", MOST_LINES), NO_ROOM),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_reason(
    template: OrderTemplate, reason: str
) -> None:
    with pytest.raises(NotKept, match=re.escape(reason)):
        put(put(Shelf(), WEEKLY, replaces=False), template, replaces=False)


def test_a_shelf_has_an_end_and_saving_twice_is_saving_once() -> None:
    shelf = Shelf()
    for number in range(MOST_TEMPLATES):
        shelf = put(shelf, with_lines(f"{number}"), replaces=False)

    assert put(shelf, with_lines("7"), replaces=False) == shelf
    with pytest.raises(NotKept, match=re.escape(NO_ROOM)):
        put(shelf, with_lines("more"), replaces=False)
