"""Categories: the sales hierarchy alone, and the products in a category and below it."""

from typing import Any

import pytest

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
