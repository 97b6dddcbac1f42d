"""Drafts over HTTP in front of a running demo: kept, changed in one place, resolved."""

import asyncio
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from front.strangers import KNOWN
from portal.desks import State
from tests.portal.site import PUBLIC, Visitor, settings, visiting
from tests.portal.test_site import drafted, number_of_orders

pytestmark = pytest.mark.anyio
FREE, HELD = 806380000, 806380002


async def unanswered(visitor: Visitor, reference: str) -> str:
    """An order whose answer got lost; the key of its draft."""
    key = await drafted(visitor, reference)
    visitor.gateway.loses = 1
    seen = visitor.hidden("seen")
    form = {"csrf": visitor.csrf, "key": key, "seen": seen}
    sent = await visitor.client.post("/orders/new/submit", data=form)
    assert "/orders/new/checking" in sent.headers["location"]
    return key


@contextmanager
def prepared(port: int) -> Iterator[httpx2.Client]:
    """Dataverse of the demo, as an administrator of the seller."""
    url = f"http://127.0.0.1:{port + 1}"
    with httpx2.Client(base_url=url, trust_env=False) as dynamics:
        minted = dynamics.post("/issuer/demo/token", json={"service": True}).json()
        dynamics.headers["Authorization"] = f"Bearer {minted['access_token']}"
        yield dynamics


async def sending(visitor: Visitor, form: dict[str, str]) -> asyncio.Task[httpx2.Response]:
    """The order is on its way, and the answer is not there yet."""
    sent = asyncio.create_task(visitor.client.post("/orders/new/submit", data=form))
    async with asyncio.timeout(30):
        while (await visitor.desk()).state is not State.SENDING:  # noqa: ASYNC110 - the portal's
            await asyncio.sleep(0)
    return sent


def patch_account(port: int, number: str, row: dict[str, Any]) -> None:
    with prepared(port) as dynamics:
        query = f"accounts?$filter=accountnumber eq '{number}'&$select=accountid"
        found = dynamics.get(f"/api/data/v9.2/{query}").raise_for_status().json()["value"][0]
        answer = dynamics.patch(f"/api/data/v9.2/accounts({found['accountid']})", json=row)
        assert answer.is_success, answer.text


async def ordered(visitor: Visitor, lines: list[dict[str, Any]], key: str) -> str:
    """An order by way of the API; its id."""
    assert visitor.session.user
    mutation = (
        "mutation($input: CreateSalesOrderInput!) "
        "{ createSalesOrder(input: $input) { order { id } errors { message } } }"
    )
    answer = await visitor.issuer.post(
        f"{visitor.app.state.site.settings.gateway_url}/graphql",
        json={"query": mutation, "variables": {"input": {"idempotencyKey": key, "lines": lines}}},
        headers={"Authorization": f"Bearer {visitor.session.user.tokens.access}"},
        timeout=60,
    )
    payload = answer.json()["data"]["createSalesOrder"]
    assert payload["errors"] == []
    return str(payload["order"]["id"])


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/orders/new", {"ship_to": "account", "reference": "OTHER"}),
        ("/orders/new/items", {"line-1": "5"}),
        ("/orders/new/items", {"remove": "1"}),
        ("/orders/new/items", {"add": "{product}"}),
        ("/orders/new/import", {"pasted": "D0023,1"}),
        ("/orders/new/discard", {}),
        ("/orders/new/discard", {"undo": "1"}),
        ("/orders/{order}/reorder", {}),
        ("/orders/new/submit", {"key": "{key}"}),
    ],
)
async def test_no_form_touches_a_draft_whose_outcome_is_unknown(
    jane: Visitor, path: str, form: dict[str, str]
) -> None:
    reference = f"HELD-{abs(hash((path, *form)))}"[:20]
    listed = (await jane.get("/products")).text
    known = {
        "{product}": re.findall(r'href="/products/([^"]+)"', listed)[0],
        "{order}": await ordered(jane, [{"number": "D0023", "quantity": "1"}], reference),
    }
    known["{key}"] = await unanswered(jane, reference)
    before = await jane.desk()

    def filled(text: str) -> str:
        for name, value in known.items():
            text = text.replace(name, value)
        return text

    data = {"csrf": jane.csrf, **{name: filled(value) for name, value in form.items()}}
    answer = await jane.client.post(filled(path), data=data)

    assert answer.headers["location"].startswith("/orders/new/checking?key=")
    assert (await jane.desk()) == before
    resolved = await jane.get(answer.headers["location"])
    assert "Thank you" in resolved.text
    assert await number_of_orders(jane, reference) == 1


