"""The catalogue, with the caller's prices and what is available. What is added stays in sight."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from portal.drafts import quantity
from portal.errors import NotFound
from portal.lists import all_of, any_of, mistakes, page_of
from portal.pages.adding import add, buyable, ordered
from portal.visits import Visit
from portal.words import SOLD

DECIMALS: Final = 5
"""The decimals that a quantity may have for which a price is looked up."""


async def products(visit: Visit) -> Response:
    """The list; a form of it adds a product to the draft and leads back to where it stood."""
    if visit.request.method == "GET":
        return await _listed(visit, {})
    _demand_ordering(visit)
    key = visit.form.get("add", "")
    wrong = await add(visit, await buyable(visit, key), visit.form.get("quantity", ""))
    if wrong:
        return await _listed(visit, {key: wrong})
    place = visit.form.get("place", "")
    return visit.go(f"{visit.here}#{place}" if place.isalnum() else visit.here)


async def _listed(visit: Visit, refused: Mapping[str, Any]) -> Response:
    """`refused` is what is wrong with a product that was to be added."""
    wrong = mistakes(visit.query)
    return visit.render(
        "products_list.html" if visit.is_fragment else "products.html",
        status=422 if refused or (wrong and not visit.is_fragment) else 200,
        products=None if wrong else await search(visit, 20),
        mistakes=wrong,
        refused=refused,
        ordered=ordered(visit),
        query=visit.query,
    )


async def search(visit: Visit, size: int) -> dict[str, Any]:
    """One page of products that are sold and match the query of the address."""
    wanted = any_of(visit.query.get("q"), ("name", "number", "description"))
    found = await visit.ask(
        "products",
        "Products",
        filter=all_of({"state": {"in": SOLD}}, wanted),
        **page_of(visit.query, size),
    )
    page: dict[str, Any] = found["products"]
    return page


async def product(visit: Visit) -> Response:
    """One product; its form adds it to the draft."""
    key, refused = visit.path["id"], None
    if visit.request.method == "POST":
        _demand_ordering(visit)
        refused = await add(visit, await buyable(visit, key), visit.form.get("quantity", ""))
        if refused is None:
            return visit.go(visit.here)
    typed = visit.query.get("wanted", "")
    wanted = quantity(visit.language.typed(typed), DECIMALS)
    asked = {} if wanted is None else {"quantity": str(wanted)}
    found = (await visit.ask("products", "Product", id=key, **asked))["product"]
    if found is None:
        raise NotFound
    return visit.render(
        "product.html",
        status=422 if refused else 200,
        product=found,
        is_sold=found["state"] in (None, *SOLD),
        refused=refused,
        unusable=bool(typed) and wanted is None,
        ordered=ordered(visit).get(key),
    )


def _demand_ordering(visit: Visit) -> None:
    """Looking and ordering are two permissions, and two parts of a brand."""
    if not visit.may("orders:create") or not visit.site.brand.shows("order"):
        raise NotFound
