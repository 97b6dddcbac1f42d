"""The portal over HTTP, in front of a running demo: who sees what, and nothing ordered twice."""

import asyncio
import re
from dataclasses import replace

import httpx2
import pytest

from portal.desks import Desk, edited
from portal.drafts import Draft
from portal.sitemap import PAGES
from portal.visits import ALONE
from tests.portal.site import Visitor, visiting

pytestmark = pytest.mark.anyio


async def drafted(visitor: Visitor, reference: str = "PO 1") -> str:
    """A draft up to its review; its key."""
    await visitor.get("/orders/new")
    await visitor.post("/orders/new", ship_to="account", reference=reference)
    await visitor.post("/orders/new/import", pasted="D0225,10\nD0023,1")
    page = await visitor.get("/orders/new/review")
    return str(re.findall(r'name="key" value="([^"]+)"', page.text)[0])


async def number_of_orders(visitor: Visitor, reference: str) -> int:
    page = await visitor.get(f"/orders.csv?q={reference}")
    return len(page.text.strip().splitlines()) - 1


@pytest.mark.parametrize(
    ("name", "offered", "hidden"),
    [
        ("jane", ["New order", "Invoices"], ["Switch account"]),
        ("rep", ["New order", "Account"], ["Switch account"]),
        ("may", ["New order"], ["Contoso Retail"]),
        ("admin", ["Switch account"], ["New order"]),
    ],
)
async def test_a_role_sees_what_it_may_do(
    port: int, name: str, offered: list[str], hidden: list[str]
) -> None:
    async with visiting(port, name) as visitor:
        page = visitor.seen[-1]

    assert page.status_code == 200
    assert [text for text in offered if text not in page.text] == []
    assert [text for text in hidden if text in page.text] == []


async def test_what_is_hidden_is_refused_too(port: int) -> None:
    async with visiting(port, "admin") as visitor:
        page = await visitor.get("/orders/new")

    assert page.status_code == 404


async def test_an_order_of_somebody_else_is_not_there(port: int) -> None:
    async with visiting(port, "jane") as jane, visiting(port, "may") as may:
        listed = await jane.get("/orders")
        address = re.findall(r'href="(/orders/[^"/?]{20,})"', listed.text)[0]

        assert (await jane.get(address)).status_code == 200
        assert (await may.get(address)).status_code == 404


async def test_headers_are_careful_and_the_only_cookie_is_a_random_id(jane: Visitor) -> None:
    page = await jane.get("/dashboard")

    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"
    assert list(jane.client.cookies) == ["portal"]
    assert jane.session.user
    assert jane.session.user.tokens.access not in page.text
    assert not re.search(r"<script(?![^>]*src=)|style=|\son\w+=", page.text)


async def test_behind_tls_the_cookie_is_bound_to_the_host(port: int) -> None:
    async with visiting(port, public_url="https://portal.example") as visitor:
        answer = await visitor.client.get("/sign-in")

    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-portal-guest=")
    assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert "max-age" in answer.headers["strict-transport-security"]


async def test_signing_in_changes_the_session_id(port: int) -> None:
    async with visiting(port, "jane") as visitor:
        before = visitor.client.cookies["portal"]
        await visitor.sign_in("jane")

        assert visitor.client.cookies["portal"] != before
        assert visitor.app.state.site.sessions.find(before) is None


async def test_signing_out_ends_the_session_here_and_at_the_issuer(jane: Visitor) -> None:
    answer = await jane.client.post("/sign-out", data={"csrf": jane.csrf})

    assert "/issuer/logout" in answer.headers["location"]
    assert (await jane.client.get("/dashboard")).headers["location"] == "/sign-in"


async def test_a_form_without_its_token_does_nothing(jane: Visitor) -> None:
    answer = await jane.client.post("/profile", data={"csrf": "x", "theme": "dark"})

    assert answer.status_code == 403
    assert jane.session.theme == "system"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"x" * 1_000_001, "application/x-www-form-urlencoded", 413),
        (b"nonsense", "multipart/form-data; boundary=x", 400),
        (b"\xff\xfe=%zz", "application/x-www-form-urlencoded", 403),
        (b"{}", "application/json", 403),
    ],
)
async def test_a_body_that_is_no_form_is_no_defect(
    jane: Visitor, body: bytes, kind: str, status: int
) -> None:
    answer = await jane.client.post("/profile", content=body, headers={"Content-Type": kind})

    assert answer.status_code == status


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example"])
async def test_nobody_is_sent_elsewhere(jane: Visitor, back: str) -> None:
    answer = await jane.client.get("/language/nl", params={"back": back})

    assert answer.headers["location"] == "/"