async def test_nothing_is_changed_while_the_order_is_being_sent(jane: Visitor) -> None:
    key = await drafted(jane, "AMID")
    form = {"csrf": jane.csrf, "key": key, "seen": jane.hidden("seen")}
    more = {"csrf": jane.csrf, "line-1": "7", "draft": key}

    sent = await sending(jane, form)
    changed = await jane.client.post("/orders/new/items", data=more)

    assert changed.headers["location"].startswith("/orders/new/checking")
    assert (await sent).headers["location"].startswith("/orders/")
    assert await number_of_orders(jane, "AMID") == 1


async def test_a_draft_survives_signing_out_and_the_loss_of_all_sessions(jane: Visitor) -> None:
    await drafted(jane, "NIGHT")
    await jane.client.post("/sign-out", data={"csrf": jane.csrf})
    await jane.sign_in("jane")
    assert "NIGHT" in (await jane.get("/orders/new/review")).text
    jane.app.state.site.sessions._kept.clear()
    await jane.sign_in("jane")

    assert "NIGHT" in (await jane.get("/orders/new/review")).text


async def test_an_order_that_is_being_checked_survives_signing_out_and_a_restart(
    port: int, tmp_path: Path
) -> None:
    kept: dict[str, Any] = {"drafts": tmp_path / "drafts"}
    async with visiting(port, "jane", **kept) as before:
        await unanswered(before, "RESTART")
        await before.client.post("/sign-out", data={"csrf": before.csrf})
    async with visiting(port, "jane", **kept) as after:
        assert "Order being checked" in after.seen[-1].text
        resolved = await after.get("/orders/new")

        assert "Thank you" in resolved.text
        assert await number_of_orders(after, "RESTART") == 1


async def test_two_processes_order_once(port: int, tmp_path: Path) -> None:
    kept: dict[str, Any] = {"drafts": tmp_path / "drafts", "sessions": tmp_path / "sessions"}
    async with visiting(port, "jane", **kept) as one, visiting(port, **kept) as other:
        key = await drafted(one, "BOTH")
        other.client.cookies = one.client.cookies
        form = {"csrf": one.csrf, "key": key, "seen": one.hidden("seen")}
        await asyncio.gather(
            *(each.client.post("/orders/new/submit", data=form) for each in (one, other))
        )
        await one.get(f"/orders/new/checking?key={key}")

        assert (await one.desk()).state is State.PLACED
        assert await number_of_orders(one, "BOTH") == 1


async def test_a_process_that_died_while_it_sent_leaves_an_order_to_be_checked(
    jane: Visitor,
) -> None:
    key = await drafted(jane, "DIED")
    form = {"csrf": jane.csrf, "key": key, "seen": jane.hidden("seen")}
    sent = await sending(jane, form)
    sent.cancel()
    await asyncio.gather(sent, return_exceptions=True)

    checking = await jane.get("/orders/new/items")
    assert (checking.status_code, "is being checked" in checking.text) == (202, True)


async def test_the_server_is_told_of_those_alone_who_have_signed_in(jane: Visitor) -> None:
    told: list[str] = []

    async def served(scope: Any, receive: Any, send: Any) -> None:
        seen = {**scope, "extensions": {KNOWN: lambda: told.append(scope["path"])}}
        await jane.app(seen, receive, send)

    transport = httpx2.ASGITransport(app=served)
    async with httpx2.AsyncClient(transport=transport, base_url=PUBLIC) as browser:
        for path in ("/", "/orders", "/sign-in", "/orders/no-such"):
            await browser.get(path)
        assert told == []
        browser.cookies = jane.client.cookies
        await browser.get("/orders")

    assert told == ["/orders"]


async def test_strangers_leave_nothing_behind_and_push_nobody_out(jane: Visitor) -> None:
    sessions = jane.app.state.site.sessions
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=jane.app), base_url=str(jane.client.base_url)
    ) as stranger:
        for path in ("/language/nl", "/sign-in", "/dashboard", "/orders/new", "/callback?state=x"):
            for _ in range(20):
                stranger.cookies.clear()
                await stranger.get(path)
        stranger.cookies.clear()
        answer = await stranger.post("/orders/new/import", data={"pasted": "x" * 900_000})

    assert answer.headers["location"] == "/sign-in"
    assert len(sessions._kept) == 1
    assert (await jane.client.get("/dashboard")).status_code == 200


