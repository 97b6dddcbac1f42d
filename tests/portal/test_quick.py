"""Quick order: rows of any number and a quantity, all added or none, without scripts too."""

import re
from collections.abc import Iterator

import pytest

from tests.gateway.test_demo import demo
from tests.portal.site import Visitor, visiting

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with demo() as (found, _):
        yield found


async def test_rows_by_each_kind_of_number_become_lines(port: int) -> None:
    async with visiting(port, "jane") as visitor:
        await visitor.get("/dashboard")

        page = await visitor.post(
            "/orders/new/quick",
            **{
                "code-1": "d0001",
                "quantity-1": "3",
                "code-2": "MY-102",
                "quantity-2": "40",
                "code-7": "MY-RL",
                "quantity-7": "2",
            },
        )

        desk = await visitor.desk()
        numbers = [line.number for line in desk.draft.lines]
        assert numbers[0] == "D0001"
        assert numbers[2].endswith("-RED-L")
        assert [str(line.quantity) for line in desk.draft.lines] == ["3", "40", "2"]
        assert page.url.path == "/orders/new/items"


@pytest.mark.parametrize(
    ("code", "quantity", "said"),
    [
        ("nope", "2", "There is no product with this number."),
        ("MY-TWICE", "2", "Several products have this number."),
        ("D0001", "-3", "This product is not sold in this quantity."),
        ("D0001", "", "This product is not sold in this quantity."),
        ("D0025", "7", "Order at least 10."),
        ("D0025", "12", "This item is sold in multiples of 5."),
        ("", "5", "There is no product with this number."),
    ],
)
async def test_a_row_that_is_wrong_says_so_and_nothing_is_added(
    port: int, code: str, quantity: str, said: str
) -> None:
    async with visiting(port, "sam") as visitor:
        await visitor.get("/dashboard")

        page = await visitor.post(
            "/orders/new/quick",
            **{"code-1": "D0002", "quantity-1": "1", "code-2": code, "quantity-2": quantity},
        )

        assert page.status_code == 422
        assert said in page.text
        assert re.search(r'id="code-1" name="code-1" value="D0002"', page.text)
        assert (await visitor.desk()).draft.lines == ()


async def test_a_name_completes_while_it_is_typed_and_a_row_tells_what_it_means(port: int) -> None:
    async with visiting(port, "jane") as visitor:
        options = await visitor.client.get("/orders/new/quick/options?code-2=d000")
        row = await visitor.client.get("/orders/new/quick/row?code-2=D0025&quantity-2=20")

        assert 'value="D0001"' in options.text
        assert "D0025" in row.text
        assert "At least 10" in row.text
        assert "mistake" not in row.text
        assert re.search(r"In stock|Not in stock", row.text)


async def test_what_a_stranger_calls_an_item_is_unknown_here(port: int) -> None:
    async with visiting(port, "may") as visitor:
        theirs = await visitor.client.get("/orders/new/quick/row?code-1=MY-101&quantity-1=2")
    async with visiting(port, "jane") as visitor:
        ours = await visitor.client.get("/orders/new/quick/row?code-1=MY-101&quantity-1=2")

    names = {
        found[1]
        for page in (theirs, ours)
        if (found := re.search(r'quick-name">([^<]*)', page.text))
    }
    assert len(names) == 2


async def test_a_pasted_list_takes_the_buyers_own_numbers(port: int) -> None:
    async with visiting(port, "sam") as visitor:
        await visitor.get("/orders/new/items")
        before = len((await visitor.desk()).draft.lines)

        await visitor.post("/orders/new/import", pasted="MY-101, 30\nMY-102, 35")
        again = await visitor.post(
            "/orders/new/import", pasted="Your number;Quantity\nMY-103;30\nMY-TWICE;1"
        )

        assert len((await visitor.desk()).draft.lines) == before + 2
        assert "Several products have this number." in again.text


async def test_what_was_bought_before_can_be_added_as_it_was(port: int) -> None:
    async with visiting(port, "jane") as visitor:
        page = await visitor.get("/bought")
        found = re.search(r'name="quantity-([^"]+)" value="([^"]+)"', page.text)
        assert found
        before = len((await visitor.desk()).draft.lines)

        await visitor.post(
            "/bought", **{"add": found[1], f"quantity-{found[1]}": "500", "place-x": "b1"}
        )

        lines = (await visitor.desk()).draft.lines
        assert len(lines) == before + 1
        assert lines[-1].product == found[1]


