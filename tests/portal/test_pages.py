"""The pages of the portal: what they show and take, in front of a running demo."""

import html
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode, urljoin

import pytest

from portal.drafts import LENGTHS
from tests.browser.customers import advance
from tests.portal.site import Visitor, visiting

pytestmark = pytest.mark.anyio
MANY = 120
"""Lines of a long order: more than a page of it shows."""


async def catalogue(visitor: Visitor, size: int) -> list[tuple[str, str]]:
    """Numbers of products, with a quantity in which each is sold."""
    found: list[tuple[str, str]] = []
    address: str | None = "/products"
    while address and len(found) < size:
        page = (await visitor.get(address)).text
        for card in page.split('<li class="card product"')[1:]:
            number = re.findall(r">(D[\w-]+)", card)[0]
            amount = re.findall(r'name="quantity" value="([^"]+)"', card)[0]
            if 'class="price"' in card:
                found.append((number, amount))
        further = re.findall(r'rel="next" href="([^"]+)"', page)
        address = f"/products{html.unescape(further[0])}" if further else None
    return found[:size]


async def placed(visitor: Visitor, lines: list[tuple[str, str]], reference: str = "") -> str:
    """The address of a new order."""
    await visitor.get("/orders/new")
    await visitor.post("/orders/new", ship_to="account", reference=reference)
    pasted = "\n".join(f"{number},{amount}" for number, amount in lines)
    await visitor.post("/orders/new/import", pasted=pasted)
    page = await visitor.get("/orders/new/review")
    key = re.findall(r'name="key" value="([^"]+)"', page.text)[0]
    answer = await visitor.post("/orders/new/submit", key=key)
    return str(re.findall(r'href="(/orders/[^"]+)/change"', answer.text)[0])


def fields(text: str) -> dict[str, str]:
    """The form of a change as a browser sends it: all but its buttons."""
    form = text.split('class="columns"')[1].split("</form>")[0]
    inputs = re.findall(r'<input[^>]*? name="([^"]+)"[^>]*?(?: value="([^"]*)")[^>]*>', form)
    return {name: html.unescape(value) for name, value in inputs if not name.startswith("remove-")}


def in_the_green_box(text: str) -> list[str]:
    """The notices of success."""
    return re.findall(r'<p class="notice">.*?</svg>\s*([^<]+)</p>', text, re.DOTALL)


async def followed(visitor: Visitor, address: str, pattern: str) -> list[str]:
    """The matches on a page and on those after it."""
    found: list[str] = []
    at: str | None = address
    while at:
        page = (await visitor.get(at)).text
        found += re.findall(pattern, page)
        further = re.findall(r'rel="next" href="([^"]+)"', page)
        at = urljoin(address, html.unescape(further[0])) if further else None
    return found


async def test_all_lines_of_a_long_order_its_shipment_and_invoice_are_shown(port: int) -> None:
    async with visiting(port, "rep") as rep:
        lines = await catalogue(rep, MANY)
        order = await placed(rep, lines, "LONG")
        shown = await followed(rep, order, r'<span class="sub">(D[^<]+)')
        number = re.findall(r"<h1>Order (\S+)", rep.seen[-1].text)[0]
        advance(port, number, "invoiced")
        page = (await rep.get(order)).text
        sent = re.findall(rf'href="({order}/shipments/[^"]+)"', page)[0]
        billed = re.findall(r'href="(/invoices/[^"]+)"', page)
        slips = await followed(rep, sent, r'<span class="sub">(D[^<]+)</span></th>')
        invoiced = [
            found
            for invoice in billed
            for found in await followed(rep, invoice, r'<span class="sub">(D[^<]+)</span></th>')
        ]

    assert shown == [number for number, _ in lines]
    assert len(slips) == MANY
    assert set(invoiced) == set(shown)