async def test_signing_in_costs_no_more_than_a_page(port: int) -> None:
    """Of processor time; a client and a TLS context for each would cost twenty milliseconds."""
    async with visiting(port) as visitor:
        await visitor.client.get("/sign-in")
        started = time.process_time()
        for _ in range(50):
            visitor.client.cookies.clear()
            await visitor.client.get("/sign-in")
        spent = (time.process_time() - started) / 50

    assert spent < 0.006


async def test_what_a_stranger_chose_is_kept_by_the_browser(port: int) -> None:
    async with visiting(port) as visitor:
        await visitor.client.get("/language/nl")
        wanted = await visitor.client.get("/invoices?q=7")
        assert wanted.headers["location"] == "/sign-in"
        page = await visitor.sign_in("jane")

        assert str(page.url).endswith("/invoices?q=7")
        assert 'lang="nl"' in page.text
        await visitor.client.post("/sign-out", data={"csrf": visitor.csrf})
        assert 'lang="nl"' in (await visitor.client.get("/")).text


@pytest.mark.parametrize("query", ["code=x&state=y", "error=access_denied&state=y", ""])
async def test_no_link_signs_anybody_out(jane: Visitor, query: str) -> None:
    await jane.client.get(f"/callback?{query}")

    assert (await jane.client.get("/dashboard")).status_code == 200


async def test_the_callback_of_somebody_else_signs_nobody_in(port: int) -> None:
    async with visiting(port) as visitor:
        answer = await visitor.client.get("/callback?code=x&state=y")

        assert answer.headers["location"] == "/sign-in"
        assert "portal" not in visitor.client.cookies


