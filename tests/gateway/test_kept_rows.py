"""Reference data that was read of late costs no further call, and shows nobody more than a call."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from graphql import parse, print_ast, separate_operations
from starlette.applications import Starlette

from emulator.log import Entry
from gateway.ceiling import Ceiling
from gateway.config import parsers
from gateway.loaders.kept_rows import KeptPlace, KeptRows
from gateway.model.tables import TABLES
from gateway.upstream.names import Names
from gateway.upstream.pages import Page
from tests.gateway.orders.ordering import PREVIEW, codes, do, new_order
from tests.meddling import Meddling
from tests.stack import Answer, Stack, running

pytestmark = pytest.mark.anyio

KEPT = {"keep_rows": 60.0}
SHORT = 0.5
"""Seconds that are waited for in a test."""
DOCUMENTS = Path(__file__).parents[2] / "portal" / "documents"
CATALOGUE = print_ast(
    separate_operations(parse((DOCUMENTS / "products.graphql").read_text()))["Products"]
)
ORDERS = "{ orders(first: 5) { nodes { number lines { nodes { product { id number } } } } } }"
ONE = """query ($id: ID!) { product(id: $id) {
  id name description state price { unitPrice { amount } } availability { onHand } } }"""
NAMES = "{ products(first: 100) { totalCount nodes { id number name company } } }"


async def calls(stack: Stack, query: str, as_: str, **variables: Any) -> tuple[Answer, list[Entry]]:
    """The answer, and what Dynamics was asked for it."""
    await stack.ask("{ viewer { kind } }", as_=as_)
    stack.emulator.state.log.clear()
    answer = await stack.ask(query, as_=as_, **variables)
    return answer, list(stack.emulator.state.log)


@contextmanager
def altered(world: Starlette, entity: str, where: str, key: str, **columns: Any) -> Iterator[None]:
    """A time in which one row has these columns."""
    store = world.state.store
    table = store.catalog.named(entity)
    row = store.find(table, where, [key])
    with store.transaction("load") as tx:
        changed = tx.update(table, row, columns)
    try:
        yield
    finally:
        with store.transaction("load") as tx:
            tx.update(table, changed, {name: row[name] for name in columns})


@asynccontextmanager
async def keeping(world: Starlette, **changes: Any) -> AsyncIterator[Stack]:
    async with running(world, **{**KEPT, **changes}) as found:
        yield found


async def buyable(stack: Stack, as_: str = "jane") -> dict[str, Any]:
    """A product with a price that this caller can order in any quantity."""
    query = """{ products(first: 100, filter: { state: { eq: ACTIVE } }) { nodes {
      id number name orderQuantities { multiple } price { unitPrice { amount } } } } }"""
    found = (await stack.ask(query, as_=as_)).data["products"]["nodes"]
    return next(p for p in found if p["price"] and not p["orderQuantities"])


async def test_a_page_of_the_catalogue_costs_no_call_once_it_was_read(
    small_world: Starlette,
) -> None:
    async with keeping(small_world) as stack:
        first, cold = await calls(stack, CATALOGUE, "jane", first=20)
        again, warm = await calls(stack, CATALOGUE, "jane", first=20)
        _, colleague = await calls(stack, CATALOGUE, "sam", first=20)

    assert len(cold) == len({c.path for c in cold}) == 9
    assert warm == []
    assert again.data == first.data
    assert [c.path for c in colleague] == ["productpricelevels"], "Sam buys by another list"


async def test_products_of_lines_are_known_to_whoever_asks_next(small_world: Starlette) -> None:
    async with keeping(small_world) as stack:
        first, cold = await calls(stack, ORDERS, "rep")
        again, warm = await calls(stack, ORDERS, "rep")

    assert [c.path for c in cold if "products" in c.path + c.query]
    assert not [c.path for c in warm if "products" in c.path + c.query]
    assert again.data == first.data


async def test_what_is_kept_is_shown_no_longer_than_the_setting_says(
    changing_world: Starlette,
) -> None:
    async with keeping(changing_world, keep_rows=SHORT) as stack:
        product = await buyable(stack)
        before = (await stack.ask(ONE, id=product["id"])).data["product"]
        with altered(changing_world, "product", "msdyn_productnumber = ?", product["number"],
                     name="Renamed"):  # fmt: skip
            at_once = (await stack.ask(ONE, id=product["id"])).data["product"]
            await asyncio.sleep(SHORT)
            later = (await stack.ask(ONE, id=product["id"])).data["product"]

    assert (at_once, later["name"]) == (before, "Renamed")


async def test_a_caller_may_have_everything_asked_for_anew(changing_world: Starlette) -> None:
    anew = {"Cache-Control": "no-cache"}
    async with keeping(changing_world) as stack:
        product = await buyable(stack)
        await stack.ask(ONE, id=product["id"])
        with altered(changing_world, "product", "msdyn_productnumber = ?", product["number"],
                     name="Renamed"):  # fmt: skip
            found = await stack.ask(ONE, headers=anew, id=product["id"])

    assert found.data["product"]["name"] == "Renamed"


async def test_a_table_may_say_that_its_rows_age_sooner_than_others() -> None:
    kept = KeptRows(600.0)
    ages = {name: kept.age(table) for name, table in TABLES.items() if table.kept}

    assert ages == {
        "Category": 600.0,
        "CategoryAssignment": 600.0,
        "CategoryHierarchyRole": 600.0,
        "CustomerItem": 60.0,
        "Product": 600.0,
        "Unit": 600.0,
        "PriceAgreement": 60.0,
        "PriceListItem": 60.0,
        "ProductAttachment": 600.0,
        "ProductRecord": 600.0,
        "ProductTranslation": 600.0,
        "OrderSettings": 60.0,
        "WarehouseStock": 15.0,
    }


async def test_a_preview_and_an_order_go_by_the_price_of_now(changing_world: Starlette) -> None:
    async with keeping(changing_world) as stack:
        product = await buyable(stack)
        sent = await new_order(stack, lines=[{"product": product["id"], "quantity": "1"}])
        preview = {"lines": sent["lines"]}
        old = (await stack.ask(PREVIEW, input=preview)).data["previewSalesOrder"]
        stored = int(Decimal(old["total"]["amount"]) * 10_000)
        where = f"amount = {stored} AND productnumber LIKE '%-' || ?"
        with altered(changing_world, "productpricelevel", where, product["number"], amount=775_000):
            shown = (await stack.ask(ONE, id=product["id"])).data["product"]["price"]
            new = (await stack.ask(PREVIEW, input=preview)).data["previewSalesOrder"]
            placed = await do(stack, "createSalesOrder", **sent)

    assert shown == product["price"]
    assert old["lines"][0]["unitPrice"] == shown["unitPrice"]
    assert float(new["lines"][0]["unitPrice"]["amount"]) == 77.5
    assert float(placed["order"]["lines"]["nodes"][0]["unitPrice"]["amount"]) == 77.5


async def test_a_product_that_was_withdrawn_cannot_be_ordered_whoever_still_sees_it(
    changing_world: Starlette,
) -> None:
    async with keeping(changing_world) as stack:
        product = await buyable(stack)
        sent = await new_order(stack, lines=[{"product": product["id"], "quantity": "1"}])
        with altered(changing_world, "product", "msdyn_productnumber = ?", product["number"],
                     statecode=2):  # fmt: skip
            refused = await do(stack, "createSalesOrder", **sent)

    assert codes(refused) == ["PRODUCT_NOT_FOUND"]


async def test_a_draft_that_staff_have_seen_is_nothing_to_customers(
    small_world: Starlette,
) -> None:
    drafts = "{ products(first: 100, filter: { state: { eq: DRAFT } }) { nodes { id } } }"
    async with keeping(small_world) as stack:
        draft, *_ = (await stack.ask(drafts, as_="admin")).data["products"]["nodes"]
        for _ in range(2):
            assert (await stack.ask(ONE, as_="admin", id=draft["id"])).data["product"]
        found, asked = await calls(stack, ONE, "jane", id=draft["id"])

    assert found.data == {"product": None}
    assert len(asked) == 1, "as for an id of nothing at all"


async def test_what_one_caller_may_not_see_or_did_not_ask_for_is_there_for_another(
    small_world: Starlette,
) -> None:
    drafts = "{ products(first: 1, filter: { state: { eq: DRAFT } }) { nodes { id } } }"
    name, text = [f"query ($id: ID!) {{ product(id: $id) {{ {c} }} }}" for c in ("name", "state")]
    async with keeping(small_world) as stack:
        (draft,) = (await stack.ask(drafts, as_="admin")).data["products"]["nodes"]
        nothing = (await stack.ask(name, id=draft["id"])).data["product"]
        something = (await stack.ask(name, as_="admin", id=draft["id"])).data["product"]
        more = (await stack.ask(text, as_="admin", id=draft["id"])).data["product"]
        (theirs, *_) = (await stack.ask(NAMES, as_="may")).data["products"]["nodes"]
        foreign = (await stack.ask(name, id=theirs["id"])).data["product"]
        own = (await stack.ask(name, as_="may", id=theirs["id"])).data["product"]

    assert (nothing, foreign) == (None, None)
    assert something["name"]
    assert more == {"state": "DRAFT"}
    assert own == {"name": theirs["name"]}


async def test_companies_see_their_own_products_and_stock_whoever_was_there_before(
    small_world: Starlette,
) -> None:
    query = "{ products(first: 100) { nodes { id company stock { nodes { onHand site } } } } }"
    everybody = ("admin", "jane", "may", "rep", "admin", "may", "jane")
    async with running(small_world) as plain, keeping(small_world) as stack:
        alone = {who: (await plain.ask(query, as_=who)).data for who in set(everybody)}
        found = [(who, (await stack.ask(query, as_=who)).data) for who in everybody]
        ids = [each["id"] for each in alone["jane"]["products"]["nodes"]]
        ones = [(await stack.ask(ONE, as_="may", id=each)).data["product"] for each in ids]
        expected = [(await plain.ask(ONE, as_="may", id=each)).data["product"] for each in ids]

    assert alone["jane"] != alone["may"] != alone["admin"]
    assert all(data == alone[who] for who, data in found)
    assert ones == expected


async def test_what_a_role_hides_stays_hidden_where_others_have_read_it(
    small_world: Starlette, tmp_path: Path
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(
        """[roles.buyer]