async def test_an_order_goes_to_the_address_that_was_chosen(jane: Visitor) -> None:
    page = await jane.get("/orders/new")
    chosen = next(
        value
        for value in re.findall(r'name="ship_to" value="([^"]+)"', page.text)
        if "1200 Pine Street" in page.text.split(f'value="{value}"')[1].split("</label>")[0]
    )
    await jane.post("/orders/new", ship_to=chosen, reference="SEATTLE")
    await jane.post("/orders/new/import", pasted="D0023,1")
    review = await jane.get("/orders/new/review")
    key = re.findall(r'name="key" value="([^"]+)"', review.text)[0]
    order = await jane.post("/orders/new/submit", key=key)

    assert "1200 Pine Street" in review.text
    assert "1200 Pine Street" in order.text


async def test_a_quantity_that_is_not_sold_is_refused_in_words(jane: Visitor) -> None:
    await jane.client.get("/language/nl")
    await jane.get("/orders/new")
    await jane.post("/orders/new", ship_to="account")
    await jane.post("/orders/new/import", pasted="D0023;1\nD0225;7")
    review = await jane.get("/orders/new/review")
    found = await jane.get("/orders/new/items?q=D0225")

    assert "Regel 2:" in review.text
    assert "Bestel er minstens 10." in review.text
    assert "Minstens 10 · Hoogstens 500 · Per veelvoud van 5" in found.text
    assert re.search(r'name="quantity-[^"]+" value="10"', found.text)


async def test_product_numbers_are_read_in_any_case(jane: Visitor) -> None:
    await jane.get("/orders/new")
    await jane.post("/orders/new", ship_to="account")
    await jane.post("/orders/new/import", pasted="d0225;10")

    assert [line.number for line in (await jane.desk()).draft.lines] == ["D0225"]


def filled(draft: Draft) -> Draft:
    """As many lines as there can be."""
    return draft.extend(replace(draft.lines[0], note=f"for {n}") for n in range(499))


async def test_a_draft_that_is_full_says_so(jane: Visitor) -> None:
    await jane.get("/orders/new")
    await jane.post("/orders/new", ship_to="account")
    await jane.post("/orders/new/import", pasted="D0225;10")
    await jane.app.state.site.desks.change(jane.owner, lambda desk: edited(desk, filled))

    pasted = await jane.post("/orders/new/import", pasted="D0225;10\nD0023;1")
    product = (await jane.get("/products?q=D0023")).text.split('name="add" value="')[1]
    added = await jane.post("/orders/new/items", add=product.split('"')[0])

    assert "At most 500 lines at once." in pasted.text
    assert "At most 500 lines at once." in added.text
    assert len((await jane.desk()).draft.lines) == 500


async def test_an_address_that_is_gone_is_not_replaced_by_another(jane: Visitor) -> None:
    await jane.get("/orders/new")
    page = await jane.post("/orders/new", ship_to="0123456789abcdef", reference="KEPT")

    assert page.status_code == 422
    assert "This address is no longer available" in page.text
    assert 'value="KEPT"' in page.text


async def test_a_thousand_stays_a_thousand_in_every_language(jane: Visitor) -> None:
    await jane.client.get("/language/nl")
    await jane.get("/orders/new")
    await jane.post("/orders/new", ship_to="account")
    listed = await jane.post("/orders/new/import", pasted="D0225;1.000")
    shown = re.findall(r'name="(line-[^"]+)" value="([^"]+)"', listed.text)

    await jane.post("/orders/new/items", **dict(shown))

    assert [line.quantity for line in (await jane.desk()).draft.lines] == [1000]


async def test_a_double_click_orders_once(jane: Visitor) -> None:
    key = await drafted(jane, "DOUBLE")
    token = jane.csrf

    answers = await asyncio.gather(
        *(
            jane.client.post("/orders/new/submit", data={"csrf": token, "key": key})
            for _ in range(3)
        )
    )

    assert len({answer.headers["location"] for answer in answers}) == 1
    assert await number_of_orders(jane, "DOUBLE") == 1


