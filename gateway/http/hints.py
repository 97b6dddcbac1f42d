"""
Hints at `/hints` that rows changed: from webhooks of Dataverse, business events of F&O, or anybody
who knows the secret. A hint makes the gateway look sooner than it would; it decides nothing, and
its body is not read.
"""

import hmac
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PATH: Final = "/hints"
MOST_BYTES: Final = 1_048_576
"""Bytes of the body: Dataverse sends up to 256 KB, F&O up to 1 MB."""
HEADER: Final = "X-Hint-Secret"
"""The header that has the secret."""
CODE: Final = "code"
"""The parameter of the address that may have it, as a webhook of Dataverse sends its key."""
ENTITY: Final = "x-ms-dynamics-entity-name"
"""The header by which a webhook of Dataverse names the table."""

Hint = Callable[[str | None], Awaitable[None]]
"""Takes a table of Dataverse, or None for rows of the ERP."""


def hints_routes(secrets: Sequence[str], hint: Hint) -> list[Route]:
    """The route, where there is a secret; several are good at once while they are changed."""
    known = [each.encode() for each in secrets]

    async def take(request: Request) -> Response:
        given = request.headers.get(HEADER) or request.query_params.get(CODE, "")
        # All of them are compared, so that the time tells nothing.
        if not sum(hmac.compare_digest(given.encode(), each) for each in known):
            return Response(status_code=401)
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            return Response(status_code=413)
        await hint(request.headers.get(ENTITY))
        return Response(status_code=204)

    return [Route(PATH, take, methods=["POST"])] if known else []