async def test_one_save_changes_lines_of_all_pages_and_loses_nothing(port: int) -> None:
    async with visiting(port, "rep") as rep:
        order = await placed(rep, await catalogue(rep, MANY), "SAVE")
        form = fields((await rep.get(f"{order}/change")).text)
        first = [name for name in form if name.startswith("quantity-")]
        cursor = re.findall(r'name="after" value="([^"]+)"', rep.seen[-1].text)[0]
        typed = {first[0]: "2000", f"remove-{first[1].partition('-')[2]}": "yes"}
        second = await rep.post(
            f"{order}/change", **{**form, **typed, "reference": "ALL", "after": cursor}
        )
        more = fields(second.text)
        there = [name for name in more if name.startswith("quantity-") and name not in first]
        removed = re.findall(r'name="(remove-[^"]+)" value="yes">', second.text)
        saved = await rep.post(f"{order}/change", **{**more, removed[0]: "yes", there[0]: "3000"})
        page = (await rep.get(f"{order}/change")).text
        amounts = await followed(rep, order, r'data-label="Ordered" class="figures">([\d,]+)')

    assert in_the_green_box(saved.text) == ["Your changes have been saved."]
    assert fields(page)["reference"] == "ALL"
    assert len(amounts) == MANY - 1
    assert {"2,000", "3,000"} <= set(amounts)


async def changeable(visitor: Visitor, reference: str) -> tuple[str, dict[str, str]]:
    order = await placed(visitor, [("D0225", "10"), ("D0023", "1")], reference)
    return f"{order}/change", fields((await visitor.get(f"{order}/change")).text)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("receipt_date", "2020-01-01", "This day has passed."),
        ("receipt_date", "24.12.2126", "Enter a date such as"),
        ("reference", "x" * 61, "This is too long."),
        ("requisition", "x" * 21, "This is too long."),
        ("quantity", "2", "Enter a product number."),
        ("number", "NOPE", "This product is not sold in this quantity"),
    ],
)
async def test_what_cannot_be_saved_is_refused_at_its_field_and_kept(
    jane: Visitor, name: str, value: str, said: str
) -> None:
    address, form = await changeable(jane, "REFUSED")
    page = await jane.post(address, **{**form, name: value})

    assert page.status_code == 422
    assert said in page.text
    assert in_the_green_box(page.text) == []
    assert fields(page.text)[name] == value


async def test_a_field_is_cleared_or_the_page_says_that_it_is_not(jane: Visitor) -> None:
    address, form = await changeable(jane, "CLEARED")
    later = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    dated = fields((await jane.post(address, **{**form, "receipt_date": later})).text)
    emptied = await jane.post(address, **{**dated, "receipt_date": "", "reference": ""})
    now = fields((await jane.get(address)).text)

    assert dated["receipt_date"] == later
    assert now["reference"] == ""
    is_said = "Your changes have been saved." in in_the_green_box(emptied.text)
    assert is_said == (now["receipt_date"] == "")


async def test_what_others_changed_is_not_taken_back_by_who_did_not_touch_it(
    jane: Visitor,
) -> None:
    address, form = await changeable(jane, "BOTH")
    line = next(name for name in form if name.startswith("quantity-"))
    await jane.post(address, **{**form, line: "25"})
    late = await jane.post(address, **{**form, "reference": "MINE"})
    again = fields(late.text)
    saved = await jane.post(address, **again)

    assert "Somebody else changed this order" in late.text
    assert (again["reference"], again[line]) == ("MINE", "25")
    assert in_the_green_box(saved.text) == ["Your changes have been saved."]
    assert fields(saved.text)[line] == "25"


async def test_a_change_that_is_refused_keeps_what_was_made_and_what_is_left(
    jane: Visitor,
) -> None:
    address, form = await changeable(jane, "HALF")
    line = next(name for name in form if name.startswith("quantity-"))
    page = await jane.post(address, **{**form, "reference": "MADE", line: "7"})
    kept = fields(page.text)

    assert page.status_code == 422
    assert "Order at least 10." in page.text
    assert "Line 1:" not in page.text
    assert "have been saved" in page.text
    assert (kept["was-reference"], kept[line], kept[f"was-{line}"]) == ("MADE", "7", "10")