async def test_a_lost_answer_is_checked_and_resolves_to_one_order(jane: Visitor) -> None:
    key = await drafted(jane, "LOST")
    jane.gateway.loses = 2

    checking = await jane.post("/orders/new/submit", key=key)
    assert checking.status_code == 202
    assert "Your order is being checked" in checking.text
    elsewhere = await jane.get("/orders/new/items")
    order = await jane.get(f"/orders/new/checking?key={key}")

    assert "/orders/new/checking" in str(elsewhere.url) or "Thank you" in elsewhere.text
    assert order.status_code == 200
    assert await number_of_orders(jane, "LOST") == 1


async def test_an_ended_session_loses_nothing_of_a_form(jane: Visitor) -> None:
    await jane.get("/orders/new")
    token = jane.csrf
    jane.session.expire()

    sent = await jane.client.post(
        "/orders/new", data={"csrf": token, "ship_to": "account", "reference": "KEPT"}
    )
    assert sent.headers["location"] == "/sign-in"
    resumed = await jane.sign_in("jane")
    assert 'value="KEPT"' in resumed.text
    await jane.post("/orders/new", ship_to="account", reference="KEPT")

    assert (await jane.desk()).draft.reference == "KEPT"


@pytest.mark.parametrize("is_down", [True, False])
async def test_who_is_no_customer_is_told_so_instead_of_sent_round(
    port: int, is_down: bool
) -> None:
    async with visiting(port) as visitor:
        visitor.gateway.is_down = is_down
        page = await visitor.sign_in("former.buyer@contoso-retail.example")

        assert ("We cannot reach" if is_down else "You do not have access yet") in page.text
        assert page.status_code == (503 if is_down else 403)
        if not is_down:
            left = await visitor.client.post("/sign-out", data={"csrf": visitor.csrf})
            assert "/issuer/logout" in left.headers["location"]


async def test_an_open_page_keeps_no_session_alive(jane: Visitor) -> None:
    listed = await jane.get("/orders")
    order = re.findall(r'href="(/orders/[^"/?]{20,})"', listed.text)[0]
    session = jane.session
    session.touched -= 50 * 60
    left = session.touched

    await jane.client.get(order, headers={ALONE: "yes"})
    assert session.touched == left
    await jane.get(order)
    assert session.touched > left


@pytest.mark.parametrize("page", [each.path for each in PAGES if each.is_asked_alone])
async def test_a_part_of_an_open_page_sends_nobody_to_sign_in(jane: Visitor, page: str) -> None:
    await jane.get("/products")
    jane.session.expire()

    refused = await jane.client.get(page.format(of="orders", id="1", version="1"))
    await jane.client.get("/products?page=2")
    back = await jane.sign_in("jane")

    assert (refused.status_code, "location" in refused.headers) == (401, False)
    assert back.request.url.path == "/products"


async def test_another_language_shows_the_same_page(jane: Visitor) -> None:
    found = await jane.get("/orders?status=open&q=SO")
    await jane.get("/orders/new")
    wrong = await jane.post("/orders/new/import", pasted="NOPE;1")

    assert "back=/orders%3Fstatus%3Dopen%26q%3DSO" in found.text
    assert 'back=/orders/new/import"' in wrong.text


async def test_a_filtered_list_downloads_what_it_shows(jane: Visitor) -> None:
    found = await jane.get("/orders?status=open", **{"HX-Request": "true"})

    assert 'href="/orders.csv?status=open"' in found.text


async def test_somebody_else_who_signs_in_gets_nothing_of_it(jane: Visitor) -> None:
    await drafted(jane)
    jane.session.expire()

    await jane.sign_in("may")

    assert await jane.desk() == Desk()


async def test_a_gateway_that_is_down_gets_a_clear_page_and_keeps_the_form(jane: Visitor) -> None:
    await jane.get("/orders/new")
    jane.gateway.is_down = True

    read = await jane.get("/orders")
    assert (read.status_code, "We cannot reach our systems" in read.text) == (503, True)
    jane.seen.pop()
    sent = await jane.post("/accounts", account="some")

    assert sent.status_code == 503
    assert 'name="account" value="some"' in sent.text


