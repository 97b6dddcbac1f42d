"""A product page shows more than price and stock: texts, variants, earlier purchases."""

from decimal import Decimal
from typing import Any

import pytest

from tests.stack import Stack

pytestmark = pytest.mark.anyio

BOUGHT = """query ($first: Int) { boughtBefore(first: $first) {
  times quantity unit boughtAt unitPrice { amount currency }
  product { id number } order { id number placedAt } } }"""
LINES = """query ($after: String) { orderLines(first: 100, after: $after) {
  nodes { quantity status unitPrice { amount } product { id } order { number placedAt } }
  pageInfo { hasNextPage endCursor } } }"""


async def lines(stack: Stack, caller: str) -> list[dict[str, Any]]:
    found, after = [], None
    while True:
        page = (await stack.ask(LINES, as_=caller, after=after)).data["orderLines"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


@pytest.mark.parametrize("caller", ["jane", "may"])
async def test_what_was_bought_before_is_the_newest_line_of_each_product(
    stack: Stack, caller: str
) -> None:
    found = (await stack.ask(BOUGHT, as_=caller, first=100)).data["boughtBefore"]
    everything = [
        line
        for line in await lines(stack, caller)
        if line["product"] and line["status"] != "CANCELED"
    ]

    bought = [each for each in found if each["product"]]
    assert bought
    assert [each["boughtAt"] for each in found] == sorted(
        (each["boughtAt"] for each in found), reverse=True
    )
    for each in bought:
        mine = [line for line in everything if line["product"]["id"] == each["product"]["id"]]
        last = max(line["order"]["placedAt"] for line in mine)
        of_last = [line for line in mine if line["order"]["number"] == each["order"]["number"]]
        assert each["order"]["placedAt"] == last
        assert Decimal(each["quantity"]) in [Decimal(line["quantity"]) for line in of_last]
        assert each["times"] == len(mine)


async def test_what_others_bought_is_not_told(stack: Stack) -> None:
    jane = (await stack.ask(BOUGHT, first=100)).data["boughtBefore"]
    orders = {each["order"]["id"] for each in jane}
    mine = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on SalesOrder { contact { name } } } }"

    answer = await stack.ask(mine, as_="may", ids=sorted(orders))

    assert answer.data["nodes"] == [None] * len(orders)


async def test_a_product_has_its_texts_in_other_languages(stack: Stack) -> None:
    query = "{ products(first: 100) { nodes { number itemNumber texts { language name } } } }"
    found = (await stack.ask(query)).data["products"]["nodes"]

    for each in found:
        is_translated = int(each["itemNumber"][1:]) % 3 == 0
        assert [text["language"] for text in each["texts"]] == (
            ["de-DE", "nl"] if is_translated else []
        )


async def test_a_product_leads_to_all_variants_of_its_item(stack: Stack) -> None:
    query = """{ products(search: "red l", first: 3) { nodes { itemNumber company
      variants(first: 50) { nodes { number itemNumber company variant { color size } } } } } }"""
    found = (await stack.ask(query)).data["products"]["nodes"]

    assert found
    for each in found:
        variants = each["variants"]["nodes"]
        assert len({variant["number"] for variant in variants}) == len(variants) >= 2
        assert {(v["itemNumber"], v["company"]) for v in variants} == {
            (each["itemNumber"], each["company"])
        }