extends = "buyer"
[roles.buyer.catalog]
access = "account"
hide = ["Product.description", "Product.price"]"""
    )
    async with keeping(small_world, policy=str(file)) as stack:
        product = await buyable(stack, "rep")
        seen = [await stack.ask(ONE, as_=who, id=product["id"]) for who in ("rep", "jane", "jane")]
        ordered = "{ products(first: 3, orderBy: [{ field: DESCRIPTION }]) { nodes { id } } }"
        allowed, refused = [await stack.ask(ordered, as_=who) for who in ("rep", "jane")]

    assert seen[0].data["product"]["price"]
    for answer in seen[1:]:
        assert set(answer.codes) == {"FORBIDDEN"}
        assert answer.body["data"]["product"]["description"] is None
        assert answer.body["data"]["product"]["price"] is None
    assert (allowed.codes, refused.codes) == ([], ["FORBIDDEN"])


async def test_a_foreign_row_that_was_kept_is_as_foreign_as_a_fetched_one(
    small_world: Starlette,
) -> None:
    def stray(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["statecode"] = 2

    way = Meddling(small_world, "/products?", stray)
    async with running(small_world, way, **KEPT) as stack:
        first = (await stack.ask(NAMES)).data["products"]["nodes"]
        met = way.met
        again = (await stack.ask(NAMES)).data["products"]["nodes"]

    assert (way.met, met > 0) == (met, True), "it was kept"
    assert (first, again) == ([], [])


async def test_a_failure_is_not_kept(small_world: Starlette) -> None:
    def broken(rows: list[dict[str, Any]]) -> None:
        if way.met == 0:
            rows.append({"productid": 7})

    way = Meddling(small_world, "/products?", broken)
    async with running(small_world, way, **KEPT) as stack:
        product = "{ products(first: 2) { nodes { number } } }"
        first, again = [await stack.ask(product) for _ in range(2)]

    assert again.data == (await fresh(small_world, product)).data
    assert first.status == 200


async def fresh(world: Starlette, query: str) -> Answer:
    async with running(world) as plain:
        return await plain.ask(query)


async def test_an_operation_is_charged_the_same_whether_others_have_read_its_rows_or_not(
    small_world: Starlette,
) -> None:
    query = "{ products(first: 5) { nodes { name price { unit } } } }"
    async with keeping(small_world, upstream_calls=1) as poor:
        cold = await poor.ask(query)
        warm = await poor.ask(query)
    async with keeping(small_world) as stack:
        await stack.ask(query)
        plenty = await stack.ask(query)

    assert cold.body == warm.body
    assert set(cold.codes) == {"LIMIT_EXCEEDED"}
    assert plenty.codes == []


async def test_no_more_bytes_are_kept_than_the_bound_says() -> None:
    table, names = TABLES["Unit"], Names()
    kept, ceiling = KeptRows(60.0), Ceiling(100_000)
    ceiling.add("rows", 1, kept)

    for number in range(1_000):
        page = Page([b'{"uomid":"%d"}' % number * 10])
        kept.keep(table, names, KeptPlace((str(number),)), page, page.rows, float(number) / 100)

    assert 90_000 < kept.size <= 100_000
    assert kept.page(table, KeptPlace(("999",)), 10.0) is not None
    assert kept.page(table, KeptPlace(("0",)), 0.0) is None


async def test_what_was_asked_for_before_a_change_of_its_table_is_not_used() -> None:
    table, names = TABLES["Unit"], Names()
    kept = KeptRows(60.0)
    for entity, stays in (("salesorder", True), ("uom", False)):
        kept.keep(table, names, KeptPlace(("all",)), Page([b"{}"]), [{}], 0.0)
        kept.forget(entity, 0.5)

        assert (kept.page(table, KeptPlace(("all",)), 1.0) is not None) is stays


async def test_partners_of_two_price_lists_do_not_see_each_others_prices(
    small_world: Starlette,
) -> None:
    query = "{ products(first: 50) { nodes { id price { unitPrice { amount currency } } } } }"
    partners = parsers.partners("partner=US-001@usmf,DE-001@demf")
    async with keeping(small_world, partners=partners) as stack:
        for who in ("jane", "may"):
            assert any(
                each["price"]
                for each in (await stack.ask(query, as_=who)).data["products"]["nodes"]
            )
        found = (await stack.ask(query, as_="partner")).data["products"]["nodes"]

    assert not [each for each in found if each["price"]]