async def test_an_uploaded_list_is_not_lost_either(jane: Visitor) -> None:
    await jane.get("/orders/new")
    jane.gateway.is_down = True

    sent = await jane.client.post(
        "/orders/new/import",
        data={"csrf": jane.csrf},
        files={"file": ("list.csv", b"\xef\xbb\xbfD0225;2\r\nD0023;1")},
    )

    assert sent.status_code == 503
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', sent.text))
    jane.gateway.is_down = False
    again = await jane.client.post("/orders/new/import", data=fields)
    assert again.headers["location"].partition("?")[0] == "/orders/new/items"
    assert [line.number for line in (await jane.desk()).draft.lines] == ["D0225", "D0023"]


async def test_a_change_over_a_change_is_refused_in_words(port: int, jane: Visitor) -> None:
    key = await drafted(jane, "CONFLICT")
    placed = await jane.post("/orders/new/submit", key=key)
    address = re.findall(r'href="(/orders/[^"]+/change)"', placed.text)[0]
    form = await jane.get(address)
    version = re.findall(r'name="version" value="([^"]*)"', form.text)[0]

    first = await jane.post(address, version=version, reference="FIRST")
    second = await jane.post(address, version=version, reference="SECOND")
    emptied = await jane.post(address, version=version, reference="")

    assert "Your changes have been saved." in first.text
    assert second.status_code == 422
    assert "Somebody else changed this order" in second.text
    assert 'value="SECOND"' in second.text
    assert re.search(r'name="reference"[^>]* value=""', emptied.text)


async def test_tokens_are_renewed_without_asking(jane: Visitor) -> None:
    assert jane.session.user
    before = jane.session.user.tokens
    jane.session.user.tokens = type(before)(before.access, before.refresh, before.id, 0.0)

    page = await jane.get("/dashboard")

    assert page.status_code == 200
    assert jane.session.user.tokens.access != before.access


async def test_a_page_that_a_brand_switches_off_is_gone(
    port: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("brand")
    (folder / "brand.toml").write_text("[pages]\ninvoices = false\n")

    async with visiting(port, "jane", brand=folder) as visitor:
        assert 'href="/invoices"' not in visitor.seen[-1].text
        assert (await visitor.get("/invoices")).status_code == 404


def link_to_another_account(port: int, email: str, account: str) -> None:
    """In Dataverse, as an administrator of the seller would: a person acts for one more account."""
    with httpx2.Client(base_url=f"http://127.0.0.1:{port + 1}", trust_env=False) as dynamics:
        minted = dynamics.post("/issuer/demo/token", json={"service": True}).json()
        dynamics.headers["Authorization"] = f"Bearer {minted['access_token']}"
        found = [
            dynamics.get(f"/api/data/v9.2/{query}").raise_for_status().json()["value"][0]
            for query in (
                f"contacts?$filter=emailaddress1 eq '{email}'&$select=contactid",
                f"accounts?$filter=accountnumber eq '{account}'&$select=accountid",
            )
        ]
        row = {
            "msdyn_contactforpartynumber": "MORE-1",
            "msdyn_contactid@odata.bind": f"/contacts({found[0]['contactid']})",
            "msdyn_associatedaccountid@odata.bind": f"/accounts({found[1]['accountid']})",
        }
        answer = dynamics.post("/api/data/v9.2/msdyn_contactforparties", json=row)
        assert answer.is_success, answer.text


async def test_a_buyer_of_two_accounts_switches_between_them(port: int) -> None:
    link_to_another_account(port, "sam.okafor@contoso-retail.example", "DE-001")

    async with visiting(port, "sam") as sam:
        assert "All accounts" in sam.seen[-1].text
        page = await sam.get("/accounts?q=Fabrikam")
        picked = re.findall(r'name="account" value="([^"]+)"', page.text)[0]
        await sam.post("/accounts", account=picked)
        own = await sam.get("/orders")
        listed = await sam.get("/accounts")
        key = await drafted(sam, "SECOND")
        placed = await sam.post("/orders/new/submit", key=key)

    assert "No orders yet" in own.text
    assert "Contoso" in listed.text
    assert "Fabrikam" in placed.text


async def test_staff_pick_the_account_whose_orders_are_listed(port: int) -> None:
    async with visiting(port, "admin") as visitor:
        page = await visitor.get("/accounts?q=Fabrikam")
        picked = re.findall(r'name="account" value="([^"]+)"', page.text)[0]
        await visitor.post("/accounts", account=picked)
        page = await visitor.get("/orders")

        assert visitor.session.account
        assert visitor.session.account["name"] in page.text
