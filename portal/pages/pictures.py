"""
Pictures of products, passed on from the gateway while they come.

Their address names the version, so that a browser keeps each as long as it stays the same.
"""

from typing import Final

from starlette.responses import Response, StreamingResponse

from portal.errors import NotFound
from portal.pages.papers import pieces
from portal.visits import Visit

KEPT: Final = "private, max-age=604800, immutable"
SHOWN: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


async def picture(visit: Visit) -> Response:
    """One picture of a product, or word that the browser has it."""
    version = visit.path["version"]
    tag = f'"{version}"'
    if visit.request.headers.get("If-None-Match") == tag:
        return Response(status_code=304, headers={"ETag": tag, "Cache-Control": KEPT})
    found = (await visit.ask("products", "Pictures", id=visit.path["id"]))["product"]
    known = {each["version"]: each["url"] for each in (found or {}).get("pictures") or ()}
    if version not in known:
        raise NotFound
    answer = await visit.fetch(known[version])
    kind = answer.headers["content-type"]
    if kind not in SHOWN:
        await answer.aclose()
        raise NotFound
    headers = {"ETag": tag, "Cache-Control": KEPT}
    return StreamingResponse(pieces(answer), media_type=kind, headers=headers)
