"""A category of more products than are listed at once, on the pages of the catalogue."""

import re
from pathlib import Path

import pytest

from gateway.schema.business import categories
from portal.words import SOLD
from tests.portal.test_templates import behind
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio
NUMBER = re.compile(r'<p class="muted">([\w-]+)')
NEXT = re.compile(r'rel="next" href="([^"]+)"')
ROWS = re.compile(r'<li class="card product"')


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(categories, "PART", 25)


async def top_of(stack: Stack) -> tuple[str, int]:
    """A category at the top, and the number of products that are sold in all of its parts."""
    rows = (await stack.ask("{ categories { id parentId } }")).data["categories"]
    key = next(row["id"] for row in rows if row["parentId"] is None)
    asked = "query ($key: ID!) { categoryParts(category: $key) }"
    parts = (await stack.ask(asked, key=key)).data["categoryParts"]
    assert len(parts) > 1
    asked = """query ($part: ID!, $sold: ProductFilter) {
      products(category: $part, filter: $sold) { totalCount } }"""
    sold = {"state": {"in": SOLD}}
    answers = [await stack.ask(asked, part=part, sold=sold) for part in parts]
    return key, sum(answer.data["products"]["totalCount"] for answer in answers)


@pytest.mark.usefixtures("small_parts")
async def test_a_large_category_is_walked_through_from_its_first_page_to_its_last(
    tmp_path: Path,
) -> None:
    async with running(emulator()) as stack, behind(stack, "jane", tmp_path / "drafts") as jane:
        key, count = await top_of(stack)
        shown, numbers, address = 0, set[str](), f"/products?category={key}"
        while address:
            page = await jane.get(address)
            assert page.status_code == 200
            shown += len(ROWS.findall(page.text))
            numbers |= {*NUMBER.findall(page.text.partition('<ul class="grid">')[2])}
            found = [each.replace("&amp;", "&") for each in NEXT.findall(page.text)]
            address = f"/products{found[0].removeprefix('/products')}" if found else ""
        searched = (await jane.get(f"/products?category={key}&part=2&q=a")).text

    assert shown == len(numbers) == count
    assert "The search looks at these products alone." in searched
