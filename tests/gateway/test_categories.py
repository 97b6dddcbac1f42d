"""Categories: the sales hierarchy alone, and the products in a category and below it."""

from itertools import pairwise
from typing import Any

import pytest

from gateway.schema.business import categories
from tests.stack import Stack

pytestmark = pytest.mark.anyio

TREE = "{ categories { id name code parentId } }"
LISTED = """query ($category: ID!, $after: String) {
  products(category: $category, first: 100, after: $after) {
    nodes { itemNumber } pageInfo { hasNextPage endCursor } } }"""


async def tree(stack: Stack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await stack.ask(TREE)).data["categories"]
    return found


async def items(stack: Stack, category: str) -> set[str]:
    """The items that are listed in a category."""
    found, after = set(), None
    while True:
        page = (await stack.ask(LISTED, category=category, after=after)).data["products"]
        found |= {each["itemNumber"] for each in page["nodes"]}
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


async def test_the_categories_of_the_sales_hierarchy_alone_are_told(stack: Stack) -> None:
    rows = await stack.rows("msdyn_productcategories?$select=msdyn_productcategoryid,msdyn_name")
    found = await tree(stack)

    hidden = {row["msdyn_name"] for row in rows} - {each["name"] for each in found}
    assert hidden == {"Suppliers' goods"}
    ids = {each["id"] for each in found}
    assert {each["parentId"] for each in found} <= {None, *ids}
    assert len([each for each in found if each["parentId"] is None]) == 5


async def test_a_category_lists_what_stands_in_it_and_below_it(stack: Stack) -> None:
    found = await tree(stack)
    top = next(each for each in found if each["parentId"] is None)
    below = [each for each in found if each["parentId"] == top["id"]]
    assigned = await stack.rows(
        "msdyn_productcategoryassignments?$select=msdyn_name,_msdyn_productcategory_value"
    )

    def numbers(*ids: str) -> set[str]:
        return {a["msdyn_name"] for a in assigned if a["_msdyn_productcategory_value"] in ids}

    seen = await items(stack, top["id"])
    children = [await items(stack, each["id"]) for each in below]

    assert seen <= numbers(top["id"], *(each["id"] for each in below))
    assert set().union(*children) < seen
    assert all(
        part and part <= numbers(each["id"]) for part, each in zip(children, below, strict=True)
    )
    assert sum(map(len, children)) == len(set().union(*children))


async def test_a_category_of_another_hierarchy_lists_nothing(stack: Stack) -> None:
    (row,) = await stack.rows(
        "msdyn_productcategories?$select=msdyn_productcategoryid"
        "&$filter=msdyn_name eq 'Suppliers'' goods'"
    )

    assert await items(stack, row["msdyn_productcategoryid"]) == set()


async def test_what_is_no_id_of_a_category_is_refused(stack: Stack) -> None:
    assert (await stack.ask(LISTED, category="Tools")).codes == ["INVALID_INPUT"]


PARTS = "query ($category: ID!) { categoryParts(category: $category) }"


async def parts(stack: Stack, category: str) -> list[str]:
    found: list[str] = (await stack.ask(PARTS, category=category)).data["categoryParts"]
    return found


async def test_a_large_category_is_listed_by_parts_that_leave_out_and_repeat_nothing(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = next(each for each in await tree(stack) if each["parentId"] is None)["id"]
    whole, (alone,) = await items(stack, top), await parts(stack, top)
    assert await items(stack, alone) == whole
    monkeypatch.setattr(categories, "PART", 7)

    found = await parts(stack, top)
    listed = [await items(stack, each) for each in found]
    refused = await stack.ask(LISTED, category=top)

    assert len(found) > 3
    assert set().union(*listed) == whole
    assert sum(map(len, listed)) == len(whole)
    several = [part for part in listed if part]
    assert all(max(one) < min(two) for one, two in pairwise(several))
    assert refused.codes == ["INVALID_INPUT"]


async def test_a_category_has_an_end(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    top = next(each for each in await tree(stack) if each["parentId"] is None)["id"]
    monkeypatch.setattr(categories, "MOST_PRODUCTS", 7)

    assert (await stack.ask(PARTS, category=top)).codes == ["INVALID_INPUT"]
    assert (await stack.ask(LISTED, category=f"{top}.1")).codes == ["INVALID_INPUT"]


@pytest.mark.parametrize("part", ["0", "-1", "", "1.1", "x", "100", "\u0661"])
async def test_what_is_no_part_of_a_category_is_refused(stack: Stack, part: str) -> None:
    top = (await tree(stack))[0]["id"]

    assert (await stack.ask(LISTED, category=f"{top}.{part}")).codes == ["INVALID_INPUT"]


async def test_a_part_behind_the_last_one_is_empty(stack: Stack) -> None:
    assert await items(stack, f"{(await tree(stack))[0]['id']}.99") == set()
