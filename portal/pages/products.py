"""The catalogue, with the caller's prices and what is available. What is added stays in sight."""

import re
from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from portal.categories import tree
from portal.drafts import quantity
from portal.errors import BadLink, NotFound
from portal.lists import mistakes, page_of, words_of
from portal.pages.adding import add, buyable, ordered
from portal.sorting import Sort, Sorts, offered, order
from portal.texts import all_in_language, in_language
from portal.visits import Visit
from portal.words import N_, SOLD

MOST_WORDS: Final = 10
"""Words that the gateway searches for at once."""
TOO_MANY_WORDS: Final = N_("At most 10 words.")
TOO_LARGE: Final = N_("This category has too many products to list. Choose one below it.")
SORTS: Final[Sorts] = {
    "name": Sort(N_("Name"), "Product.name"),
    "name-down": Sort(N_("Name, Z to A"), "Product.name", is_descending=True),
    "number": Sort(N_("Product number"), "Product.number"),
    "newest": Sort(N_("Newest first"), "Product.addedAt", is_descending=True),
}
"""The orders of the list. A price is worked out for each reader: there is none to sort by."""
ARE_SOLD: Final = {"state": {"in": SOLD}}
CATEGORY: Final = re.compile(r"[0-9a-f-]{36}")
PARTS: Final = re.compile(r"[1-9][0-9]?")

DECIMALS: Final = 5
"""The decimals that a quantity may have for which a price is looked up."""


async def products(visit: Visit) -> Response:
    """The list; a form of it adds a product to the draft and leads back to where it stood."""
    if visit.request.method == "GET":
        return await _listed(visit, {})
    demand_ordering(visit)
    key = visit.form.get("add", "")
    wrong = await add(visit, await buyable(visit, key), visit.form.get("quantity", ""))
    if wrong:
        return await _listed(visit, {key: wrong})
    place = visit.form.get("place", "")
    return visit.go(f"{visit.here}#{place}" if place.isalnum() else visit.here)


async def _listed(visit: Visit, refused: Mapping[str, Any]) -> Response:
    """`refused` is what is wrong with a product that was to be added."""
    wrong = _mistakes(visit.query)
    found: Mapping[str, Any] = {}
    if not wrong:
        try:
            found = await _page(visit)
        except BadLink:
            if "after" in visit.query or not visit.query.get("category"):
                raise
            wrong = {"category": TOO_LARGE}
            found = await visit.ask("products", "Categories")
    return visit.render(
        "products_list.html" if visit.is_fragment else "products.html",
        status=422 if refused or (wrong and not visit.is_fragment) else 200,
        products=found.get("products"),
        categories=tree(found.get("categories"), visit.query.get("category")),
        parts=found.get("categoryParts") or (),
        part=_part(visit.query),
        mistakes=wrong,
        refused=refused,
        ordered=ordered(visit),
        sorts=offered(visit, SORTS),
        query=visit.query,
    )


def _mistakes(query: Mapping[str, str]) -> dict[str, str]:
    wrong = mistakes(query)
    if len(words_of(query.get("q"))) > MOST_WORDS:
        wrong["q"] = TOO_MANY_WORDS
    return wrong


async def _page(visit: Visit) -> dict[str, Any]:
    """One page of products that are sold and match the query of the address, and the categories."""
    found = await visit.ask(
        "products",
        "Products",
        filter=ARE_SOLD,
        search=visit.query.get("q") or None,
        **order(visit, SORTS),
        **_narrowing(visit.query),
        **page_of(visit.query, 20),
    )
    listed = found["products"]
    return {**found, "products": _read(visit, listed) if listed else None}


def _narrowing(query: Mapping[str, str]) -> dict[str, Any]:
    """The part of a category that is listed; the first one unless said otherwise."""
    category = query.get("category", "")
    if not CATEGORY.fullmatch(category):
        return {}
    part = f"{category}.{_part(query)}"
    return {"category": category, "part": part, "isNarrowed": True}


def _part(query: Mapping[str, str]) -> int:
    """The number of the part that is listed."""
    wanted = query.get("part", "")
    return int(wanted) if PARTS.fullmatch(wanted) else 1


async def search(visit: Visit, size: int) -> dict[str, Any]:
    """The first products that are sold and match the query of the address."""
    if _mistakes(visit.query):
        return {"nodes": [], "pageInfo": {"hasNextPage": False}}
    text = visit.query.get("q") or None
    found = await visit.ask("products", "Found", filter=ARE_SOLD, search=text, first=size)
    return _read(visit, found["products"])


def _read(visit: Visit, page: Mapping[str, Any]) -> dict[str, Any]:
    """A page of products in the language of the reader."""
    return {**page, "nodes": all_in_language(page["nodes"], visit.language.tag)}


async def product(visit: Visit) -> Response:
    """One product; its form adds it to the draft."""
    key, refused = visit.path["id"], None
    if visit.request.method == "POST":
        demand_ordering(visit)
        refused = await add(visit, await buyable(visit, key), visit.form.get("quantity", ""))
        if refused is None:
            return visit.go(visit.here)
    typed = visit.query.get("wanted", "")
    wanted = quantity(visit.language.typed(typed), DECIMALS)
    asked = {} if wanted is None else {"quantity": str(wanted)}
    answer = await visit.ask("products", "Product", id=key, **asked)
    found = in_language(answer["product"], visit.language.tag)
    if found is None:
        raise NotFound
    return visit.render(
        "product.html",
        status=422 if refused else 200,
        product=found,
        is_sold=found["state"] in (None, *SOLD),
        variants=_variants(found),
        refused=refused,
        unusable=bool(typed) and wanted is None,
        ordered=ordered(visit).get(key),
    )


def _variants(product: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The variants that can be chosen instead, in the order of their dimensions; none for one."""
    found = [
        each
        for each in (product["variants"] or {"nodes": ()})["nodes"]
        if each["variant"] and (each["state"] in (None, *SOLD) or each["id"] == product["id"])
    ]
    named = [{**each, "label": " · ".join(dimensions(each["variant"]))} for each in found]
    return sorted(named, key=lambda each: each["label"]) if len(named) > 1 else []


def dimensions(variant: Mapping[str, str | None] | None) -> list[str]:
    """The dimensions of a variant that it has."""
    return [said for said in (variant or {}).values() if said]


def demand_ordering(visit: Visit) -> None:
    """Looking and ordering are two permissions, and two parts of a brand."""
    if not visit.may("orders:create") or not visit.site.brand.shows("order"):
        raise NotFound
