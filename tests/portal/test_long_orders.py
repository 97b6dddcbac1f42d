"""Orders of as many lines as there can be: shown, changed, ordered again whole."""

import html
import re

import pytest

from portal.drafts import MAXIMUM_LINES
from tests.portal.site import Visitor, visiting
from tests.portal.test_ordering import ordered
from tests.portal.test_pages import fields, followed, in_the_green_box

pytestmark = pytest.mark.anyio
NOTES = [f"for desk {n}" for n in range(MAXIMUM_LINES)]
NOTED = r"(for desk \d+)"


async def long_order(visitor: Visitor, key: str) -> str:
    """The address of an order of 500 lines, which their notes tell apart."""
    lines = [{"number": "D0023", "quantity": "1", "note": note} for note in NOTES]
    return f"/orders/{await ordered(visitor, lines, key)}"


async def test_an_order_of_500_lines_is_shown_and_ordered_again_whole(port: int) -> None:
    async with visiting(port, "rep") as rep:
        order = await long_order(rep, "500 again")
        shown = await followed(rep, order, NOTED)
        await rep.get(order)
        told = await rep.post(f"{order}/reorder")
        draft = (await rep.desk()).draft
        await rep.post("/orders/new", ship_to="account", reference="500 AGAIN")
        await rep.get("/orders/new/review")
        placed = await rep.post("/orders/new/submit", key=rep.hidden("key"))
        again = str(placed.url.path)
        lines = await followed(rep, again, NOTED)

    assert shown == NOTES
    assert "were copied to your draft" in told.text
    assert [line.note for line in draft.lines] == NOTES
    assert "Thank you" in placed.text
    assert again != order
    assert lines == NOTES


async def test_lines_of_every_page_of_500_are_changed_by_one_save(port: int) -> None:
    async with visiting(port, "rep") as rep:
        order = await long_order(rep, "500 changed")
        page = await rep.get(f"{order}/change")
        form, seen, changed = fields(page.text), set[str](), 0
        while True:
            new = [name for name in form if name.startswith("quantity-") and name not in seen]
            seen |= {*new}
            form[new[0]] = "7"
            changed += 1
            further = re.findall(r'name="after" value="([^"]+)"', page.text)
            if not further:
                break
            turned = {**form, "after": html.unescape(further[0])}
            page = await rep.post(f"{order}/change", **turned)
            form = fields(page.text)
        saved = await rep.post(f"{order}/change", **form)
        amounts = await followed(rep, order, r'data-label="Ordered" class="figures">(\d+)')

    assert len(seen) == MAXIMUM_LINES
    assert in_the_green_box(saved.text) == ["Your changes have been saved."]
    assert len(amounts) == MAXIMUM_LINES
    assert amounts.count("7") == changed
