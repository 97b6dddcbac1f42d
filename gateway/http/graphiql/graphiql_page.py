"""
GraphiQL at `/graphiql`, from our own origin: the page that `scripts/install` built, and where to
sign in. Its files are read once; nothing of a request ever becomes a path.
"""

import mimetypes
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from secrets import token_urlsafe
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

DIST: Final = files("gateway.http.graphiql") / "web" / "dist"

POLICY: Final = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self' {issuer}; "
    "style-src 'self' 'nonce-{nonce}'; style-src-attr 'unsafe-inline'; "
    "font-src 'self' data:; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""
No script but our own files. Style elements carry the nonce; style attributes cannot, and Monaco
places every line of text with one. They come from our own script, as no other one runs.
"""


@dataclass(frozen=True, slots=True)
class SignIn:
    """The issuer and the public client by which the page signs people in."""

    issuer: str
    client_id: str
    scope: str = "openid profile email"


@dataclass(frozen=True, slots=True)
class Asset:
    """One built file, ready to be sent."""

    content: bytes
    media_type: str
    tag: str


def graphiql_routes(sign_in: SignIn, dist: Traversable = DIST) -> list[Route]:
    """The page, its files and its configuration. RuntimeError where it was not built."""
    assets = _assets(dist)
    html = assets.pop("index.html").content.decode()
    issuer = "{0.scheme}://{0.netloc}".format(urlsplit(sign_in.issuer))

    async def page(request: Request) -> Response:
        nonce = token_urlsafe(16)
        policy = POLICY.format(issuer=issuer, nonce=nonce)
        headers = {"Content-Security-Policy": policy}
        return HTMLResponse(html.replace("NONCE", nonce), headers=headers)

    async def asset(request: Request) -> Response:
        found = assets.get(request.path_params["name"])
        return _send(request, found) if found else Response(status_code=404)

    async def config(request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": sign_in.issuer,
                "clientId": sign_in.client_id,
                "scope": sign_in.scope,
                "endpoint": "graphql",
            }
        )

    return [
        Route("/graphiql", page),
        Route("/graphiql/config.json", config),
        Route("/graphiql/{name}", asset),
    ]


def _assets(dist: Traversable) -> dict[str, Asset]:
    if not dist.is_dir():
        raise RuntimeError("GraphiQL is not built; run scripts/install.")
    return {each.name: _asset(each) for each in dist.iterdir()}


def _asset(file: Traversable) -> Asset:
    content = file.read_bytes()
    media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return Asset(content, media_type, f'"{sha256(content).hexdigest()[:32]}"')


def _send(request: Request, asset: Asset) -> Response:
    """A file, or 304 where the browser has this very version of it."""
    headers = {"ETag": asset.tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == asset.tag:
        return Response(status_code=304, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)