async def test_a_cancelled_order_is_not_said_to_be_on_its_way(jane: Visitor) -> None:
    address, form = await changeable(jane, "OFF")
    order = address.removesuffix("/change")
    await jane.post(f"{order}/cancel", version=form["version"])
    shown = await jane.get(order)
    for page in (
        await jane.get(address),
        await jane.post(address, **{**form, "reference": "LATE"}),
        await jane.get(f"{order}/cancel"),
    ):
        assert "This order was cancelled" in page.text
        assert "on its way" not in page.text
        assert "Do you still want" not in page.text
    assert '<tfoot class="cancelled">' in shown.text
    assert (
        re.findall(r'data-label="Remaining" class="figures">([^<]+)', shown.text) == ["\u2013"] * 2
    )


async def test_adding_in_the_catalogue_stays_there(jane: Visitor) -> None:
    page = await jane.get("/products?q=D0225")
    key = re.findall(r'name="add" value="([^"]+)"', page.text)[0]
    action = html.unescape(re.findall(r'class="add" method="post" action="([^"]*)"', page.text)[0])
    wrong = [
        await jane.post(action, add=key, quantity=typed, place="p1") for typed in ("-5", "7", "x")
    ]
    added = await jane.post(action, add=key, quantity="15", place="p1")

    assert [page.status_code for page in wrong] == [422, 422, 422]
    assert "Order at least 10." in wrong[1].text
    assert 'value="7"' in wrong[1].text
    assert [in_the_green_box(page.text) for page in wrong] == [[], [], []]
    assert str(added.url).partition("#")[0].endswith("/products?q=D0225")
    assert re.search(r"\b15 \w+ on your order", added.text)
    assert in_the_green_box(added.text)


async def test_adding_on_the_page_of_a_product_stays_there(jane: Visitor) -> None:
    page = await jane.get("/products?q=D0225")
    address = re.findall(r'href="(/products/[^"]+)"', page.text)[0]
    await jane.get(address)
    wrong = await jane.post(address, quantity="12")
    added = await jane.post(address, quantity="20")

    assert "This item is sold in multiples of 5." in wrong.text
    assert str(added.url).endswith(address)
    assert re.search(r"\b20 \w+ on your order", added.text)


async def test_who_may_not_order_adds_nothing(port: int) -> None:
    async with visiting(port, "admin") as staff:
        await staff.get("/products")
        answer = await staff.post("/products", add="x", quantity="1")

    assert answer.status_code == 404


async def test_staff_look_as_a_customer_and_change_nothing(port: int, jane: Visitor) -> None:
    own = rows((await jane.get("/orders")).text)
    async with visiting(port, "admin") as staff:
        listed = await staff.get("/accounts?q=Contoso+Retail+San+Diego")
        account = re.findall(r'href="(/account\?id=[^"]+)"', listed.text)[0]
        people = (await staff.get(account)).text
        contact = re.findall(r'name="contact" value="([^"]+)">[^<]*<[^>]+> Jane Doe', people)[0]
        seen = await staff.post("/view-as", contact=contact)
        orders = await staff.get("/orders")
        refused = [await staff.get("/orders/new"), await staff.get("/accounts?q=Fabrikam")]
        back = await staff.post("/view-as")
        nobody = await staff.post("/view-as", contact="x")

    assert "You are viewing the site as Jane Doe." in seen.text
    assert rows(orders.text) == own
    assert refused[0].status_code == 404
    assert "No account matches" in refused[1].text
    assert "You are viewing the site as" not in back.text
    assert "This person cannot sign in here." in nobody.text


async def test_a_customer_looks_with_no_other_eyes(jane: Visitor) -> None:
    await jane.get("/orders")

    assert (await jane.post("/view-as", contact="may.tanaka@fabrikam.example")).status_code == 404


def rows(text: str) -> list[str]:
    return re.findall(r'<th scope="row"><a href="[^"]+">([^<]+)</a>', text)


async def test_words_are_found_in_any_order(jane: Visitor) -> None:
    names = re.compile(r'<h2><a href="[^"]+">([^<]+)</a>')
    one = names.findall((await jane.get("/products?q=desk+lamp")).text)
    other = names.findall((await jane.get("/products?q=lamp+desk")).text)

    assert one
    assert one == other


