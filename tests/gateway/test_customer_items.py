"""A customer's own numbers find and order products, for that account alone."""

import random
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette

from tests.gateway.orders.ordering import PREVIEW, do, placed, preview
from tests.gateway.orders.worlds import changed
from tests.gateway.test_hidden_columns import policy
from tests.stack import Stack, running

pytestmark = pytest.mark.anyio

ITEMS = """{ customerItems(first: 100) { nodes {
  number itemNumber company description account { number } product { number } } totalCount } }"""
FOUND = "query ($text: String) { products(search: $text, first: 100) { nodes { %s } totalCount } }"
FIELDS = "id number itemNumber name description customerItemNumber"


async def items(stack: Stack, caller: str = "jane") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await stack.ask(ITEMS, as_=caller)).data["customerItems"]["nodes"]
    return rows


async def found(stack: Stack, text: str, caller: str = "jane") -> list[dict[str, Any]]:
    answer = await stack.ask(FOUND % FIELDS, as_=caller, text=text)
    rows: list[dict[str, Any]] = answer.data["products"]["nodes"]
    return rows


async def test_each_account_sees_its_own_numbers_alone(stack: Stack) -> None:
    jane, may = await items(stack), await items(stack, "may")

    assert {each["account"]["number"] for each in jane} == {"US-001"}
    assert {each["account"]["number"] for each in may} == {"DE-001"}
    alike = {each["number"]: each["itemNumber"] for each in jane if each["number"] != "MY-TWICE"}
    others = {each["number"]: each["itemNumber"] for each in may}
    assert any(others.get(number) not in (None, item) for number, item in alike.items())


@pytest.mark.parametrize("caller", ["jane", "may"])
async def test_a_product_tells_the_number_of_its_buyer_and_search_finds_it(
    stack: Stack, caller: str
) -> None:
    mine = next(each for each in await items(stack, caller) if each["product"])

    (product,) = [
        each
        for each in await found(stack, mine["number"], caller)
        if each["customerItemNumber"] == mine["number"]
    ]

    assert product["number"] == mine["product"]["number"]


async def test_the_number_of_a_variant_finds_that_variant(stack: Stack) -> None:
    products = await found(stack, "my-rl")

    assert [each["customerItemNumber"] for each in products] == ["MY-RL"]
    assert products[0]["number"].endswith("-RED-L")


async def test_words_are_found_in_any_order_and_each_in_any_member(stack: Stack) -> None:
    everything = await found(stack, "")
    chance = random.Random(7)  # noqa: S311 - which products are tried
    for product in chance.sample(everything, 12):
        words = [*product["name"].split(), product["number"][1:]]
        chance.shuffle(words)

        numbers = [each["number"] for each in await found(stack, "  ".join(words))]

        assert product["number"] in numbers


async def test_a_search_equals_one_over_all_that_the_caller_sees(stack: Stack) -> None:
    def has(product: dict[str, Any], word: str) -> bool:
        names = ("number", "itemNumber", "name", "description", "customerItemNumber")
        return any(word.casefold() in (product[name] or "").casefold() for name in names)

    everything, after = [], None
    query = (
        "query ($after: String) { products(first: 100, after: $after)"
        f" {{ nodes {{ {FIELDS} }} pageInfo {{ hasNextPage endCursor }} }} }}"
    )
    while True:
        page = (await stack.ask(query, after=after)).data["products"]
        everything += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    for text in ("MY-10", "lamp 2", "50% d00", "natürlich", "MY-B", "1 my-1"):
        expected = {p["id"] for p in everything if all(has(p, word) for word in text.split())}

        numbers = {each["id"] for each in await found(stack, text)}

        assert len(expected) < 100
        assert numbers == expected, text


@pytest.mark.parametrize("text", ["x" * 101, "a b c d e f g h i j k"])
async def test_a_search_that_is_too_long_is_refused(stack: Stack, text: str) -> None:
    assert (await stack.ask(FOUND % "id", text=text)).codes == ["INVALID_INPUT"]


async def _previewed(stack: Stack, caller: str, number: str) -> tuple[list[str], list[str]]:
    """The codes of what is wrong with a line by this number, and the product that it is of."""
    lines = [{"customerItemNumber": number, "quantity": "30"}]
    payload = await preview(stack, as_=caller, lines=lines)
    errors = [error["code"] for error in payload["errors"]]
    return errors, [line["product"]["number"] for line in payload["lines"] or ()]


@pytest.mark.parametrize("caller", ["jane", "may"])
async def test_a_line_by_an_own_number_is_of_the_item_of_this_account(
    writable: Stack, caller: str
) -> None:
    for mine in [each for each in await items(writable, caller) if each["product"]][:3]:
        errors, numbers = await _previewed(writable, caller, mine["number"].lower())

        assert numbers == [mine["product"]["number"]] or errors == ["PRODUCT_NOT_SELLABLE"]


async def test_an_own_number_of_several_items_is_ambiguous(writable: Stack) -> None:
    assert await _previewed(writable, "jane", "MY-TWICE") == (["PRODUCT_AMBIGUOUS"], [])


async def test_the_number_of_a_stranger_is_no_number(writable: Stack) -> None:
    where = "CustomerAccountNumber = 'DE-001' AND CustomerProductNumber = 'MY-101'"
    theirs = {"CustomerProductNumber": "THEIRS-1"}
    with changed(writable, "CustomerProductDescriptionsV2", where, values=theirs):
        ours = await _previewed(writable, "jane", "THEIRS-1")
        others = await _previewed(writable, "may", "THEIRS-1")
        seen = [len(await found(writable, "theirs-1", who)) for who in ("jane", "may")]

    assert (ours, others[0], seen) == ((["PRODUCT_NOT_FOUND"], []), [], [0, 1])


async def test_an_own_number_works_in_lists_of_lines_too(writable: Stack) -> None:
    order = await placed(writable)
    mine = next(each for each in await items(writable) if each["product"])
    csv = f"Your number;quantity\n{mine['number']};30"

    payload = await do(
        writable,
        "importSalesOrderLines",
        order=order["id"],
        version=order["version"],
        idempotencyKey=str(uuid4()),
        csv=csv,
    )

    assert payload["errors"] == []
    lines = payload["order"]["lines"]["nodes"]
    assert mine["product"]["number"] in [each["product"]["number"] for each in lines]


@pytest.mark.parametrize("hidden", ["CustomerItem.number", "Product.itemNumber", "Product.name"])
async def test_nothing_is_found_by_what_a_role_hides(
    small_world: Starlette, tmp_path: Path, hidden: str
) -> None:
    hides = policy(tmp_path, [hidden])
    async with running(small_world, customer_roles=(), policy=hides) as stack:
        fields = "number" if hidden == "Product.name" else "number name"
        searched = await stack.ask(FOUND % fields, as_="rep", text="MY-101")
        named = await stack.ask(
            '{ products(customerItemNumbers: ["MY-101"]) { nodes { number } } }',
            as_="rep",
        )
        lines = [{"customerItemNumber": "MY-101", "quantity": "30"}]
        ordered = await stack.ask(PREVIEW, as_="rep", input={"lines": lines})
        texts = await stack.ask(
            '{ products(search: "D0003") { nodes { texts { name } } } }', as_="rep"
        )

    by_number = hidden == "Product.name"
    assert (searched.body["data"]["products"]["totalCount"] == 1) is by_number
    assert (named.codes == []) is by_number
    # The preview tells stock by the item number, and names nothing.
    assert ordered.codes == ([] if by_number else ["FORBIDDEN"])
    assert texts.codes == ([] if hidden == "CustomerItem.number" else ["FORBIDDEN"])