async def test_a_picture_is_kept_by_its_version(port: int) -> None:
    async with visiting(port, "jane") as visitor:
        page = await visitor.get("/products")
        address = re.findall(r'src="(/products/[^"]+/pictures/[^"]+)"', page.text)[0]

        first = await visitor.client.get(address)
        asked = len(visitor.gateway.asked)
        again = await visitor.client.get(address, headers={"If-None-Match": first.headers["etag"]})
        other = await visitor.client.get(address[:-4] + "0000")

        assert (first.headers["content-type"], first.content[:4]) == ("image/png", b"\x89PNG")
        assert "immutable" in first.headers["cache-control"]
        assert (again.status_code, again.content, asked) == (
            304,
            b"",
            len(visitor.gateway.asked) - 1,
        )
        assert other.status_code == 404


async def test_products_are_named_in_the_language_of_the_reader(port: int) -> None:
    async with visiting(port, "jane") as visitor:
        english = await visitor.get("/products?q=D0003")
        dutch = await visitor.get("/products?q=D0003", **{"Accept-Language": "nl"})

        name = re.search(r'<h2><a href="[^"]*">([^<]*) \(nl\)</a>', dutch.text)
        assert name
        assert "(nl)" not in english.text
        assert name[1] in english.text


async def test_a_category_narrows_the_list_and_stays_with_a_search(port: int) -> None:
    async with visiting(port, "jane") as visitor:
        page = await visitor.get("/products")
        (category, *_) = re.findall(r"category=([0-9a-f-]{36})", page.text)
        narrowed = await visitor.get(f"/products?category={category}")
        searched = await visitor.get(f"/products?category={category}&q=d0")

        assert f'name="category" value="{category}"' in searched.text
        counts = [
            int(found[1].replace(",", ""))
            for each in (page, narrowed)
            if (found := re.search(r'list-count">(?:more than )?([\d,]+)', each.text))
        ]
        assert len(counts) == 2
        assert counts[1] < counts[0]


async def test_a_visitor_reaches_nothing_without_signing_in(port: int) -> None:
    async with visiting(port, "jane") as visitor:
        assert isinstance(visitor, Visitor)
        await visitor.post("/sign-out")
        answer = await visitor.client.get("/orders/new/quick/row?code-1=D0001")

        assert answer.status_code in (302, 303, 401)


async def test_a_change_adds_a_product_by_the_buyers_own_number(jane: Visitor) -> None:
    listed = (await jane.get("/orders?status=ACTIVE")).text
    address = re.findall(r'href="(/orders/[\w-]{20,})"', listed)[0]
    form = {"number": "MY-101", "quantity": "2"}

    await jane.get(f"{address}/change")
    form |= {name: jane.hidden(name) for name in ("version", "key")}
    unknown = await jane.post(f"{address}/change", **{**form, "number": "MY-NONE"})
    saved = await jane.post(f"{address}/change", **form)

    assert (unknown.status_code, "no product with this number" in unknown.text) == (422, True)
    assert "Your changes have been saved." in saved.text


async def test_a_row_says_when_its_quantity_can_be_had() -> None:
    with demo("--world", "showcase") as (port, _):
        async with visiting(port, "sam") as sam:
            found = (await sam.get("/products")).text
            number = re.findall(r'<p class="muted">([\w-]+)', found)[0]
            row = await sam.get(f"/orders/new/quick/row?code-1={number}&quantity-1=3")

    assert re.search(r"3 \S+ can be sent from|No date yet for 3", row.text)


async def test_a_category_that_is_too_large_leads_to_those_below_it(jane: Visitor) -> None:
    categories = re.findall(r"category=([0-9a-f-]{36})", (await jane.get("/products")).text)
    jane.gateway.refusals["Products"] = "INVALID_INPUT"

    page = await jane.get(f"/products?category={categories[0]}")

    assert page.status_code == 422
    assert "This category has too many products to list" in page.text
    assert "category=" in page.text
