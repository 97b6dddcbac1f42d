"""Earlier purchases: each product with its last quantity, price and day, to be added again."""

from typing import Any, Final

from starlette.responses import Response

from portal.pages.adding import add, buyable, ordered
from portal.pages.products import demand_ordering
from portal.texts import in_language
from portal.visits import Visit
from portal.words import SOLD

SIZE: Final = 40
"""Products that are shown."""


async def bought(visit: Visit) -> Response:
    """The list; a form of it adds a product to the draft and leads back to where it stood."""
    refused: dict[str, Any] = {}
    if visit.request.method == "POST":
        demand_ordering(visit)
        key = visit.form.get("add", "")
        wrong = await add(visit, await buyable(visit, key), visit.form.get(f"quantity-{key}", ""))
        if not wrong:
            place = visit.form.get(f"place-{key}", "")
            return visit.go(f"/bought#{place}" if place.isalnum() else "/bought")
        refused = {key: wrong}
    mine = visit.account["id"] if visit.account and len(visit.accounts) > 1 else None
    found = (await visit.ask("products", "Bought", first=SIZE, mine=mine))["boughtBefore"] or []
    return visit.render(
        "bought.html",
        status=422 if refused else 200,
        bought=[
            {**each, "product": in_language(each["product"], visit.language.tag)}
            for each in found
            if each["product"] and each["product"]["state"] in (None, *SOLD)
        ],
        refused=refused,
        ordered=ordered(visit),
    )