async def test_orders_are_found_by_the_person_and_the_account(port: int) -> None:
    async with visiting(port, "rep") as rep:
        await placed(rep, [("D0023", "1")], "BY PERSON")
        person = rows((await rep.get("/orders?q=lindqvist+rita")).text)
        both = rows((await rep.get("/orders?q=rita+person")).text)
        nobody = await rep.get("/orders?q=rita+nothinglikeit")
        account = rows((await rep.get("/orders?q=san+contoso+diego")).text)

    assert len(both) == 1
    assert both[0] in person
    assert "No order matches" in nobody.text
    assert len(account) == 20


async def test_orders_are_found_by_what_was_bought(jane: Visitor) -> None:
    await placed(jane, [("D0055", "12")], "BOUGHT")
    number = re.findall(r"<h1>Order (\S+)", jane.seen[-1].text)[0]
    name = re.findall(r'<a href="/products/[^"]+">([^<]+)</a>', jane.seen[-1].text)[0]

    for words in ("d0055", name, " ".join(reversed(name.split())), f"{name} BOUGHT"):
        found = await jane.get(f"/orders?{urlencode({'q': html.unescape(words)})}")
        assert number in rows(found.text), words
    assert "No order matches" in (await jane.get("/orders?q=D0055+nothinglikeit")).text


async def test_invoices_are_found_by_their_order(jane: Visitor) -> None:
    page = (await jane.get("/invoices")).text
    order = re.findall(r'data-label="Order"><a href="[^"]+">([^<]+)</a>', page)[0]
    found = (await jane.get(f"/invoices?q={order}")).text

    assert set(re.findall(r'data-label="Order"><a href="[^"]+">([^<]+)</a>', found)) == {order}
    assert "Issued</span>" not in page
    assert 'name="state"' not in page


async def test_shipments_are_found_by_packing_slip_and_parcel(jane: Visitor) -> None:
    page = (await jane.get("/shipments")).text
    row = next(
        one for one in page.split("<tr>") if 'class="outside"' in one and 'scope="row"' in one
    )
    slip = rows(row)[0]
    parcel = re.findall(r'class="outside"[^>]*>(\S+)', row)[0]
    for word in (slip, parcel, parcel[:-2].lower()):
        assert slip in rows((await jane.get(f"/shipments?q={word}")).text)
    assert "No shipment matches" in (await jane.get("/shipments?q=nothinglikeit")).text


async def test_a_list_is_filtered_by_the_days_that_it_shows(port: int, tmp_path: Path) -> None:
    (tmp_path / "brand.toml").write_text('timezone = "Pacific/Auckland"\n')
    async with visiting(port, "rep", brand=tmp_path) as rep:
        page = (await rep.get("/orders?sort=oldest")).text
        shown = dict(
            re.findall(r'">(SO-\d+)</a></th>.*?data-label="Placed">([^<]+)<', page, re.DOTALL)
        )
        for number, day in list(shown.items())[:5]:
            at = datetime.strptime(day, "%b %d, %Y").date()
            found = await rep.get(f"/orders?q={number}&since={at}&until={at}")
            before = await rep.get(f"/orders?q={number}&until={at - timedelta(days=1)}")

            assert rows(found.text) == [number]
            assert rows(before.text) == []


@pytest.mark.parametrize("path", ["/orders", "/orders.csv", "/invoices"])
@pytest.mark.parametrize("query", ["since=soon", "until=0001-01-01", "q=" + "x" * 101])
async def test_a_search_that_cannot_be_read_is_refused(
    jane: Visitor, path: str, query: str
) -> None:
    page = await jane.get(f"{path}?{query}")

    assert page.status_code in {400, 422}


async def test_overdue_orders_can_be_listed(jane: Visitor) -> None:
    overview = (await jane.get("/dashboard")).text
    count = re.findall(r'class="figure">(\d+)</span><span>Overdue', overview)[0]
    page = (await jane.get("/orders?status=overdue&sort=wanted")).text
    days = re.findall(r'data-label="Requested date">([^<]+)<', page)
    dates = [datetime.strptime(day, "%b %d, %Y").date() for day in days]

    assert f"{count} order" in page
    assert dates == sorted(dates)
    assert all(day < date.today() for day in dates)