async def test_strangers_who_fail_to_sign_in_fill_no_log(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with visiting(port) as visitor:
        for _ in range(3):
            there = await visitor.client.get("/sign-in")
            state = parse_qs(urlsplit(there.headers["location"]).query)["state"][0]
            back = await visitor.client.get(f"/callback?code=junk&state={state}")
            assert back.headers["location"] == "/sign-in"

    told = [record for record in caplog.records if "sign-in failed" in record.message]
    assert len(told) == 1


async def test_a_draft_is_discarded_on_purpose_and_taken_back(jane: Visitor) -> None:
    await drafted(jane, "BACK")
    asked = await jane.get("/orders/new/discard")
    gone = await jane.post("/orders/new/discard")
    empty = await jane.desk()
    back = await jane.post("/orders/new/discard", undo="1")

    assert "Discard your draft with 2 lines?" in asked.text
    assert "Nothing was ordered" in gone.text
    assert (empty.state, empty.draft.lines) == (State.EMPTY, ())
    assert "Your draft has been restored." in back.text
    assert "BACK" in (await jane.get("/orders/new/review")).text


async def test_a_tab_that_shows_an_older_draft_is_told_so(jane: Visitor) -> None:
    await drafted(jane, "STALE")
    page = await jane.get("/orders/new/items")
    old = {name: jane.hidden(name) for name in ("csrf", "draft", "seen")}
    names = re.findall(r'name="(line-\d+)"', page.text)
    await jane.post("/orders/new/items", **{names[0]: "20"})

    stale = await jane.client.post("/orders/new/items", data={**old, names[0]: "15"})

    assert "changed in another tab" in stale.text
    assert f'name="{names[0]}" value="15"' in stale.text
    assert (await jane.desk()).draft.lines[0].quantity == 20


async def test_a_tab_whose_draft_was_placed_is_told_so(jane: Visitor) -> None:
    key = await drafted(jane, "PLACED")
    old = {name: jane.hidden(name) for name in ("csrf", "seen")} | {"draft": key}
    placed = await jane.post("/orders/new/submit", key=key)
    number = re.findall(r"Order (\S+)", placed.text)[0]

    await jane.client.post("/orders/new/items", data={**old, "line-1": "15"})
    told = await jane.get("/orders/new/items")

    assert f"placed as order {number}" in told.text
    assert "Your order is empty." in told.text
    assert await number_of_orders(jane, "PLACED") == 1


async def test_what_is_ordered_is_what_the_review_showed(jane: Visitor) -> None:
    key = await drafted(jane, "REVIEWED")
    review = {name: jane.hidden(name) for name in ("csrf", "seen")} | {"key": key}
    await jane.get("/orders/new/items")
    await jane.post("/orders/new/items", **{"line-1": "20"})

    told = await jane._follow(await jane.client.post("/orders/new/submit", data=review))

    assert "changed in another tab" in told.text
    assert await number_of_orders(jane, "REVIEWED") == 0


async def test_ordering_again_keeps_units_notes_and_days(jane: Visitor) -> None:
    lines = [
        {"number": "D0170", "quantity": "2", "unit": "box", "note": "blue wrap please"},
        {"number": "D0170", "quantity": "3", "requestedShippingDate": "2099-01-02"},
        {"number": "D0170", "quantity": "4"},
    ]
    order = await ordered(jane, lines, "units")
    await jane.get(f"/orders/{order}")
    page = await jane.post(f"/orders/{order}/reorder")
    draft = (await jane.desk()).draft

    assert "were copied to your draft" in page.text
    own = draft.lines[0].own_unit
    found = [(str(one.quantity), one.unit, one.note, str(one.ships)) for one in draft.lines]
    assert found == [
        ("2", "box", "blue wrap please", "None"),
        ("3", own, "", "2099-01-02"),
        ("4", own, "", "None"),
    ]
    await jane.post("/orders/new", ship_to="account", reference="AGAIN")
    review = await jane.get("/orders/new/review")
    placed = await jane.post("/orders/new/submit", key=jane.hidden("key"))
    assert "blue wrap please" in review.text
    assert "Thank you" in placed.text
    assert "2 box" in re.sub(r"\s+", " ", placed.text)


async def test_ordering_again_takes_every_line_up_to_the_limit(jane: Visitor) -> None:
    lines = [{"number": "D0023", "quantity": "1", "note": f"for {n}"} for n in range(150)]
    order = await ordered(jane, lines, "many")
    await jane.get(f"/orders/{order}")
    for _ in range(4):
        page = await jane.post(f"/orders/{order}/reorder")
        await jane.get("/orders/new/items?page=9")

    draft = (await jane.desk()).draft
    assert len(draft.lines) == 150
    assert {str(one.quantity) for one in draft.lines} == {"4"}
    assert page.status_code == 200


async def test_what_cannot_be_ordered_again_is_listed_by_line(port: int, jane: Visitor) -> None:
    lines = [{"number": number, "quantity": "1"} for number in ("D0023", "D0170")]
    order = await ordered(jane, lines, "gone")
    with prepared(port) as dynamics:
        query = "products?$filter=msdyn_productnumber eq 'D0170'&$select=productid"
        found = dynamics.get(f"/api/data/v9.2/{query}").json()["value"][0]["productid"]
        path = f"/api/data/v9.2/products({found})"
        assert dynamics.patch(path, json={"statecode": 1}).is_success
        try:
            await jane.get(f"/orders/{order}")
            page = await jane.post(f"/orders/{order}/reorder")
        finally:
            dynamics.patch(path, json={"statecode": 0})

    assert "Some items could not be copied" in page.text
    assert re.search(r"is no longer available.*Line 2", page.text, re.DOTALL)
    assert [one.number for one in (await jane.desk()).draft.lines] == ["D0023"]


async def test_a_product_under_revision_is_sold_as_before(port: int, jane: Visitor) -> None:
    order = await ordered(jane, [{"number": "D0170", "quantity": "1"}], "revised")
    with prepared(port) as dynamics:
        query = "products?$filter=msdyn_productnumber eq 'D0170'&$select=productid"
        found = dynamics.get(f"/api/data/v9.2/{query}").json()["value"][0]["productid"]
        path = f"/api/data/v9.2/products({found})"
        assert dynamics.patch(path, json={"statecode": 3}).is_success
        try:
            listed = await jane.get("/products?q=D0170")
            href = re.search(r'href="(/products/[^"]+)"', listed.text)
            assert href
            page = await jane.get(href[1])
            await jane.get("/orders/new/import")
            await jane.post("/orders/new/import", pasted="D0170,1")
            await jane.get(f"/orders/{order}")
            again = await jane.post(f"/orders/{order}/reorder")
        finally:
            dynamics.patch(path, json={"statecode": 0})

    assert "no longer available" not in page.text + again.text
    assert [line.number for line in (await jane.desk()).draft.lines] == ["D0170"]


async def test_limits_and_stock_stand_where_the_quantity_is_typed(jane: Visitor) -> None:
    await jane.get("/orders/new")
    await jane.post("/orders/new", ship_to="account")
    page = await jane.post("/orders/new/import", pasted="D0225,7")
    wrong = await jane.post("/orders/new/items", **{"line-1": "12"})
    review = await jane.get("/orders/new/review")

    assert "In multiples of 5" in page.text
    assert "Order at least 10." in page.text
    assert re.search(r'class="stock (yes|no)"', page.text.split('id="draft"')[1])
    assert "This item is sold in multiples of 5." in wrong.text
    assert re.search(r'href="/orders/new/items\?page=1#line-1">[^<]+</a>', review.text)
    assert "Please fix this before you order" in review.text
    assert "Place the order" not in review.text


async def test_too_little_of_a_product_is_not_added_in_silence(jane: Visitor) -> None:
    await jane.get("/orders/new")
    await jane.post("/orders/new", ship_to="account")
    listed = (await jane.get("/products?q=D0225")).text
    product = listed.split('name="add" value="')[1].split('"')[0]
    page = await jane.post("/orders/new/items", add=product, quantity="7")

    assert re.search(r'class="notice warn">.*Order at least 10', page.text)
    assert (await jane.desk()).draft.lines == ()


async def test_notes_are_typed_and_kept(jane: Visitor) -> None:
    await jane.get("/orders/new")
    await jane.post("/orders/new", ship_to="account")
    await jane.post("/orders/new/import", pasted="D0023,1,for Bob\nD0023,2,for Alice\nD0023,4")
    await jane.get("/orders/new/items")
    await jane.post("/orders/new/items", **{"note-3": "for Carol"})

    found = [(str(one.quantity), one.note) for one in (await jane.desk()).draft.lines]
    assert found == [("1", "for Bob"), ("2", "for Alice"), ("4", "for Carol")]


async def test_an_account_on_hold_is_told_before_anything_is_typed(port: int) -> None:
    patch_account(port, "DE-001", {"msdyn_onholdstatus": HELD})
    async with visiting(port, "may") as may:
        page = await may.get("/orders/new")
    patch_account(port, "DE-001", {"msdyn_onholdstatus": FREE})

    assert "Orders for this account are on hold" in page.text


async def test_a_credit_refusal_names_limit_and_overrun(port: int, jane: Visitor) -> None:
    await drafted(jane, "CREDIT")
    patch_account(port, "US-001", {"creditlimit": 1, "msdyn_creditlimitismandatory": True})
    review = await jane.get("/orders/new/review")
    patch_account(port, "US-001", {"msdyn_creditlimitismandatory": False})

    assert "The limit is $1.00." in review.text


@pytest.mark.parametrize("pasted", ["", "  \n\n", "number,quantity\n"])
async def test_a_list_without_lines_is_not_met_with_silence(jane: Visitor, pasted: str) -> None:
    await jane.get("/orders/new")
    await jane.post("/orders/new", ship_to="account")
    page = await jane.post("/orders/new/import", pasted=pasted)

    assert (page.status_code, "This list has no lines" in page.text) == (422, True)
    assert (await jane.get("/orders/new/import")).status_code == 200


ODD = [
    "\x00",
    "D\x000225",
    "x" * 3_000,
    "*",
    "#%?&'\"",
    "\u202e",
    "9" * 400,
    "1e999999",
    "-",
    "NaN",
]


@pytest.mark.parametrize("odd", ODD)
async def test_nothing_that_is_typed_into_a_draft_is_a_fault_of_ours(
    jane: Visitor, odd: str
) -> None:
    await drafted(jane, "ODD")
    forms = [
        ("/orders/new", {"ship_to": "other", "street": odd, "city": odd, "receipt_date": odd}),
        ("/orders/new", {"ship_to": odd, "reference": odd}),
        ("/orders/new", {"ship_to": "account", "reference": odd, "account": odd}),
        ("/orders/new/items", {"line-1": odd, "note-1": odd, "ships-1": odd}),
        ("/orders/new/items", {"add": odd, "quantity": odd}),
        ("/orders/new/items", {"remove": odd, "q": odd, "page": odd}),
        ("/orders/new/import", {"pasted": f"{odd},{odd},{odd}"}),
        ("/orders/new/submit", {"key": odd}),
        ("/orders/new/discard", {"draft": odd}),
        (f"/orders/{httpx2.QueryParams(x=odd)}/reorder".replace("x=", "", 1), {}),
    ]
    token = jane.csrf
    codes = {}
    for path, form in forms:
        answer = await jane.client.post(path, data={"csrf": token, **form})
        codes[path, *form] = answer.status_code
    for path in ("/orders/new/items", "/orders/new/review", "/orders/new/checking"):
        answer = await jane.client.get(path, params={"q": odd, "page": odd, "key": odd})
        codes[path,] = answer.status_code

    assert {what: code for what, code in codes.items() if code >= 500} == {}


def test_the_secret_of_cookies_is_the_operators_or_the_clients(tmp_path: Path) -> None:
    assert settings(1).secrets == ("portal-demo-secret",)
    assert settings(1, secret=("new", "old")).secrets == ("new", "old")


async def begun(visitor: Visitor, pasted: str) -> httpx2.Response:
    await visitor.get("/orders/new")
    await visitor.post("/orders/new", ship_to="account")
    return await visitor.post("/orders/new/import", pasted=pasted)


async def test_a_note_that_is_too_long_is_refused_and_never_cut(jane: Visitor) -> None:
    long = "\N{GRINNING FACE}" * 128
    pasted = await begun(jane, f"D0023,1,{long}")
    there = await jane.post("/orders/new/import", pasted=f"D0023,1,{long[1:]}")
    typed = await jane.post("/orders/new/items", **{"line-1": "1", "note-1": long})

    assert "A note has at most 255 characters." in pasted.text
    assert long in pasted.text
    assert "1 line was added." in there.text
    assert "A note has at most 255 characters." in typed.text
    assert long in typed.text
    assert [one.note for one in (await jane.desk()).draft.lines] == [long[1:]]


@pytest.mark.parametrize(
    ("day", "said"),
    [("2020-01-01", "This day has passed."), ("soon", "Enter a date such as 2026-12-31.")],
)
async def test_a_day_of_a_line_is_refused_at_its_line_and_never_dropped(
    jane: Visitor, day: str, said: str
) -> None:
    line = {"number": "D0170", "quantity": "3", "requestedShippingDate": "2099-01-02"}
    order = await ordered(jane, [line], f"day-{day}")
    await jane.get(f"/orders/{order}")
    await jane.post(f"/orders/{order}/reorder")
    await jane.get("/orders/new/items")
    page = await jane.post("/orders/new/items", **{"line-1": "3", "ships-1": day})

    assert page.status_code == 422
    assert said in page.text
    assert f'value="{day}"' in page.text
    assert [str(one.ships) for one in (await jane.desk()).draft.lines] == ["2099-01-02"]


async def test_turning_to_another_page_of_a_draft_keeps_what_was_typed(jane: Visitor) -> None:
    await begun(jane, "\n".join(f"D0023,1,for {n}" for n in range(60)))
    page = await jane.post("/orders/new/items", **{"line-1": "7", "page": "1", "to": "2"})

    assert "Page 2 of 2" in page.text
    assert str((await jane.desk()).draft.lines[0].quantity) == "7"


async def test_ordering_again_keeps_the_variant(jane: Visitor) -> None:
    await begun(jane, "D0193-BLACK-L,100")
    await jane.get("/orders/new/review")
    placed = await jane.post("/orders/new/submit", key=jane.hidden("key"))
    address = re.findall(r'action="(/orders/[^"]+/reorder)"', placed.text)[0]
    await jane.post(address)

    assert [one.number for one in (await jane.desk()).draft.lines] == ["D0193-BLACK-L"]


async def test_a_note_of_several_lines_stays_as_it_was_written(jane: Visitor) -> None:
    """A browser shows it in one line, and sends it so."""
    note = "leave at\ngate 5"
    await begun(jane, f'number,quantity,note\nD0023,2,"{note}"')
    (line,) = (await jane.desk()).draft.lines
    await jane.post(
        "/orders/new/items",
        **{f"line-{line.id}": "3", f"note-{line.id}": note.replace("\n", ""), "next": "1"},
    )
    saved = (await jane.desk()).draft.lines[0]
    await jane.get("/orders/new/review")
    placed = await jane.post("/orders/new/submit", key=jane.hidden("key"))
    address = re.findall(r'action="(/orders/[^"]+/reorder)"', placed.text)[0]
    await jane.post(address)
    again = (await jane.desk()).draft.lines[0]

    assert (str(saved.quantity), saved.note) == ("3", note)
    assert (str(again.quantity), again.note) == ("3", note)
