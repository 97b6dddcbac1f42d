"""The catalogue, with the caller's prices and what is available."""

from typing import Any

from starlette.responses import Response

from portal.errors import NotFound
from portal.lists import any_of, page_of
from portal.visits import Visit


async def products(visit: Visit) -> Response:
    found = await search(visit, 20)
    template = "products_list.html" if visit.is_fragment else "products.html"
    return visit.render(template, products=found, query=visit.query)


async def search(visit: Visit, size: int) -> dict[str, Any]:
    """One page of products that are sold and match the query of the address."""
    wanted = any_of(visit.query.get("q", ""), ("name", "number", "description"))
    found = await visit.ask(
        "products",
        "Products",
        filter={"and": [{"state": {"eq": "ACTIVE"}}, *([wanted] if wanted else [])]},
        **page_of(visit.query, size),
    )
    page: dict[str, Any] = found["products"]
    return page


async def product(visit: Visit) -> Response:
    found = (await visit.ask("products", "Product", id=visit.path["id"]))["product"]
    if found is None:
        raise NotFound
    return visit.render("product.html", product=found)