async def test_a_line_with_a_discount_can_be_worked_out_by_eye(port: int) -> None:
    async with visiting(port, "rep") as rep:
        for address in re.findall(
            r'href="(/orders/[\w-]{20,})"', (await rep.get("/orders?sort=total")).text
        ):
            page = (await rep.get(address)).text
            if " discount</span>" in page:
                break
    row = next(one for one in page.split("<tr>") if " discount</span>" in one)
    ordered, price, discount, amount = (
        float(re.findall(pattern, row)[0].replace(",", ""))
        for pattern in (
            r'data-label="Ordered" class="figures">([\d,.]+)',
            r'data-label="Price" class="figures">\$([\d,.]+)',
            r"-\$([\d,.]+) discount",
            r'data-label="Amount" class="figures">\$([\d,.]+)',
        )
    )

    assert round(ordered * price - discount, 2) == pytest.approx(amount, abs=0.01)
    assert "Subtotal" in page


async def test_staff_have_their_name_and_are_not_told_to_order(port: int) -> None:
    async with visiting(port, "admin") as staff:
        page = await staff.get("/accounts")
        products = await staff.get("/products")

    assert "Ada Stone" in page.text
    assert "you order for that account" not in page.text
    assert re.search(r'href="/account" aria-current="page"', page.text)
    assert "Price on request" not in products.text


async def test_a_buyers_own_orders_say_who_ordered(jane: Visitor) -> None:
    named = await followed(jane, "/orders", r'data-label="Ordered by">\s*([^<]*?)\s*</td>')

    assert set(named) == {"Jane Doe"}


async def test_representatives_see_who_ordered_by_either_model_and_find_it(port: int) -> None:
    pattern = r'data-label="Ordered by">\s*([^<]*?)\s*</td>'
    async with visiting(port, "rep") as rep:
        named = await followed(rep, "/orders", pattern)
        found = await followed(rep, "/orders?q=jane+doe", pattern)

    assert named.count("\N{EN DASH}") < len(named) / 10, "few orders name nobody"
    assert (set(found), len(found)) == ({"Jane Doe"}, named.count("Jane Doe"))


async def test_a_country_is_chosen_and_shown_in_the_language_of_the_reader(jane: Visitor) -> None:
    typed = {"ship_to": "other", "street": "Quay 7", "city": "Köln"}
    await jane.get("/orders/new")
    wrong = await jane.post("/orders/new", **typed, country="Atlantis")
    await jane.post("/orders/new", **typed, country="germany", reference="LAND")
    await jane.post("/orders/new/import", pasted="D0023,1")
    english = await jane.get("/orders/new/review")
    await jane.client.get("/language/nl")
    dutch = await jane.get("/orders/new/review")

    assert "Choose a country from the list." in wrong.text
    assert ("Germany" in english.text, "Duitsland" in dutch.text) == (True, True)


async def test_texts_of_the_first_step_are_as_long_as_an_order_takes_them(jane: Visitor) -> None:
    typed = {"ship_to": "other", **{name: "x" * most for name, most in LENGTHS.items()}}
    await jane.get("/orders/new")
    for name, most in LENGTHS.items():
        page = await jane.post("/orders/new", **{**typed, name: "x" * (most + 1)})
        assert page.status_code == 422, name
        assert f'id="{name}-mistake"' in page.text
        assert "This is too long." in page.text

    await jane.post("/orders/new", **typed)
    await jane.post("/orders/new/import", pasted="D0023,1")
    await jane.get("/orders/new/review")
    placed = await jane.post("/orders/new/submit", key=jane.hidden("key"))

    assert re.search(r"<h1>Order \S+", placed.text)


@pytest.mark.parametrize(
    ("path", "tab"),
    [
        ("/orders/new", "Orders"),
        ("/templates", "Orders"),
        ("/bought", "Products"),
        ("/statement", "Invoices"),
        ("/invoices-without-order", "Invoices"),
        ("/accounts", "Account"),
        ("/addresses", "Account"),
        ("/addresses/new", "Account"),
        ("/colleagues/new", "Account"),
    ],
)
async def test_the_menu_says_where_one_is(port: int, path: str, tab: str) -> None:
    async with visiting(port, "rep") as rep:
        page = (await rep.get(path)).text

    menu = page.partition('class="wide tabs"')[2].partition("</nav>")[0]
    assert re.findall(r'aria-current="page">([^<]+)', menu) == [tab]
